package gen

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
)

// A far end checks the frames off as they leave.
type farEnd struct {
	t      testing.TB
	want   []byte // the frame, but for what a stamp changes; nil: the first one
	stream uint16
	probes uint64
	ends   uint64
	total  uint64
	last   uint64 // time
}

func (f *farEnd) seen(b []byte) {
	var p frame.Probe
	if !frame.Read(frame.Ethernet, b, &p) {
		f.t.Fatalf("frame %d is no probe: %x", f.probes, b)
	}
	if err := verify(b); err != "" {
		f.t.Fatalf("frame %d: %s", f.probes, err)
	}
	fixed := append([]byte(nil), b...)
	clear(fixed[40:60]) // checksum and probe
	if f.want == nil {
		f.want = fixed
	}
	switch {
	case string(f.want) != string(fixed):
		f.t.Fatalf("frame %d differs from the first beyond its stamp:\n%x\n%x", f.probes, fixed, f.want)
	case p.Stream != f.stream || p.Time < f.last:
		f.t.Fatalf("frame %d: %+v, stream %d, the one before at %d", f.probes, p, f.stream, f.last)
	case p.End:
		f.ends, f.total = f.ends+1, p.Seq
	case f.ends > 0 || p.Seq != f.probes:
		f.t.Fatalf("frame %d is numbered %d, after %d end records", f.probes, p.Seq, f.ends)
	default:
		f.probes++
	}
	f.last = p.Time
}

// verify checks the UDP checksum of an IPv4 frame without options as a receiver
// would: the sum over pseudo header and datagram is all ones.
func verify(b []byte) string {
	var sum uint32
	add := func(b []byte) {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(b[i])<<8 | uint32(b[i+1])
		}
		if len(b)%2 == 1 {
			sum += uint32(b[len(b)-1]) << 8
		}
	}
	add(b[26:34])
	udp := b[34:]
	sum += 17 + uint32(len(udp))
	add(udp)
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	if sum != 0xffff {
		return "its UDP checksum is wrong"
	}
	return ""
}

func TestEveryFrameLeavesNumberedAndWhole(t *testing.T) {
	for _, c := range []struct {
		slots, burst, len int
		take              func(int) (int, error)
	}{
		{slots: 1024, burst: 512},
		{slots: 64, burst: 512}, // a ring smaller than the batch
		{slots: 2, burst: 512},
		{slots: 5, burst: 3, len: 61},
		{slots: 128, burst: 1, len: 1514},
		{slots: 64, burst: 64, take: partly(1)},
		{slots: 7, burst: 512, take: partly(2)},
	} {
		const n = 5000
		far := &farEnd{t: t, stream: 9}
		w := newWire(t, c.slots, far.seen)
		w.take = c.take
		g := generator(t, Config{Count: n, Burst: c.burst, Len: c.len, Stream: 9, DrainTimeout: 5 * time.Second}, w)
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		s := g.Snapshot()
		if far.probes != n || far.ends == 0 || far.total != n {
			t.Errorf("%+v: %d frames left, %d end records say %d", c, far.probes, far.ends, far.total)
		}
		if s.Packets != n || s.EndRecords != far.ends || s.Undrained != 0 || s.Bytes != n*uint64(len(g.Frame())) || s.Seconds <= 0 {
			t.Errorf("%+v: %+v", c, s)
		}
		if s.Batches == 0 || s.Batches > n || s.Batches+far.ends < s.Engine.Batches {
			t.Errorf("%+v: %d batches of frames, %d of all", c, s.Batches, s.Engine.Batches)
		}
	}
}

// What a wire takes no more of is undrained, and no end record claims it.
func TestUndrained(t *testing.T) {
	far := &farEnd{t: t}
	w := newWire(t, 64, far.seen)
	left := 1000
	w.take = func(n int) (int, error) {
		n = min(n, left)
		left -= n
		return n, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	g := generator(t, Config{Count: 5000}, w)
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if s := g.Snapshot(); s.Packets != 1000 || s.Undrained != 63 || s.EndRecords != 0 || far.probes != 1000 || far.ends != 0 {
		t.Errorf("%+v, %d frames and %d end records left", s, far.probes, far.ends)
	}
}

func TestAnErrorInTheMiddle(t *testing.T) {
	far, other := &farEnd{t: t}, &farEnd{t: t, stream: 1}
	w, o := newWire(t, 64, far.seen), newWire(t, 64, other.seen)
	w.take = cut(1000, partly(3))
	g := generator(t, Config{}, w, o)
	err := g.Run(t.Context())
	if !errors.Is(err, errWire) {
		t.Fatalf("the run ended with %v", err)
	}
	s := g.Snapshot()
	if far.probes != 1000 || far.ends != 0 || s.Queues[0].Packets != 1000 {
		t.Errorf("%d frames and %d end records left the wire that was cut: %+v", far.probes, far.ends, s)
	}
	if placed := g.senders[0].placed; s.Undrained != placed-1000 {
		t.Errorf("%d of %d frames are undrained, want all but 1000", s.Undrained, placed)
	}
	// The other thread ended in order.
	if other.ends == 0 || other.total != other.probes || s.Queues[1].Packets != other.probes {
		t.Errorf("the other: %d frames, %d end records say %d: %+v", other.probes, other.ends, other.total, s)
	}
}

func TestACancelInTheMiddle(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	far := &farEnd{t: t}
	w := newWire(t, 64, func(b []byte) {
		far.seen(b)
		if far.probes == 777 {
			cancel()
		}
	})
	g := generator(t, Config{}, w)
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if s := g.Snapshot(); s.Packets != far.probes || far.total != far.probes || far.ends == 0 || s.Undrained != 0 || far.probes < 777 {
		t.Errorf("%+v; %d frames left, %d end records say %d", s, far.probes, far.ends, far.total)
	}
}

// While it runs, a snapshot never counts end records as frames, nor goes back.
func TestSnapshotWhileRunning(t *testing.T) {
	const n = 20000
	a, b := newWire(t, 64, nil), newWire(t, 64, nil)
	g := generator(t, Config{Count: n, Rate: 200000}, a, b)
	before := g.Snapshot()
	if before.Packets != 0 || before.Seconds != 0 {
		t.Errorf("before the run: %+v", before)
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		last := before
		for {
			s := g.Snapshot()
			switch {
			case s.Packets > n || s.Packets < last.Packets || s.EndRecords > 18 || s.EndRecords < last.EndRecords:
				t.Errorf("%d frames and %d end records, before %d and %d", s.Packets, s.EndRecords, last.Packets, last.EndRecords)
				return
			case s.Bytes != 60*s.Packets || s.Batches < last.Batches || s.Seconds < 0:
				t.Errorf("%+v after %+v", s, last)
				return
			}
			last = s
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(stop)
	wg.Wait()
	if s := g.Snapshot(); s.Packets != n || s.EndRecords != 18 {
		t.Errorf("after it: %+v", s)
	}
}

// n frames at rate R last n/R, however the threads divide them.
func TestAPacedRunLastsAsLongAsItsSchedule(t *testing.T) {
	for _, c := range []struct {
		n       uint64
		rate    float64
		threads int
	}{
		{n: 1, rate: 50, threads: 1},
		{n: 10, rate: 100, threads: 4},
		{n: 8, rate: 100, threads: 4},
		{n: 3, rate: 20, threads: 2},
		{n: 2000, rate: 20000, threads: 3},
	} {
		var wires []*wire
		for range c.threads {
			wires = append(wires, newWire(t, 64, nil))
		}
		g := generator(t, Config{Count: c.n, Rate: c.rate, Probe: Off}, wires...)
		begin := time.Now()
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		took, want := time.Since(begin).Seconds(), float64(c.n)/c.rate
		s := g.Snapshot()
		// Later is the machine's fault and not to be judged; earlier is ours.
		if s.Packets != c.n || s.Seconds < want*0.9999 || took < want*0.9999 || s.Seconds > took {
			t.Errorf("%+v: %d frames in %g s by the run's own count, in %g s by the clock, want %g", c, s.Packets, s.Seconds, took, want)
		}
	}
}

// The schedule of each thread ends with the whole run's: with the clock in the
// test's hands, no thread waits longer than n/R.
func TestTheScheduleEndsForAllThreadsAtOnce(t *testing.T) {
	var wires []*wire
	for range 4 {
		wires = append(wires, newWire(t, 64, nil))
	}
	g := generator(t, Config{Count: 10, Rate: 10, Probe: Off}, wires...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := g.Run(ctx); err != nil { // sets the senders up and ends at once
		t.Fatal(err)
	}
	start := g.begin.Load()
	for i, s := range g.senders {
		if got := s.finish - start; got != 1e9 {
			t.Errorf("thread %d is to end %d ns after the start, want 1 s", i, got)
		}
		if last := s.pace.whenDue(s.limit-1) - start; last >= 1e9 || last < 0 {
			t.Errorf("thread %d sends its last frame after %d ns", i, last)
		}
	}
}

func TestDurationEndsARun(t *testing.T) {
	for _, rate := range []float64{0, 1000} {
		w := newWire(t, 64, nil)
		w.take = func(n int) (int, error) {
			time.Sleep(100 * time.Microsecond)
			return n, nil
		}
		g := generator(t, Config{Duration: 50 * time.Millisecond, Rate: rate, Probe: Off}, w)
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := g.Snapshot(); s.Packets == 0 || s.Seconds < 0.0499 || rate > 0 && s.Packets > 51 {
			t.Errorf("rate %g: %+v", rate, s)
		}
	}
}

func TestConfigIsRefused(t *testing.T) {
	info := engine.Info{Spec: "packet:veth-a", Interface: "veth-a", MTU: 1500, MaxFrame: 1518}
	for _, c := range []struct {
		cfg  Config
		says string
	}{
		{Config{Burst: -1}, "burst of -1 frames"},
		{Config{Duration: -1}, "duration of -1ns"},
		{Config{Rate: -1}, "rate of -1 frames a second"},
		{Config{Len: 1515}, "frames of 1515 bytes are longer than the 1514 that veth-a takes (its MTU is 1500)"},
		{Config{Len: 100000}, "frames of 100000 bytes are longer"},
		{Config{Len: 41}, "headers take 42"},
		{Config{Len: -1}, "cannot be negative"},
		{Config{Len: 59, Probe: On}, "it needs 60"},
		{Config{Dst: netip.MustParseAddrPort("[fd00::2]:9"), Src: netip.MustParseAddrPort("10.0.0.1:9")}, "one family"},
	} {
		_, err := newGenerator([]engine.TxQueue{newWire(t, 64, nil)}, info, &c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v gives %v, want something on %q", c.cfg, err, c.says)
		}
	}
	if _, err := newGenerator(nil, info, nil); err == nil || !strings.Contains(err.Error(), "without transmit queues") {
		t.Errorf("no queues: %v", err)
	}
	g, err := newGenerator([]engine.TxQueue{newWire(t, 64, nil)}, info, &Config{Len: 1514})
	if err != nil || len(g.Frame()) != 1514 || !g.Probe() || g.Notice() != "" {
		t.Errorf("the longest frame: %v", err)
	}
	g, err = newGenerator([]engine.TxQueue{newWire(t, 64, nil)}, info, &Config{Len: 50})
	if err != nil || g.Probe() || !strings.Contains(g.Notice(), "frames of 50 bytes have no room") {
		t.Errorf("a short frame: %v, notice %q", err, g.Notice())
	}
	g, err = newGenerator([]engine.TxQueue{newWire(t, 64, nil)}, info, &Config{Dst: netip.MustParseAddrPort("[fd00::2]:9")})
	if err != nil || len(g.Frame()) != 80 {
		t.Errorf("IPv6: %v", err)
	}
}

// A payload port gets payloads.
func TestPayload(t *testing.T) {
	var lens []int
	var p frame.Probe
	w := newWire(t, 64, func(b []byte) {
		lens = append(lens, len(b))
		if !frame.Read(frame.Payload, b, &p) {
			t.Fatalf("no probe in %x", b)
		}
	})
	info := engine.Info{Spec: "udp:x", MaxFrame: 2048, Link: engine.Payload, MTU: 1500}
	g, err := newGenerator([]engine.TxQueue{w}, info, &Config{Count: 10, Len: 100})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(lens) < 11 || lens[0] != 100 || !p.End || p.Seq != 10 {
		t.Errorf("%v, the last %+v", lens, p)
	}
}

// A turning wire sends the run's last frames and first end records right after
// its figures have been read once.
type turningWire struct {
	*wire
	s *sender
}

func (w *turningWire) Stats() engine.Stats {
	st := w.wire.Stats()
	if w.s.frames.Load() == 0 {
		w.packets.Store(1003)
		w.s.frames.Store(1000 + 1)
	}
	return st
}

// A snapshot at the very moment when the end records begin is whole, too.
func TestSnapshotAtTheTurn(t *testing.T) {
	w := &turningWire{wire: newWire(t, 64, nil), s: &sender{}}
	w.packets.Store(990)
	w.s.queue = w
	if frames, ends, _ := w.s.sent(); frames != 1000 || ends != 3 {
		t.Errorf("%d frames and %d end records", frames, ends)
	}
}
