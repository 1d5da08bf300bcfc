package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
)

// launch runs a program to its end.
func launch(t *testing.T, h *Host, ctx context.Context, name string, args ...string) (stdout, stderr string, status int, err error) {
	t.Helper()
	var o, e bytes.Buffer
	wait, err := h.Launcher()(ctx, name, args, &o, &e)
	if err != nil {
		t.Fatal(err)
	}
	status, err = wait()
	return o.String(), e.String(), status, err
}

// TestHost is everything on a host that works.
func TestHost(t *testing.T) {
	l := newLab(t)
	s := l.Serve("a", "")
	before := runtime.NumGoroutine() + 1 // for the part that counts again
	h := l.mustDial(Target{Host: s.Address}, l.config(s))
	ctx := t.Context()

	t.Run("deployed once", func(t *testing.T) {
		first, err := os.Stat(h.path)
		if err != nil {
			t.Fatal(err)
		}
		if dir := filepath.Join(s.Home, ".cache/ringwalk"); filepath.Dir(h.path) != dir || first.Mode() != 0o755 {
			t.Errorf("it is %v, mode %v", h.path, first.Mode())
		}
		again := l.mustDial(Target{Host: s.Address}, l.config(s))
		second, err := os.Stat(again.path)
		if err != nil || again.path != h.path || !os.SameFile(first, second) || second.ModTime() != first.ModTime() {
			t.Errorf("it was copied again, to %v (%v)", again.path, err)
		}
		again.Close()
		// One that is damaged is replaced, and not written into: it may run.
		if err := os.Truncate(h.path, 1000); err != nil {
			t.Fatal(err)
		}
		l.mustDial(Target{Host: s.Address}, l.config(s)).Close()
		third, err := os.Stat(h.path)
		if err != nil || os.SameFile(first, third) || third.Size() != first.Size() {
			t.Errorf("the damaged copy was not replaced by another file: %v, %v", third, err)
		}
		if list, _ := os.ReadDir(filepath.Dir(h.path)); len(list) != 1 {
			t.Errorf("left behind: %v", list)
		}
	})
	t.Run("facts", func(t *testing.T) {
		var u syscall.Utsname
		if err := syscall.Uname(&u); err != nil {
			t.Fatal(err)
		}
		kernel := ""
		for _, c := range u.Release {
			if c != 0 {
				kernel += string(rune(c))
			}
		}
		name, _ := os.Hostname()
		want := Facts{OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: kernel, Hostname: name, NetRaw: true, NetAdmin: true}
		if got := h.facts; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	t.Run("no end of a script's output", func(t *testing.T) {
		_, err := h.script(ctx, "yes;", nil)
		wants(t, err, "run a script on root@10.9.1.2: it prints more than 1048576 bytes")
	})
	t.Run("status", func(t *testing.T) {
		for _, want := range []string{"0", "3", "255"} {
			stdout, stderr, status, err := launch(t, h, ctx, "play-exit", want)
			if err != nil || stdout != "to stdout\n" || stderr != "to stderr\n" || want != jsonOf(status) {
				t.Errorf("%s: status %d, %v, %q, %q", want, status, err, stdout, stderr)
			}
		}
		for signal, want := range map[string]string{"9": "killed", "15": "terminated"} {
			if _, _, _, err := launch(t, h, ctx, "play-die", signal); err == nil || err.Error() != "was ended by something else (signal: "+want+")" {
				t.Errorf("signal %s: %v", signal, err)
			}
		}
	})
	t.Run("arguments", func(t *testing.T) {
		want := []string{"", "a b", `'"$HOME` + "`id`!\\", "two\nlines", "-x", "*", "é", strings.Repeat("long", 30000)}
		stdout, _, _, err := launch(t, h, ctx, "play-args", want...)
		var got []string
		if err := errors.Join(err, json.Unmarshal([]byte(stdout), &got)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %.200q", err, got)
		}
	})
	t.Run("much output", func(t *testing.T) {
		const n = 10 << 20
		stdout, stderr, _, err := launch(t, h, ctx, "play-flood", jsonOf(n))
		if err != nil || strings.Count(stdout, "o") != n || strings.Count(stderr, "e") != n || len(stdout)+len(stderr) != 2*n {
			t.Errorf("%d and %d bytes of %d, %v", len(stdout), len(stderr), n, err)
		}
	})
	t.Run("children", func(t *testing.T) {
		if _, _, status, err := launch(t, h, ctx, "play-leave", token("left")); err != nil || status != 0 {
			t.Errorf("status %d, %v", status, err)
		}
		within(t, 5*time.Second, "without the child", func() bool { return len(processes(token("left"))) == 0 })
	})
	t.Run("ended", func(t *testing.T) {
		mark := filepath.Join(t.TempDir(), "mark")
		if err := endAfterReady(t, h, "play-orderly", mark); err != nil {
			t.Errorf("SIGTERM: %v", err)
		}
		if _, err := os.Stat(mark); err != nil {
			t.Errorf("it could not put things back: %v", err)
		}
		began := time.Now()
		if err := endAfterReady(t, h, "play-stay", token("stay")); err != program.ErrHangs {
			t.Errorf("SIGKILL: %v", err)
		}
		if took := time.Since(began); took < grace {
			t.Errorf("killed after %v", took)
		}
		if p := processes(token("stay")); len(p) > 0 {
			t.Errorf("still there: %v", p)
		}
	})
	t.Run("stopped", func(t *testing.T) {
		p := program.Start(ctx, h.Launcher(), "play-result", nil)
		if !p.IsReady() {
			t.Fatalf("%+v", p.Wait())
		}
		if o := p.Stop(); o.Failure != "" || o.Result == nil || o.Result.Packets != 7 {
			t.Errorf("%+v", o)
		}
	})
	t.Run("cleaned", func(t *testing.T) {
		if _, err := h.Clean(ctx, false, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Dir(h.path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("its directory is still there: %v", err)
		}
		_, err := h.Launcher()(ctx, "play-exit", []string{"0"}, io.Discard, io.Discard)
		wants(t, err, "start hw-test on root@10.9.1.2: the copy there is gone", "connect again", "status 127", h.path)
	})
	t.Run("closed", func(t *testing.T) {
		h.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if _, err := h.Launcher()(ctx, "play-exit", []string{"0"}, io.Discard, io.Discard); !errors.Is(err, os.ErrClosed) && !strings.Contains(err.Error(), "closed") {
			t.Errorf("after Close: %v", err)
		}
		for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				all := make([]byte, 1<<16)
				t.Fatalf("%d goroutines, and %d before:\n%s", runtime.NumGoroutine(), before, all[:runtime.Stack(all, true)])
			}
		}
	})
}

func jsonOf(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// starts launches a program that prints "ready" and returns when it has.
func starts(t *testing.T, h *Host, ctx context.Context, name string, args ...string) (wait func() (int, error)) {
	t.Helper()
	said := make(saying, 1)
	wait, err := h.Launcher()(ctx, name, args, said, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-said:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s is not ready after 10 s", name)
	}
	return wait
}

// saying is a writer that tells of the first thing written.
type saying chan struct{}

func (s saying) Write(b []byte) (int, error) {
	select {
	case s <- struct{}{}:
	default:
	}
	return len(b), nil
}

func endAfterReady(t *testing.T, h *Host, name string, args ...string) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	wait := starts(t, h, ctx, name, args...)
	cancel()
	_, err := wait()
	return err
}
