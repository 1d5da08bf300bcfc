package meter

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// A feed is a receive ring that a test fills by hand, and the queue of it.
type feed struct {
	ring *netmap.Ring
}

func newFeed(t testing.TB, slots int) *feed {
	t.Helper()
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 1, Slots: slots})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := mem.NewRing(netmap.RX, 0, slots)
	if err != nil {
		t.Fatal(err)
	}
	return &feed{ring}
}

// room is how many slots can be filled.
func (f *feed) room() int { return f.ring.Pending() }

// put makes b the next packet in the ring, or its next fragment.
func (f *feed) put(b []byte, flags netmap.SlotFlags) {
	h := f.ring.Header()
	s := f.ring.Slot(h.Tail)
	s.Len, s.Flags = uint16(copy(f.ring.Buffer(s), b)), flags
	h.Tail = f.ring.Next(h.Tail)
}

// probes makes frames of one stream.
type probes struct {
	frame   []byte
	stamper frame.Stamper
}

func newProbes(t testing.TB, stream uint16) *probes {
	t.Helper()
	tpl, err := frame.New(frame.Config{})
	if err != nil {
		t.Fatal(err)
	}
	p := &probes{frame: append([]byte(nil), tpl.Bytes()...)}
	if p.stamper, err = tpl.Stamper(stream); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *probes) probe(seq uint64) []byte { p.stamper.Stamp(p.frame, seq); return p.frame }
func (p *probes) end(total uint64) []byte { p.stamper.End(p.frame, total); return p.frame }

func newStages(t testing.TB, c *Config, queues int) *Meter {
	t.Helper()
	list := make([]engine.RxQueue, queues)
	for i := range list {
		list[i] = &script{} // never synced
	}
	m, err := newMeter(list, engine.Info{}, c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (f *feed) process(t testing.TB, s *stage) (n int, done bool) {
	t.Helper()
	var clk engine.Clock
	n, done, err := s.Process([]*netmap.Ring{f.ring}, nil, &clk)
	if err != nil {
		t.Fatal(err)
	}
	return n, done
}

// byID is the Snapshot's list of streams.
func (m *Meter) byID() map[uint16]Stream {
	list := map[uint16]Stream{}
	for _, s := range m.Snapshot().Streams {
		list[s.ID] = s
	}
	return list
}

func TestStageCountsOneByOne(t *testing.T) {
	m, f := newStages(t, nil, 1), newFeed(t, 16)
	s := m.stages[0]
	a, b := newProbes(t, 3), newProbes(t, 65535)
	text := make([]byte, 60)
	send := func(frames ...[]byte) {
		for _, x := range frames {
			f.put(append([]byte(nil), x...), 0)
			if n, done := f.process(t, s); n != 1 || done {
				t.Fatalf("%d packets, done %t", n, done)
			}
		}
	}
	for range 5 { // around the ring's end
		send(text)
	}
	for _, seq := range []uint64{0, 1, 2, 2, 5, 4} {
		send(a.probe(seq))
	}
	send(a.end(7), a.end(7), b.probe(9))
	got := m.byID()
	if want := (Stream{ID: 3, Packets: 6, Distinct: 5, Lost: 2, Duplicates: 1, Reordered: 1, Extent: Extent{Mean: 1, P50: 1, P99: 1, Max: 1}, Epochs: 1, EndRecords: 2, Total: 7, Ended: true}); got[3] != want {
		t.Errorf("%+v, want %+v", got[3], want)
	}
	if want := (Stream{ID: 65535, Packets: 1, Distinct: 1, Lost: 9, Total: 10, Epochs: 1}); got[65535] != want {
		t.Errorf("%+v, want %+v", got[65535], want)
	}
	if p := &s.pub; p.packets.Load() != 14 || p.bytes.Load() != 14*60 || p.notProbe.Load() != 5 || p.ends.Load() != 2 {
		t.Errorf("%d packets %d bytes %d not probes %d ends", p.packets.Load(), p.bytes.Load(), p.notProbe.Load(), p.ends.Load())
	}
	if f.ring.Space() != 0 {
		t.Errorf("%d slots are not given back", f.ring.Space())
	}
}

// A packet of several slots is one packet, looked at once.
func TestFragments(t *testing.T) {
	for _, split := range []bool{false, true} { // also over two batches
		m, f := newStages(t, nil, 1), newFeed(t, 16)
		s, p := m.stages[0], newProbes(t, 0)
		for seq := range uint64(9) {
			f.put(p.probe(seq), netmap.MoreFrag)
			if split {
				f.process(t, s)
			}
			f.put(p.probe(100+seq), netmap.MoreFrag)
			f.put([]byte{1}, 0)
			if n, _ := f.process(t, s); n == 0 {
				t.Fatal("nothing processed")
			}
		}
		if got := m.byID()[0]; got.Packets != 9 || got.Distinct != 9 || got.Total != 9 {
			t.Errorf("%+v", got)
		}
		if s.packets != 9 || s.notProbe != 0 || s.bytes != 9*121 {
			t.Errorf("%d packets %d bytes %d not probes", s.packets, s.bytes, s.notProbe)
		}
	}
}

// The probe is in the first fragment that has bytes; a packet without any has
// none.
func TestEmptyFragments(t *testing.T) {
	for _, split := range []bool{false, true} {
		m, f := newStages(t, nil, 1), newFeed(t, 16)
		s, p := m.stages[0], newProbes(t, 0)
		put := func(b []byte, flags netmap.SlotFlags) {
			f.put(b, flags)
			if split {
				f.process(t, s)
			}
		}
		put(nil, netmap.MoreFrag)
		put(nil, netmap.MoreFrag)
		put(p.probe(0), netmap.MoreFrag)
		put(nil, netmap.MoreFrag)
		put(p.probe(50), 0)
		put(nil, netmap.MoreFrag)
		put(nil, 0)
		put(nil, netmap.MoreFrag)
		put(p.probe(1), 0)
		f.process(t, s)
		if got := m.byID()[0]; got.Packets != 2 || got.Distinct != 2 || got.Total != 2 {
			t.Errorf("%+v", got)
		}
		if s.packets != 3 || s.notProbe != 1 || s.bytes != 3*60 {
			t.Errorf("%d packets %d bytes %d not probes", s.packets, s.bytes, s.notProbe)
		}
	}
}

// Of fragmented packets, too, Count takes exactly so many.
func TestCountCutsBetweenPackets(t *testing.T) {
	m, f := newStages(t, &Config{Count: 4}, 1), newFeed(t, 16)
	s, p := m.stages[0], newProbes(t, 0)
	for seq := range uint64(5) {
		f.put(p.probe(seq), netmap.MoreFrag)
		f.put([]byte{1}, 0)
	}
	if n, done := f.process(t, s); n != 8 || !done {
		t.Errorf("%d slots processed, done %t", n, done)
	}
	if got := m.byID()[0]; got.Packets != 4 || s.packets != 4 || f.ring.Space() != 2 {
		t.Errorf("%+v, %d packets, %d slots left", got, s.packets, f.ring.Space())
	}
	if n, done := f.process(t, s); n != 0 || !done {
		t.Errorf("after the last, %d slots, done %t", n, done)
	}
}

// All 65,536 stream ids come: the first ones are told apart, the rest counted.
func TestTooManyStreams(t *testing.T) {
	m, f := newStages(t, nil, 2), newFeed(t, 4096)
	tpl, err := frame.New(frame.Config{})
	if err != nil {
		t.Fatal(err)
	}
	b := append([]byte(nil), tpl.Bytes()...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for id := range 1 << 16 {
		st, err := tpl.Stamper(uint16(id))
		if err != nil {
			t.Fatal(err)
		}
		st.Stamp(b, 0)
		f.put(b, 0)
		if f.room() == 0 || id == 1<<16-1 {
			f.process(t, m.stages[id>>12&1])
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 16<<20 {
		t.Errorf("they took %d MiB", got>>20)
	}
	list := m.byID()
	refused := m.stages[0].refused + m.stages[1].refused
	if len(list) != MaxStreams || refused != 1<<16-MaxStreams {
		t.Errorf("%d streams, %d probes refused", len(list), refused)
	}
	for id, s := range list {
		if s.ID != id || s.Packets != 1 || s.Distinct != 1 {
			t.Errorf("%+v", s)
		}
	}
}

// In steady state a batch allocates nothing, also where numbers pass from
// chunk to chunk.
func TestNoAllocationPerBatch(t *testing.T) {
	m, f := newStages(t, nil, 1), newFeed(t, 1024)
	s, p := m.stages[0], newProbes(t, 0)
	const batch = 512
	for range batch { // frames stay in their buffers and are stamped there
		f.put(p.frame, 0)
	}
	in, h := []*netmap.Ring{f.ring}, f.ring.Header()
	seq := uint64(0)
	var clk engine.Clock
	run := func(batches int) {
		for range batches {
			h.Head, h.Cur, h.Tail = 0, 0, batch
			for i := range f.ring.Slots()[:batch] {
				p.stamper.Stamp(f.ring.Bytes(f.ring.Slot(uint32(i))), seq)
				seq += 8 // the others are lost
			}
			clk = engine.Clock{}
			if n, _, err := s.Process(in, nil, &clk); n != batch || err != nil {
				t.Fatal(n, err)
			}
		}
	}
	const perChunk = chunkLen / batch / 8
	run(windowChunks * perChunk) // until the window is full
	if n := testing.AllocsPerRun(1, func() { run(100 * perChunk) }); n != 0 {
		t.Errorf("%g allocations in 100 chunks", n)
	}
	if got := m.byID()[0]; got.Distinct != seq/8 || got.Late+got.Duplicates+got.Reordered != 0 {
		t.Errorf("%+v of %d", got, seq)
	}
}

// Several queues bring the same streams in turns, each number by two of them,
// while someone looks on.
func TestQueuesShareStreams(t *testing.T) {
	const queues, streams, numbers, batch = 4, 40, 2000, 64
	m := newStages(t, nil, queues)
	done, looked := make(chan struct{}), make(chan int)
	go func() {
		for n := 0; ; n++ {
			for _, s := range m.Snapshot().Streams {
				if s.Distinct+s.Duplicates+s.Late != s.Packets || s.Late != 0 || s.Lost != s.Total-s.Distinct {
					t.Errorf("%+v does not add up", s)
				}
			}
			select {
			case <-done:
				looked <- n
				return
			default:
			}
		}
	}()
	var wg sync.WaitGroup
	for q := range queues {
		f := newFeed(t, 2*batch)
		list := make([]*probes, streams)
		for i := range list {
			list[i] = newProbes(t, uint16(i))
		}
		wg.Go(func() {
			var clk engine.Clock
			in := []*netmap.Ring{f.ring}
			for seq := range uint64(numbers) {
				for i, p := range list {
					if k := int(seq) + i; k%queues == q || (k+1)%queues == q {
						f.put(p.probe(seq), 0)
					}
					if f.ring.Space() == batch || seq == numbers-1 && i == streams-1 {
						if _, _, err := m.stages[q].Process(in, nil, &clk); err != nil {
							t.Error(err)
						}
					}
				}
			}
		})
	}
	all := make(chan int)
	go func() { wg.Wait(); close(done); all <- <-looked }()
	select {
	case n := <-all:
		t.Logf("%d snapshots", n)
	case <-time.After(30 * time.Second):
		t.Fatal("the workers and the reader wait for each other")
	}
	list := m.byID()
	for id := range uint16(streams) {
		if s, want := list[id], (Stream{ID: id, Packets: 2 * numbers, Distinct: numbers, Duplicates: numbers, Total: numbers, Epochs: 1}); s != want {
			t.Errorf("%+v, want %+v", s, want)
		}
	}
}

// Streams and end records come in turns within one batch.
func TestStreamsInTurns(t *testing.T) {
	m, f := newStages(t, nil, 1), newFeed(t, 64)
	list := []*probes{newProbes(t, 0), newProbes(t, 1), newProbes(t, 2)}
	for seq := range uint64(10) {
		for i, p := range list[:1+seq%3] {
			f.put(p.probe(seq+uint64(i)), 0)
		}
		f.put(make([]byte, 60), 0)
	}
	f.put(list[1].end(20), 0)
	f.put(list[0].end(10), 0)
	f.process(t, m.stages[0])
	got := m.byID()
	for id, want := range []Stream{
		{ID: 0, Packets: 10, Distinct: 10, EndRecords: 1, Total: 10, Ended: true, Epochs: 1},
		{ID: 1, Packets: 6, Distinct: 6, Lost: 14, EndRecords: 1, Total: 20, Ended: true, Epochs: 1},
		{ID: 2, Packets: 3, Distinct: 3, Lost: 8, Total: 11, Epochs: 1},
	} {
		if got[uint16(id)] != want {
			t.Errorf("%+v, want %+v", got[uint16(id)], want)
		}
	}
}

// FuzzStage feeds arbitrary frames: nothing panics, and every packet is counted
// in one place.
func FuzzStage(f *testing.F) {
	p := newProbes(f, 1)
	var seeds [][]byte
	for _, b := range [][]byte{p.probe(5), p.probe(1 << 47), p.end(9), make([]byte, 60), {}} {
		seeds = append(seeds, append([]byte{byte(len(b)), 0}, b...))
		f.Add(append([]byte{byte(len(b)), 0}, b...))
	}
	f.Add(append(append(append([]byte(nil), seeds[0]...), seeds[1]...), seeds[2]...))
	f.Add([]byte{14, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 20, 0, 69, 0, 0, 20})
	feed := newFeed(f, 64)
	f.Fuzz(func(t *testing.T, data []byte) {
		m := newStages(t, &Config{Delay: true}, 2)
		packets, inside := uint64(0), [2]bool{}
		for len(data) >= 2 {
			size, kind := int(data[0]), data[1]
			data = data[2:]
			b := data[:min(size, len(data))]
			data = data[len(b):]
			which, flags := kind&1, netmap.SlotFlags(kind)&netmap.MoreFrag
			feed.put(b, flags)
			if inside[which] = flags != 0 && (inside[which] || len(b) > 0); flags == 0 {
				packets++
			}
			feed.process(t, m.stages[which])
		}
		var sum uint64
		open := uint64(0)
		for i, s := range m.stages {
			sum += s.notProbe + s.ends + s.refused
			if inside[i] {
				open++ // its beginning was looked at, its end is to come
			}
		}
		for _, s := range m.byID() {
			sum += s.Packets
			if s.Distinct+s.Duplicates+s.Late+s.Absurd != s.Packets {
				t.Errorf("%+v does not add up", s)
			}
		}
		all := m.Snapshot()
		kinds, sizes := all.Protocols.ARP+all.Protocols.IPv4+all.Protocols.IPv6+all.Protocols.Other+all.Protocols.Malformed()+all.Protocols.Empty, uint64(0)
		for _, n := range all.Sizes {
			sizes += n
		}
		ip := all.Protocols.UDP + all.Protocols.TCP + all.Protocols.ICMP + all.Protocols.OtherIP + all.Protocols.Fragments
		if kinds != packets+open || sizes != packets || ip != all.Protocols.IPv4+all.Protocols.IPv6 || all.NotProbe < all.Protocols.Malformed()+all.Protocols.Empty {
			t.Errorf("%d packets: %+v", packets, all)
		}
		if all.Delay.Count != all.PDV.Count || all.Delay.Count != all.Stamped+all.Unstamped {
			t.Errorf("%+v", all)
		}
		if got := m.stages[0].packets + m.stages[1].packets; got != packets || sum != packets+open {
			t.Errorf("%d packets in, %d counted, %d by kind", packets, got, sum)
		}
	})
}

// BenchmarkStage is a counter's work for each packet, without the sync; numbers
// go up, and stamping them is not in ns/pkt. Streams come in turns.
func BenchmarkStage(b *testing.B) {
	for _, c := range []struct {
		burst, streams int
		count          bool
		delay          string // off, clock, or stamp: each packet has a time of its own
	}{
		{1, 1, false, "off"}, {16, 1, false, "off"}, {64, 1, false, "off"}, {512, 1, false, "off"}, {64, 4, false, "off"}, {512, 4, false, "off"},
		{1, 1, false, "clock"}, {16, 1, false, "clock"}, {64, 1, false, "clock"}, {512, 1, false, "clock"}, {64, 4, false, "clock"},
		{64, 1, false, "stamp"}, {512, 1, false, "stamp"}, {64, 1, true, "off"}, {512, 1, true, "off"},
	} {
		b.Run(fmt.Sprintf("burst=%d/streams=%d/count=%t/delay=%s", c.burst, c.streams, c.count, c.delay), func(b *testing.B) {
			const round = 512
			m, f := newStages(b, &Config{NoProbe: c.count, Delay: c.delay != "off"}, 1), newFeed(b, 2*round)
			var list []*probes
			for i := range c.streams {
				list = append(list, newProbes(b, uint16(i)))
			}
			for i := range round {
				f.put(list[i%c.streams].frame, 0)
			}
			in, h := []*netmap.Ring{f.ring}, f.ring.Header()
			var packets int
			var spent time.Duration
			var seq uint64
			for b.Loop() {
				now := time.Now().UnixNano()
				for i := range round {
					if i%64 == 0 { // the sender's batches
						list[i%c.streams].stamper.Batch(uint64(now) - 20_000)
					}
					if c.delay == "stamp" {
						f.ring.Meta(f.ring.Slot(uint32(i))).Time = now + int64(i)*67
					}
					list[i%c.streams].stamper.Stamp(f.ring.Bytes(f.ring.Slot(uint32(i))), seq)
					if i%c.streams == c.streams-1 {
						seq++
					}
				}
				h.Head, h.Cur, h.Tail = 0, 0, 0
				begin := time.Now()
				for range round / c.burst {
					var clk engine.Clock
					h.Tail += uint32(c.burst)
					n, _, _ := m.stages[0].Process(in, nil, &clk)
					packets += n
				}
				spent += time.Since(begin)
			}
			b.ReportMetric(float64(spent.Nanoseconds())/float64(packets), "ns/pkt")
		})
	}
}
