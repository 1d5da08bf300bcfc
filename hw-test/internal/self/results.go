package self

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// status is the exit status.
func (r *runner) status() int {
	var verdicts []results.Verdict
	for _, row := range r.rows {
		verdicts = append(verdicts, row.Verdict)
	}
	return results.Status(r.broke || slices.ContainsFunc(r.rows, func(row *Row) bool { return row.broke }), verdicts...)
}

// settings are the options that decide about results.
type settings struct {
	Sizes   string  `json:"sizes"`
	Queues  string  `json:"queues"`
	Seconds float64 `json:"seconds"`
	Rung    Rung    `json:"rung"`
	RatePPS float64 `json:"rate_pps"`
}

// found is what a session keeps: all rows, those that were not reached too.
func (r *runner) found() *results.Suite {
	rep := r.report
	s := &results.Suite{
		Settings: settings{r.Sizes, r.Queues, r.Send.Seconds(), r.rung, rep.Environment.RatePPS},
		Notes:    rep.Notes, Seconds: rep.Seconds, ExitStatus: rep.ExitStatus,
	}
	s.Environment.Kind, s.Environment.What, s.Environment.Limits = "veth", rep.Environment.What, rep.Environment.Limits
	switch r.rung {
	case UDP:
		s.Environment.Kind = "udp"
	case Ports:
		s.Environment.Kind = r.ports.Describe().Kind
	}
	for _, row := range r.rows {
		s.Cases = append(s.Cases, &results.Case{
			Name: row.name(), Verdict: row.Verdict, Sentence: row.sentence(), Seconds: row.Seconds, Figures: row.figures(),
		})
	}
	return s
}

// sentence is the verdict in words.
func (r *Row) sentence() string {
	if !r.Holds {
		return strings.Join(r.Why, "; ")
	}
	if r.Pace == Paced {
		return fmt.Sprintf("all of %d frames arrived, in order, at %spps", r.Pktgen.Packets, cli.Norm(r.Pktgen.PPS))
	}
	return fmt.Sprintf("all of %d frames are accounted for, at %spps; %d of them lost because rcv was late",
		r.Pktgen.Packets, cli.Norm(r.Pktgen.PPS), r.Rcv.Probe.Lost)
}

// figures are those of a row that holds. At full speed the rates and what CPU
// time a packet takes are of interest, and how much is lost depends on both; at
// a slow pace most CPU time is of waiting.
func (r *Row) figures() []results.Figure {
	if !r.Holds {
		return nil
	}
	lost := results.Figure{Name: "lost", Value: 100 * float64(r.Rcv.Probe.Lost) / float64(r.Pktgen.Packets), Unit: "%"}
	if r.Pace == Paced {
		return []results.Figure{{Name: "sent", Value: r.Pktgen.PPS, Unit: "pps"}, lost}
	}
	list := []results.Figure{
		{Name: "sent", Value: r.Pktgen.PPS, Unit: "pps", Better: results.Higher},
		// By the sender's time: rcv's own ends with the last frame that came, so
		// that more loss might look like a higher rate.
		{Name: "received", Value: r.Pktgen.PPS * float64(r.Rcv.Probe.Distinct) / float64(r.Pktgen.Packets), Unit: "pps", Better: results.Higher},
		lost,
	}
	for _, p := range []*cli.Result{r.Pktgen, r.Rcv} {
		if p.CPUNSPerPacket > 0 { // 0: the kernel does not tell, or nothing came
			list = append(list, results.Figure{Name: p.Tool + " CPU", Value: p.CPUNSPerPacket, Unit: "ns/packet", Better: results.Lower})
		}
	}
	return list
}
