package place

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

// TestOver has a device under test of which one interface is on this host.
func TestOver(t *testing.T) {
	l, err := lab.Parse("x.yaml", []byte(`environment: local
nodes:
  gen: {role: tg, ports: {a: {interface: e1, cpus: 2-3}, b: {interface: e2}}}
  dev: {role: dut, ports: {in: {interface: e3}, out: }}
links: [[gen.a, dev.in], [dev.out, gen.b]]
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := choose(l.Paths(), "gen.b")
	if err != nil {
		t.Fatal(err)
	}
	here := new(testbed.Here)
	ways, err := over(l, p, func(*lab.Node) testbed.Host { return here })
	if err != nil || len(ways) != 1 {
		t.Fatalf("%v, %+v", err, ways)
	}
	if w := ways[0]; w.From.Spec != "e2" || !slices.Equal(w.To.CPUs, []int{2, 3}) || len(w.Via) != 1 || w.Via[0].Interface != "e3" || w.Via[0].Role != "hop out" {
		t.Errorf("%+v", w)
	}
	o := testbed.PortOptions{Kind: "local", Ways: ways}
	if d := o.Describe(); d.Kind != "local" || !strings.HasSuffix(d.What, "rcv on e1 of this host: gen.b → dev.out ⇒ dev.in → gen.a") {
		t.Errorf("%+v", d)
	}
	var specs []string
	for _, port := range portsOf(l, p) {
		specs = append(specs, port.Spec)
	}
	if got := strings.Join(specs, " "); got != "e2 e3 e1" {
		t.Error(got)
	}
}

// TestLookCommand names the lab file where that has ports to look at.
func TestLookCommand(t *testing.T) {
	w := &Where{lab: &lab.Lab{File: "my lab.yaml", Environment: lab.SSH}}
	if got := w.LookCommand(); got != "hw-test preflight --lab 'my lab.yaml'" {
		t.Error(got)
	}
	w.lab.Environment = lab.Veth // which has no ports here
	if got := w.LookCommand(); got != "hw-test preflight" {
		t.Error(got)
	}
}

// TestFind: a port where several paths end does not say which of them is meant.
func TestFind(t *testing.T) {
	paths := []lab.Path{{From: "a.1", To: "c.1"}, {From: "b.1", To: "c.1"}, {From: "c.2", To: "a.1"}}
	for name, want := range map[string]string{"1": "a.1 → c.1", "b.1": "b.1 → c.1", "c.2": "c.2 → a.1", "a.1": "a.1 → c.1", "c.1": "", "4": "", "x": ""} {
		p, found := find(paths, name)
		if got := p.String(); found != (want != "") || found && got != want {
			t.Errorf("%s: %s, want %q", name, got, want)
		}
	}
	if _, err := choose(paths, "all"); err != nil {
		t.Error(err)
	}
	if err := apart(paths); err == nil {
		t.Error("a.1 would send and receive at once")
	}
}
