package qdiscs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// run plays hw-test qdisc in a namespace.
func run(t *testing.T, ns *netlab.NS, args ...string) (out string, err error) {
	t.Helper()
	cmd := Command()
	var b bytes.Buffer
	cmd.SetOut(&b)
	cmd.SetErr(&b)
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if derr := ns.Do(func() error { err = cmd.Execute(); return nil }); derr != nil {
		t.Fatal(derr)
	}
	return b.String(), err
}

// tc runs a line in a namespace; missing tells whether the kernel lacks the
// kind of qdisc it is about.
func tc(t *testing.T, ns *netlab.NS, line string) (out []byte, missing bool) {
	t.Helper()
	words := strings.Fields(line)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(testnet.NeedTool(t, words[0]), words[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := ns.Start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if missing = strings.Contains(stderr.String(), "qdisc kind is unknown"); err != nil && !missing {
		t.Fatalf("%s: %v: %s", line, err, stderr.String())
	}
	return stdout.Bytes(), missing
}

// fresh gives the test a journal of its own.
func fresh(t *testing.T) { t.Setenv("RINGWALK_RUN", t.TempDir()) }

type shown struct {
	Kind    string         `json:"kind"`
	Handle  string         `json:"handle"`
	Parent  string         `json:"parent"`
	Root    bool           `json:"root"`
	Options map[string]any `json:"options"`
}

// iproute2's tc shows the same: kinds, handles, parents and options.
func TestShowAgreesWithTC(t *testing.T) {
	for _, script := range []string{
		"",
		"root pfifo limit 77",
		"root handle 7: bfifo limit 5000",
		"root pfifo_fast",
		"root tbf rate 10mbit burst 1514 limit 100000",
		"root tbf rate 3gbit burst 99999 limit 1000000 peakrate 9gbit mtu 1514",
		"root handle 1: mq\nparent 1:1 handle 11: pfifo limit 33\nparent 1:2 bfifo limit 4444\nparent 1:4 tbf rate 1mbit burst 5kb latency 50ms",
		"root handle 1: htb default 10",
		// Where the kernel has them.
		"root fq limit 5000 flow_limit 50 maxrate 10mbit",
		"root fq nopacing",
		"root fq_codel limit 999 target 7ms interval 70ms noecn",
		"root fq_codel",
	} {
		t.Run(script, func(t *testing.T) {
			fresh(t)
			pair := testnet.Pair(t, &netlab.PairOptions{Queues: 4})
			ns, dev := pair.A.NS, pair.A.Name
			for line := range strings.Lines(script) {
				if _, missing := tc(t, ns, "tc qdisc replace dev "+dev+" "+line); missing {
					t.Logf("this kernel has no %s", line)
					return
				}
			}
			var theirs []shown
			text, _ := tc(t, ns, "tc -j qdisc show dev "+dev)
			if err := json.Unmarshal(text, &theirs); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			out, err := run(t, ns, "show", dev, "--json")
			if err != nil {
				t.Fatal(err)
			}
			var states []struct{ Qdiscs []shown }
			if err := json.Unmarshal([]byte(out), &states); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			ours := states[0].Qdiscs
			if len(ours) != len(theirs) {
				t.Fatalf("ours %+v, tc's %+v", ours, theirs)
			}
			for _, q := range ours {
				i := slices.IndexFunc(theirs, func(o shown) bool {
					return o.Kind == q.Kind && o.Handle == q.Handle && (o.Parent == q.Parent || o.Root && q.Parent == "root")
				})
				if i < 0 {
					t.Errorf("tc does not show %+v but %+v", q, theirs)
					continue
				}
				agree(t, q.Kind, q.Options, theirs[i].Options)
			}
		})
	}
}

// agree compares options: all of ours have to be among tc's.
func agree(t *testing.T, kind string, ours, theirs map[string]any) {
	t.Helper()
	for name, v := range ours {
		o, there := theirs[name]
		switch {
		case kind == "tbf":
			continue // below
		case kind == "fq" && name == "pacing": // tc shows it where it is off
			there, o = true, theirs["pacing"] != false && !strings.Contains(fmt.Sprint(theirs), "nopacing")
		case kind == "fq" && name == "maxrate" && v == float64(math.MaxUint32): // none, which tc leaves out
			continue
		case (name == "ecn" || name == "horizon_drop") && !there: // tc shows what is on
			there, o = true, false
		case o == nil && there: // tc prints a flag as null
			o = true
		}
		if !there || !reflect.DeepEqual(v, o) {
			t.Errorf("%s: %s is %v, tc says %v of %v", kind, name, v, o, theirs)
		}
	}
	if kind != "tbf" {
		return
	}
	rate, burst, limit := ours["rate"].(float64), ours["burst"].(float64), ours["limit"].(float64)
	if rate != theirs["rate"].(float64) {
		t.Errorf("rate %v, tc says %v", rate, theirs["rate"])
	}
	// The kernel shows the bucket as a time in units of 64 ns, of which tc
	// makes whole µs and a size, and we the largest size that shows so.
	if b := theirs["burst"].(float64); burst < b || burst > b+1+1.1e-6*rate {
		t.Errorf("burst %v, tc says %v", burst, b)
	}
	lat := (limit - burst) / rate * 1e6
	if l, ok := theirs["lat"].(float64); ok && math.Abs(l-lat) > 2 {
		t.Errorf("limit %v is a latency of %v, tc says %v", limit, lat, l)
	}
}

func TestSetRestoreRecover(t *testing.T) {
	fresh(t)
	pair := testnet.Pair(t, nil)
	ns, dev := pair.A.NS, pair.A.Name
	tc(t, ns, "tc qdisc replace dev "+dev+" root handle 7: pfifo limit 77")
	for _, c := range []struct {
		args string
		says string // in the output, or as an error if it begins with !
	}{
		{"restore DEV", "!nothing is remembered"},
		{"recover", "nothing was left"},
		{"set DEV noqueue", "noqueue"},
		{"set DEV bfifo:9999,txqueuelen=3", "limit 9999"},
		{"recover DEV", "hw-test qdisc restore " + dev},
		{"show DEV", "bfifo"},
		{"restore DEV", "limit 77"},
		{"recover --json", "[]"},
		{"set DEV", "!1 arguments do not fit"},
		{"set DEV nonsense", "!none of those that can be set"},
		{"show nosuch0", "!no such device"},
		{"show --netns nosuch", "!no network namespace nosuch"},
		{"nosuch", "!not a subcommand"},
	} {
		args := strings.Fields(strings.ReplaceAll(c.args, "DEV", dev))
		out, err := run(t, ns, args...)
		if want, fails := strings.CutPrefix(c.says, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", c.args, err, want)
			}
		} else if err != nil || !strings.Contains(out, c.says) {
			t.Errorf("%s: %v, says %s, want %q", c.args, err, out, c.says)
		}
	}
	out, _ := tc(t, ns, "tc qdisc show dev "+dev)
	if !strings.HasPrefix(string(out), "qdisc pfifo 7: root") || !strings.Contains(string(out), "limit 77p") {
		t.Errorf("left %s", out)
	}
}

// A device that needs a queue, and one whose qdisc cannot come back.
func TestForce(t *testing.T) {
	fresh(t)
	ns := testnet.NS(t)
	tc(t, ns, "ip tuntap add tap0 mode tap")
	tc(t, ns, "ip link set tap0 up")
	if _, err := run(t, ns, "set", "tap0", "noqueue"); err == nil || !strings.Contains(err.Error(), "needs a queue") || !strings.Contains(err.Error(), "--force") {
		t.Error(err)
	}
	if out, err := run(t, ns, "set", "tap0", "noqueue", "--force"); err != nil || !strings.Contains(out, "noqueue") {
		t.Error(out, err)
	}
	if out, err := run(t, ns, "restore", "tap0"); err != nil || !strings.Contains(out, "pfifo_fast") {
		t.Error(out, err)
	}
}

// A namespace by the file that names it.
func TestNetns(t *testing.T) {
	fresh(t)
	pair := testnet.Pair(t, nil)
	var file *os.File
	if err := pair.A.NS.Do(func() (err error) { file, err = os.Open("/proc/thread-self/ns/net"); return err }); err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	path := filepath.Join("/proc/self/fd", fmt.Sprint(file.Fd()))
	for _, args := range [][]string{{"set", pair.A.Name, "pfifo:5"}, {"show", pair.A.Name}, {"restore", pair.A.Name}, {"recover", pair.A.Name}} {
		if out, err := run(t, pair.B.NS, append(args, "--netns", path)...); err != nil || args[0] == "show" && !strings.Contains(out, "limit 5") {
			t.Errorf("%v: %s, %v", args, out, err)
		}
	}
}
