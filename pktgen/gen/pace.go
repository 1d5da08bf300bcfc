package gen

import (
	"math"

	"github.com/ringwalk/ringwalk/netmap"
)

// A pacer holds one thread to a schedule. Frames are let go in batches, each
// when its first frame is due; the others of the batch are early by the pacer's
// window at most.
//
// A thread that was held up catches up at no more than twice its rate, with slack
// for how late a machine wakes it up every time, and not at all for what is older
// than maxDebt: that much of the schedule is given up and counted.
type pacer struct {
	tempo
	start    int64 // when position 0 is, ns of engine.Clock; given up time moves it
	most     int   // frames of a batch at most
	earliest int64 // when the next batch may go at twice the rate; past times are credit
	now      int64 // when the last batch was let go
	drawn    float64
	lost     int64 // ns given up
	behind   int64 // ns: the furthest that a batch was behind the schedule
	gaps     *spread
}

const (
	maxDebt = 100e6 // ns
	// slack is the most time that a thread may have let pass and still use at
	// twice the rate: one that is woken up less than twice that late, every
	// time, keeps its rate, and after a stall what is due in twice that may go
	// at once. A timer alone is some 60 µs late, a processor with other work ms.
	slack = 2e6 // ns
	// wakeEvery is the shortest time between two batches: a sleep and a wake
	// cost some 20 µs of CPU.
	wakeEvery = 200e3 // ns
)

// newPacer paces by t from start on, in batches of at most so many frames.
func newPacer(t tempo, start int64, most int) *pacer {
	return &pacer{tempo: t, start: start, most: most, earliest: math.MinInt64, gaps: newSpread()}
}

// schedule returns how many ns n frames at the period take.
func schedule(n uint64, period float64) int64 { return clamp(float64(n) * period) }

// due returns when the next frame is due.
func (p *pacer) due() int64 { return p.start + clamp(p.at) }

// batch returns how many frames are let go at a time.
func (p *pacer) batch() int {
	if p.burst > 1 {
		return int(min(p.burst-p.frames%p.burst, uint64(p.most)))
	}
	period := p.period()
	if period == 0 && p.frames == 0 {
		return 1 // of unknown size
	}
	return int(min(max(wakeEvery/period, 1), float64(p.most)))
}

// ready reports whether the next batch may go at now, else when to ask again.
// It gives up what is too far behind.
func (p *pacer) ready(now int64) (wake int64, ok bool) {
	due := p.due()
	if at := max(due, p.earliest); now < at {
		return at, false
	}
	debt := now - due
	p.behind = max(p.behind, debt)
	if debt > maxDebt {
		p.start += debt - maxDebt
		p.lost += debt - maxDebt
	}
	return 0, true
}

// allow returns how many frames, room at most, may go at now, or 0 and when to
// ask again. took must follow when they are in the ring.
func (p *pacer) allow(now int64, room int) (n int, wake int64) {
	wake, ok := p.ready(now)
	if !ok || room <= 0 {
		return 0, wake
	}
	batch := p.batch()
	n = min(room, batch)
	p.begin(now)
	if p.random != nil {
		n = p.sample(min(room, p.most), batch)
	}
	return n, 0
}

// sample draws the gaps of a batch with Poisson gaps: it ends with the frame
// whose gap leads out of the time that a batch takes on average.
func (p *pacer) sample(room, batch int) (n int) {
	for p.drawn = 0; n < room && (n == 0 || p.drawn <= float64(batch-1)); n++ {
		p.drawn += p.draw()
	}
	return n
}

// begin notes that a batch goes at now.
func (p *pacer) begin(now int64) {
	p.gaps.depart(now)
	p.now = now
}

// lengths adds up the bytes in slots, if the rate is one of bytes.
func (p *pacer) lengths(slots []netmap.Slot) (sum uint64) {
	if p.unit == Frames {
		return 0
	}
	for i := range slots {
		sum += uint64(slots[i].Len)
	}
	return sum
}

// heads is the bytes of a batch's slots that are no part of frames, if the rate
// is one of bytes.
func (p *pacer) heads(bytes int) uint64 {
	if p.unit == Frames {
		return 0
	}
	return uint64(bytes)
}

// took counts the frames of the batch that allow let go, which bring the next
// one's time.
func (p *pacer) took(frames int, bytes uint64) {
	was := p.at
	p.pass(uint64(frames), bytes, p.drawn)
	p.ended(was)
}

// ended bounds the next batch: when the one that began at the position was has
// been sent, it may go half of what that one takes later than that one might have
// gone. (Later than that one went would be a sleep for each batch, however much
// is due: where a sleep takes longer than half a batch, less than the rate.)
func (p *pacer) ended(was float64) {
	p.earliest = max(p.earliest, p.now-slack) + clamp((p.at-was)/2) + 1
}
