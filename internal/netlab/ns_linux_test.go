package netlab

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// eventually polls, because the kernel takes namespaces apart in the
// background and Go ends threads after their goroutine's last statement.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("still not after 10 s: ", what)
		}
	}
}

func TestDo(t *testing.T) {
	n := testNS(t)
	outside := netInode()
	var inside, fromGoroutine string
	errMine := errors.New("mine")
	err := n.Do(func() error {
		inside = netInode()
		done := make(chan struct{})
		go func() {
			fromGoroutine = netInode()
			close(done)
		}()
		<-done
		return errMine
	})
	if err != errMine {
		t.Errorf("Do = %v, want what f returned", err)
	}
	if inside == outside || !strings.HasPrefix(inside, "net:[") {
		t.Errorf("f ran in %s, outside is %s", inside, outside)
	}
	if fromGoroutine != outside {
		t.Errorf("a goroutine that f started ran in %s, want %s", fromGoroutine, outside)
	}
	err = n.Do(func() error {
		if again := netInode(); again != inside {
			t.Errorf("the second time in %s, want %s", again, inside)
		}
		return n.Do(func() error { return nil }) // nested
	})
	if err != nil {
		t.Error(err)
	}
	if c, err := n.Counters("lo"); err != nil || c != (Counters{}) {
		t.Errorf("lo counts %+v, %v; want nothing yet", c, err)
	}
}

func TestDoGoexit(t *testing.T) {
	n := testNS(t)
	after := false
	var wg sync.WaitGroup
	wg.Go(func() {
		n.Do(func() error { runtime.Goexit(); return nil })
		after = true
	})
	wg.Wait()
	if after {
		t.Error("the caller of Do went on after f had ended its goroutine")
	}
}

// TestDoLeavesThreadsClean looks at every thread after many Do. Without the
// rule about the first thread, that one stays inside.
func TestDoLeavesThreadsClean(t *testing.T) {
	n := testNS(t)
	outside := netInode()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { n.Do(func() error { time.Sleep(time.Millisecond); return nil }) })
	}
	wg.Wait()
	strays := func() (found []string) {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range tasks {
			if ns, err := os.Readlink("/proc/self/task/" + e.Name() + "/ns/net"); err == nil && ns != outside {
				found = append(found, e.Name())
			}
		}
		return found
	}
	eventually(t, "no thread is left inside", func() bool { return len(strays()) == 0 })
	first, err := os.Readlink("/proc/" + strconv.Itoa(os.Getpid()) + "/ns/net")
	if err != nil || first != outside {
		t.Errorf("the first thread is in %s, %v", first, err)
	}
}

func TestClosed(t *testing.T) {
	n := testNS(t)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	ran := false
	if err := n.Do(func() error { ran = true; return nil }); !errors.Is(err, os.ErrClosed) || ran {
		t.Errorf("Do after Close: %v, ran %v", err, ran)
	}
	if err := n.Start(exec.Command("true")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Start after Close: %v", err)
	}
	other := testNS(t)
	for _, pair := range [][2]*NS{{n, other}, {other, n}} {
		if _, err := NewPair(pair[0], pair[1], nil); !errors.Is(err, os.ErrClosed) {
			t.Errorf("NewPair after Close: %v", err)
		}
	}
	if _, err := other.Counters("veth-a"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("a failed NewPair leaves veth-a: %v", err)
	}
}

func TestStart(t *testing.T) {
	n := testNS(t)
	var inside string
	n.Do(func() error { inside = netInode(); return nil })
	for _, attr := range []*syscall.SysProcAttr{nil, {Pdeathsig: syscall.SIGKILL}} {
		cmd := helperCmd("inode")
		cmd.SysProcAttr = attr
		var out strings.Builder
		cmd.Stdout = &out
		if err := n.Start(cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if out.String() != inside+"\n" {
			t.Errorf("the child is in %q, want %q", out.String(), inside)
		}
		missing := exec.Command("/no/such/program")
		missing.SysProcAttr = attr
		if err := n.Start(missing); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("starting nothing gives %v", err)
		}
	}
}

// TestPdeathsig: the child outlives the threads of its parent's Go runtime,
// and not its parent.
func TestPdeathsig(t *testing.T) {
	n := testNS(t)
	cmd := helperCmd("sleep")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(cmd); err != nil {
		t.Fatal(err)
	}
	for range 20 { // threads come and go
		n.Do(func() error { return nil })
	}
	time.Sleep(50 * time.Millisecond)
	stdin.Close() // what ends the child in order
	if err := cmd.Wait(); err != nil {
		t.Errorf("the child did not live until told to end: %v", err)
	}

	parent := helperCmd("parent")
	in, err := parent.StdinPipe() // held open: the grandchild would wait for ever
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if !alive(grandchild) {
		t.Fatal("the grandchild does not run")
	}
	parent.Process.Kill()
	parent.Wait()
	eventually(t, "the grandchild is killed", func() bool { return !alive(grandchild) })
}

// alive is false for a process that is gone or only waits to be collected.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// TestCycles: neither descriptors nor threads grow.
func TestCycles(t *testing.T) {
	needRights(t)
	cycle := func() {
		a, err := NewNS()
		if err != nil {
			t.Fatal(err)
		}
		defer a.Close()
		b, err := NewNS()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if _, err := NewPair(a, b, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		cycle() // what the runtime starts once is there afterwards
	}
	fds, threads := fdCount(t), threadCount(t)
	for range 100 {
		cycle()
	}
	eventually(t, "as many descriptors as before", func() bool { return fdCount(t) <= fds })
	// The runtime may keep a thread or two more than it did, but not one per cycle.
	eventually(t, "about as many threads as before", func() bool { return threadCount(t) <= threads+5 })
}
