package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
)

func converse(t *testing.T, h *Host, ctx context.Context, name string, args ...string) *Conversation {
	t.Helper()
	c, err := h.Converse(ctx, name, args, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// hears reads a line that starts with want.
func hears(t *testing.T, c *Conversation, want string) {
	t.Helper()
	b := make([]byte, 200)
	if n, err := io.ReadAtLeast(c, b, len(want)); err != nil || !bytes.HasPrefix(b[:n], []byte(want)) {
		t.Fatalf("heard %q, %v", b[:n], err)
	}
}

// TestConverse is every way in which a conversation ends while the connection
// is there.
func TestConverse(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.Serve("a", "")
	c := l.config(s)
	c.Silence = 3 * time.Second // shorter than what is held up below
	h := l.mustDial(Target{Host: s.Address}, c)
	ctx := t.Context()

	t.Run("echo", func(t *testing.T) {
		sent := make([]byte, 10<<20)
		for i, random := 0, rand.New(rand.NewPCG(1, 2)); i < len(sent); i++ {
			sent[i] = byte(random.Uint32())
		}
		c := converse(t, h, ctx, "play-echo")
		began := time.Now()
		go func() {
			for b := range slices.Chunk(sent, 1<<20-7) {
				c.Write(b)
			}
			c.CloseWrite()
		}()
		got, err := io.ReadAll(c)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes of %d came back as they were, %v", len(got), len(sent), err)
		}
		t.Logf("10 MiB there and back in %v", time.Since(began))
		if status, err := c.Wait(); status != 0 || err != nil {
			t.Errorf("status %d, %v", status, err)
		}
		if _, err := c.Write([]byte("more")); !errors.Is(err, os.ErrClosed) {
			t.Errorf("a write after CloseWrite: %v", err)
		}
		if err := errors.Join(c.CloseWrite(), c.Close(), c.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Run("half-close", func(t *testing.T) {
		c := converse(t, h, ctx, "play-sum", "one", "two")
		if n, err := c.Write(make([]byte, 1<<20)); n != 1<<20 || err != nil {
			t.Fatal(n, err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		hears(t, c, "1048576 <nil>\n")
		if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after its end: %d, %v", n, err)
		}
		if status, err := c.Wait(); status != 2 || err != nil {
			t.Errorf("status %d, %v", status, err)
		}
	})
	t.Run("by the name hw-test", func(t *testing.T) {
		hears(t, converse(t, h, ctx, "hw-test", "agent"), "hw-test is agent\n")
	})
	t.Run("standard error", func(t *testing.T) {
		var stderr bytes.Buffer
		c, err := h.Converse(ctx, "play-exit", []string{"3"}, &stderr)
		if err != nil {
			t.Fatal(err)
		}
		stdout, err := io.ReadAll(c)
		status, waitErr := c.Wait()
		if errors.Join(err, waitErr) != nil || status != 3 || string(stdout) != "to stdout\n" || stderr.String() != "to stderr\n" {
			t.Errorf("%q, %q, status %d, %v, %v", stdout, &stderr, status, err, waitErr)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("a write after its end: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("rpc", func(t *testing.T) {
		client := rpc.NewClient(converse(t, h, ctx, "play-rpc"))
		for i := range 100 {
			var sum int
			if err := client.Call("Play.Add", [2]int{i, 1000}, &sum); err != nil || sum != i+1000 {
				t.Fatal(sum, err)
			}
		}
		began := time.Now()
		if err := client.Close(); err != nil || time.Since(began) > grace {
			t.Errorf("closed after %v: %v", time.Since(began), err)
		}
	})
	t.Run("never reads", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		c := converse(t, h, ctx, "play-stay", token("never"))
		hears(t, c, "ready")
		wrote := make(chan error, 1)
		n := 0
		go func() {
			var err error
			n, err = c.Write(make([]byte, 10<<20))
			wrote <- err
		}()
		// It lives longer than silence lets it, so beats get through.
		select {
		case err := <-wrote:
			t.Fatalf("10 MiB that nobody reads were written, %v", err)
		case <-time.After(2 * h.config.Silence):
		}
		if got := len(processes(token("never"))); got != 2 {
			t.Fatalf("%d processes, want 2", got)
		}
		began := time.Now()
		cancel()
		_, err := c.Wait()
		if took := time.Since(began); err != program.ErrHangs || took < grace || took > grace+linger+2*time.Second {
			t.Errorf("ended after %v: %v", took, err)
		}
		err = <-wrote
		if ended := errors.Is(err, program.ErrHangs) || errors.Is(err, syscall.EPIPE); !ended || n < window || n > window+1<<20 {
			t.Errorf("%d bytes written, %v", n, err)
		}
		if _, err := io.ReadAll(c); !errors.Is(err, program.ErrHangs) {
			t.Errorf("reading ends with %v", err)
		}
	})
	t.Run("nobody reads", func(t *testing.T) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		c := converse(t, h, ctx, "play-flood", jsonOf(1<<50))
		isFull(t, c)
		time.Sleep(2 * h.config.Silence)
		cancel()
		if _, err := c.Wait(); err != program.ErrHangs {
			t.Error(err)
		}
		got, err := io.ReadAll(c)
		if len(got) != window || !errors.Is(err, program.ErrHangs) {
			t.Errorf("%d bytes were kept, then %v", len(got), err)
		}
	})
	t.Run("closes its input", func(t *testing.T) {
		c := converse(t, h, ctx, "play-deaf")
		hears(t, c, "ready\n")
		_, err := c.Write(make([]byte, 1<<20))
		wants(t, err, "write to play-deaf on root@10.9.1.2: broken pipe")
		began := time.Now()
		if err := c.Close(); !errors.Is(err, program.ErrHangs) || time.Since(began) < grace {
			t.Errorf("closed after %v: %v", time.Since(began), err)
		}
	})
	t.Run("closed with a write and a read under way", func(t *testing.T) {
		c := converse(t, h, ctx, "play-stay", token("closed"))
		hears(t, c, "ready\n")
		ended := make(chan error, 2)
		go func() { _, err := c.Write(make([]byte, 1<<20)); ended <- err }()
		go func() { _, err := c.Read(make([]byte, 1)); ended <- err }()
		time.Sleep(100 * time.Millisecond)
		if err := c.Close(); !errors.Is(err, program.ErrHangs) {
			t.Error(err)
		}
		for range 2 {
			if err := <-ended; !errors.Is(err, os.ErrClosed) {
				t.Error(err)
			}
		}
		if p := processes(token("closed")); len(p) > 0 {
			t.Errorf("still there: %v", p)
		}
	})
	t.Run("no input", func(t *testing.T) { // what Launcher starts has none
		stdout, _, _, err := launch(t, h, ctx, "play-sum")
		if err != nil || stdout != "0 <nil>\n" {
			t.Errorf("%q, %v", stdout, err)
		}
	})
	t.Run("the host is closed", func(t *testing.T) {
		c := converse(t, h, ctx, "play-flood", jsonOf(1<<50), token("flood")) // nobody reads it
		isFull(t, c)
		h.Close()
		n, err := io.Copy(io.Discard, c)
		if n != window || !errors.Is(err, net.ErrClosed) || errors.Is(err, ErrLost) {
			t.Errorf("%d bytes, then %v", n, err)
		}
		within(t, 5*time.Second, "without the program", func() bool { return len(processes(token("flood"))) == 0 })
	})
}

// isFull waits until a conversation has printed all that is kept of it.
func isFull(t *testing.T, c *Conversation) {
	t.Helper()
	within(t, 20*time.Second, "with all that is kept", func() bool {
		c.out.mu.Lock()
		defer c.out.mu.Unlock()
		return len(c.out.bytes) == window
	})
}

// TestConverseLost: a broken connection ends who reads and who writes, and the
// program on the host.
func TestConverseLost(t *testing.T) {
	for name, cut := range map[string]func(w *work) error{
		"sshd is killed":     func(w *work) error { return w.s.KillSessions() },
		"the network is cut": func(w *work) error { return w.l.Here.SetUp(w.s.Link, false) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWork(t)
			c := converse(t, w.h, t.Context(), "play-stay", w.token)
			hears(t, c, "ready\n")
			flood := converse(t, w.h, t.Context(), "play-flood", jsonOf(1<<50), w.token) // nobody reads it
			wrote := make(chan error, 1)
			go func() { _, err := c.Write(make([]byte, 1<<20)); wrote <- err }()
			time.Sleep(100 * time.Millisecond)
			if err := cut(w); err != nil {
				t.Fatal(err)
			}
			_, readErr := c.Read(make([]byte, 1))
			_, waitErr := flood.Wait()
			for _, err := range []error{<-wrote, readErr, waitErr, c.Close()} {
				if !errors.Is(err, ErrLost) {
					t.Errorf("%v is not ErrLost", err)
				}
			}
			wants(t, readErr, "play-stay on root@10.9.1.2 was lost sight of, and ends by itself: the connection was lost")
			w.isGone(t, 15*time.Second)
			w.h.Close()
		})
	}
	t.Run("the controller is killed", func(t *testing.T) {
		w := newWork(t)
		w.controller(t, "talk").Process.Kill()
		within(t, 10*time.Second, "without the program", func() bool { return len(processes(w.token+"-controlled")) == 0 })
	})
}

// controller starts another one, and returns when its program is ready.
func (w *work) controller(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{"play-controller", jsonOf(w.c), w.s.Address, w.token + "-controlled"}, args...)
	said := make(saying, 1)
	cmd.Stdout, cmd.Stderr = said, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.l.Here.Start(cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	select {
	case <-said:
	case <-time.After(15 * time.Second):
		t.Fatal("the controller has started nothing after 15 s")
	}
	return cmd
}
