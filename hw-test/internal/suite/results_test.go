package suite

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/trial"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// tried is a valid trial of so many seconds, in which pktgen used 500 ns a
// frame and rcv 700.
func tried(load, seconds float64, lost uint64) *trial.Trial {
	sent := uint64(load * seconds)
	return &trial.Trial{
		Load: load, Seconds: seconds, Kind: search.Valid, Sent: sent, Lost: lost,
		Pktgen: []*cli.Result{{Packets: sent, CPUSeconds: 500e-9 * float64(sent)}},
		Rcv:    []*cli.Result{{Packets: sent - lost, CPUSeconds: 700e-9 * float64(sent-lost)}},
	}
}

func figures(c *results.Case) string {
	var list []string
	for _, f := range c.Figures {
		list = append(list, fmt.Sprintf("%s %.4g %s %s", f.Name, f.Value, f.Unit, f.Better))
	}
	return strings.Join(list, "; ")
}

func series(p *results.Plot) string {
	var list []string
	for _, s := range p.Series {
		list = append(list, fmt.Sprint(s.Name, s.Style, s.X, s.Y, s.Labels))
	}
	return strings.Join(list, "; ")
}

func TestFoundThroughput(t *testing.T) {
	j := newJob(t, throughputName, "--sizes=64,imix")
	row := j.Rows[0]
	row.LinkBPS, row.MaxWhy = 1e9, "line rate"
	invalid := tried(7000, 10, 0)
	invalid.Kind = search.Invalid
	// Of another load, the CPU time of which is another.
	slow := tried(1000, 10, 0)
	slow.Pktgen[0].CPUSeconds *= 9
	row.Trials = []*trial.Trial{tried(8000, 1, 4000), tried(5000, 10, 0), tried(5050, 10, 505), invalid, slow}
	row.Search = &search.Result{Goals: []search.GoalResult{
		{Goal: search.Goal{Name: "NDR"}, Verdict: search.Found, Lower: 5000, Upper: 5050},
		{Goal: search.Goal{Name: "PDR", LossRatio: 0.005}, Verdict: search.Limited, Lower: 5000, Upper: 5050},
	}}
	row.end(results.Limited, "so it is")
	s := j.found()
	c := s.Cases[0]
	if c.Name != "64" || c.Verdict != results.Limited || c.Sentence != "so it is" {
		t.Errorf("%+v", c)
	}
	if got, want := figures(c), "NDR 5000 pps higher; pktgen CPU 500 ns/packet lower; rcv CPU 700 ns/packet lower"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want := "trials of 1 spoints[8000] [50] []; trials of 10 spoints[5000 5050 1000] [0 1 0] []; " +
		"NDRreference[5000 5000] [0 50] []"
	if got := series(&c.Plots[0]); len(c.Plots) != 1 || got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	want = "NDRline[0] [3.36e+06] [64]; line ratereference[0] [1e+09] [64]"
	if got := series(&s.Plots[0]); len(s.Plots) != 1 || got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if c := s.Cases[1]; c.Verdict != results.Unfinished || len(c.Figures)+len(c.Plots) > 0 {
		t.Errorf("a row that was not begun: %+v", c)
	}
}

func TestFoundLoss(t *testing.T) {
	j := newJob(t, lossName, "--sizes=64")
	row := j.Rows[0]
	row.Loss = []LossPoint{
		{Load: 1000, Share: 1, Kind: search.Valid, LossRatio: 0.5, Lost: 5}, {Load: 900, Share: 0.9, Kind: search.Invalid},
		{Load: 800, Share: 0.8, Kind: search.Valid}, {Load: 700, Share: 0.7, Kind: search.Valid},
	}
	row.Trials = []*trial.Trial{tried(1000, 1, 500), tried(800, 1, 0), tried(700, 1, 0)}
	c := j.found().Cases[0]
	want := "loss at 100 % 50 % lower; loss at 80 % 0 % lower; loss at 70 % 0 % lower; nothing lost at 800 pps higher; " +
		"pktgen CPU 500 ns/packet lower; rcv CPU 700 ns/packet lower"
	if got := figures(c); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got, want := series(&c.Plots[0]), "trials of 1 spoints[1000 800 700] [50 0 0] []"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestFoundLatency(t *testing.T) {
	j := newJob(t, latencyName, "--sizes=64")
	row := j.Rows[0]
	row.ShareOf = "NDR"
	row.Latency = []LatencyPoint{
		{Share: 0.1, Kind: search.Valid, Delay: &cli.Times{MinNS: 500, P50NS: 1000, P90NS: 2000, P99NS: 3000, P999NS: 4000, MaxNS: 5000}},
		{Share: 0.5, Kind: search.GeneratorLimited}, {Share: 0.9, Kind: search.Valid},
	}
	c := j.found().Cases[0]
	if got, want := figures(c), "loss at 10 % 0 % lower; p50 at 10 % 1 µs lower; p99 at 10 % 3 µs lower; p99.9 at 10 % 4 µs lower"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got, want := series(&c.Plots[0]), "10 % of NDRline[0 1 2 3 4 5] [0.5 1 2 3 4 5] [min 50 90 99 99.9 max]"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if slices.ContainsFunc(c.Plots, func(p results.Plot) bool { return !p.LogY }) {
		t.Error("delays are not on a logarithmic scale")
	}
	var b strings.Builder
	if j.printLatency(&b); strings.Contains(b.String(), "±") { // one clock
		t.Error(b.String())
	}
}

// TestFoundTwoClocks: delays are told with how well the clocks are known, and
// those that could as well be the clocks' are not judged.
func TestFoundTwoClocks(t *testing.T) {
	j := newJob(t, latencyName, "--sizes=64")
	row := j.Rows[0]
	took := func(ahead, within, least int64) *trial.Trial {
		tr := tried(1000, 1, 0)
		tr.Rcv[0].RxResult = &cli.RxResult{Probe: &cli.Probe{Delay: &cli.Delay{
			Clocks: "offset", Clock: &cli.Clock{AheadNS: ahead, WithinNS: within},
			OneWay: &cli.Times{MinNS: least, P50NS: 599_000, P90NS: 2e6, P99NS: 600_000, P999NS: 4e6, MaxNS: 5e6},
		}}}
		return tr
	}
	for i, tr := range []*trial.Trial{took(-1_200_000, 300_000, 500), took(-1_100_000, 200_000, -200_000), took(-1_100_000, 200_000, -200_001)} {
		p := LatencyPoint{Share: latencyShares[i]}
		p.judge(tr)
		row.Latency = append(row.Latency, p)
	}
	if p := row.Latency[2]; p.Kind != search.Invalid || !strings.Contains(p.Why, "a frame came 200µs before it was sent, by clocks known to ± 200µs") {
		t.Errorf("%+v", p)
	}
	c := j.found().Cases[0]
	want := "clock uncertainty 300 µs ; loss at 10 % 0 % lower; p50 at 10 % 599 µs ; p99 at 10 % 600 µs lower; p99.9 at 10 % 4000 µs lower; " +
		"loss at 50 % 0 % lower; p50 at 50 % 599 µs lower; p99 at 50 % 600 µs lower; p99.9 at 50 % 4000 µs lower"
	if got := figures(c); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if title := c.Plots[0].Title; title != "64: one-way delay, ± 300µs" {
		t.Error(title)
	}
	if got := row.apart(); got != "clocks differ by 1.2ms, known to ± 300µs" {
		t.Error(got)
	}
	var b strings.Builder
	j.printLatency(&b)
	if !strings.HasPrefix(b.String(), "64: clocks differ by 1.2ms; the delays below are known to ± 300µs.\n size share") {
		t.Error(b.String())
	}
	// Where a delay is read it says so, too, each load by itself.
	for i, ends := range []string{"known to ±", "300µs", "200µs", "200µs  invalid"} {
		if line := strings.TrimRight(strings.Split(b.String(), "\n")[1+i], " "); !strings.HasSuffix(line, " "+ends) {
			t.Errorf("%q, want %q at its end", line, ends)
		}
	}
}
