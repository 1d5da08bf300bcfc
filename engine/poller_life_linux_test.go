package engine_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// descriptors counts those of this process.
func descriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// A port costs one descriptor, its socket's, and Stop wakes the Poller all the
// same.
func TestPollerStop(t *testing.T) {
	for _, mode := range []engine.Mode{engine.Level, engine.Edge, engine.OneShot} {
		before := descriptors(t)
		f := newFlock(t, 50)
		p := newPoller(t, nil)
		all := f.add(t, p, mode)
		if n := descriptors(t) - before; n > 50+5 { // and the sender, epoll, its bell, what Go's runtime has
			t.Errorf("50 ports and a Poller have %d descriptors", n)
		}
		f.send(t, 3, 1) // has packets, and is stopped
		time.AfterFunc(20*time.Millisecond, func() {
			f.ports[3].Stop()
			f.ports[4].Close()
		})
		closed := map[int]bool{}
		for end := time.Now().Add(long); len(closed) < 2; {
			events, err := p.Wait(long)
			if err != nil || len(events) == 0 || time.Now().After(end) {
				t.Fatal(events, err)
			}
			for _, e := range events {
				if !e.Closed {
					if err := e.Source.Rearm(); err != nil { // it is nobody's business
						t.Fatal(err)
					}
					continue
				}
				i := e.Source.Data.(int)
				if closed[i] || !errors.Is(e.Err, netmap.ErrClosed) || e.Readable || e.Source.Live() || !strings.HasPrefix(e.String(), "closed, error:") {
					t.Errorf("port %d: %s", i, e)
				}
				closed[i] = true
				e.Source.Remove()
			}
		}
		if !closed[3] || !closed[4] {
			t.Errorf("told of %v", closed)
		}
		expectEvents(t, p, 0)
		if _, err := p.Add(f.ports[3].RX()[0], mode); !errors.Is(err, netmap.ErrClosed) {
			t.Errorf("add a stopped queue: %v", err)
		}
		// The numbers of closed descriptors come again, and belong to others.
		f.ports[3].Close()
		again := newFlock(t, 2)
		again.add(t, p, mode)
		all[3].Remove()
		all[4].Remove()
		again.send(t, 1, 1)
		expectEvents(t, p, long, 1)
		if mode == engine.OneShot {
			continue
		}
		drop(t, again.ports[1].RX()[0], 1)
		drop(t, again.ports[1].RX()[0], 0)
		expectEvents(t, p, 0)
	}
}

// A port that is stopped while somebody handles its event is told of as closed
// when it is rearmed, not before.
func TestPollerStopOneShot(t *testing.T) {
	f := newFlock(t, 1)
	p := newPoller(t, nil)
	s := f.add(t, p, engine.OneShot)[0]
	f.send(t, 0, 1)
	expectEvents(t, p, long, 0)
	f.ports[0].Stop()
	expectEvents(t, p, 0)
	if err := s.Rearm(); err != nil {
		t.Fatal(err)
	}
	if events, err := p.Wait(long); err != nil || len(events) != 1 || !events[0].Closed {
		t.Errorf("%v, %v", events, err)
	}
}

func TestPollerWakeAndClose(t *testing.T) {
	p := newPoller(t, nil)
	p.Wake()
	p.Wake()
	quick := func(what string) {
		t.Helper()
		start := time.Now()
		if events, err := p.Wait(long); err != nil || len(events) > 0 || time.Since(start) > long/2 {
			t.Errorf("%s: %v, %v after %v", what, events, err, time.Since(start))
		}
	}
	quick("woken before")
	time.AfterFunc(20*time.Millisecond, p.Wake)
	quick("woken")
	start := time.Now()
	if events, err := p.Wait(30 * time.Millisecond); err != nil || len(events) > 0 || time.Since(start) < 30*time.Millisecond {
		t.Errorf("not woken: %v, %v after %v", events, err, time.Since(start))
	}
	f := newFlock(t, 2)
	s := f.add(t, p, engine.Level)[0]
	time.AfterFunc(20*time.Millisecond, func() { p.Close() })
	if _, err := p.Wait(-1); !errors.Is(err, netmap.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	for what, err := range map[string]error{"Close": p.Close(), "Rearm": s.Rearm()} {
		if (what == "Rearm") != errors.Is(err, netmap.ErrClosed) || what == "Close" && err != nil {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	p.Wake()
	s.Remove()
	// Its queues are free for another one.
	f.add(t, newPoller(t, nil), engine.Level)
}

func TestPollerDescriptors(t *testing.T) {
	p := newPoller(t, nil)
	wait := func(want string) engine.Event {
		t.Helper()
		events, err := p.Wait(long)
		if err != nil || len(events) != 1 || events[0].String() != want {
			t.Fatalf("%v, %v, want %s", events, err, want)
		}
		return events[0]
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	s, err := p.AddFD(pair[0], engine.ToRead|engine.ToWrite, engine.Edge)
	if err != nil {
		t.Fatal(err)
	}
	if e := wait("writable"); e.Source != s || s.FD() != pair[0] || s.Queue() != nil {
		t.Error(e.Source, s.FD(), s.Queue())
	}
	if _, err := p.AddFD(pair[0], engine.ToRead, engine.Level); !errors.Is(err, unix.EEXIST) {
		t.Errorf("added twice: %v", err)
	}
	if _, err := unix.Write(pair[1], []byte("x")); err != nil {
		t.Fatal(err)
	}
	wait("readable, writable")
	s.Again()
	wait("readable, writable")
	unix.Close(pair[1])
	wait("readable, writable, hang-up")
	s.Remove()

	// Nobody listens where this socket sends to.
	f := newFlock(t, 1)
	f.ports[0].Close()
	conn, err := net.Dial("udp", f.addrs[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	raw, err := conn.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		s, err := p.AddFD(int(fd), engine.ToRead, engine.Level)
		if err != nil {
			t.Fatal(err)
		}
		if e := wait("error: connection refused"); !errors.Is(e.Err, unix.ECONNREFUSED) {
			t.Error(e.Err)
		}
		expectNone(t, p) // the error is taken
		s.Remove()
	})
	if err != nil {
		t.Fatal(err)
	}

	// A pipe without a reader has an error and no SO_ERROR.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s, err = p.AddFD(int(w.Fd()), engine.ToWrite, engine.OneShot)
	if err != nil {
		t.Fatal(err)
	}
	wait("writable")
	r.Close()
	expectNone(t, p)
	if err := s.Rearm(); err != nil {
		t.Fatal(err)
	}
	if events, err := p.Wait(long); err != nil || len(events) != 1 || events[0].Err == nil {
		t.Errorf("%v, %v", events, err)
	}

	file, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := p.AddFD(int(file.Fd()), engine.ToRead, engine.Level); !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "always ready") {
		t.Errorf("a regular file: %v", err)
	}
	if _, err := p.AddFD(-1, engine.ToRead, engine.Level); !errors.Is(err, unix.EBADF) {
		t.Errorf("no descriptor: %v", err)
	}
	if _, err := p.AddFD(0, 0, engine.Level); err == nil {
		t.Error("nothing to wait for was accepted")
	}
	if _, err := engine.NewPoller(&engine.PollerConfig{Events: -1}); err == nil {
		t.Error("a Wait of -1 events was accepted")
	}
}

func expectNone(t *testing.T, p *engine.Poller) {
	t.Helper()
	if events, err := p.Wait(0); err != nil || len(events) > 0 {
		t.Errorf("%v, %v", events, err)
	}
}

// What to do about too few descriptors is in the error.
func TestNoDescriptors(t *testing.T) {
	f := newFlock(t, 1)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	// The process has more open than this.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	_, open := engine.Open("udp:"+f.addrs[0].String(), &engine.Config{TX: 1})
	_, poller := engine.NewPoller(nil)
	wait := f.ports[0].RX()[0].Wait(0) // wants the port's bell
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{open, poller, wait} {
		if !errors.Is(err, unix.EMFILE) || !strings.Contains(err.Error(), "ulimit -n") {
			t.Errorf("without descriptors: %v", err)
		}
	}
}

// An error that says something of what was sent is no end of what has arrived:
// a queue that has met it is ready still, or an edge would be lost.
func TestErrorIsNoEnd(t *testing.T) {
	f := newFlock(t, 1)
	peer := f.addrs[0]
	local := peer.Addr().String() + ":9998"
	f.ports[0].Close() // so that nobody listens
	port, err := engine.Open("udp:@"+local+","+peer.String(), &engine.Config{RX: 1, TX: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	tx, rx := port.TX()[0], port.RX()[0]
	tx.Ring().Slot(tx.Ring().Head()).Len = 10
	tx.Ring().Advance(1)
	if err := tx.Sync(); err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(peer), &net.UDPAddr{IP: net.IP(peer.Addr().AsSlice()), Port: 9998})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	p := newPoller(t, nil)
	s, err := p.Add(rx, engine.Edge)
	if err != nil {
		t.Fatal(err)
	}
	for got := 0; got == 0; {
		events, err := p.Wait(long)
		if err != nil || len(events) != 1 {
			t.Fatalf("the answer is not told of: %v, %v", events, err)
		}
		if got, err = s.Drain(10, takeAll); err != nil {
			t.Fatal(err)
		}
	}
}
