package gen

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
)

var (
	rates  = []float64{0.5, 1, 3, 999.9, 12345, 1e5, 1e6, 14.88e6, 50e6}
	bursts = []int{1, 2, 7, 64, 512}
)

// every is a pacer of a constant rate in frames a second.
func every(rate float64, start int64, most int) *pacer {
	c := Config{Rate: rate}
	return newPacer(c.newTempo(1, 0), start, most)
}

// whenDue returns when frame k of such a pacer is due.
func (p *pacer) whenDue(k uint64) int64 { return p.start + schedule(k, p.perUnit) }

// pacing runs a pacer in simulated time over n frames. late gives how much
// later than asked the thread gets to run, room how many slots it then finds.
func pacing(t *testing.T, p *pacer, n uint64, late func() int64, room func() int, each func(now int64, sent int)) (end int64) {
	t.Helper()
	now := p.start
	for p.frames < n {
		before, batch := p.frames, p.batch()
		k, wake := p.allow(now, int(min(n-p.frames, uint64(room()))))
		if k > 0 {
			p.took(k, 0)
		}
		switch {
		case k < 0 || k > batch || p.frames != before+uint64(k):
			t.Fatalf("%d frames allowed, batch %d, sent %d before and %d after", k, batch, before, p.frames)
		case k == 0 && wake <= now:
			t.Fatalf("at %d nothing may go, and it is to ask again at %d", now, wake)
		case k == 0:
			now = wake + late()
			continue
		}
		each(now, k)
		now += late()
	}
	return now
}

func TestPacerIsNeverAheadAndLastsAsLongAsAsked(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	jitters := map[string]func() int64{
		"on time":      func() int64 { return 0 },
		"some µs late": func() int64 { return r.Int64N(5e3) },
		"ms late":      func() int64 { return r.Int64N(5e6) },
	}
	for _, rate := range rates {
		for _, burst := range bursts {
			for what, late := range jitters {
				const start = 12345
				p := every(rate, start, burst)
				batch := p.batch()
				if batch < 1 || batch > burst {
					t.Fatalf("rate %g, burst %d: batch %d", rate, burst, batch)
				}
				n := uint64(max(20, min(20*batch, 5000)))
				room := func() int { return burst }
				if what != "on time" {
					room = func() int { return 1 + r.IntN(burst) }
				}
				var sent uint64
				pacing(t, p, n, late, room, func(now int64, k int) {
					sent += uint64(k)
					due := float64(now-start)/1e9*rate + float64(p.batch())
					if float64(sent) > due*(1+1e-9)+1 {
						t.Fatalf("rate %g, burst %d, %s: %d frames sent when %g were due", rate, burst, what, sent, due)
					}
				})
				ideal := float64(n) / rate * 1e9
				if end := float64(p.whenDue(n) - start - p.lost); math.Abs(end-ideal) > 2 {
					t.Errorf("rate %g, burst %d, %s: %d frames last %g ns, want %g", rate, burst, what, n, end, ideal)
				}
				if what == "on time" && p.lost != 0 {
					t.Errorf("rate %g, burst %d: %d ns given up by a thread that was on time", rate, burst, p.lost)
				}
			}
		}
	}
}

// A machine that wakes a thread up late, be it by a timer's 60 µs or by the time
// that another thread has the processor, every time, is no reason to send less:
// neither where a batch takes less time than a wake, nor where it is one frame.
// Where it is late by less than a batch takes, the batches are as even as ever.
func TestPacerThatIsAlwaysLate(t *testing.T) {
	for _, rate := range []float64{999.9, 9900, 25000, 1e5, 1e6, 10e6} {
		for _, burst := range bursts {
			for _, late := range []int64{60e3, 500e3, 2*slack - 100e3} {
				p := every(rate, 0, burst)
				n := uint64(rate / 20) // 50 ms
				span := schedule(uint64(p.batch()), p.perUnit)
				now, last := int64(0), -span
				for p.frames < n {
					k, wake := p.allow(now, int(min(n-p.frames, uint64(burst))))
					if k == 0 {
						now = wake + late
						continue
					}
					p.took(k, 0)
					if late < span && last > 0 && now-last < span-1 {
						t.Fatalf("rate %g, burst %d, %d ns late: batches %d ns apart, each takes %d", rate, burst, late, now-last, span)
					}
					last = now
				}
				// The first times that it is late may be caught up with later.
				if most := p.whenDue(n) + 2*late + 2*slack; now > most || p.lost != 0 {
					t.Errorf("rate %g, burst %d, %d ns late: %d frames took %d ns, want at most %d; %d ns given up",
						rate, burst, late, n, now, most, p.lost)
				}
			}
		}
	}
}

// After a stall the pacer catches up at twice the rate, but for what slack lets
// go at once, with at most maxDebt.
func TestPacerAfterAStall(t *testing.T) {
	for _, rate := range []float64{100, 1e4, 1e6, 14.88e6} {
		for _, burst := range bursts {
			if rate > 1e6*float64(burst) {
				continue // as the case before, in millions of steps
			}
			for _, stall := range []int64{1e6, 50e6, 99e6, 150e6, 3e9} {
				p := every(rate, 1000, burst)
				room := func() int { return burst }
				none := func() int64 { return 0 }
				n := uint64(10)
				now := pacing(t, p, n, none, room, func(int64, int) {})
				now = max(now, p.whenDue(p.frames)) + stall
				from, before := now, p.frames
				caught := int64(0)
				for now < from+10*maxDebt && caught == 0 && p.frames < before+4e6 {
					k, wake := p.allow(now, burst)
					if k > 0 {
						p.took(k, 0)
					}
					if k == 0 {
						if wake == p.whenDue(p.frames) {
							caught = now
						}
						now = wake
						continue
					}
					// Twice the rate from slack before the stall's end on, and one batch.
					if most := 2*float64(now-from+slack)/1e9*rate + float64(p.batch()); float64(p.frames-before) > most*(1+1e-9)+1 {
						t.Fatalf("rate %g, burst %d, stall %d: %d frames in %d ns, at most %g are twice the rate",
							rate, burst, stall, p.frames-before, now-from, most)
					}
				}
				want := max(0, stall-maxDebt)
				if p.lost != want {
					t.Errorf("rate %g, burst %d: of a stall of %d ns %d were given up, want %d", rate, burst, stall, p.lost, want)
				}
				// Caught up after as long as the debt was, give or take batches and
				// the rounding of times to ns.
				debt := min(stall, int64(maxDebt))
				if give := int64(4*float64(p.batch())*p.perUnit) + debt/20 + 1000; caught == 0 || caught-from > debt+give {
					t.Errorf("rate %g, burst %d: a debt of %d ns was paid after %d", rate, burst, debt, caught-from)
				}
			}
		}
	}
}

// A ring that has room for a few frames only is no reason to fall behind.
func TestPacerWithLittleRoom(t *testing.T) {
	for _, rate := range []float64{1e5, 1e6, 10e6} {
		for _, slots := range []int{1, 3} {
			p := every(rate, 0, 512)
			const n = 20000
			end := pacing(t, p, n, func() int64 { return 0 }, func() int { return slots }, func(int64, int) {})
			if last := p.whenDue(n) + 512*int64(p.perUnit); end > last || p.lost != 0 {
				t.Errorf("rate %g with room for %d: %d frames took %d ns, want at most %d; %d given up", rate, slots, n, end, last, p.lost)
			}
		}
	}
}

// Rates that make no sense still must not overflow into a flood.
func TestPacerAtAbsurdRates(t *testing.T) {
	p := every(1e-12, 7, 512)
	if n, _ := p.allow(7, 512); n != 1 {
		t.Errorf("first frame: %d", n)
	}
	p.took(1, 0)
	if n, wake := p.allow(1e15, 512); n != 0 || wake < 1<<60 {
		t.Errorf("eleven days later %d frames go, the next at %d", n, wake)
	}
	p = every(math.MaxFloat64, 7, 512)
	if n, _ := p.allow(7, 600); n != 512 {
		t.Errorf("at an absurd rate %d frames go at once, want the burst", n)
	}
}

func TestShare(t *testing.T) {
	for n := uint64(1); n < 70; n++ {
		for p := 1; p < 20; p++ {
			g := &Generator{cfg: Config{Count: n}, queues: nil}
			g.queues = append(g.queues, make([]engine.TxQueue, p)...)
			var sum uint64
			for i := range p {
				s := g.share(i)
				sum += s
				if s < n/uint64(p) || s > n/uint64(p)+1 || i > 0 && s > g.share(i-1) {
					t.Fatalf("thread %d of %d sends %d of %d", i, p, s, n)
				}
			}
			if sum != n {
				t.Fatalf("%d threads send %d frames, want %d", p, sum, n)
			}
		}
	}
	g := &Generator{queues: make([]engine.TxQueue, 3)}
	if s := g.share(1); s != math.MaxUint64 {
		t.Errorf("without a limit the share is %d", s)
	}
}
