// Package exampletest is what the tests of the examples share: the example as a
// process of its own, frames, and queues to send and receive them by.
//
//	TestMain ─▶ Main(m, main) ─┬▶ the tests
//	                           └▶ main, where Start runs this binary again
package exampletest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// asMain is set in the environment of a process that is to be the example.
const asMain = "RINGWALK_EXAMPLE"

// Main is TestMain's: it runs the tests, or in a process of Start main.
func Main(m *testing.M, main func()) {
	if os.Getenv(asMain) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// limit is how long anything here may take.
const limit = 10 * time.Second

// output collects what a process says.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

// String is what was said until now.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func command(t *testing.T, out *output, args []string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asMain+"=1")
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}

// Start runs the example in the namespace and returns when it is ready. stop
// sends ^C and returns what it said; the test fails unless it ends with status 0
// then.
func Start(t *testing.T, ns *netlab.NS, args ...string) (stop func() string) {
	t.Helper()
	out := &output{}
	cmd := command(t, out, args)
	if err := ns.Start(cmd); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for begin := time.Now(); !strings.Contains(out.String(), "running"); time.Sleep(time.Millisecond) {
		if time.Since(begin) > limit {
			t.Fatalf("%v is not ready: %s", args, out)
		}
	}
	return func() string {
		t.Helper()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("%v ended with %v: %s", args, err, out)
			}
		case <-time.After(limit):
			t.Fatalf("%v does not end: %s", args, out)
		}
		return out.String()
	}
}

// Status runs the example to its end and returns its exit status and what it
// said.
func Status(t *testing.T, args ...string) (int, string) {
	t.Helper()
	out := &output{}
	err := command(t, out, args).Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), out.String()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0, out.String()
}

// Usage fails the test unless -h is help, and what makes no sense is refused in
// a sentence: no arguments, a flag that there is not, a port that is none.
func Usage(t *testing.T, ports int) {
	t.Helper()
	for _, c := range []struct {
		args   []string
		status int
		text   string
	}{
		{[]string{"-h"}, 0, "usage: "},
		{nil, 2, "usage: "},
		{[]string{"-nosuch"}, 2, "nosuch"},
		{append(repeat("packet:nosuch0", ports-1), "nosuch:"), 1, "nosuch0"},
		{repeat("nosuch:", ports), 2, "no kind of port"},
	} {
		if ports == 1 && c.status == 1 {
			c.args, c.text = []string{"packet:nosuch0"}, "nosuch0"
		}
		if status, out := Status(t, c.args...); status != c.status || !strings.Contains(out, c.text) {
			t.Errorf("%v: status %d, %q; want %d and %q in it", c.args, status, out, c.status, c.text)
		}
	}
}

func repeat(s string, n int) (list []string) {
	for range n {
		list = append(list, s)
	}
	return list
}

// Frame is a UDP/IPv4 frame of 60 bytes between two hosts, 10.0.0.from to
// 10.0.0.to, whose payload begins with number.
func Frame(from, to byte, sport, dport, number uint16) []byte {
	b := make([]byte, 60)
	copy(b, []byte{2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17})
	copy(b[26:], []byte{10, 0, 0, from, 10, 0, 0, to})
	binary.BigEndian.PutUint16(b[34:], sport)
	binary.BigEndian.PutUint16(b[36:], dport)
	binary.BigEndian.PutUint16(b[38:], 26)
	binary.BigEndian.PutUint16(b[42:], number)
	return b
}

// Send sends frames, which must fit the ring, and drains it.
func Send(t *testing.T, q engine.TxQueue, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		r := q.Ring()
		s := r.Slot(r.Head())
		s.Len, s.Flags = uint16(copy(r.Buffer(s), f)), 0
		r.Advance(1)
	}
	if left, err := q.Drain(limit); left > 0 || err != nil {
		t.Fatalf("%d of %d frames did not leave: %v", left, len(frames), err)
	}
}

// Receive returns copies of the next n frames of a port; fewer if they do not
// come.
func Receive(t *testing.T, p *engine.Port, n int) (frames [][]byte) {
	t.Helper()
	for begin := time.Now(); len(frames) < n && time.Since(begin) < limit; {
		for _, q := range p.RX() {
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
			r := q.Ring()
			for r.Space() > 0 && len(frames) < n {
				frames = append(frames, bytes.Clone(r.Bytes(r.Slot(r.Head()))))
				r.Advance(1)
			}
		}
		time.Sleep(time.Millisecond)
	}
	return frames
}

// Pending returns copies of what has come for a port once no more does.
func Pending(t *testing.T, p *engine.Port) (frames [][]byte) {
	t.Helper()
	for last := time.Now(); time.Since(last) < 50*time.Millisecond; time.Sleep(time.Millisecond) {
		for _, q := range p.RX() {
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
			r := q.Ring()
			for ; r.Space() > 0; r.Advance(1) {
				frames, last = append(frames, bytes.Clone(r.Bytes(r.Slot(r.Head())))), time.Now()
			}
		}
	}
	return frames
}

// Quiet fails the test if more frames come.
func Quiet(t *testing.T, p *engine.Port) {
	t.Helper()
	if more := Pending(t, p); len(more) > 0 {
		t.Errorf("%d frames too many on %s, the first is %x", len(more), p.Info().Spec, more[0])
	}
}

// Open opens a port for the length of the test, in a namespace if there is one.
func Open(t *testing.T, ns *netlab.NS, spec string, c *engine.Config) *engine.Port {
	t.Helper()
	var p *engine.Port
	open := func() (err error) {
		p, err = engine.Open(spec, c)
		return err
	}
	err := error(nil)
	if ns == nil {
		err = open()
	} else {
		err = ns.Do(open)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
