package qdiscs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/testnet"
)

// On the real netmap: a veth in emulated mode has its qdisc back after pktgen
// has ended, and after it was killed and recover was run; in between its qdisc
// cannot be swapped. RINGWALK_NETMAP is a directory of scripts/build-netmap.sh.
func TestMachineQdisc(t *testing.T) {
	netmap := os.Getenv("RINGWALK_NETMAP")
	if netmap == "" {
		t.Skip("RINGWALK_NETMAP is not set")
	}
	binary := filepath.Join(t.TempDir(), "hw-test")
	build := exec.Command("go", "build", "-o", binary, "github.com/ringwalk/ringwalk/hw-test")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const script = `veth a b && tc qdisc replace dev a root handle 7: pfifo limit 77 && link wait a b ;
		pktgen -i netmap:a -n 1000 -T 0 && echo ENDED && tc qdisc show dev a ;
		timeout -s KILL 16 pktgen -i netmap:a -T 0 & sleep 6 ;
		echo RUNS ; tc qdisc show dev a ; hw-test qdisc set a noqueue ;
		wait ; sleep 2 ; echo KILLED ; tc qdisc show dev a ;
		hw-test qdisc recover ; echo RECOVERED ; tc qdisc show dev a`
	out, err := exec.Command(binary, "vm", "--netmap", netmap, "--include", testnet.NeedTool(t, "tc"),
		"--include", testnet.NeedTool(t, "timeout"), "--run", strings.Join(strings.Fields(script), " ")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	const back = "qdisc pfifo 7: root refcnt 3 limit 77p"
	rest := string(out)
	for _, want := range []struct{ after, is, not string }{
		{"ENDED", back, "changed"},
		{"RUNS", "qdisc netmapemu ", ""},
		{"RUNS", "a netmap port is open on it: pktgen (pid ", ""},
		{"KILLED", "qdisc pfifo ", "limit 77p"},
		{"RECOVERED", back, ""},
	} {
		_, part, _ := strings.Cut(rest, want.after)
		part, _, _ = strings.Cut(part, map[string]string{"ENDED": "RUNS", "RUNS": "KILLED", "KILLED": "RECOVERED"}[want.after]+"\n")
		if want.after == "RECOVERED" {
			_, part, _ = strings.Cut(rest, want.after)
		}
		if !strings.Contains(part, want.is) || want.not != "" && strings.Contains(part, want.not) {
			t.Errorf("after %s: %q lacks %q or has %q", want.after, part, want.is, want.not)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
