package qdisc_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/qdisc"
)

// begin starts a process in ns and waits for its word.
func begin(t testing.TB, ns *netlab.NS, what string, args ...string) (cmd *exec.Cmd, in io.WriteCloser) {
	t.Helper()
	cmd = process(t, ns, what, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := ns.Start(cmd); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("%s %v says %q (%v)", what, args, line, err)
	}
	return cmd, in
}

// kill is kill -9.
func kill(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // its status says that it was killed
}

// A process that swaps and restores all the time is killed at 50 random
// moments; what it leaves is put back from another namespace.
func TestKilled(t *testing.T) {
	specs := []string{"noqueue", "pfifo:10,txqueuelen=17", "default,txqueuelen=17", "bfifo", "pfifo:3,txqueuelen=0"}
	left := 0
	for i := range 50 {
		st := &starts[i%len(starts)]
		if st.down {
			st = &starts[0]
		}
		ns, dev := st.begin(t)
		before := dump(t, ns, dev)
		cmd, _ := begin(t, ns, "cycle", dev, specs[i%len(specs)])
		time.Sleep(rand.N(20 * time.Millisecond))
		kill(t, cmd)
		left += len(journal())
		if err := qdisc.Recover(nil, nil); err != nil {
			t.Errorf("recover: %v", err)
		}
		if !unchanged(t, ns, dev, before) {
			t.Errorf("killed between %s and %s", st.name, specs[i%len(specs)])
		}
		if names := journal(); len(names) > 0 {
			t.Errorf("left %v", names)
		}
	}
	if left < 10 {
		t.Errorf("only %d of 50 kills left something to put back", left)
	}
}

// Recover leaves alone what an administrator has set since, and what others
// are doing.
func TestRecoverLeavesAlone(t *testing.T) {
	st := start{script: "tc qdisc replace dev DEV root handle 7: pfifo limit 77"}
	ns, dev := st.begin(t)
	cmd, _ := begin(t, ns, "hold", dev, "noqueue")
	alive := dump(t, ns, dev)
	in(t, ns, func() error { return qdisc.Recover(&qdisc.Link{Name: dev}, nil) })
	unchanged(t, ns, dev, alive)
	kill(t, cmd)
	tc(t, ns, "tc qdisc replace dev "+dev+" root handle 9: bfifo limit 5000")
	changed := dump(t, ns, dev)
	reports := 0
	err := qdisc.Recover(nil, func(c qdisc.Change, err error) {
		reports++
		if c.Dev != dev || c.To != "noqueue" || c.PID != cmd.Process.Pid || !errors.Is(err, qdisc.ErrChanged) {
			t.Errorf("%+v, %v", c, err)
		}
	})
	if !errors.Is(err, qdisc.ErrChanged) || reports != 1 {
		t.Errorf("recover: %v, %d reports", err, reports)
	}
	unchanged(t, ns, dev, changed)
	if err := qdisc.Recover(nil, nil); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// Whoever comes second is told who holds the device; whoever comes after a
// killed process gets what was before that one.
func TestHeld(t *testing.T) {
	st := start{script: "tc qdisc replace dev DEV root handle 7: pfifo limit 77"}
	ns, dev := st.begin(t)
	before := dump(t, ns, dev)
	cmd, _ := begin(t, ns, "hold", dev, "pfifo:5")
	in(t, ns, func() error {
		who := fmt.Sprintf("(pid %d, since ", cmd.Process.Pid)
		if _, err := qdisc.Swap(qdisc.Link{Name: dev}, spec(t, "noqueue"), nil); err == nil || !strings.Contains(err.Error(), who) {
			t.Errorf("swap: %v", err)
		}
		if _, err := qdisc.Guard(qdisc.Link{Name: dev}, nil); err == nil || !strings.Contains(err.Error(), who) {
			t.Errorf("guard: %v", err)
		}
		if err := qdisc.Set(qdisc.Link{Name: dev}, spec(t, "noqueue"), nil); err == nil || !strings.Contains(err.Error(), who) {
			t.Errorf("set: %v", err)
		}
		kill(t, cmd)
		r, err := qdisc.Swap(qdisc.Link{Name: dev}, spec(t, "noqueue"), nil)
		if err != nil {
			return err
		}
		return r.Restore()
	})
	unchanged(t, ns, dev, before)
}

// A process that ends in order leaves nothing.
func TestHoldEnds(t *testing.T) {
	ns, dev := starts[0].begin(t)
	before := dump(t, ns, dev)
	cmd, stdin := begin(t, ns, "hold", dev, "pfifo:5")
	if _, err := stdin.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	unchanged(t, ns, dev, before)
}

func TestSet(t *testing.T) {
	st := start{script: "tc qdisc replace dev DEV root handle 7: pfifo limit 77"}
	ns, dev := st.begin(t)
	before := dump(t, ns, dev)
	link := qdisc.Link{Name: dev}
	in(t, ns, func() error {
		for _, p := range []string{"noqueue", "bfifo:2000,txqueuelen=3"} {
			if err := qdisc.Set(link, spec(t, p), nil); err != nil {
				return err
			}
			s, err := qdisc.Get(link)
			if err != nil {
				return err
			}
			is(t, s, spec(t, p))
		}
		now := dump(t, ns, dev)
		if _, err := qdisc.Swap(link, spec(t, "pfifo"), nil); !errors.Is(err, qdisc.ErrKept) || !strings.Contains(err.Error(), "hw-test qdisc restore "+dev) {
			t.Errorf("swap: %v", err)
		}
		kept := 0
		if err := qdisc.Recover(nil, func(c qdisc.Change, err error) {
			if c.Kept && err == nil && c.Dev == dev {
				kept++
			}
		}); err != nil || kept != 1 {
			t.Errorf("recover: %v, %d kept", err, kept)
		}
		unchanged(t, ns, dev, now)
		if err := qdisc.RestoreSet(link); err != nil {
			return err
		}
		if err := qdisc.RestoreSet(link); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("once more: %v", err)
		}
		return nil
	})
	unchanged(t, ns, dev, before)
}

// The namespace of a killed process is gone, and so is what was in it.
func TestNamespaceGone(t *testing.T) {
	pair := testnet.Pair(t, nil)
	cmd, _ := begin(t, pair.A.NS, "hold", pair.A.Name, "pfifo:5")
	kill(t, cmd)
	if err := pair.A.NS.Close(); err != nil {
		t.Fatal(err)
	}
	err := qdisc.Recover(nil, nil)
	if err == nil || !strings.Contains(err.Error(), "it is gone, and its interfaces with it") || !strings.Contains(err.Error(), pair.A.Name) {
		t.Errorf("recover: %v", err)
	}
	if err := qdisc.Recover(nil, nil); err != nil || len(journal()) > 0 {
		t.Errorf("once more: %v, %v", err, journal())
	}
}

func TestDeviceGone(t *testing.T) {
	pair := testnet.Pair(t, nil)
	cmd, _ := begin(t, pair.A.NS, "hold", pair.A.Name, "pfifo:5")
	kill(t, cmd)
	if err := pair.A.NS.Delete(pair.A.Name); err != nil {
		t.Fatal(err)
	}
	if err := qdisc.Recover(nil, nil); !errors.Is(err, qdisc.ErrGone) {
		t.Errorf("recover: %v", err)
	}
}

// 100 devices at once, each swapped and restored by its own goroutine.
func TestManyDevices(t *testing.T) {
	ns := testnet.NS(t)
	const pairs, cycles = 50, 5
	var devs []string
	for i := range pairs {
		a, b := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)
		if _, err := netlab.NewPair(ns, ns, &netlab.PairOptions{NameA: a, NameB: b}); err != nil {
			t.Fatal(err)
		}
		tc(t, ns, fmt.Sprintf("tc qdisc replace dev %s root handle %x: pfifo limit %d", b, i+1, i+1))
		devs = append(devs, a, b)
	}
	before := map[string][]string{}
	for _, dev := range devs {
		before[dev] = dump(t, ns, dev)
	}
	f := namespaceFile(t, ns)
	var wg sync.WaitGroup
	for i, dev := range devs {
		wg.Go(func() {
			for range cycles {
				r, err := qdisc.Swap(qdisc.Link{Name: dev, NS: f}, qdisc.Spec{Kind: qdisc.BFIFO, Limit: uint32(i + 1000)}, nil)
				if err != nil {
					t.Error(err)
					return
				}
				s, err := qdisc.Get(qdisc.Link{Name: dev, NS: f})
				if err != nil || s.Qdiscs[0].Options != any(qdisc.FIFO{Limit: uint32(i + 1000)}) {
					t.Errorf("%v, %+v", err, s)
				}
				if err := r.Restore(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, dev := range devs {
		unchanged(t, ns, dev, before[dev])
	}
}

// 20 processes want one device; each has it alone, five times.
func TestManyProcesses(t *testing.T) {
	st := start{script: "tc qdisc replace dev DEV root handle 7: pfifo limit 77"}
	ns, dev := st.begin(t)
	before := dump(t, ns, dev)
	var cmds []*exec.Cmd
	var outs [20]strings.Builder
	for i := range outs {
		cmd := process(t, ns, "contend", dev)
		cmd.Stdout, cmd.Stderr = &outs[i], &outs[i]
		if err := ns.Start(cmd); err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, cmd)
	}
	for i, cmd := range cmds {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, outs[i].String())
		}
	}
	unchanged(t, ns, dev, before)
}
