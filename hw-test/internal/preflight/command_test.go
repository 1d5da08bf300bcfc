package preflight

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// hwTest runs the subcommand and returns its status and standard output.
func hwTest(args ...string) (status int, out string, err error) {
	cmd := Command(&status, nil)
	var b bytes.Buffer
	cmd.SetOut(&b)
	cmd.SetErr(&b)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	if err = cmd.Execute(); err != nil {
		status = cli.Status(err)
	}
	return status, b.String(), err
}

func TestCommand(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux's")
	}
	status, out, err := hwTest("packet:lo", "--json", "--cpus", "0")
	var r Report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if want := map[bool]int{true: cli.ExitOK, false: cli.ExitShort}[r.Err() == nil]; err != nil || status != want || len(r.Checks) < 20 || r.Kernel == "" {
		t.Errorf("status %d, %v, %+v", status, err, r)
	}
	status, out, err = hwTest("packet:nosuch0")
	if err != nil || status != cli.ExitShort || !strings.Contains(out, "FAIL  link") || !strings.Contains(out, `no interface "nosuch0" here`) {
		t.Errorf("status %d, %v, %s", status, err, out)
	}
	if status, out, err = hwTest(); err != nil || status == cli.ExitShort && !strings.Contains(out, "FAIL") || strings.Contains(out, "WARN  link") || !strings.HasPrefix(out, "host: Linux") {
		t.Errorf("status %d, %v, %s", status, err, out)
	}
}

func TestUsage(t *testing.T) {
	veth, vm := filepath.Join(t.TempDir(), "veth.yaml"), filepath.Join(t.TempDir(), "vm.yaml")
	for name, text := range map[string]string{veth: "environment: veth\n", vm: `{environment: vm, vm: {netmap: build, nics: 1},
nodes: {g: {role: tg, ports: {a: {interface: eth0}, b: {interface: eth1}}}}, links: [[g.a, g.b]]}`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args string
		says string
	}{
		{"--cpus 0-1", "--cpus goes with one port"},
		{"--cpus 0-1 a b", "--cpus goes with one port"},
		{"--cpus x a", `--cpus: "x" is no list`},
		{"--restore --fix", "--restore goes with no other flag"},
		{"--lab " + veth, "a lab of environment veth has no ports here"},
		{"--lab " + vm, "the ports of environment vm are not on this host; for a machine: hw-test vm"},
	} {
		status, _, err := hwTest(strings.Fields(c.args)...)
		if status != cli.ExitUsage || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: status %d, %v", c.args, status, err)
		}
	}
	if status, _, err := hwTest("--lab", "nosuch.yaml"); status != cli.ExitFailed || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("status %d, %v", status, err)
	}
}

// The ports of a lab file that are on this host: not those of a device of its
// own.
func TestOf(t *testing.T) {
	l, err := lab.Parse("lab.yaml", []byte(`environment: local
nodes:
  g: {role: tg, ports: {a: {interface: eth1, spec: "netmap:%-0", cpus: 2-3}, b: {spec: "udp:@10.0.0.1:7"}}}
  d: {role: dut, ports: {x: , y: {interface: eth2}}}
links: [[g.a, d.x], [d.y, g.b]]
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Port{{Spec: "netmap:eth1-0", Interface: "eth1", CPUs: []int{2, 3}}, {Spec: "udp:@10.0.0.1:7"}, {Spec: "eth2", Interface: "eth2"}}
	if got := Of(l); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Text is wrapped, commands are not.
func TestPrint(t *testing.T) {
	long := strings.TrimSpace(strings.Repeat("word ", 60))
	r := Report{
		Kernel: "6.1", Ports: []Port{{Spec: "netmap:eth0", Interface: "eth0"}},
		Checks: []Check{
			{Name: "pause", Port: "eth0", Verdict: Fail, Found: "rx on", Want: "rx off", Why: long, Do: []string{"ethtool " + long}},
			{Name: "numa", Port: "eth0", Verdict: Skipped, Why: "no"},
			{Name: "pcie", Port: "eth0", Verdict: Skipped, Why: "no"},
			{Name: "clock", Verdict: Pass, Found: "tsc", Do: []string{"not shown"}},
		},
		Fixed: []Setting{{What: "irq", Name: "9", Port: "eth0", Was: "0", Set: "1"}}, Notes: []string{long},
	}
	var b bytes.Buffer
	r.Print(&b)
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 && !strings.Contains(line, "→") || strings.HasSuffix(line, " \n") {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	for _, want := range []string{
		"eth0: opened as netmap:eth0\n  FAIL  pause          rx on; wanted: rx off\n                       word",
		"                       → ethtool word word",
		"  skip  numa, pcie: no\nhost: Linux 6.1\n  pass  clock          tsc\n",
		"changed: eth0 irq 9: 1, was 0\nnot changed: word",
		"1 fail, 0 warn, 1 pass, 2 skipped\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "not shown") {
		t.Error("a passed check says what to do")
	}
}

func TestHelpFits(t *testing.T) {
	for line := range strings.Lines(about + "\n" + example + Command(new(int), nil).UsageString()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
