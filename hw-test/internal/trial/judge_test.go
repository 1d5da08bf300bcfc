package trial

import (
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// bed is an environment with exact counters; nothing can be started in it.
type bed struct {
	testbed.Environment
	exact bool
	noise float64
}

func (b bed) Flows() []testbed.Flow {
	return []testbed.Flow{{
		From: &testbed.Port{Device: "tg-a", Exact: b.exact, Noise: b.noise}, To: &testbed.Port{Device: "tg-b", Exact: b.exact, Noise: b.noise},
	}}
}

// perfect is a trial of 1000 frames in a second, 9 end records, of which a hop
// dropped 20, on devices that had counted before.
func perfect() *Trial {
	before := []testbed.Counters{
		{Role: testbed.Sender, Device: "tg-a", TxPackets: 500, Qdisc: testbed.Qdisc{Kind: "tbf", Drops: 7, Overlimits: 3}},
		{Role: testbed.HopOut, Device: "hop-b", Qdisc: testbed.Qdisc{Kind: "tbf", Drops: 100}},
		{Role: testbed.Receiver, Device: "tg-b", RxPackets: 300, RxDropped: 5},
	}
	after := append([]testbed.Counters{}, before...)
	after[0].TxPackets += 1009
	after[1].Qdisc.Drops += 20
	after[2].RxPackets += 989
	after[2].RxDropped += 989 // which nobody wanted: no loss
	return &Trial{
		Load: 1000, Seconds: 1, Before: before, After: after, Why: []string{}, Drops: []Drop{},
		Pktgen: []*cli.Result{{Packets: 1000, Seconds: 1, PPS: 1000, TxResult: &cli.TxResult{EndRecords: 9, RateMet: true}}},
		Rcv: []*cli.Result{{Packets: 989, Seconds: 1, RxResult: &cli.RxResult{EndRecordsSeen: 9, Probe: &cli.Probe{
			Packets: 980, Distinct: 980, Lost: 20, Streams: []cli.Stream{{Distinct: 980, Lost: 20, Total: 1000, Ended: true}}}}}},
		wait: testbed.FirstFrame,
	}
}

func TestJudge(t *testing.T) {
	type c struct {
		name  string
		kind  search.Kind
		why   string // a part of the reasons
		spoil func(*Trial)
	}
	for _, c := range []c{
		{"lossy", search.Valid, "", func(*Trial) {}},
		{"as fast as it goes", search.Valid, "", func(t *Trial) { t.Load, t.Pktgen[0].BehindSeconds = 0, 1; t.Pktgen[0].Backpressure = 99 }},
		{"a driver was loaded again", search.Invalid, "the counters of hop-b began anew", func(t *Trial) { t.After[1].Qdisc.Drops = 3 }},
		{"the link went", search.Invalid, "tg-b lost its link during the trial", func(t *Trial) { t.After[2].LinkChanges, t.After[2].NoLink = 1, true }},
		{"the link went and came", search.Invalid, "tg-a lost its link during the trial", func(t *Trial) { t.After[0].LinkChanges = 2 }},
		{"the link came", search.Invalid, "hop-b had no link when the trial began", func(t *Trial) { t.Before[1].NoLink, t.After[1].LinkChanges = true, 1 }},
		{"no link", search.Invalid, "tg-a has no link: look at the cable", func(t *Trial) { t.Before[0].NoLink, t.After[0].NoLink = true, true }},
		{"nothing arrived", search.Valid, "", func(t *Trial) {
			t.Rcv[0].Packets, *t.Rcv[0].Probe = 0, cli.Probe{}
			t.After[2].RxPackets = 300
		}},
		{"duplicates", search.Valid, "", func(t *Trial) {
			t.Rcv[0].Packets += 5
			t.Rcv[0].Probe.Duplicates, t.Rcv[0].Probe.Packets = 5, 985
			t.After[2].RxPackets += 5
		}},
		{"busy", search.Invalid, "reached 980.000 pps of the 1.000 Kpps asked; its device did not", func(t *Trial) { t.Pktgen[0].PPS = 980 }},
		{"too fast", search.Invalid, "sent 1.020 Kpps, though", func(t *Trial) { t.Pktgen[0].PPS = 1020 }},
		{"a stall", search.Invalid, "stood still for 30 ms", func(t *Trial) { t.Pktgen[0].BehindSeconds = 0.03 }},
		{"a stall that cannot be it", search.Valid, "", func(t *Trial) { t.Pktgen[0].BehindSeconds = 0.019 }},
		{"a stall without loss", search.Valid, "", func(t *Trial) {
			t.Pktgen[0].BehindSeconds = 0.09
			t.Rcv[0].Packets, t.Rcv[0].Probe.Distinct = 1009, 1000
			t.After[2].RxPackets = 300 + 1009
		}},
		{"nothing sent", search.Invalid, "sent nothing", func(t *Trial) { t.Pktgen[0].Packets, t.After[0].TxPackets = 0, 509 }},
		{"own socket", search.Invalid, "own socket dropped 4", func(t *Trial) { t.Rcv[0].KernelDrops, t.Rcv[0].Packets = 4, 985 }},
		{"cut", search.Invalid, "longer than rcv's buffers", func(t *Trial) { t.Rcv[0].Truncated, t.Rcv[0].Packets = 4, 985 }},
		{"foreign", search.Invalid, "2 frames came that pktgen did not send", func(t *Trial) { t.Rcv[0].NotProbe = 2 }},
		{"own device", search.Invalid, "own device tg-b had no room for 4 frames", func(t *Trial) { t.After[2].RxMissed = 4 }},
		{"gave up", search.Invalid, "had waited 5s for the first frame before pktgen began", func(t *Trial) {
			t.Rcv[0].Packets, *t.Rcv[0].Probe = 0, cli.Probe{}
			t.After[2].RxPackets = 300
			t.Pktgen[0].Start = t.Rcv[0].Start.Add(6 * time.Second)
		}},
		{"too early", search.Invalid, "rcv ended before pktgen began to send, after 20 frames of others", func(t *Trial) {
			t.Rcv[0].Packets, t.Rcv[0].NotProbe, *t.Rcv[0].Probe = 20, 20, cli.Probe{}
			t.Pktgen[0].Start = time.Now()
			t.left = []time.Time{t.Pktgen[0].Start.Add(-time.Second)}
		}},
		{"more than sent", search.Invalid, "1001 different probes, pktgen sent 1000", func(t *Trial) { t.Rcv[0].Probe.Distinct = 1001 }},
		{"end records of one thread of two", search.Valid, "", func(t *Trial) {
			t.Pktgen[0].Queues = make([]cli.Queue, 2)
			t.Rcv[0].Probe.Streams[0].Total = 500
		}},
		{"too many streams", search.Invalid, "7 frames were of more streams than rcv tells apart", func(t *Trial) { t.Rcv[0].StreamsRefused = 7 }},
		{"end records", search.Invalid, "end records 999", func(t *Trial) { t.Rcv[0].Probe.Streams[0].Total = 999 }},
		{"another sender", search.Invalid, "two senders used stream 0 at once", func(t *Trial) { t.Rcv[0].Probe.Streams[0].Shared = true }},
		{"sender's device", search.Invalid, "pktgen has 1009 frames, its device tg-a 1008", func(t *Trial) { t.After[0].TxPackets-- }},
		{"receiver's device", search.Invalid, "rcv has 989 frames, its device tg-b 990", func(t *Trial) { t.After[2].RxPackets++ }},
		{"held back", search.GeneratorLimited, "reached 900.000 pps of the 1.000 Kpps asked, because its own device took no more: tg-a was full 5 times",
			func(t *Trial) { t.Pktgen[0].PPS, t.Pktgen[0].Backpressure = 900, 5 }},
		{"held back by its qdisc", search.GeneratorLimited, "its tbf dropped 2 frames, which were sent again",
			func(t *Trial) { t.Pktgen[0].PPS, t.Pktgen[0].Backpressure = 900, 5; t.After[0].Qdisc.Drops += 2 }},
		{"held back and met", search.Valid, "", func(t *Trial) { t.Pktgen[0].Backpressure = 5 }},
		{"late", search.GeneratorLimited, "(tbf) took 1.2 s for what pktgen sent in 1 s", func(t *Trial) { t.Rcv[0].Seconds = 1.2; t.After[0].Qdisc.Overlimits++ }},
		{"late for another reason", search.Valid, "", func(t *Trial) { t.Rcv[0].Seconds = 1.2 }},
		{"undrained", search.GeneratorLimited, "3 frames had not left", func(t *Trial) { t.Pktgen[0].Undrained = 3 }},
		{"dropped at home", search.GeneratorLimited, "own device dropped 6 frames", func(t *Trial) { t.After[0].TxPackets -= 6; t.After[0].TxDropped = 6 }},
	} {
		tr := perfect()
		c.spoil(tr)
		r := Runner{Env: bed{exact: true}}
		r.judge(tr)
		why := strings.Join(tr.Why, "; ")
		if tr.Kind != c.kind || !strings.Contains(why, c.why) || (why == "") != (c.kind == search.Valid) {
			t.Errorf("%s: %s: %q, want %s: %q", c.name, tr.Kind, why, c.kind, c.why)
		}
		if tr.overstated != (c.name == "a stall") {
			t.Errorf("%s: overstated is %v", c.name, tr.overstated)
		}
	}
	tr := perfect()
	r := Runner{Env: bed{exact: true}}
	r.judge(tr)
	if tr.Sent != 1000 || tr.Lost != 20 || len(tr.Drops) != 1 || tr.Drops[0] != (Drop{Role: testbed.HopOut, Device: "hop-b", By: "tbf", Frames: 20}) {
		t.Errorf("%+v", tr)
	}
	// A switch may say something of itself, but not much.
	for n, want := range map[uint64]search.Kind{5: search.Valid, 50: search.Invalid} {
		tr := perfect()
		tr.Rcv[0].NotProbe = n
		r := Runner{Env: bed{noise: 10}}
		if r.judge(tr); tr.Kind != want {
			t.Errorf("%d frames of others: %s", n, tr.Kind)
		}
	}
	// Nor has it to be silent while pktgens wait to begin together.
	for wait, want := range map[time.Duration]search.Kind{testbed.FirstFrame: search.Invalid, testbed.FirstFrame + 2*time.Second: search.Valid} {
		tr := perfect()
		tr.Rcv[0].NotProbe, tr.wait = 35, wait
		r := Runner{Env: bed{noise: 10}}
		if r.judge(tr); tr.Kind != want {
			t.Errorf("waiting %v for the first frame: %s", wait, tr.Kind)
		}
	}
	// With bursts a rate is as fine as one of them.
	for pps, want := range map[float64]search.Kind{965: search.Valid, 1035: search.Valid, 955: search.Invalid} {
		tr := perfect()
		tr.Pktgen[0].PPS = pps
		r := Runner{Env: bed{exact: true}, Burst: 40 * time.Millisecond}
		if r.judge(tr); tr.Kind != want {
			t.Errorf("%v pps in bursts: %s, %q", pps, tr.Kind, tr.Why)
		}
	}
	// Counters that are late or count other things are not compared.
	tr = perfect()
	tr.After[0].TxPackets, tr.After[2].RxPackets = 500, 300
	r = Runner{Env: bed{}}
	if r.judge(tr); tr.Kind != search.Valid {
		t.Errorf("%s: %q", tr.Kind, tr.Why)
	}
}

// TestNamesHosts: over one path, too, a sentence says on which host.
func TestNamesHosts(t *testing.T) {
	env := &lab{flows: []testbed.Flow{{
		From: &testbed.Port{Host: "root@gen", Spec: "packet:eth1", Device: "tg-a"}, To: &testbed.Port{Host: "root@sink", Spec: "packet:eth1", Device: "tg-b"},
	}}}
	for want, spoil := range map[string]func(*Trial){
		"packet:eth1 of root@gen: pktgen reached 980.000 pps of the 1.000 Kpps asked; its device did not hold it back: root@gen may be busy": func(t *Trial) {
			t.Pktgen[0].PPS = 980
		},
		"packet:eth1 of root@sink: 2 frames came that pktgen did not send": func(t *Trial) { t.Rcv[0].NotProbe = 2 },
	} {
		tr := perfect()
		tr.Before, tr.After = nil, nil
		spoil(tr)
		r := Runner{Env: env}
		if r.judge(tr); strings.Join(tr.Why, "; ") != want {
			t.Errorf("%q, want %q", tr.Why, want)
		}
	}
	l := layoutOf(env.flows)
	e := &ending{ready: true, tx: []program.Outcome{{Failure: "was ended by something else (signal: killed)"}}}
	if err := failures(l, e); err == nil || err.Error() != "packet:eth1 of root@gen: pktgen was ended by something else (signal: killed)" {
		t.Error(err)
	}
}

// TestStrangers: where others may send, a device may count a few frames more
// than a program, and never fewer.
func TestStrangers(t *testing.T) {
	for _, c := range []struct {
		noise     float64
		sent, got int64 // more than the programs have
		kind      search.Kind
	}{
		{0, 0, 0, search.Valid}, {0, 1, 0, search.Invalid}, {0, 0, 1, search.Invalid},
		{10, 40, 40, search.Valid}, {10, 41, 0, search.Invalid}, {10, 0, 41, search.Invalid}, {10, -1, 0, search.Invalid}, {10, 0, -1, search.Invalid},
	} {
		tr := perfect()
		tr.After[0].TxPackets += uint64(c.sent)
		tr.After[2].RxPackets += uint64(c.got)
		r := Runner{Env: bed{exact: true, noise: c.noise}}
		if r.judge(tr); tr.Kind != c.kind {
			t.Errorf("%+v: %s %q", c, tr.Kind, tr.Why)
		}
	}
}
