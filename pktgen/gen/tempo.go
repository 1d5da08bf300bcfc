package gen

import "math/rand/v2"

// Unit is what a rate counts.
type Unit uint8

// What a rate may count. Frames on an Ethernet wire take 24 bytes more than
// their own: CRC 4, preamble and start delimiter 8, inter-frame gap 12 (IEEE
// 802.3, clause 4.4.2).
const (
	Frames   Unit = iota
	Bits          // of frames without CRC
	WireBits      // of frames as they occupy an Ethernet wire
)

const wireOverhead = 24 // bytes

// of returns how many units that many frames with that many bytes are.
func (u Unit) of(frames, bytes uint64) uint64 {
	switch u {
	case Bits:
		return 8 * bytes
	case WireBits:
		return 8 * (bytes + wireOverhead*frames)
	}
	return frames
}

// Gaps is how a paced run spaces its frames.
type Gaps uint8

// Constant gaps are all the same (of a bit rate: in proportion to the frame
// before them). Poisson gaps are exponentially distributed about that, as those
// of independent senders are.
const (
	Constant Gaps = iota
	Poisson
)

// A tempo says when frames are due, as positions on a schedule in ns from its
// start. It counts units and multiplies, so a schedule of constant gaps is
// exact over any time and whatever the frames' sizes are.
type tempo struct {
	unit    Unit
	perUnit float64    // ns
	burst   uint64     // frames that are due together; 1: each on its own
	random  *rand.Rand // of Poisson gaps; nil: constant ones

	frames, units uint64  // before the next frame
	at            float64 // position of the next frame
}

// period returns the mean time between frames so far in ns, 0 where frames of
// unknown size are all there is to go by.
func (t *tempo) period() float64 {
	if t.unit == Frames {
		return t.perUnit
	}
	return t.perUnit * float64(t.units) / float64(max(t.frames, 1))
}

// pass counts frames with their bytes. draw is the sum of the random gaps drawn
// for them, in mean gaps; constant gaps need none.
func (t *tempo) pass(frames, bytes uint64, draw float64) {
	units := t.unit.of(frames, bytes)
	t.frames += frames
	t.units += units
	switch {
	case t.random != nil && frames > 0:
		t.at += draw * float64(units) / float64(frames) * t.perUnit
	case t.burst > 1:
		t.at = float64(t.frames-t.frames%t.burst) * t.perUnit
	default:
		t.at = float64(t.units) * t.perUnit
	}
}

// draw returns a random gap in mean gaps.
func (t *tempo) draw() float64 {
	if t.random == nil {
		return 1
	}
	return t.random.ExpFloat64()
}

// clamp makes a position whole ns; what is beyond a century of a tiny rate is
// cut off there, before it overflows.
func clamp(ns float64) int64 { return int64(min(ns, 1<<61)) }

// newTempo is the schedule of c's rate for one of several threads that take
// turns, or of all frames where threads is 1. The same stream draws the same
// gaps.
func (c *Config) newTempo(threads int, stream uint64) tempo {
	t := tempo{unit: c.Unit, perUnit: 1e9 * float64(threads) / c.Rate, burst: 1}
	if c.BurstSize > 1 {
		t.burst = uint64(c.BurstSize)
	}
	if c.Gaps == Poisson {
		t.random = rand.New(rand.NewPCG(c.Seed, stream))
	}
	t.perUnit = min(t.perUnit, 1<<61)
	return t
}
