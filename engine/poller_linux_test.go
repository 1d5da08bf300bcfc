package engine_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// flock is many receiving ports on loopback, and a socket that sends to them.
type flock struct {
	ports []*engine.Port
	addrs []netip.AddrPort
	conn  *net.UDPConn
}

// An address of 127.0.0.0/8 for each flock of each process: nobody else's
// sockets are in the way, and port numbers can be fixed.
var lastFlock atomic.Uint32

func newFlock(t testing.TB, n int) *flock {
	t.Helper()
	id := uint32(os.Getpid())<<4 + lastFlock.Add(1)&15
	addr := netip.AddrFrom4([4]byte{127, byte(id>>16)&127 | 128, byte(id >> 8), byte(id)})
	f := &flock{}
	var mem *netmap.Memory
	for i := range n {
		if i%1000 == 0 {
			var err error
			if mem, err = netmap.NewMemory(&netmap.MemoryConfig{Rings: min(n-i, 1000), Slots: 8, BufSize: 256}); err != nil {
				t.Fatal(err)
			}
		}
		a := netip.AddrPortFrom(addr, uint16(10000+i))
		p, err := engine.Open("udp:@"+a.String(), &engine.Config{RX: 1, Slots: 8, Memory: mem, RecvBuf: 16 << 10, NoGRO: n > 100})
		if err != nil {
			t.Fatal(err)
		}
		f.ports, f.addrs = append(f.ports, p), append(f.addrs, a)
	}
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		t.Fatal(err)
	}
	f.conn = conn
	t.Cleanup(func() {
		conn.Close()
		for _, p := range f.ports {
			p.Close()
		}
	})
	return f
}

func (f *flock) send(t testing.TB, i, n int) {
	for range n {
		if _, err := f.conn.WriteToUDPAddrPort([]byte("0123456789"), f.addrs[i]); err != nil {
			t.Error(err)
		}
	}
}

func newPoller(t testing.TB, c *engine.PollerConfig) *engine.Poller {
	t.Helper()
	p, err := engine.NewPoller(c)
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

// add adds all ports' queues; Data is the port's number.
func (f *flock) add(t testing.TB, p *engine.Poller, mode engine.Mode) (all []*engine.Source) {
	t.Helper()
	for i, port := range f.ports {
		s, err := p.Add(port.RX()[0], mode)
		if err != nil {
			t.Fatal(err)
		}
		s.Data = i
		all = append(all, s)
	}
	return all
}

// long is a time within which what has happened is told.
const long = 10 * time.Second

// expectEvents waits once and wants the sources with these numbers, in any order.
func expectEvents(t *testing.T, p *engine.Poller, d time.Duration, want ...int) []engine.Event {
	t.Helper()
	events, err := p.Wait(d)
	if err != nil {
		t.Fatal(err)
	}
	got := map[int]bool{}
	for _, e := range events {
		if e.String() != "readable" || !e.Source.Live() || e.Source.FD() != -1 {
			t.Errorf("source %v: %s", e.Source.Data, e)
		}
		got[e.Source.Data.(int)] = true
	}
	ok := len(events) == len(want)
	for _, w := range want {
		ok = ok && got[w]
	}
	if !ok {
		t.Errorf("told of %v, want %v", got, want)
	}
	return events
}

// drop syncs a queue and takes n packets of what is in the ring then.
func drop(t *testing.T, q engine.Queue, n int) {
	t.Helper()
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	q.Ring().Advance(n)
}

func TestPollerLevel(t *testing.T) {
	f := newFlock(t, 40)
	p := newPoller(t, nil)
	f.add(t, p, engine.Level)
	expectEvents(t, p, 0)
	f.send(t, 7, 3)
	f.send(t, 31, 1)
	expectEvents(t, p, long, 7, 31)
	expectEvents(t, p, long, 7, 31) // nobody has read
	drop(t, f.ports[31].RX()[0], 1)
	drop(t, f.ports[7].RX()[0], 2)
	expectEvents(t, p, long, 7) // one packet is in the ring
	drop(t, f.ports[7].RX()[0], 1)
	expectEvents(t, p, 0)
}

func TestPollerEdge(t *testing.T) {
	f := newFlock(t, 40)
	p := newPoller(t, nil)
	f.send(t, 3, 1)
	f.add(t, p, engine.Edge)
	expectEvents(t, p, long, 3) // it was ready before
	f.send(t, 9, 20)
	expectEvents(t, p, long, 3, 9)
	drop(t, f.ports[3].RX()[0], 1)
	drop(t, f.ports[9].RX()[0], 7) // the ring has 7 slots, the socket 13 more
	// The kernel will not tell of 9 again, and of 3 nobody has seen the end.
	expectEvents(t, p, long, 3, 9)
	drop(t, f.ports[3].RX()[0], 0)
	expectEvents(t, p, long, 9)
	n, err := p9(f.ports[9], p)
	if n != 13 || err != nil {
		t.Errorf("drained %d, %v", n, err)
	}
	expectEvents(t, p, 0)
	f.send(t, 9, 1)
	expectEvents(t, p, long, 9)
}

// p9 drains the source of a port's queue, which the next Wait tells of.
func p9(port *engine.Port, p *engine.Poller) (int, error) {
	events, err := p.Wait(long)
	if err != nil || len(events) != 1 || events[0].Source.Queue() != engine.Queue(port.RX()[0]) {
		return 0, fmt.Errorf("events %v, %w", events, err)
	}
	return events[0].Source.Drain(1000, takeAll)
}

func takeAll(r *netmap.Ring) error {
	r.Advance(r.Space())
	return nil
}

func TestPollerOneShot(t *testing.T) {
	f := newFlock(t, 20)
	p := newPoller(t, nil)
	all := f.add(t, p, engine.OneShot)
	f.send(t, 5, 9)
	f.send(t, 6, 1)
	expectEvents(t, p, long, 5, 6)
	f.send(t, 5, 1)
	expectEvents(t, p, 0)
	drop(t, f.ports[5].RX()[0], 6) // one is left in the ring
	for range 2 {                  // twice is once
		if err := all[5].Rearm(); err != nil {
			t.Fatal(err)
		}
	}
	expectEvents(t, p, long, 5)
	drop(t, f.ports[5].RX()[0], 1)
	all[5].Again() // it is not armed
	expectEvents(t, p, 0)
	if err := all[6].Rearm(); err != nil {
		t.Fatal(err)
	}
	expectEvents(t, p, long, 6)
}

// A sender hammers on edge-triggered queues that are drained a little at a
// time: an edge that got lost would leave packets in a socket for good.
func TestPollerEdgeIsNeverLost(t *testing.T) {
	const queues, each = 4, 20000
	f := newFlock(t, queues)
	p := newPoller(t, nil)
	f.add(t, p, engine.Edge)
	done := make(chan error, 1)
	go func() {
		for k := range queues * each {
			// All to one for a while, then to all by turns.
			i := k / each
			if k/100%2 == 0 {
				i = k % queues
			}
			if _, err := f.conn.WriteToUDPAddrPort([]byte("0123456789"), f.addrs[i]); err != nil {
				done <- err
				return
			}
			if k%3000 == 0 {
				time.Sleep(time.Millisecond) // let them run empty
			}
		}
		done <- nil
	}()
	var got, dropped uint64
	for end := time.Now().Add(60 * time.Second); got+dropped < queues*each; {
		events, err := p.Wait(100 * time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if _, err := e.Source.Drain(5, takeAll); err != nil {
				t.Fatal(err)
			}
		}
		got, dropped = 0, 0
		for _, port := range f.ports {
			rx, _ := port.Stats()
			got, dropped = got+rx.Packets, dropped+rx.KernelDrops
		}
		if time.Now().After(end) {
			t.Fatalf("of %d packets %d were received and %d dropped", queues*each, got, dropped)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got == 0 {
		t.Error("nothing was received")
	}
	// A last edge may tell of packets that have been taken since.
	events, err := p.Wait(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if n, err := e.Source.Drain(5, takeAll); n != 0 || err != nil {
			t.Errorf("%d packets after the last, %v", n, err)
		}
	}
	expectEvents(t, p, 0)
}

// One busy queue does not starve the others.
func TestPollerIsFair(t *testing.T) {
	f := newFlock(t, 3)
	for _, mode := range []engine.Mode{engine.Level, engine.Edge} {
		p := newPoller(t, nil)
		all := f.add(t, p, mode)
		f.send(t, 0, 15)
		events := expectEvents(t, p, long, 0)
		if n, err := events[0].Source.Drain(1, takeAll); n != 7 || err != nil {
			t.Errorf("%d packets with a budget of 1 and a ring of 8 slots, %v", n, err)
		}
		f.send(t, 1, 1)
		f.send(t, 2, 1)
		expectEvents(t, p, long, 0, 1, 2)
		for _, s := range all {
			if _, err := s.Drain(100, takeAll); err != nil {
				t.Error(err)
			}
			s.Remove()
		}
	}
}

func TestPollerWaitAllocatesNothing(t *testing.T) {
	f := newFlock(t, 64)
	for _, mode := range []engine.Mode{engine.Level, engine.Edge, engine.OneShot} {
		p := newPoller(t, &engine.PollerConfig{Events: 16})
		all := f.add(t, p, mode)
		n := 0
		allocs := testing.AllocsPerRun(200, func() {
			for i := range 32 {
				_, _ = f.conn.WriteToUDPAddrPort([]byte("x"), f.addrs[i])
			}
			for left := 32; left > 0; {
				events, err := p.Wait(long)
				if err != nil || len(events) == 0 {
					t.Fatal(events, err)
				}
				for _, e := range events {
					k, err := e.Source.Drain(8, takeAll)
					if err != nil {
						t.Fatal(err)
					}
					n += k
					left -= k
					if err := e.Source.Rearm(); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
		if allocs != 0 || n != 201*32 {
			t.Errorf("mode %d: %v allocations for 32 packets, %d packets", mode, allocs, n)
		}
		for _, s := range all {
			s.Remove()
		}
	}
}

// A transmit queue is told of when there is room, and only then.
func TestPollerTransmit(t *testing.T) {
	for _, mode := range []engine.Mode{engine.Level, engine.Edge, engine.OneShot} {
		fifo := filepath.Join(t.TempDir(), "fifo")
		if err := unix.Mkfifo(fifo, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		port, err := engine.Open("pcap:"+fifo, &engine.Config{TX: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer port.Close()
		p := newPoller(t, nil)
		q := port.TX()[0]
		s, err := p.Add(q, mode)
		if err != nil {
			t.Fatal(err)
		}
		none := func(when string) {
			t.Helper()
			if events, err := p.Wait(0); err != nil || len(events) > 0 {
				t.Errorf("%s: %v, %v", when, events, err)
			}
		}
		none("nothing to send")
		for q.Ring().Pending() == 0 {
			slots, _ := q.Ring().Runs()
			for i := range slots {
				slots[i].Len = 1000
			}
			q.Ring().Advance(len(slots))
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Rearm(); err != nil {
			t.Fatal(err)
		}
		none("full")
		for q.Ring().Pending() > 0 {
			if _, err := io.CopyN(io.Discard, r, 60000); err != nil {
				t.Fatal(err)
			}
			events, err := p.Wait(long)
			if err != nil || len(events) != 1 || events[0].String() != "writable" {
				t.Fatalf("mode %d: with room: %v, %v, %d pending", mode, events, err, q.Ring().Pending())
			}
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
			// It was settled what it waits for by that Sync, or is by this.
			if err := s.Rearm(); err != nil {
				t.Fatal(err)
			}
		}
		none("all sent")
		r.Close()
	}
}

// A file is always ready, to its end.
func TestPollerFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	const header = "\xd4\xc3\xb2\xa1\x02\x00\x04\x00"
	record := strings.Repeat("\x00", 8) + "\x0e\x00\x00\x00\x0e\x00\x00\x00" + strings.Repeat("\xff", 14)
	text := header + strings.Repeat("\x00", 8) + "\xff\xff\x00\x00\x01\x00\x00\x00" + strings.Repeat(record, 100)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []engine.Mode{engine.Level, engine.Edge, engine.OneShot} {
		port, err := engine.Open("pcap:"+file, &engine.Config{RX: 1, Slots: 16})
		if err != nil {
			t.Fatal(err)
		}
		defer port.Close()
		p := newPoller(t, nil)
		if _, err := p.Add(port.RX()[0], mode); err != nil {
			t.Fatal(err)
		}
		got, err := 0, error(nil)
		for err == nil {
			events, werr := p.Wait(long)
			if werr != nil || len(events) != 1 {
				t.Fatal(events, werr)
			}
			var n int
			n, err = events[0].Source.Drain(20, takeAll)
			got += n
			if e := events[0].Source.Rearm(); e != nil {
				t.Fatal(e)
			}
		}
		if err != io.EOF || got != 100 {
			t.Errorf("%d packets, %v", got, err)
		}
	}
}

// The queues of one socket in one Poller.
func TestPollerSharedSocket(t *testing.T) {
	f := newFlock(t, 1) // for its address
	peer := f.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	local := netip.AddrPortFrom(peer.Addr(), 9999)
	port, err := engine.Open(fmt.Sprintf("udp:@%s,%s", local, peer), &engine.Config{RX: 1, TX: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	p := newPoller(t, nil)
	for _, q := range []engine.Queue{port.RX()[0], port.TX()[0], port.TX()[1]} {
		s, err := p.Add(q, engine.Edge)
		if err != nil {
			t.Fatal(err)
		}
		s.Data = 1
	}
	expectEvents(t, p, 0)
	f.addrs[0] = local
	f.send(t, 0, 1)
	expectEvents(t, p, long, 1)
	if _, err := p.Add(port.RX()[0], engine.Level); err == nil || !strings.Contains(err.Error(), "one owner") {
		t.Errorf("added twice: %v", err)
	}
}

func TestPollerNetmap(t *testing.T) {
	d := netmaptest.New(nil)
	ports, err := engine.OpenAll([]string{"vale0:a", "vale0:b"}, &engine.Config{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	for _, port := range ports {
		defer port.Close()
	}
	p := newPoller(t, nil)
	rx, tx := ports[1].RX()[0], ports[0].TX()[0]
	for _, mode := range []engine.Mode{engine.Edge, engine.OneShot} {
		if _, err := p.Add(rx, mode); !errors.Is(err, netmap.ErrNotSupported) || !strings.Contains(err.Error(), "poll performs the sync") {
			t.Errorf("mode %d: %v", mode, err)
		}
	}
	s, err := p.Add(rx, engine.Level)
	if err != nil {
		t.Fatal(err)
	}
	s.Data = 1
	for k := range 20 {
		expectEvents(t, p, 0)
		slot := tx.Ring().Slot(tx.Ring().Head())
		slot.Len = 60
		copy(tx.Ring().Buffer(slot), "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01") // to all
		tx.Ring().Advance(1)
		if err := tx.Sync(); err != nil {
			t.Fatal(err)
		}
		expectEvents(t, p, long, 1)
		if rx.Ring().Space() != 1 { // the wait has synced it
			t.Fatalf("round %d: %d packets", k, rx.Ring().Space())
		}
		expectEvents(t, p, long, 1)
		rx.Ring().Advance(1)
		if err := rx.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	rx.Ring().SetHead(rx.Ring().Head() + 5)
	rx.Ring().SetCur(rx.Ring().Head())
	if err := rx.Sync(); !errors.Is(err, netmap.ErrRing) {
		t.Fatal(err)
	}
	if events, err := p.Wait(long); err != nil || len(events) != 1 || !errors.Is(events[0].Err, netmap.ErrRing) {
		t.Errorf("a ring out of order: %v, %v", events, err)
	}
}
