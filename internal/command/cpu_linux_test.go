package command_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// Every mode tells what CPU time its threads used, and an interval its own
// share. Waiting is sleep: a second of it is no second of CPU time.
func TestCPUTime(t *testing.T) {
	pair := testnet.Pair(t, nil)
	sent, received := exchange(t, pair, "--json-stream -T 100 -n 2000 -R 4000", "--json-stream -T 100 --idle 500ms")
	for _, o := range []outcome{sent, received} {
		r, _ := o.result(t)
		if r.CPUSeconds <= 0 || r.CPUSeconds > r.Seconds || r.CPUNSPerPacket != r.CPUSeconds*1e9/float64(r.Packets) {
			t.Errorf("%s: %v s of CPU time in %v s, %v ns for each of %d packets", r.Tool, r.CPUSeconds, r.Seconds, r.CPUNSPerPacket, r.Packets)
		}
		var sum float64
		var intervals int
		for line := range strings.Lines(o.stdout) {
			var i cli.Result
			if err := json.Unmarshal([]byte(line), &i); err != nil {
				t.Fatal(err)
			}
			if i.Type == "interval" {
				sum += i.CPUSeconds
				intervals++
			}
		}
		if intervals < 3 || sum <= 0 || sum > 1.0001*r.CPUSeconds {
			t.Errorf("%s: %d intervals, their CPU time %v s, in all %v s", r.Tool, intervals, sum, r.CPUSeconds)
		}
	}
	end := other(t, pair.B.NS, "pktgen", "-f pong --json -n 20 -i packet:"+pair.B.Name)
	ping, _ := in(pair.A.NS, "pktgen -f ping --json -n 20 -i packet:"+pair.A.Name).result(t)
	pong, _ := end().result(t)
	if ping.CPUSeconds <= 0 || pong.CPUSeconds <= 0 {
		t.Errorf("%v s of CPU time to ping, %v s to pong", ping.CPUSeconds, pong.CPUSeconds)
	}
}

// Ping's only thread is on the first CPU of -a, of which a single number is the
// first of a run.
func TestPingIsBound(t *testing.T) {
	pair := testnet.Pair(t, nil)
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	first := 0
	for !set.IsSet(first) {
		first++
	}
	want := fmt.Sprintf("\nCpus_allowed_list:\t%d\n", first)
	for _, list := range []string{fmt.Sprint(first), fmt.Sprintf("%d,%d", first, first+1)} {
		cmd, wait := start(t, pair.A.NS, "pktgen", fmt.Sprintf("-f ping -R 10 -i packet:%s -a %s", pair.A.Name, list))
		bound := func() bool {
			files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", cmd.Process.Pid))
			for _, f := range files {
				if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(want)) {
					return true
				}
			}
			return false
		}
		for deadline := time.Now().Add(5 * time.Second); !bound() && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		if !bound() {
			t.Errorf("-a %s: no thread is bound to CPU %d", list, first)
		}
		cmd.Process.Signal(syscall.SIGTERM)
		wait()
	}
}

// A pktgen that is told to burn CPU time uses it.
func TestBurn(t *testing.T) {
	pair := testnet.Pair(t, nil)
	r, _ := in(pair.A.NS, "pktgen --burn 100us --json -n 500 -i packet:"+pair.A.Name).result(t)
	if r.Packets != 500 || r.CPUNSPerPacket < 80e3 {
		t.Errorf("%d packets with %v ns of CPU time each", r.Packets, r.CPUNSPerPacket)
	}
	in(pair.A.NS, "pktgen --burn 100us -f pong -i packet:"+pair.A.Name).complains(t, "pktgen", cli.ExitUsage, "--burn means nothing with -f pong")
}
