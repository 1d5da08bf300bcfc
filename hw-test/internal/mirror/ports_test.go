package mirror

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// maker makes an environment by a function.
type maker struct {
	open func() (testbed.Environment, error)
}

func (m maker) Describe() testbed.Description {
	return testbed.Description{Kind: "ssh", What: "two hosts", Limits: []string{}}
}

func (m maker) Paths() []string { return []string{""} }

func (m maker) Open(context.Context) (testbed.Environment, error) { return m.open() }

// port is a port of a host with addresses.
func port(host, spec string, addrs ...string) *testbed.Port {
	p := &testbed.Port{Host: host, Spec: spec}
	for _, a := range addrs {
		p.Addrs = append(p.Addrs, netip.MustParsePrefix(a))
	}
	return p
}

// There is UDP where both ports have addresses in one network and frames between
// these do go over the ports, and netmap where there is a netmap port, beside
// which there is nothing else.
func TestKinds(t *testing.T) {
	a := func(spec string, addrs ...string) *testbed.Port { return port("a", spec, addrs...) }
	b := func(spec string, addrs ...string) *testbed.Port { return port("b", spec, addrs...) }
	for _, c := range []struct {
		what     string
		from, to *testbed.Port
		able     string
		udp      string // the first port, or why there is none
	}{
		{"one network", a("packet:x", "10.0.0.1/24"), b("packet:y", "10.0.0.2/24"), "udp packet", "udp:@10.0.0.1:20007,10.0.0.2:20007"},
		{"the second ones", a("packet:x", "192.0.2.1/24", "10.0.0.1/8"), b("packet:y", "198.51.100.1/24", "10.9.0.2/8"), "udp packet", "udp:@10.0.0.1:20007,10.9.0.2:20007"},
		{"IPv6", a("packet:x", "fe80::1/64", "fd00::1/64"), b("packet:y", "fe80::2/64", "fd00::2/64"), "udp packet", "udp:@[fd00::1]:20007,[fd00::2]:20007"},
		{"link-local alone", a("packet:x", "fe80::1/64"), b("packet:y", "fe80::2/64"), "packet", "packet:x of a with fe80::1/64 and packet:y of b with fe80::2/64 have no addresses in one network: give both one (ip addr add)"},
		{"two networks", a("packet:x", "10.0.0.1/24"), b("packet:y", "10.0.1.2/24"), "packet", "no addresses in one network"},
		{"two lengths", a("packet:x", "10.0.0.1/24"), b("packet:y", "10.0.0.2/16"), "packet", "no addresses in one network"},
		{"one address", a("packet:x", "10.0.0.1/24"), b("packet:y", "10.0.0.1/24"), "packet", "no addresses in one network"},
		{"no address", a("packet:x"), b("packet:y", "10.0.0.2/24"), "packet", "packet:x of a with none and"},
		{"one host", a("packet:x", "10.0.0.1/24"), a("packet:y", "10.0.0.2/24"), "packet", "both ports are on one host"},
		{"netmap", a("netmap:x", "10.0.0.1/24"), b("netmap:y", "10.0.0.2/24"), "netmap", "what comes to netmap:y goes past the kernel's sockets"},
		{"one netmap", a("netmap:x", "10.0.0.1/24"), b("packet:y", "10.0.0.2/24"), "netmap", "what comes to netmap:x goes past"},
		{"VALE", a("vale0:a"), a("vale0:b"), "netmap", "goes past"},
	} {
		r := &runner{ports: maker{}}
		f := testbed.Flow{From: c.from, To: c.to}
		var able []string
		for _, kind := range []string{udp, packet, netmapped} {
			if r.unable(kind, f) == "" {
				able = append(able, kind)
			}
		}
		got := r.unable(udp, f)
		if got == "" {
			got, _ = specs(udp, f)
		}
		if strings.Join(able, " ") != c.able || !strings.Contains(got, c.udp) {
			t.Errorf("%s: %v; %s", c.what, able, got)
		}
		if got := kinds(c.from.Spec, c.to.Spec); !slices.Contains(got, able[len(able)-1]) {
			t.Errorf("%s: by default %v", c.what, got)
		}
	}
}

// What the programs are started with: frames go to the other port, by the
// port's own flags if they say so, and CPUs are those of the port's flags, else
// here one for each.
func TestCommands(t *testing.T) {
	mac := func(n byte) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 9, n} }
	for _, c := range []struct {
		what      string
		kind      string
		mode      int
		load      float64
		fix       func(from, to *testbed.Port)
		near, far string
	}{
		{"one", packet, 0, 3000, func(_, _ *testbed.Port) {},
			"-i packet:x -f ping -T 0 --json --best-effort --duration 1s -b 30 -R 3000 --src-mac 02:00:00:00:09:01 --dst-mac 02:00:00:00:09:02 -l 142 --per-call 1",
			"-i packet:y -f pong -T 0 --json --per-call 1"},
		{"batch", packet, 1, 0, func(_, _ *testbed.Port) {},
			"-i packet:x -f ping -T 0 --json --best-effort --duration 1s -b 30 --src-mac 02:00:00:00:09:01 --dst-mac 02:00:00:00:09:02 -l 142",
			"-i packet:y -f pong -T 0 --json"},
		{"flags", packet, 1, 0, func(from, to *testbed.Port) {
			from.Flags = []string{"-a", "2,3", "-p", "2", "--dst-mac", "02:00:00:00:00:02", "--dst", "10.9.9.9", "--burn", "1us"}
			to.Flags = []string{"--clocks", "same", "-p", "2", "-a", "4,4"}
		},
			"-i packet:x -f ping -T 0 --json --best-effort --duration 1s -b 30 --dst-mac 02:00:00:00:00:02 --dst 10.9.9.9 --src-mac 02:00:00:00:09:01 -l 142 -a 2,3",
			"-i packet:y -f pong -T 0 --json -a 4,4"},
		{"nothing known", netmapped, 1, 0, func(from, to *testbed.Port) {
			from.Spec, to.Spec, from.MAC, to.MAC = "vale0:a", "vale0:b", nil, nil
		},
			"-i vale0:a -f ping -T 0 --json --best-effort --duration 1s -b 30 -l 142", "-i vale0:b -f pong -T 0 --json"},
		{"UDP", udp, 0, 0, func(_, _ *testbed.Port) {},
			"-i udp:@10.0.0.1:20007,10.0.0.2:20007 -f ping -T 0 --json --best-effort --duration 1s -b 30 -l 100 --per-call 1",
			"-i udp:@10.0.0.2:20007,10.0.0.1:20007 -f pong -T 0 --json --per-call 1"},
		{"here", udp, 1, 0, func(from, to *testbed.Port) { from.Host, to.Host = "", "" },
			"-i udp:@10.0.0.1:20007,10.0.0.2:20007 -f ping -T 0 --json --best-effort --duration 1s -b 30 -l 100 -a 5,5",
			"-i udp:@10.0.0.2:20007,10.0.0.1:20007 -f pong -T 0 --json -a 7,7"},
	} {
		r := fixture(t, "0", 1)
		r.rep.Environment.CPUs = []int{5, 7, 8}
		from, to := port("a", "packet:x", "10.0.0.1/24"), port("b", "packet:y", "10.0.0.2/24")
		from.MAC, to.MAC = mac(1), mac(2)
		c.fix(from, to)
		near, far := r.commands(testbed.Flow{From: from, To: to}, key{c.kind, c.load, c.mode})
		if n, f := strings.Join(near, " "), strings.Join(far, " "); n != c.near || f != c.far {
			t.Errorf("%s:\n%s\n%s\nwant\n%s\n%s", c.what, n, f, c.near, c.far)
		}
	}
}

// Rows over netmap are of batches alone, and nothing is compared.
func TestNetmapRows(t *testing.T) {
	o := defaults(1)
	o.Loads = "1k,0"
	r, err := newRunner(o, maker{}, "netmap:x", "netmap:y")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if r.PrintPlan(&b, true); b.String() != "netmap/1000/batch\nnetmap/full/batch\n" {
		t.Errorf("%q", b.String())
	}
	r.measure(t.Context(), new(session.Session).Begin("mirror"), func(_ context.Context, k key) (Row, error) { return row(k, 20), nil })
	r.collect()
	if len(r.rep.Rows) != 2 || r.rep.Rows[1].Mean != 20 || len(r.rep.Aims) != 0 || r.rep.ExitStatus != cli.ExitOK {
		t.Errorf("%+v", r.rep)
	}
	if u := r.found(); len(u.Cases) != 2 || len(u.Plots) != 1 || len(u.Plots[0].Series) != 2 || len(u.Plots[0].Series[0].X) != 2 {
		t.Errorf("%+v", u)
	}
}

// Ports that are not to be had are a reason to skip or to be invalid.
func TestNoPorts(t *testing.T) {
	for _, c := range []struct {
		err    error
		want   results.Verdict
		status int
	}{
		{errors.Join(errors.New("no netmap here"), testbed.ErrMissing), results.Skipped, cli.ExitShort},
		{errors.New("no link"), results.Invalid, cli.ExitFailed},
		{context.Canceled, results.Unfinished, cli.ExitFailed},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if c.err == context.Canceled {
			cancel()
		}
		r, err := newRunner(defaults(1), maker{func() (testbed.Environment, error) { return nil, c.err }}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		s := new(session.Session)
		if err := r.run(ctx, s.Begin("mirror")); err != nil {
			t.Fatal(err)
		}
		cancel()
		r.collect()
		for _, row := range r.rep.Rows {
			if row.Verdict != c.want || c.want != results.Unfinished && !strings.Contains(row.Sentence, c.err.Error()) {
				t.Errorf("%+v", row)
			}
		}
		if r.rep.ExitStatus != c.status {
			t.Errorf("status %d, want %d", r.rep.ExitStatus, c.status)
		}
	}
}
