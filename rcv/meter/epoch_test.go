package meter

import (
	"math/rand/v2"
	"runtime"
	"testing"
)

// A play is a stream of two lanes that is sent by a test's own clock: one tick
// for each number.
type play struct {
	t     *testing.T
	st    stream
	lanes [2]lane
	now   uint64
}

func newPlay(t *testing.T) *play {
	p := &play{t: t, st: *newStream(0, false), now: 1_800_000_000_000_000_000}
	for i := range p.lanes {
		p.lanes[i].stream = &p.st
	}
	return p
}

// run sends the numbers from first to before end.
func (p *play) run(first, end uint64) {
	for seq := first; seq < end; seq++ {
		p.now++
		p.lanes[0].mark(seq, p.now)
	}
}

func (p *play) end(total uint64) { p.st.end(total, p.now) }

func (p *play) is(what string, want Stream) {
	p.t.Helper()
	got := p.st.report()
	want.Extent = got.Extent
	if got != want {
		p.t.Errorf("%s: got  %+v\nwant %+v", what, got, want)
	}
}

func TestSenderThatBeginsAgain(t *testing.T) {
	for _, first := range []uint64{1, 2, 3, 100, chunkLen, window + 5} {
		for _, second := range []uint64{1, 2, 3, 100, 2 * chunkLen} {
			for _, ends := range []bool{true, false} {
				if !ends && (first < 2 || second < 2) {
					continue // one probe alone cannot be told from a stray one
				}
				p := newPlay(t)
				p.run(0, first)
				if ends {
					p.end(first)
				}
				p.now += 1e9
				p.run(0, second)
				want := Stream{Packets: first + second, Distinct: first + second, Total: first + second, Epochs: 2}
				if ends {
					p.end(second)
					p.end(second)
					want.Ended, want.EndRecords = true, 3
				}
				p.is("again", want)
				// And once more, with its first 50 lost and every 7th number after.
				p.now += 1e9
				sent, lost := uint64(200), uint64(50)
				for seq := uint64(50); seq < sent; seq++ {
					if p.now++; seq%7 == 0 {
						lost++
						continue
					}
					p.lanes[seq%2].mark(seq, p.now)
				}
				p.end(sent)
				want.Packets, want.Distinct, want.Total = want.Packets+sent-lost, want.Distinct+sent-lost, want.Total+sent
				want.Lost, want.Epochs, want.Ended, want.EndRecords = lost, 3, true, want.EndRecords+1
				if !ends && second < 60 {
					// 50 is above the highest: that it is new is seen only when the
					// numbers would have to go back.
					continue
				}
				p.is("once more", want)
			}
		}
	}
}

// What a network does to a stream is no new epoch: duplicates and late ones
// were sent when they were sent.
func TestNoEpochByTheNetwork(t *testing.T) {
	for _, back := range []uint64{10, 1000, window, 3 * window} {
		p := newPlay(t)
		r := rand.New(rand.NewPCG(back, 1))
		begin := p.now
		for seq := uint64(0); seq < 200_000; seq++ {
			n := seq * 31
			p.lanes[r.IntN(2)].mark(n, begin+n)
			switch r.IntN(20) {
			case 0: // again
				p.lanes[r.IntN(2)].mark(n, begin+n)
			case 1: // one from before, again or for the first time
				n -= min(n, r.Uint64N(back))
				p.lanes[r.IntN(2)].mark(n, begin+n)
			}
			if seq == 150_000 {
				p.st.end(n+1, begin+n)
			}
		}
		if s := p.st.report(); s.Epochs != 1 || s.Distinct+s.Duplicates+s.Late != s.Packets || s.Absurd != 0 {
			t.Errorf("up to %d back: %+v", back, s)
		}
	}
}

// The end record is sent last, and may overtake: by a queue whose thread is
// ahead of another one's, or on the way.
func TestEndOvertakes(t *testing.T) {
	for _, came := range []uint64{0, 1, 100, 199} {
		p := newPlay(t)
		p.run(0, came)
		began := p.now
		p.now += 200 - came
		p.end(200)
		p.now = began
		for seq := came; seq < 200; seq++ {
			p.now++
			p.lanes[1].mark(seq, p.now)
		}
		p.end(200)
		p.is("after its end", Stream{Packets: 200, Distinct: 200, Total: 200, Epochs: 1, Ended: true, EndRecords: 2})
	}
}

// What is still on its way from the epoch before is late, and moves nothing.
func TestStragglersOfTheEpochBefore(t *testing.T) {
	p := newPlay(t)
	p.run(0, 5*window)
	old := p.now
	p.now += 1e9
	p.run(0, 1000)
	for seq := uint64(5*window - 10); seq < 5*window+10; seq++ {
		p.lanes[1].mark(seq, old-20+seq-5*window)
	}
	p.lanes[1].mark(500, old-5*window+500) // a duplicate of it
	p.st.end(5*window, old)
	p.run(1000, 2000)
	p.end(2000)
	p.is("stragglers", Stream{Packets: 5*window + 2021, Distinct: 5*window + 2000, Late: 21, Total: 5*window + 2000, Epochs: 2, Ended: true, EndRecords: 2})
}

// One probe that does not fit is no new epoch, whatever it says, nor the same
// one again, nor two that contradict each other.
func TestOneProbeIsNoEpoch(t *testing.T) {
	for what, strange := range map[string][][2]uint64{
		"one":                   {{7, 100}},
		"one, three times":      {{7, 100}, {7, 100}, {7, 100}},
		"numbers up, times not": {{7, 100}, {8, 50}},
		"far from 0":            {{window, 100}, {window + 1, 100}},
	} {
		p := newPlay(t)
		p.run(0, 2*window)
		now := p.now
		for _, s := range strange {
			p.lanes[1].mark(s[0], now+s[1])
		}
		p.run(2*window, 2*window+1000)
		s := p.st.report()
		if s.Epochs != 1 || s.Distinct != 2*window+1000 || s.Late+s.Duplicates != uint64(len(strange)) || s.Lost != 0 {
			t.Errorf("%s: %+v", what, s)
		}
	}
}

// Two senders under one id are told once, and are no further epochs.
func TestTwoSendersAtOnce(t *testing.T) {
	for _, burst := range []uint64{1, 2, 64} {
		p := newPlay(t)
		p.run(0, 5000)
		for i := uint64(0); i < 3000; i += burst {
			p.run(i, i+burst)
			p.run(5000+i, 5000+i+burst)
		}
		s := p.st.report()
		if s.Epochs > 2 || s.Shared != (s.Epochs == 2) || s.Lost > 5000 || s.Distinct+s.Duplicates+s.Late != s.Packets || s.Packets != 5000+(3000+burst-1)/burst*burst*2 {
			t.Errorf("bursts of %d: %+v", burst, s)
		}
	}
}

// The first probe is believed, until another is so far below that only one of
// them can be right.
func TestAbsurdFirstProbe(t *testing.T) {
	p := newPlay(t)
	p.lanes[1].mark(1<<47, p.now)
	p.is("alone", Stream{Packets: 1, Distinct: 1, Lost: 1 << 47, Total: 1<<47 + 1, Epochs: 1})
	p.run(0, 1000)
	p.is("with others", Stream{Packets: 1001, Distinct: 1000, Absurd: 1, Total: 1000, Epochs: 1})
}

// Ten thousand million numbers in steps that touch every chunk of the window,
// with losses, duplicates, late and absurd ones, and a new epoch now and then:
// the heap is as large at the end as it was when the window was full.
func TestMemoryOverTenThousandMillionNumbers(t *testing.T) {
	const all, step = 10_000_000_000, 1_009
	p := newPlay(t)
	r := rand.New(rand.NewPCG(10, 10))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var full, epochs, total uint64 = 0, 1, 0
	seq := uint64(0)
	for k := range uint64(all / step) {
		p.now += step
		p.lanes[k&1].mark(seq, p.now)
		switch {
		case k%1_000_000 == 500_000:
			total += seq + 1
			seq, epochs = 0, epochs+1
			p.now += 1000
			p.lanes[0].mark(0, p.now)
		case k%100 == 0:
			p.lanes[k&1].mark(seq-min(seq, r.Uint64N(3*window)), p.now-3*window)
			p.lanes[k&1].mark(r.Uint64N(1<<48), p.now-1)
		}
		if full == 0 && k*step > 4*window {
			full = heap()
		}
		seq += step
	}
	after := heap()
	if after > full+64<<10 {
		t.Errorf("the heap had %d KiB and has %d KiB", full>>10, after>>10)
	}
	total += seq - step + 1
	s := p.st.report()
	if s.Packets != s.Distinct+s.Duplicates+s.Late+s.Absurd || s.Epochs != epochs || s.Total != total || epochs < 9 {
		t.Errorf("%d epochs, %d in all: %+v", epochs, total, s)
	}
	t.Logf("heap %d KiB, %+v", after>>10, s)
}
