package mirror

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/place"
)

// twoPaths is a lab of hosts that nobody connects to.
const twoPaths = `environment: ssh
nodes:
  gen1: {role: tg, host: gen1, ports: {a: {interface: eth1, spec: "packet:%"}}}
  gen2: {role: tg, host: gen2, ports: {a: {interface: eth1, spec: "packet:%"}}}
  sink: {role: tg, host: sink, ports: {a: {interface: eth1, spec: "packet:%"}, b: {interface: eth2, spec: "packet:%"}}}
links: [[gen1.a, sink.a], [gen2.a, sink.b]]
`

const oneHost = `environment: local
nodes: {gen: {role: tg, ports: {a: {spec: "packet:nosuch0"}, b: {spec: "packet:nosuch1"}}}}
links: [[gen.a, gen.b]]
`

// The plan has what can be known before a port is open, and says what cannot.
func TestPlan(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte(twoPaths), 0o644); err != nil {
		t.Fatal(err)
	}
	local := filepath.Join(t.TempDir(), "local.yaml")
	if err := os.WriteFile(local, []byte(oneHost), 0o644); err != nil {
		t.Fatal(err)
	}
	status := 0
	plan := func(args ...string) (string, error) {
		cmd := Command(&status)
		var out strings.Builder
		cmd.SetArgs(append(args, "--dry-run", "--loads", "1k"))
		cmd.SetOut(&out)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		err := cmd.Execute()
		return out.String(), err
	}
	const packets = "packet/1000/one: 3 × 1 s\npacket/1000/batch: 3 × 1 s\n"
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--lab", file, "--path", "gen1.a"}, "udp/1000/one: 3 × 1 s, if the ports' addresses allow it\nudp/1000/batch: 3 × 1 s, if the ports' addresses allow it\n" +
			packets + "About 13 s in all, 7 s without udp.\n"},
		{[]string{"--lab", file, "--path", "gen1.a", "--ports", "udp"}, "udp/1000/one: 3 × 1 s\nudp/1000/batch: 3 × 1 s\nAbout 7 s in all.\n"},
		{[]string{}, "udp/1000/one: 3 × 1 s\nudp/1000/batch: 3 × 1 s\n" + packets + "About 13 s in all.\n"},
		// One host's kernel would hand messages over by itself.
		{[]string{"--lab", local}, packets + "About 7 s in all.\n"},
	} {
		if got, err := plan(c.args...); err != nil || got != c.want {
			t.Errorf("%q: %v\n%swant\n%s", c.args, err, got, c.want)
		}
	}
	want := "--path: the mirror is at the end of one path, not of 2: name one path"
	if _, err := plan("--lab", file, "--path", "all"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	w := &place.Where{LabFile: file, Path: "all"}
	if _, err := w.Complete(pflag.NewFlagSet("", pflag.ContinueOnError)); err != nil {
		t.Fatal(err)
	}
	if _, err := Over(1, w); err == nil || err.Error() != want+", or leave mirror out" {
		t.Errorf("%v, want %s, or leave mirror out", err, want)
	}
	w = &place.Where{LabFile: file, Path: "gen2.a"}
	if _, err := w.Complete(pflag.NewFlagSet("", pflag.ContinueOnError)); err != nil {
		t.Fatal(err)
	}
	want = "pktgen -f ping on packet:gen2.a and pktgen -f pong on packet:sink.b: gen2.a → sink.b"
	if d := (path{w}).Describe(); d.What != want || d.Kind != "ssh" {
		t.Errorf("%+v, want %s", d, want)
	}
}
