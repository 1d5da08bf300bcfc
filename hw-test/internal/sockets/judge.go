package sockets

import (
	"fmt"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// id is the row's name in a plan and among cases.
func (r *row) id() string {
	group, _, _ := strings.Cut(r.group, ",")
	group, _, _ = strings.Cut(group, " (")
	return group + ": " + r.name
}

// judge is the verdict on a row whose line is s, and the sentence. Every packet
// is to be accounted for in every round. Where the two sides take turns, none is
// to be dropped in the round that is shown: what a receiver finds in a socket
// that overflows is no measure of it.
func (r *row) judge(s *Result, rounds int) (results.Verdict, string) {
	for i := range r.trials {
		if t := &r.trials[i]; t.missing() != 0 {
			return results.Failed, fmt.Sprintf("%d packets sent are not %d received, %d dropped by the socket and %d by the interface",
				t.sent, t.received, t.socketDrops, t.deviceDrops)
		}
	}
	dropped := s.SocketDrops + s.DeviceDrops
	switch n := len(r.trials); {
	case r.ended != "":
		return r.ended, r.why
	case n == 0:
		return results.Unfinished, "not begun"
	case n < rounds:
		return results.Unfinished, fmt.Sprintf("stopped after %d of %d rounds", n, rounds)
	case s.Received == 0:
		return results.Invalid, fmt.Sprintf("none of %d packets came through, which were all dropped", s.Sent)
	case dropped > 0 && r.kind != together:
		return results.Invalid, fmt.Sprintf("the receiving socket had no room for %d of %d packets, and the interface for %d, though no more than %d were sent at a time "+
			"(sysctls net.core.rmem_max, net.core.netdev_max_backlog)", s.SocketDrops, s.Sent, s.DeviceDrops, s.Fill)
	}
	text := fmt.Sprintf("%.3f Mpps, %.0f ns of CPU time and %.4f calls a packet", s.PPS/1e6, 1000*s.CPU, s.Calls)
	if dropped > 0 {
		text += fmt.Sprintf("; %d of %d were dropped, because the sender does not wait", dropped, s.Sent)
	}
	return results.Passed, text
}

// collect makes the lines and the notes, and knows the exit status.
func (r *runner) collect() {
	rep := &r.rep
	aims, met := 0, 0
	var verdicts []results.Verdict
	for _, row := range r.rows {
		s := row.result()
		s.Verdict, s.Sentence = row.judge(&s, r.rounds)
		rep.Rows = append(rep.Rows, s)
		verdicts = append(verdicts, s.Verdict)
		if s.Verdict != results.Passed && s.Verdict != results.Unfinished {
			rep.Notes = append(rep.Notes, fmt.Sprintf("%s: %s: %s", row.id(), s.Verdict, s.Sentence))
		}
		if s.Aim > 0 && s.Beside != "" {
			aims++
			if s.Met {
				met++
			}
		}
	}
	rep.Notes = append(rep.Notes, fmt.Sprintf("%d of %d aims are met", met, aims))
	rep.ExitStatus = results.Status(rep.broke, verdicts...)
}

// settings are the options that decide about results.
type settings struct {
	Size    int `json:"size"`
	Packets int `json:"packets"`
	Rounds  int `json:"rounds"`
}

// found is what a session keeps.
func (r *runner) found() *results.Suite {
	s := &results.Suite{
		Environment: r.rep.Environment.Describe(), Settings: settings{r.size, r.packets, r.rounds},
		Notes: r.rep.Notes, Seconds: r.rep.Seconds, ExitStatus: r.rep.ExitStatus,
	}
	for i, row := range r.rows {
		line := &r.rep.Rows[i]
		s.Cases = append(s.Cases, &results.Case{
			Name: row.id(), Verdict: line.Verdict, Sentence: line.Sentence, Figures: line.figures(),
		})
	}
	s.Plots = r.plots()
	return s
}

// plots are the engine's paths beside the bare calls, for each group with some.
func (r *runner) plots() (list []results.Plot) {
	short := strings.NewReplacer("engine, ", "", "engine with ", "", ", engine", "", "engine ", "", ", vector 64", "")
	passed := map[*row]*Result{}
	for i, row := range r.rows {
		if r.rep.Rows[i].Verdict == results.Passed {
			passed[row] = &r.rep.Rows[i]
		}
	}
	for rest := r.rows; len(rest) > 0; {
		p := results.Plot{Title: rest[0].group, Y: "CPU time, ns/packet"}
		bare, engine := results.Series{Name: "bare calls", Style: results.Line}, results.Series{Name: "engine", Style: results.Line}
		n := 0
		for n < len(rest) && rest[n].group == p.Title {
			row := rest[n]
			n++
			if row.aim != aimEngine || passed[row] == nil || passed[row.beside] == nil {
				continue
			}
			for s, of := range map[*results.Series]*Result{&bare: passed[row.beside], &engine: passed[row]} {
				s.X, s.Y, s.Labels = append(s.X, float64(len(s.X))), append(s.Y, 1000*of.CPU), append(s.Labels, short.Replace(row.name))
			}
		}
		if len(bare.X) > 1 {
			p.Series = []results.Series{bare, engine}
			list = append(list, p)
		}
		rest = rest[n:]
	}
	return list
}

// figures are those of a row that passed.
func (s *Result) figures() []results.Figure {
	if s.Verdict != results.Passed {
		return nil
	}
	return []results.Figure{
		{Name: "rate", Value: s.PPS, Unit: "pps", Better: results.Higher},
		{Name: "CPU", Value: 1000 * s.CPU, Unit: "ns/packet", Better: results.Lower},
		{Name: "calls", Value: s.Calls, Unit: "calls/packet"},
	}
}
