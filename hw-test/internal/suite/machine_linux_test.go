package suite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// TestMachine runs a suite on the real netmap: a pair of e1000 of a virtual
// machine, whose results come out. RINGWALK_NETMAP is a directory of
// scripts/build-netmap.sh. What is emulated is slow and uneven, so that only
// what a trial counted is held to something.
func TestMachine(t *testing.T) {
	netmap := os.Getenv("RINGWALK_NETMAP")
	if netmap == "" {
		t.Skip("RINGWALK_NETMAP is not set")
	}
	netmap, err := filepath.Abs(netmap)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	binary := filepath.Join(dir, "hw-test")
	build := exec.Command("go", "build", "-o", binary, "github.com/ringwalk/ringwalk/hw-test")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lab := write(t, fmt.Sprintf(`environment: vm
vm: {netmap: %q, nics: 1}
nodes:
  gen: {role: tg, ports: {a: {interface: eth0, spec: "netmap:%%", cpus: 0}, b: {interface: eth1, spec: "netmap:%%"}}}
links: [[gen.a, gen.b]]
`, netmap))
	cmd := exec.Command(binary, "loss", "--lab", lab, "--reverse", "--sizes=64", "--max-rate=100", "--duration=500ms", "--settle=200ms",
		"--rate-tolerance=50", "--stall=10s", "--results="+dir+"/results")
	out, err := cmd.CombinedOutput()
	t.Logf("%v\n%s", err, out)
	found, err := filepath.Glob(dir + "/results/*-loss/lab.yaml")
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	s, err := results.Load(filepath.Dir(found[0]))
	if err != nil {
		t.Fatal(err)
	}
	c := s.Suites[0].Cases[0]
	if s.Suites[0].Environment.Kind != "vm" || len(c.Trials) < 2 || c.Verdict == results.Skipped {
		t.Errorf("%+v, %+v", s.Suites[0], c)
	}
	for _, name := range c.Trials {
		if _, err := os.Stat(filepath.Join(filepath.Dir(found[0]), name)); err != nil {
			t.Error(err)
		}
	}
}
