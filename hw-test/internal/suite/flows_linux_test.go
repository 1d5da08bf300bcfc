package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// TestMain makes the test binary pktgen and rcv, when called so.
func TestMain(m *testing.M) {
	if program := carried.Lookup(os.Args[0]); program != nil {
		os.Exit(program(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// hub is senders and receivers around a kernel bridge, each in a namespace of
// its own:
//
//	tg-a0 ── hop-a0 ┐        ┌ hop-b0 ── tg-b0
//	tg-a1 ── hop-a1 ┴ bridge ┴ hop-b1 ── tg-b1
//
// Flow i is from tg-a<i> to tg-b<i>, or all are to tg-b0.
type hub struct {
	testbed.Environment
	devices []hubDevice
	flows   []testbed.Flow
	// waitLinks is what is done where a link is missing.
	waitLinks func() error
}

type hubDevice struct {
	role testbed.Role
	ns   *netlab.NS
	name string
}

func newHub(t *testing.T, senders, receivers int) *hub {
	t.Helper()
	h, middle := &hub{waitLinks: func() error { return nil }}, testnet.NS(t) // skips where there are no rights
	err := middle.Bridge()
	if errors.Is(err, unix.EOPNOTSUPP) {
		testnet.Skip(t, "no bridge: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	port := func(side string, i int, own, hop testbed.Role) *testbed.Port {
		ns := testnet.NS(t)
		d, inner := hubDevice{own, ns, fmt.Sprintf("tg-%s%d", side, i)}, hubDevice{hop, middle, fmt.Sprintf("hop-%s%d", side, i)}
		if _, err := netlab.NewPair(ns, middle, &netlab.PairOptions{NameA: d.name, NameB: inner.name}); err != nil {
			t.Fatal(err)
		}
		h.devices = append(h.devices, d, inner)
		mac := net.HardwareAddr{2, 0, 0, 0, 1, byte(i)}
		err := middle.Plug(inner.name, map[bool]net.HardwareAddr{true: mac}[hop == testbed.HopOut])
		if err != nil {
			t.Fatal(err)
		}
		return &testbed.Port{Spec: "packet:" + d.name, Device: d.name, MAC: mac, Launch: program.Process(ns.Start), Exact: true}
	}
	var to []*testbed.Port
	for i := range receivers {
		to = append(to, port("b", i, testbed.Receiver, testbed.HopOut))
	}
	for i := range senders {
		f := testbed.Flow{From: port("a", i, testbed.Sender, testbed.HopIn), To: to[i%receivers]}
		f.From.Flags = []string{"--dst-mac", f.To.MAC.String()}
		h.flows = append(h.flows, f)
	}
	return h
}

// bucket puts a token bucket on the way out to tg-b0, with room for a few
// frames.
func (h *hub) bucket(t *testing.T, bps float64) {
	t.Helper()
	i := slices.IndexFunc(h.devices, func(d hubDevice) bool { return d.name == "hop-b0" })
	err := h.devices[i].ns.Do(func() error {
		link, err := netlink.LinkByName("hop-b0")
		if err != nil {
			return err
		}
		rate := uint64(bps / 8)
		return netlink.QdiscReplace(&netlink.Tbf{
			QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT, Handle: netlink.MakeHandle(1, 0)},
			Rate:       rate, Limit: 4 * 1514, Buffer: netlink.Xmittime(rate, 4*1514),
		})
	})
	if errors.Is(err, unix.ENOENT) {
		testnet.Skip(t, "no token bucket: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (h *hub) Flows() []testbed.Flow { return h.flows }

// host is the host of the port on a device.
func (h *hub) host(device string) string {
	for _, f := range h.flows {
		for _, p := range []*testbed.Port{f.From, f.To} {
			if p.Device == device {
				return p.Host
			}
		}
	}
	return ""
}

func (h *hub) Clocks() error { return nil }

func (h *hub) WaitLinks(context.Context) error { return h.waitLinks() }

func (h *hub) Counters() (list []testbed.Counters, err error) {
	for _, d := range h.devices {
		var c testbed.Counters
		err := d.ns.Do(func() (err error) {
			c, err = new(testbed.Here).Counters(d.name)
			return err
		})
		if err != nil {
			return nil, err
		}
		c.Role, c.Host, c.Device = d.role, h.host(d.name), d.name
		list = append(list, c)
	}
	return list, nil
}

// onHub runs a suite over a hub and returns it with what a session keeps.
func onHub(t *testing.T, h *hub, name string, args ...string) (*job, *results.Suite) {
	t.Helper()
	j := newJob(t, name, args...)
	s := new(session.Session)
	j.env, j.keep = h, s.Begin(name)
	j.progress = progress{w: io.Discard, doing: func(string, float64, time.Duration) {}}
	j.over(t.Context())
	j.finish(false, j.broke)
	j.keep.End(j.found(), j.Report)
	return j, s.Suites[0]
}

// unlessBusy is onHub, again where the machine was too busy, three times at
// most.
func unlessBusy(t *testing.T, h *hub, name string, args ...string) (*job, *results.Suite) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		j, kept := onHub(t, h, name, args...)
		invalid := slices.ContainsFunc(j.Rows, func(r *Row) bool { return r.Verdict == results.Invalid })
		if !invalid || j.broke || attempt == 3 {
			return j, kept
		}
		t.Logf("again: %s", j.Rows[0].Sentence)
	}
}

// TestSendersAdded finds the rate of a token bucket behind which two senders
// meet, in a search too short and coarse to be good for more.
func TestSendersAdded(t *testing.T) {
	h := newHub(t, 2, 1)
	h.bucket(t, 1e6)
	const rate = 1e6 / 8 / 1514
	j, kept := unlessBusy(t, h, throughputName, "--sizes=1518", "--max-rate=160", "--min-rate=40",
		"--duration=1s", "--initial=1s", "--settle=200ms", "--width=4", "--pdr=10", "--rate-tolerance=3")
	row := j.Rows[0]
	if row.Verdict != results.Passed || row.Generators != 2 || !strings.HasPrefix(row.Sentence, "2 generators together: NDR ") {
		t.Fatalf("%s: %s", row.Verdict, row.Sentence)
	}
	for _, g := range row.Search.Goals {
		// The bucket and its queue hold eight frames: 10 % of a second's.
		if g.Verdict != search.Found || g.Throughput < 0.9*rate || g.Throughput > 1.2*rate {
			t.Errorf("%s: %+v, want %.1f", g.Name, g, rate)
		}
	}
	lost := uint64(0)
	for _, tr := range row.Trials {
		if len(tr.Pktgen) != 2 || len(tr.Rcv) != 1 || tr.Sent != tr.Pktgen[0].Packets+tr.Pktgen[1].Packets {
			t.Fatalf("%+v", tr)
		}
		if tr.Kind != search.Valid {
			continue
		}
		for _, tx := range tr.Pktgen {
			if tx.PPS < 0.9*tr.Load/2 || tx.PPS > 1.1*tr.Load/2 {
				t.Errorf("at %v pps one sends %v", tr.Load, tx.PPS)
			}
		}
		dropped := uint64(0)
		for _, d := range tr.Drops {
			dropped += d.Frames
		}
		// End records may be dropped, too.
		if tr.Lost > dropped {
			t.Errorf("%d lost, %d dropped: %+v", tr.Lost, dropped, tr.Drops)
		}
		lost += tr.Lost
	}
	if lost == 0 {
		t.Error("the bucket dropped nothing")
	}
	if len(j.Flows) != 2 || j.Flows[1].From.Port != "packet:tg-a1" || j.Flows[1].To.Port != "packet:tg-b0" ||
		len(kept.Notes) != 1 || kept.Notes[0] != "2 generators sent at once, their rates added: packet:tg-a0 → packet:tg-b0; packet:tg-a1 → packet:tg-b0" {
		t.Errorf("%+v, %q", j.Flows, kept.Notes)
	}
}

// TestTwoPairs has two senders and two receivers, one of which gets less than is sent to it.
func TestTwoPairs(t *testing.T) {
	h := newHub(t, 2, 2)
	j, _ := unlessBusy(t, h, lossName, "--sizes=64", "--max-rate=1000", "--duration=500ms", "--settle=200ms", "--rate-tolerance=10", "--stall=50ms")
	row := j.Rows[0]
	if row.Verdict != results.Passed || len(row.Loss) != 2 || row.Loss[0].Lost != 0 || row.Loss[0].Sent < 400 || row.Loss[0].Sent > 600 {
		t.Fatalf("%s: %s", row.Verdict, row.Sentence)
	}
	for _, tr := range row.Trials {
		for i, tx := range tr.Pktgen {
			if p := tr.Rcv[i].Probe; tr.Kind == search.Valid && (p.Distinct != tx.Packets || len(p.Streams) != 1 || int(p.Streams[0].Stream) != 1024*i) {
				t.Errorf("%d sent %d, its receiver got %+v", i, tx.Packets, p.Streams)
			}
		}
	}

	h.bucket(t, 0.75e6) // 62 of 100 frames a second, and room for eight
	j, _ = unlessBusy(t, h, lossName, "--sizes=1518", "--max-rate=200", "--duration=500ms", "--settle=200ms", "--rate-tolerance=10", "--stall=50ms")
	row = j.Rows[0]
	if row.Verdict != results.Passed || row.Loss[0].LossRatio < 0.05 || row.Loss[0].LossRatio > 0.2 {
		t.Fatalf("%s: %s", row.Verdict, row.Sentence)
	}
	if p := row.Trials[0].Rcv[1].Probe; p.Lost != 0 {
		t.Errorf("the other receiver lost %d", p.Lost)
	}
}

// TestOneFlowForDelays: of several, latency says that it is not for them.
func TestOneFlowForDelays(t *testing.T) {
	to := new(testbed.Port)
	j := newJob(t, latencyName, "--sizes=64,128")
	j.env = &hub{flows: []testbed.Flow{{From: new(testbed.Port), To: to}, {From: new(testbed.Port), To: to}}}
	j.over(t.Context())
	for _, row := range j.Rows {
		if row.Verdict != results.Skipped || !strings.Contains(row.Sentence, "over one flow at a time, and here are 2") {
			t.Errorf("%s: %s", row.Verdict, row.Sentence)
		}
	}
	// Alone it is not even begun.
	o := new(Options)
	fs := pflag.NewFlagSet(latencyName, pflag.ContinueOnError)
	o.Flags(fs, latencyName)
	if err := fs.Parse([]string{"--lab", write(t, `environment: local
nodes:
  gen: {role: tg, ports: {a: {spec: "vale0:a"}, b: {spec: "vale0:b"}, c: {spec: "vale0:c"}, d: {spec: "vale0:d"}}}
links: [[gen.a, gen.b], [gen.c, gen.d]]
`), "--path=1,2", "--dry-run"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), latencyName, o, fs, io.Discard, io.Discard); cli.Status(err) != cli.ExitUsage || !strings.Contains(err.Error(), "one path at a time") {
		t.Error(err)
	}
}

// TestTwoClocks has two hosts whose clocks are one, and says first that they are
// about that, and then what their delays refute.
func TestTwoClocks(t *testing.T) {
	h := newHub(t, 1, 1)
	from, to := h.flows[0].From, h.flows[0].To
	from.Host, to.Host = "a", "b"
	from.Clock = testbed.Clock{Ahead: time.Hour, Within: 40 * time.Microsecond}
	for _, c := range []struct {
		ahead   time.Duration
		verdict results.Verdict
		says    string
	}{
		{0, results.Passed, "clocks differ by 0s, known to ± 100µs: one-way delay in shares of 200.000 pps, --max-rate: at 10 % "},
		{time.Second, results.Invalid, "before it was sent, by clocks known to ± 100µs: one of them was set, or is known worse than that"},
	} {
		to.Clock = testbed.Clock{Ahead: time.Hour + c.ahead, Within: 60 * time.Microsecond}
		run := unlessBusy
		if c.verdict == results.Invalid {
			run = onHub
		}
		j, kept := run(t, h, latencyName, "--sizes=64", "--max-rate=200", "--duration=300ms", "--settle=200ms", "--rate-tolerance=20", "--stall=1s")
		row := j.Rows[0]
		if row.Verdict != c.verdict || !strings.Contains(row.Sentence, c.says) {
			t.Errorf("%v ahead: %s: %s", c.ahead, row.Verdict, row.Sentence)
		}
		for _, p := range row.Latency {
			if p.Clock == nil || p.Clock.AheadNS != int64(c.ahead) || p.Clock.WithinNS != 100_000 {
				t.Errorf("%+v", p.Clock)
			}
		}
		if f := kept.Cases[0].Figures; len(f) == 0 || f[0].Name != "clock uncertainty" || f[0].Value != 100 || f[0].Better != results.Neither {
			t.Errorf("%+v", f)
		}
	}
	// Nobody knows: no delay.
	from.Clock, to.Clock = testbed.Clock{}, testbed.Clock{}
	j, _ := unlessBusy(t, h, latencyName, "--sizes=64", "--max-rate=200", "--duration=300ms", "--settle=200ms", "--rate-tolerance=20", "--stall=1s")
	if row := j.Rows[0]; row.Verdict != results.Skipped || !strings.Contains(row.Sentence, "nobody knows how far they are apart") {
		t.Errorf("%s: %s", row.Verdict, row.Sentence)
	}
}
