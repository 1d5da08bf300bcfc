package harness

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/mirror"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// hosts are a lab of real sshd servers, with ports that are joined.
type hosts struct {
	*sshtest.Lab
	servers []*sshtest.Server
	known   string // file of host keys
}

func newHosts(t *testing.T, names ...string) *hosts {
	t.Helper()
	h := &hosts{Lab: sshtest.New(t)}
	for _, name := range names {
		h.servers = append(h.servers, h.Serve(name, ""))
	}
	h.known = h.KnownHosts(h.servers...)
	return h
}

// join joins two namespaces by a veth pair of these names.
func join(t *testing.T, a *netlab.NS, nameA string, b *netlab.NS, nameB string) {
	t.Helper()
	if _, err := netlab.NewPair(a, b, &netlab.PairOptions{NameA: nameA, NameB: nameB}); err != nil {
		t.Fatal(err)
	}
}

// bridge makes a namespace's interfaces ports of a bridge that says nothing.
func bridge(t *testing.T, ns *netlab.NS, names ...string) {
	t.Helper()
	if err := ns.Bridge(names...); err != nil {
		t.Fatal(err)
	}
}

// write writes a lab file; more is a part of its key ssh.
func (h *hosts) write(t *testing.T, more, text string) string {
	t.Helper()
	head := fmt.Sprintf("environment: ssh\nssh: {config: none, agent: none, known_hosts: %q, identities: %q%s}\n", h.known, h.Identity, more)
	for _, s := range h.servers {
		text = strings.ReplaceAll(text, "@"+filepath.Base(s.Dir), "root@"+s.Address)
	}
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte(head+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const twoHosts = `
nodes:
  gen: {role: tg, host: "@gen", ports: {a: {interface: p1, spec: "packet:%"}}}
  sink: {role: tg, host: "@sink", ports: {a: {interface: p2, spec: "packet:%", cpus: 0}}}
links: [[gen.a, sink.a]]
`

// two are a generator and a receiver that are joined.
func two(t *testing.T) *hosts {
	t.Helper()
	h := newHosts(t, "gen", "sink")
	join(t, h.servers[0].NS, "p1", h.servers[1].NS, "p2")
	return h
}

// start starts hw-test as the controller.
func (h *hosts) start(t *testing.T, args ...string) *hwtest {
	t.Helper()
	c := command(t, args...)
	c.startBy(h.Here.Start)
	return c
}

// slow are flags of RFC 2544's suites that are over soon and content with a busy
// machine.
var slow = []string{"--sizes=64", "--max-rate=500", "--min-rate=100", "--width=20", "--confirm=1", "--duration=300ms", "--initial=300ms", "--settle=200ms", "--rate-tolerance=30", "--stall=1s"}

// quiet holds that nothing runs on the hosts any more.
func (h *hosts) quiet(t *testing.T) {
	t.Helper()
	eventually(t, "nothing runs on the hosts", func() bool {
		return !slices.ContainsFunc(h.servers, func(s *sshtest.Server) bool { return len(s.Processes()) > 0 })
	})
}

// passes runs until no case is invalid, as busy machines are no fault of
// the suites'.
func (h *hosts) passes(t *testing.T, args ...string) (s *results.Session) {
	t.Helper()
	unlessBusy(t, func() bool {
		s = sessionOf(t, h.start(t, append(args, "--json", "--results="+t.TempDir())...))
		for _, u := range s.Suites {
			for _, c := range u.Cases {
				if c.Verdict == results.Invalid || c.Verdict == results.Limited {
					return true
				}
			}
		}
		return false
	})
	h.quiet(t)
	for _, u := range s.Suites {
		for _, c := range u.Cases {
			if c.Verdict != results.Passed {
				t.Errorf("%s %s: %s: %s", u.Name, c.Name, c.Verdict, c.Sentence)
			}
		}
	}
	return s
}

// mirrors runs the mirror over a lab, by AF_PACKET: its ports have no addresses.
func (h *hosts) mirrors(t *testing.T, file string) {
	t.Helper()
	unlessBusy(t, func() (busy bool) {
		var rep mirror.Report
		c := h.start(t, "mirror", "--lab="+file, "--loads=1k", "--seconds=200ms", "--rounds=1", "--json", "--results=none")
		out, status := c.end()
		if err := json.Unmarshal([]byte(out), &rep); err != nil || len(rep.Rows) != 2 || rep.ExitStatus != status {
			t.Fatalf("status %d, %v: %s\n%s", status, err, out, c.stderr.String())
		}
		t.Logf("%s", c.stderr.String())
		for _, row := range rep.Rows {
			if row.Verdict == results.Limited || row.Lost > 0 {
				return true
			}
			if row.Verdict != results.Passed || row.Port != "packet" || row.Received == 0 || row.Calls == 0 {
				t.Errorf("%+v", row)
			}
		}
		return false
	})
	h.quiet(t)
}

// TestTwoHosts runs suites over a lab of two.
func TestTwoHosts(t *testing.T) {
	h := two(t)
	file := h.write(t, "", twoHosts)
	s := h.passes(t, append([]string{"run", "self", "throughput", "--lab=" + file, "--quick"}, slow...)...)
	if len(s.Suites) != 2 || len(s.Hosts) != 2 {
		t.Fatalf("%+v", s)
	}
	h.mirrors(t, file)
	gen := s.Hosts[0]
	if gen.Name != "root@10.9.1.2" || gen.CPUs == 0 || gen.Clock.Within <= 0 || gen.Clock.Ahead.Abs() > gen.Clock.Within {
		t.Errorf("%+v: one kernel has one clock", gen)
	}
	if s.Preflight.Ports[1].Interface != "p2" || s.Preflight.Ports[1].Host != "root@10.9.2.2" {
		t.Errorf("%+v", s.Preflight.Ports)
	}
	if e := s.Suites[1].Environment; e.Kind != "ssh" || !strings.Contains(e.What, "rcv on packet:p2 of root@10.9.2.2: gen.a → sink.a") {
		t.Errorf("%+v", e)
	}
}

// TestThreeHosts has a device that is a host, too, and then two generators at
// once through a device of its own.
func TestThreeHosts(t *testing.T) {
	h := newHosts(t, "gen", "hop", "sink")
	gen, hop, sink := h.servers[0], h.servers[1], h.servers[2]
	join(t, gen.NS, "p1", hop.NS, "in")
	join(t, hop.NS, "out", sink.NS, "p2")
	bridge(t, hop.NS, "in", "out")
	file := h.write(t, "", `
nodes:
  gen: {role: tg, host: "@gen", ports: {a: {interface: p1, spec: "packet:%"}}}
  hop: {role: dut, host: "@hop", ports: {in: {interface: in}, out: {interface: out}}}
  sink: {role: tg, host: "@sink", ports: {a: {interface: p2, spec: "packet:%"}}}
links: [[gen.a, hop.in], [hop.out, sink.a]]
`)
	s := h.passes(t, append([]string{"run", "self", "throughput", "--lab=" + file, "--quick"}, slow...)...)
	if len(s.Suites) != 2 || len(s.Hosts) != 3 {
		t.Fatalf("%+v", s)
	}
	h.mirrors(t, file)

	device := testnet.NS(t)
	for i, s := range h.servers {
		join(t, s.NS, "q", device, fmt.Sprint("d", i))
	}
	bridge(t, device, "d0", "d1", "d2")
	file = h.write(t, "", `
nodes:
  gen: {role: tg, host: "@gen", ports: {q: {interface: q, spec: "packet:%"}}}
  hop: {role: tg, host: "@hop", ports: {q: {interface: q, spec: "packet:%"}}}
  sink: {role: tg, host: "@sink", ports: {q: {interface: q, spec: "packet:%"}}}
  dev: {role: dut, ports: {d0: , d1: , d2: }}
links: [[gen.q, dev.d0], [hop.q, dev.d1], [sink.q, dev.d2]]
paths: [[gen.q, dev.d0, dev.d2, sink.q], [hop.q, dev.d1, dev.d2, sink.q]]
`)
	s = h.passes(t, append([]string{"run", "throughput", "--lab=" + file, "--path=all"}, slow...)...)
	if e := s.Suites[0].Environment; !strings.Contains(e.What, "2 generators") {
		t.Errorf("%+v", e)
	}
}
