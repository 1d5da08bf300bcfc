package engine_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap"
)

// openIn opens a port inside a namespace.
func openIn(t testing.TB, ns *netlab.NS, spec string, c *engine.Config) *engine.Port {
	t.Helper()
	p, err := tryOpen(ns, spec, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func tryOpen(ns *netlab.NS, spec string, c *engine.Config) (p *engine.Port, err error) {
	err = ns.Do(func() (err error) {
		p, err = engine.Open(spec, c)
		return err
	})
	return p, err
}

// veth is a pair and a port on each end: one that sends, one that receives.
func veth(t testing.TB, o *netlab.PairOptions, tx, rx *engine.Config) (from, to *engine.Port, pair *netlab.Pair) {
	t.Helper()
	pair = testnet.Pair(t, o)
	from = openIn(t, pair.A.NS, "packet:"+pair.A.Name, tx)
	to = openIn(t, pair.B.NS, "packet:"+pair.B.Name, rx)
	return from, to, pair
}

// put fills n free slots with frames of the given length that carry a number,
// different flows in turn, and returns the next number.
func put(r *netmap.Ring, n, size int, number uint64) uint64 {
	a, b := r.Burst(n)
	for _, run := range [][]netmap.Slot{a, b} {
		for i := range run {
			run[i].Len, run[i].Flags = uint16(size), 0
			f := r.Bytes(&run[i])
			copy(f, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x08\x00\x45\x00\x00\x2e\x00\x00\x40\x00\x40\x11\x00\x00\x0a\x00\x00\x01\x0a\x01\x00\x01")
			binary.BigEndian.PutUint16(f[34:], uint16(number%64))
			binary.BigEndian.PutUint64(f[42:], number)
			number++
		}
	}
	r.Advance(len(a) + len(b))
	return number
}

func TestPacketEveryFrameOnceInOrder(t *testing.T) {
	// Odd and tiny rings wrap everywhere; the receiver takes odd bites.
	for _, slots := range []int{2, 7, 255, 1024} {
		from, to, _ := veth(t, nil, &engine.Config{TX: 1, Slots: slots}, &engine.Config{RX: 1, Slots: slots + 1})
		tx, rx := from.TX()[0], to.RX()[0]
		const total = 20000
		var sent, got uint64
		deadline := time.Now().Add(20 * time.Second)
		for got < total {
			if time.Now().After(deadline) {
				t.Fatalf("%d slots: %d of %d frames after 20 s", slots, got, total)
			}
			sent = put(tx.Ring(), min(total-int(sent), int(sent%97)+1), 60, sent)
			if err := tx.Sync(); err != nil {
				t.Fatal(err)
			}
			if err := rx.Sync(); err != nil {
				t.Fatal(err)
			}
			r := rx.Ring()
			a, b := r.Burst(int(got%61) + 1)
			for _, run := range [][]netmap.Slot{a, b} {
				for i := range run {
					f := r.Bytes(&run[i])
					if len(f) != 60 || binary.BigEndian.Uint64(f[42:]) != got {
						t.Fatalf("%d slots: frame of %d bytes with number %d, want %d", slots, len(f), binary.BigEndian.Uint64(f[42:]), got)
					}
					got++
				}
			}
			r.Advance(len(a) + len(b))
		}
		if left, err := tx.Drain(time.Second); left != 0 || err != nil {
			t.Errorf("Drain: %d, %v", left, err)
		}
		for what, st := range map[string]engine.Stats{"sent": tx.Stats(), "received": rx.Stats()} {
			if st.Packets != total || st.Bytes != 60*total || st.KernelDrops != 0 || st.Truncated != 0 {
				t.Errorf("%d slots: %s: %+v", slots, what, st)
			}
		}
	}
}

func TestPacketSwapForwardsBetweenPorts(t *testing.T) {
	// a0 → b0, forwarded b0 → b1 by swap in one memory, b1 → a1.
	first, second := testnet.Pair(t, nil), testnet.Pair(t, nil)
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 64})
	if err != nil {
		t.Fatal(err)
	}
	src := openIn(t, first.A.NS, "packet:"+first.A.Name, &engine.Config{TX: 1})
	in := openIn(t, first.B.NS, "packet:"+first.B.Name, &engine.Config{RX: 1, Memory: mem})
	out := openIn(t, second.B.NS, "packet:"+second.B.Name, &engine.Config{TX: 1, Memory: mem})
	dst := openIn(t, second.A.NS, "packet:"+second.A.Name, &engine.Config{RX: 1})
	const total = 5000
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	moved := 0
	done := make(chan error, 1)
	go func() {
		w := engine.Worker{In: in.RX(), Out: out.TX(), Stage: engine.StageFunc(
			func(in, out []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
				n, err := netmap.Move(out[0], in[0], 1<<20)
				moved += n
				return n, moved == total, err
			})}
		done <- w.Run(ctx)
	}()
	var sent, got uint64
	for got < total && ctx.Err() == nil {
		// At most 32 under way: nothing can overrun.
		sent = put(src.TX()[0].Ring(), min(32-int(sent-got), total-int(sent)), 60, sent)
		if err := src.TX()[0].Sync(); err != nil {
			t.Fatal(err)
		}
		rx := dst.RX()[0]
		if err := rx.Wait(100 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		r := rx.Ring()
		a, b := r.Runs()
		for _, run := range [][]netmap.Slot{a, b} {
			for i := range run {
				if n := binary.BigEndian.Uint64(r.Bytes(&run[i])[42:]); n != got {
					t.Fatalf("got frame %d, want %d", n, got)
				}
				got++
			}
		}
		r.Advance(len(a) + len(b))
	}
	if err := <-done; err != nil || got != total {
		t.Fatalf("%d of %d forwarded frames, worker: %v", got, total, err)
	}
}

func TestPacketFanoutSeesEachFrameOnce(t *testing.T) {
	from, to, pair := veth(t, nil, &engine.Config{TX: 2}, &engine.Config{RX: 3})
	// The receiving end also sends: its own frames must not come back.
	own := openIn(t, pair.B.NS, "packet:"+pair.B.Name, &engine.Config{TX: 1})
	const total = 6000
	var sent uint64
	seen := map[uint64]int{}
	perQueue := make([]int, 3)
	for deadline := time.Now().Add(10 * time.Second); len(seen) < total && time.Now().Before(deadline); {
		for _, tx := range from.TX() {
			sent = put(tx.Ring(), min(64, total-int(sent)), 60, sent)
			if err := tx.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		put(own.TX()[0].Ring(), 8, 60, 1<<32)
		if err := own.TX()[0].Sync(); err != nil {
			t.Fatal(err)
		}
		for i, rx := range to.RX() {
			if err := rx.Sync(); err != nil {
				t.Fatal(err)
			}
			r := rx.Ring()
			a, b := r.Runs()
			for _, run := range [][]netmap.Slot{a, b} {
				for j := range run {
					seen[binary.BigEndian.Uint64(r.Bytes(&run[j])[42:])]++
					perQueue[i]++
				}
			}
			r.Advance(len(a) + len(b))
		}
	}
	if len(seen) != total || seen[1<<32] != 0 {
		t.Fatalf("saw %d different frames of %d, own ones %d times", len(seen), total, seen[1<<32])
	}
	for n, k := range seen {
		if k != 1 {
			t.Fatalf("frame %d came %d times", n, k)
		}
	}
	for i, n := range perQueue {
		if n == 0 {
			t.Errorf("queue %d of 3 got none of 64 flows: %v", i, perQueue)
		}
	}
}

func TestPacketCountsKernelDropsToTheFrame(t *testing.T) {
	for _, rx := range []int{1, 2} {
		from, to, _ := veth(t, nil, &engine.Config{TX: 1}, &engine.Config{RX: rx, RecvBuf: 1 << 16})
		var sent uint64
		for range 50 {
			sent = put(from.TX()[0].Ring(), 200, 60, sent)
			if left, err := from.TX()[0].Drain(time.Second); left != 0 || err != nil {
				t.Fatal(left, err)
			}
		}
		var all engine.Stats
		for _, q := range to.RX() {
			for {
				if err := q.Sync(); err != nil {
					t.Fatal(err)
				}
				if q.Ring().Space() == 0 {
					break
				}
				q.Ring().Advance(q.Ring().Space())
			}
			all.Add(q.Stats())
		}
		if all.KernelDrops == 0 || all.Packets+all.KernelDrops != sent {
			t.Errorf("%d queues: %d received + %d dropped, %d sent", rx, all.Packets, all.KernelDrops, sent)
		}
	}
}

func TestPacketTruncatedIsCountedAndNotDelivered(t *testing.T) {
	from, to, _ := veth(t, nil, &engine.Config{TX: 1}, &engine.Config{RX: 1, BufSize: 512})
	tx, rx := from.TX()[0], to.RX()[0]
	var n uint64
	for i := range 90 {
		size := 60
		if i%3 == 1 {
			size = 1514
		}
		n = put(tx.Ring(), 1, size, n)
	}
	if left, err := tx.Drain(time.Second); left != 0 || err != nil {
		t.Fatal(left, err)
	}
	if err := rx.Sync(); err != nil {
		t.Fatal(err)
	}
	r := rx.Ring()
	a, b := r.Runs()
	want := uint64(0)
	for _, run := range [][]netmap.Slot{a, b} {
		for i := range run {
			if want%3 == 1 {
				want++
			}
			if got := binary.BigEndian.Uint64(r.Bytes(&run[i])[42:]); got != want {
				t.Fatalf("frame %d, want %d", got, want)
			}
			want++
		}
	}
	if st := rx.Stats(); st.Packets != 60 || st.Truncated != 30 || st.Bytes != 60*60 {
		t.Errorf("60 whole frames and 30 long ones: %+v", st)
	}
}

func TestPacketFragmentsAreOneFrame(t *testing.T) {
	from, to, _ := veth(t, nil, &engine.Config{TX: 1, Slots: 16}, &engine.Config{RX: 1})
	tx, rx := from.TX()[0], to.RX()[0]
	frame := make([]byte, 300)
	for i := range frame {
		frame[i] = byte(i)
	}
	r := tx.Ring()
	for n := range 100 {
		for k := range 3 {
			s := r.Slot(r.Head())
			copy(r.Buffer(s), frame[k*100:][:100])
			if s.Len, s.Flags = 100, netmap.MoreFrag; k == 2 {
				s.Flags = 0
			}
			r.Advance(1)
			if err := tx.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		if got := tx.Stats(); got.Packets != uint64(n+1) || r.Pending() != 0 {
			t.Fatalf("after %d frames of 3 fragments: %+v, %d pending", n+1, got, r.Pending())
		}
		if err := rx.Wait(time.Second); err != nil {
			t.Fatal(err)
		}
		in := rx.Ring()
		if in.Space() != 1 || string(in.Bytes(in.Slot(in.Head()))) != string(frame) {
			t.Fatalf("frame %d came as %d slots, or differs", n, in.Space())
		}
		in.Advance(1)
	}
	// A length beyond the buffer would send the neighbour's bytes.
	s := r.Slot(r.Head())
	s.Len, s.Flags = uint16(r.BufSize()+1), 0
	r.Advance(1)
	if err := tx.Sync(); !errors.Is(err, netmap.ErrTooLong) || r.Pending() != 1 {
		t.Errorf("a slot longer than its buffer: %v, %d pending", err, r.Pending())
	}
	s.Len = 60
	if err := tx.Sync(); err != nil || r.Pending() != 0 {
		t.Errorf("the same slot at 60 bytes: %v, %d pending", err, r.Pending())
	}
	// A ring full of a frame that never ends is an error, not silence.
	for range 15 {
		s := r.Slot(r.Head())
		s.Len, s.Flags = 100, netmap.MoreFrag
		r.Advance(1)
	}
	if err := tx.Sync(); !errors.Is(err, netmap.ErrTooLong) {
		t.Errorf("endless frame: %v", err)
	}
}

func TestPacketMisuseAndDeadInterfaces(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, name := pair.A.NS, pair.A.Name
	for _, c := range []struct {
		spec string
		cfg  *engine.Config
		want error
		text string
	}{
		{"packet:nosuch0", nil, unix.ENODEV, `no interface "nosuch0"`},
		{"packet:", nil, nil, "name of the interface or file is missing"},
		{"", nil, nil, "it is empty"},
		{"netmap:eth0", &engine.Config{Device: absent{}}, netmap.ErrNoModule, "build-netmap.sh"},
		{"netmap:", nil, nil, "position"},
		{"xdp:eth0", nil, netmap.ErrNotSupported, "reserved"},
		{"tap:eth0", nil, nil, `"tap:"`},
		{"packet:" + name, &engine.Config{RX: -2}, nil, "-2 receive queues"},
		{"packet:" + name, &engine.Config{Slots: 1}, nil, "1 slots"},
		{"packet:" + name, &engine.Config{BufSize: 3}, nil, "3 bytes"},
	} {
		_, err := tryOpen(ns, c.spec, c.cfg)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("Open(%q): %v; want %v and %q in it", c.spec, err, c.want, c.text)
		}
	}
	p := openIn(t, ns, "packet:"+name, nil)
	rx, tx := p.RX()[0], p.TX()[0]
	rx.Ring().SetHead(3)
	if err := rx.Sync(); !errors.Is(err, netmap.ErrRing) {
		t.Errorf("head beyond tail: %v", err)
	}
	rx.Ring().SetHead(0)
	put(tx.Ring(), 1, 1600, 0)
	if err := tx.Sync(); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("frame above the MTU: %v", err)
	}

	if err := ns.SetUp(name, false); err != nil {
		t.Fatal(err)
	}
	if _, err := tryOpen(ns, "packet:"+name, nil); !errors.Is(err, unix.ENETDOWN) || !strings.Contains(err.Error(), "is down") {
		t.Errorf("open on an interface that is down: %v", err)
	}
	for range 2 { // the kernel says it once; the queue remembers
		if err := rx.Wait(time.Second); !errors.Is(err, unix.ENETDOWN) || !strings.Contains(err.Error(), "went down") {
			t.Errorf("wait on an interface that went down: %v", err)
		}
	}
	if err := tx.Sync(); !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("send on an interface that went down: %v", err)
	}
	if err := ns.Delete(name); err != nil {
		t.Fatal(err)
	}
	if err := tx.Sync(); err == nil || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("send on an interface that is gone: %v", err)
	}
}

// absent is a system without netmap.
type absent struct{}

func (absent) Open() (netmap.File, error) {
	return nil, fmt.Errorf("%w (scripts/build-netmap.sh --load)", netmap.ErrNoModule)
}

func TestPacketStopAndCloseFromElsewhere(t *testing.T) {
	for _, end := range []string{"stop", "close"} {
		_, to, _ := veth(t, nil, nil, nil)
		errs := make(chan error, 1)
		go func() { errs <- to.RX()[0].Wait(-1) }()
		time.Sleep(20 * time.Millisecond)
		begin := time.Now()
		if end == "stop" {
			to.Stop()
		} else if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-errs; !errors.Is(err, os.ErrClosed) || time.Since(begin) > 150*time.Millisecond {
			t.Errorf("%s: waiter got %v after %v", end, err, time.Since(begin))
		}
		for range 2 {
			if err := to.Close(); err != nil {
				t.Error(err)
			}
			to.Stop()
		}
		if err := to.RX()[0].Sync(); !errors.Is(err, netmap.ErrClosed) {
			t.Errorf("Sync after %s: %v", end, err)
		}
		if err := to.TX()[0].Wait(0); !errors.Is(err, netmap.ErrClosed) {
			t.Errorf("Wait after %s: %v", end, err)
		}
		if _, err := to.TX()[0].Drain(time.Second); !errors.Is(err, netmap.ErrClosed) {
			t.Errorf("Drain after %s: %v", end, err)
		}
		to.RX()[0].Stats()
		_ = to.RX()[0].Ring().Space()
	}
}

// A port may be closed under a sender and a receiver at full speed; run with
// the race detector this also holds the ownership rules.
func TestPacketCloseUnderTraffic(t *testing.T) {
	for range 10 {
		from, to, _ := veth(t, nil, nil, nil)
		done := make(chan error, 2)
		go func() {
			tx := from.TX()[0]
			for n := uint64(0); ; {
				n = put(tx.Ring(), 64, 60, n)
				if err := tx.Sync(); err != nil {
					done <- err
					return
				}
			}
		}()
		go func() {
			rx := to.RX()[0]
			for {
				if err := rx.Wait(-1); err != nil {
					done <- err
					return
				}
				rx.Ring().Advance(rx.Ring().Space())
			}
		}()
		time.Sleep(3 * time.Millisecond)
		to.Close()
		from.Close()
		for range 2 {
			if err := <-done; !errors.Is(err, netmap.ErrClosed) {
				t.Error(err)
			}
		}
	}
}

func TestPacketSyncAllocatesNothing(t *testing.T) {
	from, to, _ := veth(t, nil, nil, nil)
	tx, rx := from.TX()[0], to.RX()[0]
	var n uint64
	allocs := testing.AllocsPerRun(200, func() {
		n = put(tx.Ring(), 16, 60, n)
		if err := tx.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := rx.Wait(time.Second); err != nil {
			t.Fatal(err)
		}
		rx.Ring().Advance(rx.Ring().Space())
		if err := rx.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := rx.Wait(0); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations per batch", allocs)
	}
}
