package gen

import (
	"sync/atomic"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// A sender is the stage of one thread.
type sender struct {
	queue   engine.TxQueue
	bytes   []byte // the template
	stamper *frame.Stamper
	burst   int
	limit   uint64 // frames
	until   int64  // ns of engine.Clock; 0: no end
	pace    *pacer // nil: as fast as it goes

	placed  uint64 // frames put into the ring
	written int    // slots whose buffer holds the template

	base      uint64        // the queue's packets before Run
	frames    atomic.Uint64 // frames that have left, plus one, once the end records begin
	undrained uint64
	end       int64 // when the last frame had left, ns of engine.Clock
}

// Process fills free slots. A slot that has been through here before still
// holds the template, so only what differs from frame to frame is written.
func (s *sender) Process(_, out []*netmap.Ring, clk *engine.Clock) (int, bool, error) {
	ring := out[0]
	n := min(ring.Space(), s.burst)
	n = int(min(uint64(n), s.limit-s.placed))
	if s.until != 0 && clk.Now() >= s.until {
		return 0, true, nil
	}
	if s.pace != nil && n > 0 {
		var wake int64
		if n, wake = s.pace.allow(clk.Now(), n); n == 0 {
			clk.WakeAt(s.bounded(wake))
			return 0, false, nil
		}
	}
	if n == 0 {
		return s.rest(clk)
	}
	if s.stamper != nil {
		s.stamper.Batch(uint64(clk.Wall()))
	}
	a, b := ring.Burst(n)
	s.fill(ring, a)
	s.fill(ring, b)
	ring.Advance(n)
	return n, false, nil
}

// rest is called with nothing to place: the ring is full, or all is placed. A
// paced run lasts as long as its schedule: n frames at n a second take one
// second, not the time from the first to the last.
func (s *sender) rest(clk *engine.Clock) (int, bool, error) {
	if s.placed < s.limit {
		if s.until != 0 {
			clk.WakeAt(s.until)
		}
		return 0, false, nil
	}
	if s.pace != nil {
		if end := s.bounded(s.pace.due(s.placed)); clk.Now() < end {
			clk.WakeAt(end)
			return 0, false, nil
		}
	}
	return 0, true, nil
}

// bounded returns t, or the end of the run's duration if that is earlier.
func (s *sender) bounded(t int64) int64 {
	if s.until != 0 {
		return min(t, s.until)
	}
	return t
}

func (s *sender) fill(ring *netmap.Ring, slots []netmap.Slot) {
	for i := range slots {
		slot := &slots[i]
		if s.written < ring.NumSlots() {
			s.written++
			copy(ring.Buffer(slot), s.bytes)
			slot.Len = uint16(len(s.bytes))
		}
		slot.Flags = 0
		if s.stamper != nil {
			s.stamper.Stamp(ring.Bytes(slot), s.placed)
		}
		s.placed++
	}
}

// sent returns how many frames and how many end records have left.
func (s *sender) sent() (frames, ends uint64) {
	// In this order: no end record leaves before frames is set.
	v := s.frames.Load()
	n := s.queue.Stats().Packets - s.base
	if v == 0 {
		if v = s.frames.Load(); v == 0 {
			return n, 0
		}
	}
	return v - 1, n - (v - 1)
}

// placeEnd puts one end record into the ring if there is room.
func (s *sender) placeEnd(ring *netmap.Ring, total uint64) bool {
	if ring.Space() == 0 {
		return false
	}
	slot := ring.Slot(ring.Head())
	copy(ring.Buffer(slot), s.bytes)
	slot.Len, slot.Flags = uint16(len(s.bytes)), 0
	s.stamper.End(ring.Bytes(slot), total)
	ring.Advance(1)
	return true
}
