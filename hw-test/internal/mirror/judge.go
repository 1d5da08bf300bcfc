package mirror

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// name is the row's in a plan and among cases.
func (k key) name() string { return k.port + "/" + load(k.load) + "/" + modes[k.mode].name }

// row is the line: of all rounds' trials the median by the mean round trip, and
// a verdict on all of them.
func (c *cell) row(rounds, burst int, noise float64) Row {
	row := Row{Port: c.port, Load: c.load, Mode: modes[c.mode].name}
	if len(c.trials) > 0 {
		slices.SortFunc(c.trials, func(a, b Row) int { return cmp.Compare(a.Mean, b.Mean) })
		row = c.trials[len(c.trials)/2]
	}
	row.Verdict, row.Sentence = c.judge(&row, rounds, burst, noise)
	return row
}

// judge is the verdict on a row whose median trial is shown. Messages at a load
// that was sent must come back. Where the publisher does not get to its load,
// what is lost says something about this machine, and nothing of the load. So many
// frames of others as noise may come in a round.
func (c *cell) judge(shown *Row, rounds, burst int, noise float64) (results.Verdict, string) {
	var all Row
	for _, t := range c.trials {
		all.Sent += t.Sent
		all.Received += t.Received
		all.Lost += t.Lost
		all.Duplicates += t.Duplicates
		all.Foreign += t.Foreign
	}
	lost := ""
	if all.Lost > 0 {
		lost = fmt.Sprintf("; %d of %d messages did not come back", all.Lost, all.Sent)
	}
	switch n := len(c.trials); {
	case c.ended != "":
		return c.ended, c.why
	case n == 0:
		return results.Unfinished, "not begun"
	case n < rounds:
		return results.Unfinished, fmt.Sprintf("stopped after %d of %d rounds", n, rounds) + lost
	case float64(all.Foreign) > noise*float64(n):
		return results.Invalid, fmt.Sprintf("%d messages came that nobody here has sent", all.Foreign) + lost
	case all.Sent == 0:
		return results.Invalid, "nothing was sent"
	case all.Duplicates > 0:
		return results.Failed, fmt.Sprintf("%d messages came back more than once", all.Duplicates) + lost
	case all.Received == 0:
		return results.Failed, fmt.Sprintf("none of %d messages came back", all.Sent)
	case c.missed(shown, burst):
		return results.Limited, fmt.Sprintf("the publisher sent %s messages a second of the %s asked", count(shown.Achieved), count(c.load)) + lost
	case all.Lost > 0:
		return results.Failed, fmt.Sprintf("%d of %d messages did not come back within a second", all.Lost, all.Sent)
	}
	return results.Passed, fmt.Sprintf("there and back in %.1f µs on average, 99 of 100 in %.1f µs, at %s messages a second",
		shown.Mean, shown.P99, count(shown.Achieved))
}

func count(n float64) string { return fmt.Sprintf("%.0f", n) }

// missed tells whether a trial was under a lower load than was asked, by more
// than its last batches.
func (c *cell) missed(t *Row, burst int) bool {
	seconds := float64(t.Sent) / t.Achieved
	return c.load > 0 && t.Achieved < (1-lessLoad)*c.load && (c.load-t.Achieved)*seconds > 2*float64(burst)
}

// collect makes the rows, judges, and knows the exit status.
func (r *runner) collect() {
	var verdicts []results.Verdict
	for _, pair := range r.pairs {
		for _, c := range pair {
			row := c.row(r.Rounds, r.Burst, r.noise*(r.Send+pause).Seconds())
			r.rep.Rows = append(r.rep.Rows, row)
			verdicts = append(verdicts, row.Verdict)
		}
		if len(pair) == len(modes) && len(pair[0].trials) > 0 && len(pair[1].trials) > 0 {
			n := len(r.rep.Rows)
			r.rep.Aims = append(r.rep.Aims, judge(r.rep.Rows[n-2], r.rep.Rows[n-1]))
		}
	}
	r.rep.ExitStatus = results.Status(r.rep.broke, verdicts...)
}

// settings are the options that decide about results.
type settings struct {
	Size    int     `json:"size"`
	Burst   int     `json:"burst"`
	Seconds float64 `json:"seconds"`
	Rounds  int     `json:"rounds"`
}

// found is what a session keeps.
func (r *runner) found() *results.Suite {
	s := &results.Suite{
		Environment: r.what, Settings: settings{r.Size, r.Burst, r.Send.Seconds(), r.Rounds},
		Seconds: r.rep.Seconds, ExitStatus: r.rep.ExitStatus,
	}
	for i, c := range r.cells() {
		row := &r.rep.Rows[i]
		s.Cases = append(s.Cases, &results.Case{
			Name: c.name(), Verdict: row.Verdict, Sentence: row.Sentence, Seconds: float64(len(c.trials)) * r.Send.Seconds(),
			Figures: row.figures(),
		})
	}
	for _, port := range r.kinds {
		s.Plots = append(s.Plots, r.plot(port))
	}
	s.Notes = append(s.Notes, r.rep.Notes...)
	for _, a := range r.rep.Aims {
		s.Notes = append(s.Notes, a.String())
	}
	return s
}

// figures are those of a row that passed.
func (row *Row) figures() []results.Figure {
	if row.Verdict != results.Passed {
		return nil
	}
	rate := results.Neither // as asked
	if row.Load == 0 {
		rate = results.Higher
	}
	return []results.Figure{
		{Name: "mean round trip", Value: row.Mean, Unit: "µs", Better: results.Lower},
		{Name: "p99 round trip", Value: row.P99, Unit: "µs", Better: results.Lower},
		{Name: "CPU", Value: 1000 * row.CPU, Unit: "ns/packet", Better: results.Lower},
		{Name: "calls", Value: row.Calls, Unit: "calls/packet"},
		{Name: "sent", Value: row.Achieved, Unit: "pps", Better: rate},
	}
}

// plot is the round trips of a kind of sockets by load, one message a call
// beside batches.
func (r *runner) plot(port string) results.Plot {
	p := results.Plot{Title: port + ": round trip by load", X: "messages a second", Y: "µs", LogY: true}
	for i, m := range modes {
		if port == netmapped && i != batches {
			continue
		}
		mean := results.Series{Name: m.name + ", mean", Style: results.Line}
		p99 := results.Series{Name: m.name + ", p99", Style: results.Line}
		for j, at := range r.rates {
			for k, c := range r.cells() {
				row := &r.rep.Rows[k]
				if c.key != (key{port, at, i}) || row.Received == 0 {
					continue
				}
				for _, s := range []struct {
					*results.Series
					y float64
				}{{&mean, row.Mean}, {&p99, row.P99}} {
					s.X, s.Y, s.Labels = append(s.X, float64(j)), append(s.Y, s.y), append(s.Labels, load(at))
				}
			}
		}
		p.Series = append(p.Series, mean, p99)
	}
	return p
}
