package engine

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// waits is a backend queue that waits for what a test says.
type waits struct {
	backend.Queue
	ring     *netmap.Ring
	counters backend.Counters
	want     backend.Wait
	syncs    int
	err      error
}

func (q *waits) Ring() *netmap.Ring          { return q.ring }
func (q *waits) Counters() *backend.Counters { return &q.counters }
func (q *waits) Poll() backend.Wait          { return q.want }
func (q *waits) Collect()                    {}
func (q *waits) Close() error                { return nil }
func (q *waits) Sync() error {
	q.syncs++
	return q.err
}

func waitsPort(t *testing.T, want backend.Wait, dirs ...netmap.Dir) (*Port, []*waits) {
	t.Helper()
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: len(dirs), Slots: 8})
	if err != nil {
		t.Fatal(err)
	}
	p := &Port{spec: "test:"}
	t.Cleanup(func() { p.Close() })
	var all []*waits
	for i, d := range dirs {
		r, err := mem.NewRing(d, uint16(i), 0)
		if err != nil {
			t.Fatal(err)
		}
		w := &waits{ring: r, want: want}
		all, p.all = append(all, w), append(p.all, newQueue(w, p))
	}
	return p, all
}

func openPoller(t *testing.T) *Poller {
	t.Helper()
	p, err := NewPoller(nil)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// A queue that the kernel gives no word of (ENOBUFS) is told of when its time
// has come, the earliest first, and not before.
func TestPollerTimers(t *testing.T) {
	for _, mode := range []Mode{Level, Edge, OneShot} {
		p := openPoller(t)
		port, all := waitsPort(t, backend.Never, netmap.TX, netmap.TX, netmap.TX)
		start := time.Now()
		for i, after := range []time.Duration{60 * time.Millisecond, 20 * time.Millisecond, -1} {
			all[i].want.After = after
			if _, err := p.Add(port.all[i], mode); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range []int{1, 0} {
			events, err := p.Wait(10 * time.Second)
			if err != nil || len(events) != 1 || events[0].String() != "writable" || events[0].Source.q != port.all[i] {
				t.Fatalf("mode %d: %v, %v", mode, events, err)
			}
			if took := time.Since(start); took < all[i].want.After {
				t.Errorf("mode %d: after %v instead of %v", mode, took, all[i].want.After)
			}
			all[i].want = backend.Never
			if err := events[0].Source.Rearm(); err != nil {
				t.Fatal(err)
			}
		}
		if events, err := p.Wait(30 * time.Millisecond); err != nil || len(events) > 0 || len(p.timers) > 0 {
			t.Errorf("mode %d: %v, %v, %d timers", mode, events, err, len(p.timers))
		}
		// A time that begins while somebody waits.
		port.all[2].source.Load().Remove()
		time.AfterFunc(20*time.Millisecond, func() {
			all[2].want.After = time.Millisecond
			if _, err := p.Add(port.all[2], mode); err != nil {
				t.Error(err)
			}
		})
		if events, err := p.Wait(10 * time.Second); err != nil || len(events) != 1 {
			t.Errorf("mode %d: %v, %v", mode, events, err)
		}
	}
}

// Queues that share a socket are watched apart.
func TestPollerCopiesDescriptor(t *testing.T) {
	p := openPoller(t)
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	port, _ := waitsPort(t, backend.Wait{FD: fds[1], Events: unix.POLLOUT, After: -1}, netmap.TX, netmap.TX, netmap.TX)
	for _, q := range port.all {
		if _, err := p.Add(q, Level); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if events, err := p.Wait(10 * time.Second); err != nil || len(events) != 3 {
			t.Errorf("%v, %v", events, err)
		}
	}
	first := port.all[0].source.Load()
	copied := port.all[1].source.Load().fd
	if first.fd != fds[1] || copied == fds[1] {
		t.Errorf("watched: %d, %d", first.fd, copied)
	}
	port.Stop()
	if _, err := unix.FcntlInt(uintptr(copied), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("the copy is open still: %v", err)
	}
}

// What only a Sync understands is said by a Sync: an error that it passes over
// is no event, another one is the event's.
func TestPollerSyncsOnError(t *testing.T) {
	for _, mode := range []Mode{Level, Edge, OneShot} {
		p := openPoller(t)
		var fds [2]int
		if err := unix.Pipe(fds[:]); err != nil {
			t.Fatal(err)
		}
		port, all := waitsPort(t, backend.Wait{FD: fds[1], Events: unix.POLLIN, After: -1}, netmap.RX)
		s, err := p.Add(port.all[0], mode)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fds[0]) // POLLERR at the other end
		if events, err := p.Wait(20 * time.Millisecond); err != nil || len(events) > 0 || all[0].syncs == 0 {
			t.Errorf("mode %d: %v, %v, %d syncs", mode, events, err, all[0].syncs)
		}
		s.Remove()
		broken := errors.New("broken")
		all[0].err = broken
		if _, err := p.Add(port.all[0], mode); err != nil {
			t.Fatal(err)
		}
		if events, err := p.Wait(10 * time.Second); err != nil || len(events) != 1 || !errors.Is(events[0].Err, broken) {
			t.Errorf("mode %d: %v, %v", mode, events, err)
		}
		port.Close()
		unix.Close(fds[1])
	}
}

// An event that was under way when its source left finds nobody, though the
// place has a new one.
func TestPollerGeneration(t *testing.T) {
	p := openPoller(t)
	port, _ := waitsPort(t, backend.Never, netmap.RX)
	old, err := p.Add(port.all[0], Level)
	if err != nil {
		t.Fatal(err)
	}
	data := old.data()
	old.Remove()
	s, err := p.Add(port.all[0], Level)
	if err != nil || s.i != old.i {
		t.Fatal(err, s.i, old.i)
	}
	if p.find(data) != nil || p.find(s.data()) != s || p.find(bellData) != nil || p.find(1) != nil {
		t.Error("an old event finds the new source")
	}
	if _, err := p.Add(struct{ Queue }{s.Queue()}, Level); !errors.Is(err, netmap.ErrNotSupported) {
		t.Errorf("a queue of another implementation: %v", err)
	}
	if _, err := s.Drain(1, nil); err != nil {
		t.Error(err)
	}
}
