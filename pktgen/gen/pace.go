package gen

import "math"

// A pacer gives one thread its frames' times: frame k is due at start +
// k/rate. Frames are let go in batches, each when its first frame is due.
//
// A thread that was held up catches up at no more than twice its rate, and not
// at all for what is older than maxDebt: that much of the schedule is given up
// and counted.
type pacer struct {
	period   float64 // ns between frames
	batch    uint64  // frames let go at a time
	start    int64   // when frame 0 is due, ns of engine.Clock; given up time moves it
	sent     uint64
	earliest int64 // when the next batch may go at twice the rate
	lost     int64 // ns given up
}

const (
	maxDebt = 100e6 // ns
	// wakeEvery is the shortest time between two batches: a sleep and a wake
	// cost some 20 µs of CPU.
	wakeEvery = 200e3 // ns
)

// newPacer paces at pps frames a second from start on, in batches of at most
// burst.
func newPacer(pps float64, start int64, burst int) *pacer {
	p := &pacer{period: 1e9 / pps, start: start, earliest: math.MinInt64}
	p.batch = uint64(min(max(wakeEvery/p.period, 1), float64(burst)))
	return p
}

// schedule returns how many ns n frames at the period take; what is beyond a
// century of a tiny rate is cut off there, before it overflows.
func schedule(n uint64, period float64) int64 {
	return int64(min(float64(n)*period, 1<<61))
}

// due returns when frame k is due.
func (p *pacer) due(k uint64) int64 { return p.start + schedule(k, p.period) }

// allow returns how many frames, room at most, may go at now, or 0 and when to
// ask again.
func (p *pacer) allow(now int64, room int) (n int, wake int64) {
	if at := max(p.due(p.sent), p.earliest); now < at {
		return 0, at
	}
	if debt := now - p.due(p.sent); debt > maxDebt {
		p.start += debt - maxDebt
		p.lost += debt - maxDebt
	}
	n = min(room, int(p.batch))
	p.sent += uint64(n)
	p.earliest = now + schedule(uint64(n), p.period/2) + 1
	return n, 0
}
