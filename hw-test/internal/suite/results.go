package suite

import (
	"fmt"
	"slices"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/trial"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// found is the report as a session keeps it.
func (r *Report) found() *results.Suite {
	s := &results.Suite{
		Environment: r.Environment, Settings: r.Settings, Seconds: r.Seconds, ExitStatus: r.ExitStatus,
	}
	if note := r.generators(); note != "" {
		s.Notes = append(s.Notes, note)
	}
	for _, row := range r.Rows {
		c := &results.Case{Name: row.Size, Verdict: row.Verdict, Sentence: row.Sentence, Seconds: row.Seconds}
		if row.Search != nil {
			c.Figures = append(c.Figures, row.rates()...)
			c.Plots = append(c.Plots, row.lossPlot())
		}
		if len(row.Loss) > 0 {
			c.Figures = append(c.Figures, row.losses()...)
			c.Plots = append(c.Plots, row.lossPlot())
		}
		if len(row.Latency) > 0 {
			c.Figures = append(c.Figures, row.delays()...)
			c.Plots = append(c.Plots, row.delayPlot())
		}
		c.Figures = append(c.Figures, row.efforts()...)
		s.Cases = append(s.Cases, c)
	}
	if p := r.sizePlot(); p != nil {
		s.Plots = append(s.Plots, *p)
	}
	return s
}

// rates are the figures of a search: what was found, not what is only a bound
// because the tester could do no more.
func (row *Row) rates() (list []results.Figure) {
	for i := range row.Search.Goals {
		if g := &row.Search.Goals[i]; row.verdictOf(g) == results.Passed {
			list = append(list, results.Figure{Name: g.Name, Value: g.Lower, Unit: "pps", Better: results.Higher})
		}
	}
	return list
}

// losses are the figures of loss.
func (row *Row) losses() (list []results.Figure) {
	clean := 0.0
	for _, p := range row.Loss {
		if p.Kind != search.Valid {
			continue
		}
		name := fmt.Sprintf("loss at %.0f %%", 100*p.Share)
		list = append(list, results.Figure{Name: name, Value: 100 * p.LossRatio, Unit: "%", Better: results.Lower})
		if p.Lost == 0 {
			clean = max(clean, p.Load)
		}
	}
	if clean > 0 {
		list = append(list, results.Figure{Name: "nothing lost at", Value: clean, Unit: "pps", Better: results.Higher})
	}
	return list
}

// delays are the figures of latency. What is as likely the clocks' is told, and
// not judged.
func (row *Row) delays() (list []results.Figure) {
	if c := row.clock(); c != nil {
		list = append(list, results.Figure{Name: "clock uncertainty", Value: float64(c.WithinNS) / 1e3, Unit: "µs"})
	}
	for _, p := range row.Latency {
		if p.Kind != search.Valid || p.Delay == nil {
			continue
		}
		list = append(list, results.Figure{
			Name: fmt.Sprintf("loss at %.0f %%", 100*p.Share), Value: 100 * p.LossRatio, Unit: "%", Better: results.Lower,
		})
		for _, q := range []struct {
			name string
			ns   int64
		}{{"p50", p.Delay.P50NS}, {"p99", p.Delay.P99NS}, {"p99.9", p.Delay.P999NS}} {
			better := results.Lower
			if p.vague(q.ns) {
				better = results.Neither
			}
			list = append(list, results.Figure{
				Name: fmt.Sprintf("%s at %.0f %%", q.name, 100*p.Share), Value: float64(q.ns) / 1e3, Unit: "µs", Better: better,
			})
		}
	}
	return list
}

// efforts are the CPU times of a packet over the longest trials at the highest
// loads: one alone tells too roughly, and at low loads much of it is waking up.
func (row *Row) efforts() []results.Figure {
	longest, highest := 0.0, 0.0
	counts := func(t *trial.Trial) bool { return t.Kind == search.Valid && t.Load > 0 }
	for _, t := range row.Trials {
		if counts(t) {
			longest = max(longest, t.Seconds)
		}
	}
	for _, t := range row.Trials {
		if counts(t) && t.Seconds == longest {
			highest = max(highest, t.Load)
		}
	}
	var tx, rx effort
	for _, t := range row.Trials {
		if counts(t) && t.Seconds == longest && t.Load >= alike*highest {
			tx.add(t.Pktgen)
			rx.add(t.Rcv)
		}
	}
	if tx.packets == 0 || rx.packets == 0 {
		return nil
	}
	return []results.Figure{tx.figure("pktgen CPU"), rx.figure("rcv CPU")}
}

// alike is the share of a load at which a packet still costs about the same.
const alike = 0.8

type effort struct{ seconds, packets float64 }

func (e *effort) add(list []*cli.Result) {
	for _, r := range list {
		e.seconds += r.CPUSeconds
		e.packets += float64(r.Packets)
	}
}

func (e *effort) figure(name string) results.Figure {
	return results.Figure{Name: name, Value: 1e9 * e.seconds / e.packets, Unit: "ns/packet", Better: results.Lower}
}

// lossPlot is loss against rate, of all trials that say something.
func (row *Row) lossPlot() results.Plot {
	p := results.Plot{Title: row.Size + ": loss against rate", X: "offered load, frames/s", Y: "lost, %"}
	kinds := map[float64]*results.Series{} // by duration
	var durations []float64
	for _, t := range row.Trials {
		if t.Kind != search.Valid || t.Load == 0 {
			continue
		}
		s := kinds[t.Seconds]
		if s == nil {
			s = &results.Series{Name: fmt.Sprintf("trials of %.3g s", t.Seconds), Style: results.Points}
			kinds[t.Seconds] = s
			durations = append(durations, t.Seconds)
		}
		s.X, s.Y = append(s.X, t.Load), append(s.Y, 100*t.LossRatio())
	}
	slices.Sort(durations)
	most := 0.0
	for _, d := range durations {
		p.Series = append(p.Series, *kinds[d])
		most = max(most, slices.Max(kinds[d].Y))
	}
	if row.Search == nil {
		return p
	}
	for _, g := range row.Search.Goals {
		if row.verdictOf(&g) == results.Passed {
			p.Series = append(p.Series, results.Series{
				Name: g.Name, Style: results.Reference, X: []float64{g.Lower, g.Lower}, Y: []float64{0, max(most, 1)},
			})
		}
	}
	return p
}

// delayPlot is delay by percentile, a line for each load.
func (row *Row) delayPlot() results.Plot {
	p := results.Plot{Title: row.Size + ": one-way delay", X: "percentile", Y: "µs", LogY: true}
	if c := row.clock(); c != nil {
		p.Title += fmt.Sprintf(", ± %v", ns(c.WithinNS))
	}
	for _, at := range row.Latency {
		d := at.Delay
		if d == nil || at.Kind != search.Valid {
			continue
		}
		s := results.Series{Name: fmt.Sprintf("%.0f %% of %s", 100*at.Share, row.ShareOf), Style: results.Line}
		for i, q := range []struct {
			name string
			ns   int64
		}{{"min", d.MinNS}, {"50", d.P50NS}, {"90", d.P90NS}, {"99", d.P99NS}, {"99.9", d.P999NS}, {"max", d.MaxNS}} {
			s.X, s.Y, s.Labels = append(s.X, float64(i)), append(s.Y, float64(q.ns)/1e3), append(s.Labels, q.name)
		}
		p.Series = append(p.Series, s)
	}
	return p
}

// sizePlot is what was found by size as bits on the wire, where line rate is
// the same for all of them; nil where nothing was.
func (r *Report) sizePlot() *results.Plot {
	p := &results.Plot{Title: "throughput by size", X: "size with CRC, bytes", Y: "bit/s on the wire"}
	index := map[string]int{} // of a goal's series
	var labels []string
	var line results.Series
	for i, row := range r.Rows {
		labels = append(labels, row.Size)
		if row.LinkBPS > 0 {
			line.X, line.Y = append(line.X, float64(i)), append(line.Y, row.LinkBPS)
		}
		if row.Search == nil {
			continue
		}
		for _, g := range row.Search.Goals {
			if row.verdictOf(&g) != results.Passed {
				continue
			}
			at, ok := index[g.Name]
			if !ok {
				at = len(p.Series)
				index[g.Name] = at
				p.Series = append(p.Series, results.Series{Name: g.Name, Style: results.Line})
			}
			_, wire := row.bits(g.Lower)
			s := &p.Series[at]
			s.X, s.Y = append(s.X, float64(i)), append(s.Y, wire)
		}
	}
	if len(p.Series) == 0 {
		return nil
	}
	if len(line.X) > 0 {
		line.Name, line.Style = "line rate", results.Reference
		p.Series = append(p.Series, line)
	}
	for i := range p.Series {
		for _, x := range p.Series[i].X {
			p.Series[i].Labels = append(p.Series[i].Labels, labels[int(x)])
		}
	}
	return p
}
