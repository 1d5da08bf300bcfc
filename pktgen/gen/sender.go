package gen

import (
	"sync/atomic"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cputime"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// A sender is the stage of one thread.
type sender struct {
	queue   engine.TxQueue
	writer  *frame.Writer // nil: frames are those of play
	writes  bool          // frames differ, so that each is written
	rubbish bool          // buffers are sent as they are
	burst   int
	limit   uint64     // frames
	start   int64      // when the run is to begin, ns of engine.Clock
	waits   bool       // for that
	until   int64      // ns of engine.Clock; 0: no end
	pace    *pacer     // nil: as fast as it goes
	play    *player    // nil: frames are the writer's
	frags   *fragments // nil: a frame is of one slot
	users   *users     // nil: frames are in the ring's buffers
	head    int        // bytes of the virtio-net header in front of each frame
	finish  int64      // paced: when the whole run's schedule ends, ns of engine.Clock, but for what is given up; 0: with its own

	placed  uint64 // frames put into the ring
	written int    // slots whose buffer holds a frame of the writer's

	base  engine.Stats // the queue's before Run
	began atomic.Int64 // when the first frame was made, ns since 1970; 0: not yet
	// Once the end records begin: batches and bytes of frames, and frames that
	// have left plus one.
	batches, bytes, frames atomic.Uint64
	undrained              uint64
	cpu                    cputime.Meter // until the last frame has left
	end                    int64         // when the run was over for this thread, ns of engine.Clock; 0: not yet
}

// Process fills free slots. A slot that has been through here before still
// holds a frame, so only what differs from frame to frame is written.
func (s *sender) Process(_, out []*netmap.Ring, clk *engine.Clock) (int, bool, error) {
	ring := out[0]
	if s.waits {
		wall, now := clk.Wall(), clk.Now()
		if now < s.start {
			clk.WakeAt(s.start)
			return 0, false, nil
		}
		s.waits = false
		s.began.Store(wall)
	}
	if s.play != nil {
		return s.replay(ring, clk)
	}
	n := min(s.room(ring.Space()), s.burst)
	n = int(min(uint64(n), s.limit-s.placed))
	if s.writer.Probing() && n > 0 {
		clk.Wall() // first, for then one reading serves for both times
	}
	if s.until != 0 && clk.Now() >= s.until {
		return 0, true, nil
	}
	if s.pace != nil && n > 0 {
		var wake int64
		if n, wake = s.pace.allow(clk.Now(), n); n == 0 {
			if wake = s.bounded(wake); wake == s.until {
				s.over(ring, clk, wake)
			}
			clk.WakeAt(wake)
			return 0, false, nil
		}
	}
	if n == 0 {
		return s.rest(clk, ring)
	}
	if s.writer.Probing() {
		s.writer.Batch(uint64(clk.Wall()))
	}
	slots := n
	if s.frags != nil {
		slots = s.frags.fill(s, ring, n)
	}
	a, b := ring.Burst(slots)
	switch {
	case s.frags != nil:
	case s.users != nil:
		s.users.fill(s, a, int(ring.Head()))
		s.users.fill(s, b, 0)
	default:
		s.fill(ring, a)
		s.fill(ring, b)
	}
	if s.pace != nil {
		s.pace.took(n, s.pace.lengths(a)+s.pace.lengths(b)-s.pace.heads(n*s.head))
	}
	ring.Advance(slots)
	return n, false, nil
}

// room returns how many frames slots have room for.
func (s *sender) room(slots int) int {
	if s.frags != nil {
		return slots / s.frags.slots
	}
	return slots
}

// pending returns how many frames are in the ring and have not left.
func (s *sender) pending() int {
	if s.frags != nil {
		return int(s.placed - (s.queue.Stats().Packets - s.base.Packets))
	}
	return s.queue.Ring().Pending()
}

// rest is called with nothing to place: the ring is full, or all is placed. A
// paced run lasts as long as its schedule: n frames at n a second take one
// second, not the time from the first to the last.
func (s *sender) rest(clk *engine.Clock, ring *netmap.Ring) (int, bool, error) {
	if s.placed < s.limit {
		if s.until != 0 {
			clk.WakeAt(s.until)
		}
		if ring.Space() > 0 { // for a part of a frame
			clk.WakeAt(clk.Now() + soon)
		}
		return 0, false, nil
	}
	if s.pace != nil {
		end := s.finish + s.pace.lost
		if s.finish == 0 {
			end = s.pace.due()
		}
		end = s.bounded(end)
		s.over(ring, clk, end)
		if clk.Now() < end {
			clk.WakeAt(end)
			return 0, false, nil
		}
	}
	return 0, true, nil
}

// over notes that a paced run ends at the time t, or now if that is later, if
// all its frames have left: that the thread wakes up a little after t makes the
// run no longer.
func (s *sender) over(ring *netmap.Ring, clk *engine.Clock, t int64) {
	if s.pace != nil && s.end == 0 && ring.Pending() == 0 {
		s.end = max(t, clk.Now())
	}
}

// bounded returns t, or the end of the run's duration if that is earlier.
func (s *sender) bounded(t int64) int64 {
	if s.until != 0 {
		return min(t, s.until)
	}
	return t
}

func (s *sender) fill(ring *netmap.Ring, slots []netmap.Slot) {
	for i := range min(len(slots), ring.NumSlots()-s.written) {
		s.written++
		s.first(ring, &slots[i])
	}
	if s.writes {
		w := s.writer
		for i := range slots {
			slot := &slots[i]
			slot.Len, slot.Flags = uint16(w.Next(ring.Buffer(slot))), 0
		}
	} else {
		for i := range slots {
			slots[i].Flags = 0
		}
	}
	s.placed += uint64(len(slots))
}

// first makes a slot's buffer hold a frame.
func (s *sender) first(ring *netmap.Ring, slot *netmap.Slot) {
	image := s.writer.Image()
	if !s.rubbish {
		copy(ring.Buffer(slot), image)
	}
	slot.Len = uint16(len(image))
}

// sent returns how many frames and how many end records have left, and how many
// batches the frames were.
func (s *sender) sent() (frames, ends, batches uint64) {
	st := s.queue.Stats()
	// In this order: no end record leaves before frames is set.
	v := s.frames.Load()
	if v == 0 {
		return st.Packets - s.base.Packets, 0, st.Batches - s.base.Batches
	}
	n := s.queue.Stats().Packets - s.base.Packets
	return v - 1, n - (v - 1), s.batches.Load()
}

// sentBytes returns the bytes of the frames that have left. Where lengths vary
// it is what the queue has counted, which while it runs may be of another
// moment than frames.
func (s *sender) sentBytes(frames uint64) uint64 {
	if s.play == nil && s.writer.Len() > 0 {
		return frames * uint64(s.writer.Len()-s.head)
	}
	n := s.queue.Stats().Bytes - s.base.Bytes
	if s.frames.Load() != 0 {
		n = s.bytes.Load()
	}
	return n - min(n, frames*uint64(s.head))
}
