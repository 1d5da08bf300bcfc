package gen

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A bit rate with frames of all sizes is exact over the whole time, though a
// batch is counted in frames.
func TestBitRateIsExactWhateverTheSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, unit := range []Unit{Bits, WireBits} {
		for _, rate := range []float64{1e5, 123456789, 10e9} {
			c := Config{Rate: rate, Unit: unit}
			p := newPacer(c.newTempo(1, 0), 5000, 512)
			if p.batch() != 1 {
				t.Errorf("the first batch, of unknown size, has %d frames", p.batch())
			}
			var bits, largest float64
			now := p.start
			for range 20000 {
				n, wake := p.allow(now, 512)
				if n == 0 {
					now = wake
					continue
				}
				var bytes uint64
				for range n {
					size := uint64(60 + r.IntN(1455))
					bytes += size
					bits += 8 * float64(size)
					if unit == WireBits {
						bits += 8 * 24
					}
				}
				largest = max(largest, float64(n)*1538*8)
				p.took(n, bytes)
				// Early by a batch at most.
				if due := float64(now-5000) / 1e9 * rate; bits > due+largest+1 {
					t.Fatalf("unit %d, rate %g: %g bits sent when %g were due", unit, rate, bits, due)
				}
			}
			if want := bits / rate * 1e9; math.Abs(float64(p.due()-5000)-want) > 2 || p.lost != 0 {
				t.Errorf("unit %d, rate %g: %g bits last %d ns, want %g", unit, rate, bits, p.due()-5000, want)
			}
			if batch := float64(p.batch()); batch > 1.2*max(1, wakeEvery*rate/1e9/6000) && batch > 1 {
				t.Errorf("unit %d, rate %g: batches of %g frames", unit, rate, batch)
			}
		}
	}
}

// Random gaps keep the rate over time, have the mean and the deviation of an
// exponential distribution where each frame goes on its own, and repeat.
func TestPoissonGaps(t *testing.T) {
	for _, rate := range []float64{1000, 1e5, 5e6} {
		c := Config{Rate: rate, Gaps: Poisson, Seed: 7}
		var times [2][]int64
		for run := range times {
			p := newPacer(c.newTempo(1, 0), 0, 512)
			const n = 200000
			for now := int64(0); p.frames < n; {
				k, wake := p.allow(now, 512)
				if k == 0 {
					now = wake
					continue
				}
				times[run] = append(times[run], now)
				p.took(k, 0)
			}
			// 200,000 gaps: the sum's own deviation is 0.22 %.
			if got := float64(p.frames) / float64(p.due()) * 1e9; math.Abs(got/rate-1) > 0.01 || p.lost != 0 {
				t.Errorf("rate %g: %g frames a second", rate, got)
			}
			if rate == 1000 {
				d := departures([]*spread{p.gaps})
				if ratio := float64(d.StdDev) / float64(d.Mean); math.Abs(ratio-1) > 0.03 {
					t.Errorf("deviation %v of gaps of %v", d.StdDev, d.Mean)
				}
			}
			if len(times[0]) != len(times[run]) || times[0][len(times[0])-1] != times[run][len(times[run])-1] {
				t.Errorf("rate %g: the same seed gave other times", rate)
			}
		}
		c.Seed = 8
		if a, b := c.newTempo(1, 0), c.newTempo(1, 1); a.draw() == b.draw() {
			t.Error("two threads draw the same gaps")
		}
	}
}

// Bursts leave whole at their times, also through a ring that is smaller.
func TestBursts(t *testing.T) {
	for _, room := range []int{512, 3} {
		c := Config{Rate: 64e3, BurstSize: 64} // every ms
		p := newPacer(c.newTempo(1, 0), 1000, 512)
		for now := int64(1000); p.frames < 64*50; {
			k, wake := p.allow(now, room)
			if k == 0 {
				now = wake
				continue
			}
			if lag := now - 1000 - int64(p.frames/64)*1e6; lag < 0 || lag > 100 {
				t.Fatalf("room for %d: frame %d goes %d ns after its burst's time", room, p.frames, lag)
			}
			p.took(k, 0)
		}
		if p.due() != 1000+50e6 || p.lost != 0 {
			t.Errorf("room for %d: 50 bursts end at %d, %d lost", room, p.due(), p.lost)
		}
	}
}

func TestDepartures(t *testing.T) {
	a, b := newSpread(), newSpread()
	for i := range int64(1001) {
		a.depart(5000 + i*1000)
		b.depart(7000 + i*3000)
	}
	d := departures([]*spread{a, b, newSpread()})
	near := func(got, want int64) bool { return math.Abs(float64(got-want)) <= float64(want)/1000 }
	if d.Batches != 2002 || d.Mean != 2000 || !near(int64(d.Min), 1000) || !near(int64(d.P50), 1000) ||
		!near(int64(d.P99), 3000) || !near(int64(d.Max), 3000) || !near(int64(d.StdDev), 1000) {
		t.Errorf("%+v", d)
	}
	if d := departures([]*spread{newSpread()}); d != (Departures{}) {
		t.Errorf("of nothing: %+v", d)
	}
}
