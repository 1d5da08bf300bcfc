package remote

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
)

// TestLost: whatever breaks, the program on the host and its children end, and
// who waits is told what it was.
func TestLost(t *testing.T) {
	t.Run("sshd is killed", func(t *testing.T) {
		w := newWork(t)
		mark := filepath.Join(w.s.Home, "mark")
		starts(t, w.h, t.Context(), "play-orderly", mark)
		if err := w.s.KillSessions(); err != nil {
			t.Fatal(err)
		}
		w.isGone(t, 10*time.Second)
		_, err := w.wait()
		wants(t, err, "the connection was lost (root@10.9.1.2): it was closed there (did sshd stop, or the host?)")
		if !errors.Is(err, ErrLost) {
			t.Errorf("%v is not ErrLost", err)
		}
		if _, err = w.h.Launcher()(t.Context(), "play-exit", []string{"0"}, io.Discard, io.Discard); !errors.Is(err, ErrLost) {
			t.Errorf("after that: %v", err)
		}
		// A program that ends in order gets to do so, though nobody reads what
		// it prints.
		within(t, 5*time.Second, "put back", func() bool { _, err := os.Stat(mark); return err == nil })
	})
	t.Run("the host is killed", func(t *testing.T) {
		w := newWork(t)
		w.s.Kill()
		_, err := w.wait()
		wants(t, err, "the connection was lost (root@10.9.1.2)")
		_, err = w.l.dial(Target{Host: w.s.Address}, w.c)
		wants(t, err, "connect to root@10.9.1.2: ", "connection refused (does sshd run there, ")
		if !errors.Is(err, syscall.ECONNREFUSED) {
			t.Error(err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		w := newWork(t)
		w.h.Close()
		w.isGone(t, 10*time.Second)
		_, err := w.wait()
		wants(t, err, "the connection to root@10.9.1.2: ")
		if !errors.Is(err, net.ErrClosed) || errors.Is(err, ErrLost) {
			t.Errorf("%v is not net.ErrClosed", err)
		}
	})
	t.Run("the supervisor is killed", func(t *testing.T) {
		w := newWork(t)
		wait := starts(t, w.h, t.Context(), "play-sleep", w.token+"-alone")
		for _, pid := range processes("supervise") {
			if exe, err := os.Readlink("/proc/" + jsonOf(pid) + "/exe"); err == nil && strings.HasPrefix(exe, w.s.Home) {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		_, err := wait()
		wants(t, err, "was lost sight of, and ends by itself", "KILL")
		within(t, 10*time.Second, "without the program", func() bool { return len(processes(w.token+"-alone")) == 0 })
	})
	t.Run("the controller is killed", func(t *testing.T) {
		w := newWork(t)
		w.controller(t).Process.Kill()
		within(t, 10*time.Second, "without the program", func() bool { return len(processes(w.token+"-controlled")) == 0 })
	})
	t.Run("the network is cut", func(t *testing.T) {
		w := newWork(t)
		// One that has filled every buffer on the way is not in the way.
		full := starts(t, w.h, t.Context(), "play-flood", jsonOf(1<<50), w.token)
		if err := w.l.Here.SetUp(w.s.Link, false); err != nil {
			t.Fatal(err)
		}
		for _, wait := range []func() (int, error){w.wait, full} {
			_, err := wait()
			wants(t, err, "the connection was lost", "the host has not answered for 2s (is it up, ")
		}
		w.isGone(t, 15*time.Second)
	})
}

// A work is a program with a child that runs on a host.
type work struct {
	l     *lab
	s     *sshtest.Server
	c     *Config
	h     *Host
	token string // to find the processes by
	wait  func() (int, error)
}

func newWork(t *testing.T) *work {
	t.Parallel()
	w := &work{l: newLab(t), token: token(t.Name())}
	w.s = w.l.Serve("a", "")
	w.c = w.l.config(w.s)
	w.c.Silence = 2 * time.Second
	w.h = w.l.mustDial(Target{Host: w.s.Address}, w.c)
	w.wait = starts(t, w.h, t.Context(), "play-stay", w.token)
	// The kernel tells of a program's start before it shows its arguments.
	within(t, 5*time.Second, "two processes", func() bool { return len(processes(w.token)) == 2 })
	return w
}

func (w *work) isGone(t *testing.T, d time.Duration) {
	t.Helper()
	within(t, d, "without the program on the host", func() bool { return len(processes(w.token)) == 0 })
}
