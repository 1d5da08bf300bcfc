package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// lab is an environment of given flows, whose counters stand still.
type lab struct {
	testbed.Environment
	flows []testbed.Flow
}

func (l *lab) Flows() []testbed.Flow { return l.flows }
func (l *lab) Clocks() error         { return nil }

func (l *lab) Counters() ([]testbed.Counters, error) { return []testbed.Counters{}, nil }

// three are two senders to one receiver and a pair, on three hosts with devices
// of the same names; the links of the first two are of 10 and 20 Gbit/s.
func three() (*lab, *Trial) {
	ms := time.Millisecond
	x := &testbed.Port{Host: "x", Spec: "packet:eth1", Device: "eth1", Exact: true, Clock: testbed.Clock{Ahead: 300 * ms, Within: ms}}
	y := &testbed.Port{Host: "x", Spec: "packet:eth2", Device: "eth2", Exact: true, Clock: x.Clock}
	a := &testbed.Port{Host: "a", Spec: "packet:eth1", Device: "eth1", Exact: true, LinkBPS: 10e9, Clock: testbed.Clock{Ahead: time.Hour, Within: ms}}
	b := &testbed.Port{Host: "b", Spec: "packet:eth1", Device: "eth1", Exact: true, LinkBPS: 20e9, Clock: testbed.Clock{Ahead: -time.Hour, Within: ms}}
	c := &testbed.Port{Host: "a", Spec: "packet:eth2", Device: "eth2", Exact: true, LinkBPS: 10e9, Clock: a.Clock}
	l := &lab{flows: []testbed.Flow{{From: a, To: x}, {From: b, To: x}, {From: c, To: y}}}

	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	sent := func(p *testbed.Port, n uint64) *cli.Result {
		return &cli.Result{Start: at.Add(p.Clock.Ahead), Packets: n, Seconds: 1, PPS: float64(n), Queues: make([]cli.Queue, 2), TxResult: &cli.TxResult{EndRecords: 9}}
	}
	got := func(n uint64, streams ...cli.Stream) *cli.Result {
		r := &cli.Result{Start: at.Add(x.Clock.Ahead), Seconds: 1, RxResult: &cli.RxResult{EndRecordsSeen: n, Probe: &cli.Probe{Streams: streams}}}
		for _, s := range streams {
			r.Probe.Distinct += s.Distinct
			r.Probe.Packets += s.Packets
		}
		r.Packets = r.Probe.Packets + n
		return r
	}
	stream := func(id uint16, n uint64) cli.Stream { return cli.Stream{Stream: id, Packets: n, Distinct: n} }
	t := &Trial{
		Load: 4000, Seconds: 1, Why: []string{}, Drops: []Drop{}, wait: 7 * time.Second,
		Pktgen: []*cli.Result{sent(a, 1000), sent(b, 2000), sent(c, 1000)},
		Rcv:    []*cli.Result{got(18, stream(0, 500), stream(1, 490), stream(1024, 1000), stream(1025, 980)), got(9, stream(2048, 500), stream(2049, 500))},
		Before: []testbed.Counters{
			{Role: testbed.Sender, Host: "a", Device: "eth1"}, {Role: testbed.Sender, Host: "b", Device: "eth1"}, {Role: testbed.Sender, Host: "a", Device: "eth2"},
			{Role: testbed.HopOut, Host: "dev", Device: "eth0"},
			{Role: testbed.Receiver, Host: "x", Device: "eth1"}, {Role: testbed.Receiver, Host: "x", Device: "eth2"},
		},
	}
	t.After = slices.Clone(t.Before)
	t.After[0].TxPackets, t.After[1].TxPackets, t.After[2].TxPackets = 1009, 2009, 1009
	t.After[3].TxDropped = 30
	t.After[4].RxPackets, t.After[5].RxPackets = 2970+18, 1009
	return l, t
}

// TestJudgeFlows: sums, and what is wrong with one of several.
func TestJudgeFlows(t *testing.T) {
	env, tr := three()
	r := Runner{Env: env}
	r.judge(tr)
	if tr.Kind != search.Valid || tr.Sent != 4000 || tr.Lost != 30 || tr.Achieved != 4000 || len(tr.Why) != 0 {
		t.Errorf("%s, sent %d, lost %d, %v pps: %q", tr.Kind, tr.Sent, tr.Lost, tr.Achieved, tr.Why)
	}
	if want := (Drop{testbed.HopOut, "dev", "eth0", "device", 30}); len(tr.Drops) != 1 || tr.Drops[0] != want {
		t.Errorf("%+v", tr.Drops)
	}
	for _, c := range []struct {
		name  string
		kind  search.Kind
		why   string
		spoil func(*Trial)
	}{
		{"its share", search.Invalid, "packet:eth1 of b: pktgen reached 1.900 Kpps of the 2.000 Kpps asked; its device did not", func(t *Trial) { t.Pktgen[1].PPS = 1900 }},
		{"more than its share", search.Invalid, "packet:eth2 of a: pktgen sent 2.000 Kpps, though 1.000 Kpps were asked", func(t *Trial) { t.Pktgen[2].PPS = 2000 }},
		{"held back", search.GeneratorLimited, "packet:eth1 of b: pktgen reached 1.900 Kpps of the 2.000 Kpps asked, because its own device", func(t *Trial) { t.Pktgen[1].PPS, t.Pktgen[1].Backpressure = 1900, 3 }},
		{"dropped at home", search.GeneratorLimited, "packet:eth2 of a: the sender's own device dropped 5 frames", func(t *Trial) { t.After[2].TxPackets, t.After[2].TxDropped = 1004, 5 }},
		{"late", search.GeneratorLimited, "packet:eth1 of b: the queueing discipline of the sender's own device (tbf) took 1.2 s for what pktgen sent in 1.01 s",
			func(t *Trial) {
				t.After[1].Qdisc, t.Rcv[0].Seconds = testbed.Qdisc{Kind: "tbf", Overlimits: 1}, 1.2
				t.Pktgen[0].Start = t.Pktgen[0].Start.Add(10 * time.Millisecond)
			}},
		{"one held back, another's receiver late", search.Invalid,
			"packet:eth1 of a: pktgen reached 900.000 pps of the 1.000 Kpps asked, because its own device took no more: eth1 was full 3 times; packet:eth2 of x: rcv's own socket dropped 2",
			func(t *Trial) {
				t.Pktgen[0].PPS, t.Pktgen[0].Backpressure = 900, 3
				t.Rcv[1].KernelDrops, t.After[5].RxPackets = 2, 1011
			}},
		{"no room", search.Invalid, "packet:eth1 of x: rcv's own device eth1 had no room for 2 frames", func(t *Trial) { t.After[4].RxMissed = 2 }},
		{"sender's device", search.Invalid, "packet:eth1 of b: counters disagree: pktgen has 2009 frames, its device eth1 2008", func(t *Trial) { t.After[1].TxPackets-- }},
		{"receiver's device", search.Invalid, "packet:eth2 of x: counters disagree: rcv has 1009 frames, its device eth2 1010", func(t *Trial) { t.After[5].RxPackets++ }},
		{"more than one sent", search.Invalid, "packet:eth1 of a: rcv found 1001 different probes, pktgen sent 1000", func(t *Trial) { t.Rcv[0].Probe.Streams[0].Distinct += 11 }},
		{"end records", search.Invalid, "packet:eth2 of a: pktgen says it sent 1000 frames, its end records 999", func(t *Trial) {
			t.Pktgen[2].Queues = nil
			t.Rcv[1].Probe.Streams = []cli.Stream{{Stream: 2048, Distinct: 999, Packets: 999, Total: 999, Ended: true}}
		}},
		{"astray", search.Invalid, "packet:eth2 of x: 7 frames came that were sent to another receiver", func(t *Trial) {
			t.Rcv[1].Probe.Streams = append(t.Rcv[1].Probe.Streams, cli.Stream{Stream: 1024, Distinct: 7, Packets: 7})
		}},
		{"one sent nothing", search.Invalid, "packet:eth2 of a: pktgen sent nothing", func(t *Trial) {
			t.Pktgen[2].Packets, t.Pktgen[2].PPS, t.Pktgen[2].Start, t.After[2].TxPackets = 0, 0, time.Time{}, 9
			t.Rcv[1].Probe.Streams = nil
		}},
		{"together", search.Valid, "", func(t *Trial) { t.Pktgen[2].Start = t.Pktgen[2].Start.Add(18 * time.Millisecond) }},
		{"not together", search.Invalid, "the generators did not send together: packet:eth1 of b began 19ms after packet:eth1 of a, known to ± 2ms, of 20ms that are no matter",
			func(t *Trial) { t.Pktgen[1].Start = t.Pktgen[1].Start.Add(19 * time.Millisecond) }},
		{"one far too early", search.Invalid, "packet:eth1 of b began 60ms after packet:eth2 of a, known to ± 2ms", func(t *Trial) {
			t.Pktgen[2].Start = t.Pktgen[2].Start.Add(-60 * time.Millisecond)
		}},
		{"gave up", search.Invalid, "packet:eth2 of x: rcv had waited 7s for the first frame before", func(t *Trial) {
			t.Rcv[1].Packets, t.After[5].RxPackets, t.Rcv[1].Probe.Streams = 0, 0, nil
			t.Rcv[1].Start = t.Rcv[1].Start.Add(-8 * time.Second)
		}},
		{"stood still", search.Invalid, "packet:eth1 of b: pktgen stood still for 16 ms and made up for it in a burst, so that 30 lost", func(t *Trial) { t.Pktgen[1].BehindSeconds = 0.016 }},
		{"two stood still", search.Invalid, "packet:eth2 of a: pktgen stood still for 10 ms", func(t *Trial) { t.Pktgen[1].BehindSeconds, t.Pktgen[2].BehindSeconds = 0.010, 0.010 }},
		{"a stall that cannot be all", search.Valid, "", func(t *Trial) { t.Pktgen[1].BehindSeconds = 0.010 }},
	} {
		env, tr := three()
		c.spoil(tr)
		r := Runner{Env: env}
		r.judge(tr)
		why := strings.Join(tr.Why, "; ")
		if tr.Kind != c.kind || !strings.Contains(why, c.why) || (why == "") != (c.kind == search.Valid) {
			t.Errorf("%s: %s: %q, want %s: %q", c.name, tr.Kind, why, c.kind, c.why)
		}
		if tr.overstated != strings.Contains(c.name, "stood still") {
			t.Errorf("%s: overstated is %v", c.name, tr.overstated)
		}
	}
}

// TestReach: a search goes on from what the slowest can do of its share.
func TestReach(t *testing.T) {
	env, tr := three()
	tr.Pktgen[1].PPS, tr.Pktgen[1].Backpressure = 1500, 1
	r := Runner{Env: env}
	r.judge(tr)
	if got := r.Reach(tr); got != 3000 || tr.Achieved != 3500 {
		t.Errorf("reaches %v, achieved %v", got, tr.Achieved)
	}
}

func TestShares(t *testing.T) {
	for want, links := range map[string][]float64{
		"0.25 0.5 0.25, 4e+10": {10e9, 20e9, 10e9}, "0.5 0.5, 0": {10e9, 0}, "1, 0": {0}, "1, 1e+10": {10e9},
	} {
		var flows []testbed.Flow
		for _, bps := range links {
			flows = append(flows, testbed.Flow{From: &testbed.Port{LinkBPS: bps}})
		}
		if got := strings.Trim(fmt.Sprint(Shares(flows)), "[]") + fmt.Sprintf(", %v", LinkBPS(flows)); got != want {
			t.Errorf("%v: %s, want %s", links, got, want)
		}
	}
}

// TestLayout: one receiver for two flows; streams that cannot meet.
func TestLayout(t *testing.T) {
	env, _ := three()
	env.flows[2].From.Flags = []string{"--stream=77"}
	l := layoutOf(env.flows)
	if len(l.receivers) != 2 || fmt.Sprint(l.receivers[0].from, l.receivers[1].from) != "[0 1] [2]" || l.senders[1].stream != 1024 || l.senders[2].stream != 77 {
		t.Errorf("%+v", l)
	}
	for flows, want := range map[int]int{1: 1024, 64: 1024, 65: 1008, 256: 256} {
		if got := apart(flows); got != want || flows*got > 65536 {
			t.Errorf("%d flows: %d apart", flows, got)
		}
	}
}

func TestSource(t *testing.T) {
	for flags, want := range map[string]string{
		"": "10.0.1.2:1234", "--dst-mac 02:00:00:00:00:02 -p 2": "10.0.1.2:1234", "--dst 10.1.0.1:9-10.1.0.9:9": "10.0.1.2:1234",
		"--dst fd00::9": "[fd00::fc]:1234", "-d [fd00::9]:7": "[fd00::fc]:1234", "-6": "[fd00::fc]:1234", "--dst=fd00::9": "[fd00::fc]:1234",
		"--src 10.0.0.9": "", "-s10.0.0.9": "", "-z": "", "--frame eth": "", "--packet x.pcap": "", "-P x.pcap": "",
	} {
		s := sender{port: &testbed.Port{Flags: strings.Fields(flags)}, index: 251}
		if got := s.source(); got != want {
			t.Errorf("%q: %q, want %q", flags, got, want)
		}
		if host, _, _ := strings.Cut(want, ":"); want != "" && want[0] != '[' && !netip.MustParseAddr(host).IsValid() {
			t.Errorf("%q is no address", host)
		}
	}
	if s := (&sender{port: &testbed.Port{Headers: 42}}).source(); s != "" {
		t.Errorf("payloads are sent from %q", s)
	}
}

func TestClocks(t *testing.T) {
	port := func(host string, ahead, within time.Duration) *testbed.Port {
		return &testbed.Port{Host: host, Clock: testbed.Clock{Ahead: ahead, Within: within}}
	}
	us := time.Microsecond
	for _, c := range []struct {
		to   *testbed.Port
		from []*testbed.Port
		want string
	}{
		{port("", 0, 0), []*testbed.Port{port("", 0, 0)}, ""},
		{port("a", 5*us, us), []*testbed.Port{port("a", 5*us, us)}, ""},
		{port("b", 1500*us, 200*us), []*testbed.Port{port("a", 300*us, 100*us)}, "--clocks +1.2ms~300µs"},
		{port("b", 0, us), []*testbed.Port{port("a", 40*us, us)}, "--clocks -40µs~2µs"},
		{port("", 0, 0), []*testbed.Port{port("a", 40*us, us), port("a", 40*us, us)}, "--clocks -40µs~1µs"},
		{port("b", 0, 0), []*testbed.Port{port("a", 0, 0)}, "--clocks apart"},
		{port("b", 0, us), []*testbed.Port{port("a", 0, us), port("b", 0, us)}, "--clocks apart"},
	} {
		var flows []testbed.Flow
		for _, from := range c.from {
			flows = append(flows, testbed.Flow{From: from, To: c.to})
		}
		l := layoutOf(flows)
		if got := strings.Join(l.clocks(&l.receivers[0]), " "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestPrograms looks at what is started, and how: a rcv for each receiver before
// any pktgen, which are all to begin at one time.
func TestPrograms(t *testing.T) {
	env, tr := three()
	var mu sync.Mutex
	var started []string
	starts := map[string]time.Time{} // by this host's clock
	launch := func(where *testbed.Port, result *cli.Result) {
		where.Launch = func(_ context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
			mu.Lock()
			defer mu.Unlock()
			line := name + " on " + where.String() + ":"
			for i, a := range args {
				switch a {
				case "--stream", "--src", "-R", "--wait-first", "--clocks", "--dst-mac":
					line += " " + a + " " + args[i+1]
				case "--start-at":
					s, ns, _ := strings.Cut(strings.TrimPrefix(args[i+1], "@"), ".")
					sec, err := strconv.ParseInt(s, 10, 64)
					nsec, err2 := strconv.ParseInt(ns, 10, 64)
					if err != nil || err2 != nil || len(ns) != 9 {
						t.Errorf("--start-at %s", args[i+1])
					}
					starts[where.String()] = time.Unix(sec, nsec).Add(-where.Clock.Ahead)
				}
			}
			started = append(started, line)
			text, err := result.MarshalJSON()
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintf(stderr, "%s: ready: says a test\n", name)
			stdout.Write(text)
			return func() (int, error) { return 0, nil }, nil
		}
	}
	for i, f := range env.flows {
		f.From.Exact, f.To.Exact, f.From.Flags = false, false, []string{"--dst-mac", "02:00:00:00:00:0" + strconv.Itoa(i)}
		launch(f.From, tr.Pktgen[i])
	}
	launch(env.flows[0].To, tr.Rcv[0])
	launch(env.flows[2].To, tr.Rcv[1])
	r := Runner{Env: env, Lengths: "60"}
	began := time.Now()
	got, err := r.Run(t.Context(), 4000, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != search.Valid || got.Lost != 30 || len(got.Pktgen) != 3 || len(got.Rcv) != 2 || got.Pktgen[1].Packets != 2000 {
		t.Errorf("%+v", got)
	}
	want := `rcv on packet:eth1 of x: --wait-first 7s --clocks apart
rcv on packet:eth2 of x: --wait-first 7s --clocks -59m59.7s~2ms
pktgen on packet:eth1 of a: -R 1000 --stream 0 --src 10.0.0.1:1234 --dst-mac 02:00:00:00:00:00
pktgen on packet:eth1 of b: -R 2000 --stream 1024 --src 10.0.0.2:1234 --dst-mac 02:00:00:00:00:01
pktgen on packet:eth2 of a: -R 1000 --stream 2048 --src 10.0.0.3:1234 --dst-mac 02:00:00:00:00:02`
	if s := strings.Join(started, "\n"); s != want {
		t.Errorf("%s\nwant\n%s", s, want)
	}
	first := starts["packet:eth1 of a"]
	if lead := first.Sub(began); len(starts) != 3 || lead < 2*time.Second || lead > 10*time.Second {
		t.Errorf("begins %v after", lead)
	}
	for port, at := range starts {
		if !at.Equal(first) {
			t.Errorf("%s begins %v after packet:eth1 of a", port, at.Sub(first))
		}
	}
	// Now that it is known how soon they are ready, nobody waits for long.
	if lead := r.lead(layoutOf(env.flows)); lead < 250*time.Millisecond || lead >= 2*time.Second {
		t.Errorf("now it is %v", lead)
	}
}

// TestFailures: an accident is told with the port it happened at.
func TestFailures(t *testing.T) {
	says := func(text string, status int) program.Launcher {
		return func(_ context.Context, name string, _ []string, stdout, stderr io.Writer) (func() (int, error), error) {
			fmt.Fprintf(stderr, "%s: ready: says a test\n", name)
			fmt.Fprintln(stdout, text)
			return func() (int, error) { return status, nil }, nil
		}
	}
	broken := func(context.Context, string, []string, io.Writer, io.Writer) (func() (int, error), error) {
		return nil, errors.New("out of processes")
	}
	good, rcv := says(`{"packets": 1, "end_records": 1}`, 0), says(`{"packets": 1, "probe": {}}`, 0)
	refuses := says(`{"errors": ["no such device"], "exit_status": 1}`, 1)
	for want, c := range map[string][5]program.Launcher{
		"pktgen was not started, because rcv did not get ready; packet:eth2 of x: rcv could not be started: out of processes": {good, good, good, rcv, broken},
		"packet:eth1 of b: pktgen ended with status 1: no such device":                                                        {good, refuses, good, rcv, rcv},
		"packet:eth1 of x: rcv's result has no probes":                                                                        {good, good, good, good, rcv},
	} {
		env, _ := three()
		for i, f := range env.flows {
			f.From.Launch = c[i]
		}
		env.flows[0].To.Launch, env.flows[2].To.Launch = c[3], c[4]
		r := Runner{Env: env}
		if _, err := r.Run(t.Context(), 100, time.Second); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestDrift has a receiver's clock run away by 100 µs while a trial lasts.
func TestDrift(t *testing.T) {
	from, to := &testbed.Port{Host: "a"}, &testbed.Port{Host: "b", Clock: testbed.Clock{Ahead: time.Millisecond, Within: 20 * time.Microsecond}}
	l := layoutOf([]testbed.Flow{{From: from, To: to}})
	if !l.twoClocks() {
		t.Fatal("two hosts have two clocks")
	}
	clock := &cli.Clock{AheadNS: 1_000_000, WithinNS: 20_000}
	tr := &Trial{Rcv: []*cli.Result{{RxResult: &cli.RxResult{Probe: &cli.Probe{Delay: &cli.Delay{Clock: clock}}}}}}
	for _, c := range []struct {
		now    testbed.Clock
		within int64
	}{
		{testbed.Clock{Ahead: time.Millisecond, Within: 10 * time.Microsecond}, 20_000}, // asked again, known better
		{testbed.Clock{Ahead: 900 * time.Microsecond, Within: 10 * time.Microsecond}, 110_000},
	} {
		to.Clock = c.now
		tr.drift(l)
		if clock.WithinNS != c.within || clock.AheadNS != 1_000_000 {
			t.Errorf("%+v: %+v", c.now, clock)
		}
	}
	from.Host = "b"
	if l.twoClocks() {
		t.Error("one host has one clock")
	}
}
