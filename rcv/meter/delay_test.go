package meter

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// exact are the figures of times by sorting them.
func exact(list []int64) Times {
	list = slices.Clone(list)
	slices.Sort(list)
	sum := 0.0
	for _, v := range list {
		sum += float64(v - list[0])
	}
	at := func(p float64) time.Duration {
		rank := int(p/100*float64(len(list)) + 0.5)
		return time.Duration(list[min(max(rank, 1), len(list))-1])
	}
	return Times{
		Count: uint64(len(list)), Min: time.Duration(list[0]), Max: time.Duration(list[len(list)-1]),
		Mean: time.Duration(list[0]) + time.Duration(sum/float64(len(list))),
		P50:  at(50), P90: at(90), P99: at(99), P999: at(99.9),
	}
}

// near says whether times are exact where they must be, and to 1 % of how far
// the clocks' offset and the delay's variation let them be elsewhere.
func near(got, want Times, offset int64) bool {
	close := func(a, b time.Duration) bool {
		return math.Abs(float64(a-b)) <= 2+0.011*math.Abs(float64(int64(b)-offset))
	}
	return got.Count == want.Count && got.Min == want.Min && got.Max == want.Max && math.Abs(float64(got.Mean-want.Mean)) <= 1+1e-6*math.Abs(float64(want.Max-want.Min)) &&
		close(got.P50, want.P50) && close(got.P90, want.P90) && close(got.P99, want.P99) && close(got.P999, want.P999)
}

// However far the clocks are apart, the variation is seen, also if delays fall
// below the shortest of the beginning.
func TestDelayFigures(t *testing.T) {
	for _, offset := range []int64{0, 1_000_000, -86_400e9, 50 * 365 * 86_400e9} {
		for _, n := range []int{1, 2, 63, 64, 65, 1000, 100_000} {
			for _, drift := range []float64{0, 0.3, -0.3} {
				r := rand.New(rand.NewPCG(uint64(n), uint64(offset)))
				var d delays
				var list []int64
				for i := 0; len(list) < n; i++ {
					ns := offset + 5000 + int64(r.ExpFloat64()*20_000) + int64(drift*float64(i))
					k := min(int64(1+r.IntN(3)), int64(n-len(list)))
					d.add(ns, k)
					for range k {
						list = append(list, ns)
					}
				}
				want := exact(list)
				s := d.snapshot()
				if got := s.times(0); !near(got, want, offset) {
					t.Errorf("offset %d, %d, drift %g: got  %+v\nwant %+v", offset, n, drift, got, want)
				}
				if got := s.times(s.min); got.Min != 0 || got.P99 != s.times(0).P99-want.Min {
					t.Errorf("PDV of %+v is %+v", want, got)
				}
				negative := uint64(0)
				for _, v := range list {
					if v < 0 {
						negative++
					}
				}
				if d.negative != negative {
					t.Errorf("%d negative, want %d", d.negative, negative)
				}
			}
		}
	}
}

// Whatever times a probe claims, nothing breaks.
func TestHostileDelays(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var d delays
	for range 10_000 {
		d.add(int64(r.Uint64()), 1)
		d.add(math.MinInt64, 1)
		d.add(math.MaxInt64, 1)
	}
	var all totals
	all.add(&d.snapshot().spread)
	if got := all.delay.times(0); got.Count != 30_000 || all.pdv.count != 30_000 {
		t.Errorf("%+v", got)
	}
}

// sendAt is a probe that was sent at a time.
func (p *probes) sendAt(seq uint64, sent int64) []byte {
	p.stamper.Batch(uint64(sent))
	return p.probe(seq)
}

// A port's own times count where it has some, else the program's.
func TestStagesDelays(t *testing.T) {
	m, f := newStages(t, &Config{Delay: true}, 1), newFeed(t, 64)
	a, b := newProbes(t, 1), newProbes(t, 2)
	const sent = 1_700_000_000_000_000_000
	put := func(frame []byte, received int64) {
		slot := f.ring.Slot(f.ring.Header().Tail)
		f.put(frame, 0)
		f.ring.Meta(slot).Time = received
	}
	var list []int64
	for seq := range int64(20) {
		delay := 1000 * (1 + seq%5)
		put(a.sendAt(uint64(seq), sent+seq), sent+seq+delay)
		put(b.sendAt(uint64(seq), sent+seq), sent+seq-500) // before it was sent
		list = append(list, delay)
	}
	put(a.sendAt(3, sent+3), sent+1e9) // a duplicate has no delay
	f.process(t, m.stages[0])
	s := m.Snapshot()
	if got, want := s.Streams[0].Delay, exact(list); !near(got, want, 0) || s.Streams[0].Negative != 0 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := s.Streams[1]; got.Delay.Min != -500 || got.Delay.Max != -500 || got.PDV.Max != 0 || got.Negative != 20 {
		t.Errorf("%+v", got)
	}
	if s.Stamped != 40 || s.Unstamped != 0 || s.Delay.Count != 40 || s.Delay.Min != -500 || s.Delay.Max != 5000 || s.PDV.Max != 4000 || s.PDV.Min != 0 {
		t.Errorf("%+v", s)
	}
	// One of them without a time, then none with one.
	put(a.sendAt(20, time.Now().UnixNano()), 0)
	put(b.sendAt(20, sent), sent+1)
	f.process(t, m.stages[0])
	put(a.sendAt(21, time.Now().UnixNano()), 0)
	f.process(t, m.stages[0])
	s = m.Snapshot()
	if s.Stamped != 41 || s.Unstamped != 2 || s.Streams[0].Delay.Count != 22 || s.Streams[0].Delay.Max < 5000 || s.Streams[0].Negative != 0 {
		t.Errorf("%+v", s)
	}
	// An offset is taken off exactly: of the port's times, and of the program's.
	m, f = newStages(t, &Config{Delay: true, ClockAhead: 1500}, 1), newFeed(t, 64)
	list = nil
	for seq := range int64(20) {
		delay := 1000 * (1 + seq%5)
		put(a.sendAt(uint64(seq), sent+seq), sent+seq+delay)
		list = append(list, delay-1500)
	}
	f.process(t, m.stages[0])
	if got, want := m.Snapshot().Streams[0], exact(list); !near(got.Delay, want, -500) || got.Negative != 4 || got.PDV.Min != 0 || got.PDV.Max != 4000 {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	m, f = newStages(t, &Config{Delay: true, ClockAhead: -time.Hour}, 1), newFeed(t, 64)
	put(a.sendAt(0, time.Now().UnixNano()), 0)
	f.process(t, m.stages[0])
	if d := m.Snapshot().Delay.Min; d <= time.Hour || d > time.Hour+time.Minute {
		t.Errorf("with a clock an hour behind: %v", d)
	}
	// Without Delay nobody looks.
	m, f = newStages(t, nil, 1), newFeed(t, 64)
	put(a.sendAt(0, sent), sent+1)
	f.process(t, m.stages[0])
	if s := m.Snapshot(); s.Delay.Count+s.Stamped+s.Unstamped != 0 || s.Streams[0].Delay.Count != 0 {
		t.Errorf("%+v", s)
	}
}

// Streams whose clocks have nothing to do with each other vary as each of them
// does.
func TestPDVOverStreams(t *testing.T) {
	var all totals
	var list []int64
	r := rand.New(rand.NewPCG(5, 6))
	for _, offset := range []int64{0, -3600e9, 9e17} {
		var d delays
		var own []int64
		for range 5000 {
			own = append(own, r.Int64N(1_000_000))
			d.add(offset+own[len(own)-1], 1)
		}
		all.add(&d.snapshot().spread)
		least := slices.Min(own)
		for _, v := range own {
			list = append(list, v-least)
		}
	}
	want := exact(list)
	if got := all.pdv.times(0); !near(got, want, 0) {
		// The mean is of values that are known to 1 %.
		got.Mean = want.Mean
		if !near(got, want, 0) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// Recording delays allocates nothing in steady state.
func TestNoAllocationForDelays(t *testing.T) {
	m, f := newStages(t, &Config{Delay: true}, 1), newFeed(t, 1024)
	s, p := m.stages[0], newProbes(t, 0)
	const batch = 512
	for range batch {
		f.put(p.frame, 0)
	}
	in, h := []*netmap.Ring{f.ring}, f.ring.Header()
	seq, sent := uint64(0), int64(1_700_000_000_000_000_000)
	var clk engine.Clock
	run := func(batches int) {
		for k := range batches {
			h.Head, h.Cur, h.Tail = 0, 0, batch
			for i := range f.ring.Slots()[:batch] {
				slot := f.ring.Slot(uint32(i))
				n, at := seq, sent
				if i%16 == 5 {
					n, at = n-min(n, 3), sent-100 // overtaken
				}
				p.stamper.Batch(uint64(at))
				p.stamper.Stamp(f.ring.Bytes(slot), n)
				f.ring.Meta(slot).Time = 0
				if k%2 == 0 {
					f.ring.Meta(slot).Time = sent + int64(seq%1000)*1000 - 100_000
				}
				seq, sent = seq+2, sent+67
			}
			clk = engine.Clock{}
			if n, _, err := s.Process(in, nil, &clk); n != batch || err != nil {
				t.Fatal(n, err)
			}
		}
	}
	run(windowChunks * chunkLen / batch)
	if n := testing.AllocsPerRun(1, func() { run(200) }); n != 0 {
		t.Errorf("%g allocations in 200 batches", n)
	}
	if s := m.Snapshot(); s.Stamped == 0 || s.Unstamped == 0 || s.Delay.Count != s.Streams[0].Distinct || s.Streams[0].Reordered == 0 || s.Streams[0].Epochs != 1 {
		t.Errorf("%+v", s)
	}
}
