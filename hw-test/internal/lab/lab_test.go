package lab

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const good = `environment: local
nodes:
  gen: {role: tg, ports: {a: {interface: eth1, spec: "netmap:%-0", cpus: 2-3}, b: {pci: "03:00.1"}}}
  dev: {role: dut, ports: {in: , out: {mac: 90-E2-BA-00-00-01}}}
links: [[gen.a, dev.in], [dev.out, gen.b]]
`

func TestExample(t *testing.T) {
	l, err := Load("../../lab.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, p := range l.Paths() {
		paths = append(paths, p.String())
	}
	if want := []string{"gen.left → router.in ⇒ router.out → gen.right"}; !slices.Equal(paths, want) {
		t.Errorf("paths %q, want %q", paths, want)
	}
	if _, p := l.Port("gen.left"); p == nil || p.PCI != "0000:03:00.0" || p.Spec != "netmap:%" || !slices.Equal(p.CPUs, []int{2, 3}) {
		t.Errorf("gen.left is %+v", p)
	}
}

// Every key of the schema is in the example, if only in a comment.
func TestExampleIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../lab.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"environment", "vm", "netmap", "kernel", "nics", "ssh", "config", "known_hosts", "identities", "agent", "cache_dir", "binaries", "timeout", "silence",
		"nodes", "role", "host", "jump", "ports", "interface", "pci", "mac", "spec", "cpus", "links", "paths"} {
		if !bytes.Contains(text, []byte(key+":")) && !bytes.Contains(text, []byte("#   "+key+" ")) {
			t.Errorf("%s is not in the example", key)
		}
	}
}

func TestParse(t *testing.T) {
	l, err := Parse("x/lab.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if _, p := l.Port("gen.a"); p.Open() != "netmap:eth1-0" || p.PCI != "" {
		t.Errorf("gen.a is %+v", p)
	}
	if _, p := l.Port("gen.b"); p.PCI != "0000:03:00.1" || p.Spec != "%" {
		t.Errorf("gen.b is %+v", p)
	}
	if _, p := l.Port("dev.out"); p.MAC != "90:e2:ba:00:00:01" {
		t.Errorf("dev.out is %+v", p)
	}
	vm, err := Parse("x/lab.yaml", []byte(`{environment: vm, vm: {netmap: build, kernel: /boot/k, nics: 1},
nodes: {g: {role: tg, ports: {a: {interface: eth0, cpus: ["0", 2-3]}, b: {interface: eth1}}}}, links: [[g.a, g.b]]}`))
	if err != nil {
		t.Fatal(err)
	}
	if m := *vm.Machine; m != (Machine{Netmap: "x/build", Kernel: "/boot/k", NICs: 1}) {
		t.Errorf("the machine is %+v", m)
	}
	if _, err := Parse("l", []byte("environment: veth")); err != nil {
		t.Error(err)
	}
}

// change replaces a part of the good file.
func change(t *testing.T, old, new string) string {
	t.Helper()
	if !strings.Contains(good, old) {
		t.Fatalf("%q is not in the file", old)
	}
	return strings.Replace(good, old, new, 1)
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "lab.yaml: the file is empty"},
		{"a: [", "this is no YAML"},
		{"environment: veth\n---\nenvironment: veth", "this is no YAML"},
		{"- x", "lab.yaml:1:1: a lab file is a list"},
		{change(t, "links", "link"), `lab.yaml:5:1: unknown key "link"; a lab file has environment, vm, ssh, nodes, links and paths`},
		{change(t, "cpus", "cpu"), `lab.yaml:3:68: unknown key "cpu"; port gen.a has interface, pci, mac, spec and cpus`},
		{change(t, "role: tg", "role: generator"), `lab.yaml:3:15: role "generator" is neither`},
		{change(t, "role: tg, ", ""), "lab.yaml:3:3: node gen has no role"},
		{change(t, "interface: eth1, ", ""), "lab.yaml:3:27: port gen.a does not say which interface it is: give one of interface, pci and mac"},
		{change(t, "interface: eth1", "interface: eth1, mac: 90-E2-BA-00-00-02"), "port gen.a says which interface it is in 2 ways: give one of interface, pci and mac"},
		{change(t, "interface: eth1", "interface: eth/1"), "no interface is called"},
		{change(t, "03:00.1", "3:0.1"), `"3:0.1" is no PCI address`},
		{change(t, "90-E2-BA-00-00-01", "90-E2"), `"90-E2" is no MAC address`},
		{change(t, "netmap:%-0", "netmap:%/Q"), "lab.yaml:3:54: "},
		{change(t, "netmap:%-0", "ether:%"), `spec "ether:%" is none of`},
		{change(t, "cpus: 2-3", "cpus: 3-2"), `the value "3-2" is no list of CPUs`},
		{change(t, "cpus: 2-3", "cpus: [2-3, 3]"), "CPU 3 is there twice"},
		{change(t, "cpus: 2-3", "cpus: 0-99999999999"), "is no list of CPUs"},
		{change(t, "cpus: 2-3", `cpus: "`+strings.Repeat("0-8191,", 100_000)+`1"`), "is no list of CPUs"},
		{change(t, "[dev.out, gen.b]", "[dev.out]"), "lab.yaml:5:26: a link has two ends"},
		{change(t, "[dev.out, gen.b]", "[dev.out, gen.c]"), `ends at "gen.c", and there is no such port`},
		{change(t, "[dev.out, gen.b]", "[dev.out, gen.a]"), "port gen.a has two links"},
		{change(t, "[dev.out, gen.b]", "[gen.b, gen.b]"), "a link joins gen.b with itself"},
		{change(t, ", [dev.out, gen.b]", ""), "lab.yaml:5:9: the path from gen.a ends in node dev"},
		{change(t, "environment: local\n", ""), "the file has no environment"},
		{change(t, "local", "cloud"), `environment "cloud" is none of`},
		{change(t, "local", "veth"), "environment veth makes its own nodes"},
		{change(t, "local\n", "local\nvm: {}\n"), "key vm is for environment vm"},
		{change(t, "local\n", "local\nssh: {}\n"), "key ssh is for environment ssh, and this is local"},
		{change(t, "role: tg", "role: tg, host: gen1"), "lab.yaml:3:25: node gen has host or jump, which are for environment ssh, and this is local"},
		{change(t, "role: tg", "role: tg, jump: none"), "node gen has host or jump"},
		{change(t, "spec", "password: x, spec"), `unknown key "password"; a lab file has no place for secrets: log in by a key`},
		{change(t, "local\n", "local\nenvironment: local\n"), `lab.yaml:2:1: key "environment" is there twice; the first one is in line 1`},
		{change(t, "local", "vm\nvm: {nics: 9}"), "lab.yaml:2:12: nics is a number"},
		{change(t, "gen: {role: tg", "gen: &x {role: tg"), "lab.yaml:3:8: anchors (&) and aliases (*) are not for lab files"},
		{change(t, "gen: ", "g.n: "), "a node cannot be called"},
		{change(t, "a: {interface: eth1", "a: {interface: &x eth1"), "anchors (&)"},
		{change(t, "{pci: \"03:00.1\"}", "{interface: eth1}"), "lab.yaml:3:80: port gen.b is eth1, and so is gen.a"},
		{"environment: local", "environment local needs nodes"},
		{"environment: local\nnodes: {d: {role: dut, ports: {a: , b: }}}\nlinks: [[d.a, d.b]]", "no link ends at a tg"},
		{strings.Repeat("[", 1000), "this is no YAML"},
	} {
		_, err := Parse("lab.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q:\n got %v\nwant %s", c.text, err, c.says)
		}
		if _, ok := errors.AsType[*Error](err); err != nil && !ok {
			t.Errorf("%v is no *Error", err)
		}
	}
}

// Three ports of one DUT are not clear.
func TestUnclear(t *testing.T) {
	_, err := Parse("l", []byte(`environment: local
nodes:
  g: {role: tg, ports: {a: {interface: e0}, b: {interface: e1}, c: {interface: e2}}}
  d: {role: dut, ports: {a: , b: , c: }}
links: [[g.a, d.a], [g.b, d.b], [g.c, d.c]]
`))
	if err == nil || !strings.Contains(err.Error(), "node d has 3 linked ports; say which way frames go, like paths: [[g.a, d.a, d.b, …]]") {
		t.Error(err)
	}
}

// All that is wrong is named, in the order of the file.
func TestAllErrors(t *testing.T) {
	_, err := Parse("l", []byte("environment: x\nnodez: 1\nvm: {nics: many}\n"))
	if err == nil {
		t.Fatal("no error")
	}
	var places []string
	for line := range strings.Lines(err.Error()) {
		places = append(places, line[:strings.Index(line, " ")])
	}
	if want := []string{"l:1:14:", "l:2:1:", "l:3:12:"}; !slices.Equal(places, want) {
		t.Errorf("places %v, want %v", places, want)
	}
}

func TestTooLong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "long.yaml")
	if err := os.WriteFile(file, bytes.Repeat([]byte("#"), mostBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(file); err == nil || !strings.Contains(err.Error(), "at most 1048576") {
		t.Error(err)
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// FuzzParse holds that no text panics, or takes memory out of proportion; the
// limit on that is from outside (ulimit -v).
func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("../../lab.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(example)
	f.Add([]byte(good))
	f.Add([]byte(hosts))
	f.Add([]byte("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c]"))
	f.Add([]byte("nodes: &n {a: *n}"))
	f.Add([]byte("<<: [{a: 1}, {b: 2}]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := Parse("f", text)
		if err == nil {
			l.Paths()
			l.Hosts()
			l.SSH.Remote()
			l.print(&bytes.Buffer{})
			return
		}
		if l != nil || err.Error() == "" {
			t.Errorf("%v, %v", l, err)
		}
	})
}
