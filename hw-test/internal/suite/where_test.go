package suite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// options parses the flags of a throughput suite as a user gives them.
func options(t *testing.T, args ...string) (*Options, *pflag.FlagSet, error) {
	t.Helper()
	o := new(Options)
	fs := pflag.NewFlagSet(throughputName, pflag.ContinueOnError)
	o.Flags(fs, throughputName)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return o, fs, o.complete(fs)
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lab.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

const machines = `environment: vm
vm: {netmap: nm, nics: 2}
nodes:
  gen: {role: tg, ports: {a: {interface: eth0, spec: "netmap:%", cpus: 1}, b: {interface: eth1, spec: "packet:%", cpus: 0-1}, c: {spec: "vale0:it's"}, d: {spec: "vale0:d"}}}
links: [[gen.a, gen.b], [gen.c, gen.d]]
`

func TestWhere(t *testing.T) {
	vm := write(t, machines)
	for _, c := range []struct {
		args  string
		env   string
		from  string
		to    string
		wrong string // a part of the error
	}{
		{args: "", env: envVethDUT},
		{args: "--env veth", env: envVeth},
		{args: "--ports netmap:eth0,vb", env: envLocal, from: "netmap:eth0", to: "vb"},
		{args: "--ports netmap:eth0-1@conf:slots=64,rings=2,packet:va --reverse", env: envLocal, from: "packet:va", to: "netmap:eth0-1@conf:slots=64,rings=2"},
		{args: "--env local --ports va,vb --cpus 2-3/ --src 10.0.0.1 --dst 10.1.0.1-10.1.0.9 --dst-mac 02:00:00:00:00:09", env: envLocal, from: "va", to: "vb"},
		{args: "--lab " + vm + " --path 1", env: envVM, from: "netmap:eth0", to: "packet:eth1"},
		{args: "--lab " + vm + " --path gen.b --max-rate 50%", env: envVM, from: "packet:eth1", to: "netmap:eth0"},
		{args: "--lab " + vm + " --path gen.d --reverse", env: envVM, from: "vale0:it's", to: "vale0:d"},
		{args: "--lab " + write(t, "environment: veth\n"), env: envVethDUT},

		{args: "--lab " + vm, wrong: "2 paths: say which by --path, its number or the port it begins at:\n  1  gen.a → gen.b\n  2  gen.c → gen.d"},
		{args: "--lab " + vm + " --path 3", wrong: `no path "3"; it has:`},
		{args: "--lab " + vm + " --path 1 --env local", wrong: "of environment vm"},
		{args: "--lab " + vm + " --ports a,b", wrong: "both say which ports"},
		{args: "--lab " + vm + " --path 1 --tbf 1Mbps", wrong: "--tbf is of what hw-test makes itself"},
		{args: "--lab " + vm + " --path 1 --cpus 1/2", wrong: "--cpus goes with --ports"},
		{args: "--lab /none", wrong: "cannot be read"},
		{args: "--ports va,vb --own-tbf 1Mbps", wrong: "--own-tbf is of"},
		{args: "--ports va,vb --env veth", wrong: "of environment local"},
		{args: "--ports va,vb --cpus 2-3", wrong: "not the CPUs of both"},
		{args: "--ports va,vb --src x", wrong: "--src: "},
		{args: "--ports lo,vb --max-rate 50%", wrong: "lo has no link speed"},
		{args: "--ports va", wrong: "not two ports"},
		{args: "--ports va,va", wrong: "is both"},
		{args: "--ports va,udp:1.2.3.4:5", wrong: "none of packet:eth0"},
		{args: "--ports pcap:a,vb", wrong: "none of packet:eth0"},
		{args: "--ports netmap:a/x,vb", wrong: "exclusive"},
		{args: "--path 1", wrong: "give --lab, too"},
		{args: "--reverse", wrong: "--reverse needs ports"},
		{args: "--in-machine x", wrong: "--in-machine goes with the two --ports"},
		{args: "--env vm", wrong: "--env vm: say which ports: --lab FILE"},
		{args: "--env local", wrong: "--lab FILE, or --ports"},
		{args: "--env x", wrong: "none of veth-dut, veth, local, ssh and vm"},
		{args: "--max-rate 50%", wrong: "no line rate"},
		{args: "--sizes 64,1518 --max-rate 500 --min-rate 1000", wrong: "--min-rate is above --max-rate: 1.000 Kpps and 500.000 pps with frames of 64 bytes"},
		{args: "--sizes 64,1518 --max-rate 1Mbps --min-rate 1000", wrong: "with frames of 1518 bytes"},
	} {
		o, _, err := options(t, strings.Fields(c.args)...)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: %v, want %q", c.args, err, c.wrong)
			}
			continue
		}
		if err != nil || o.Env != c.env {
			t.Errorf("%s: %v, env %s", c.args, err, o.Env)
			continue
		}
		if ways := o.Where.Ways(); c.from != "" && (len(ways) != 1 || ways[0].From.Spec != c.from || ways[0].To.Spec != c.to) {
			t.Errorf("%s: %+v", c.args, ways)
		}
	}
}

// TestScript is the command line in the machine.
func TestScript(t *testing.T) {
	vm := write(t, machines)
	for _, c := range []struct{ args, base, want string }{
		{"--path 1 --sizes 64,imix --json --force", results.NoDir,
			`link up eth0 eth1 && link wait eth0 eth1 && 'hw-test' 'throughput' '--force' '--sizes=64,imix' '--ports=netmap:eth0,packet:eth1' '--in-machine=gen.a → gen.b' '--cpus=1/0-1' '--json'`},
		{"--path 2 --json --results /x --link-wait 0", "/x",
			`'hw-test' 'throughput' '--ports=vale0:it'\''s,vale0:d' '--in-machine=gen.c → gen.d' '--results=-'`},
	} {
		o, fs, err := options(t, append(strings.Fields(c.args), "--lab", vm)...)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := newReport(throughputName, o)
		if err != nil {
			t.Fatal(err)
		}
		j := &job{Options: o, Report: rep}
		if got := j.script(bench.Given(throughputName, fs)[1:], c.base); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.args, got, c.want)
		}
	}
	if d := machineTime(time.Minute); d != 10*time.Minute {
		t.Error(d)
	}
}

func TestMachineRefuses(t *testing.T) {
	o, fs, err := options(t, "--lab", write(t, machines), "--path=1", "--metrics=:0")
	if err != nil {
		t.Fatal(err)
	}
	rep, err := newReport(throughputName, o)
	if err != nil {
		t.Fatal(err)
	}
	b := &job{Options: o, Report: rep}
	if _, err := b.machine(t.Context(), bench.Given(throughputName, fs)[1:], nil, nil); cli.Status(err) != cli.ExitUsage {
		t.Error(err)
	}
	// The directory of the modules is missing: no machine, and nothing is left.
	o.Session.Metrics, o.Session.Results = "", t.TempDir()
	status, err := b.machine(t.Context(), nil, nil, nil)
	if list, _ := os.ReadDir(o.Session.Results); err == nil || status != 0 || cli.Status(err) != cli.ExitFailed || len(list) != 0 {
		t.Errorf("status %d, %v, left %v", status, err, list)
	}
}
