package gen

import (
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// sendEnds repeats the end record with doubling pauses, 255 ms in all: long
// enough for a receiver that lags behind to make room for one of them.
func (s *sender) sendEnds() error {
	const repeats = 9
	st := s.queue.Stats()
	total := st.Packets - s.base.Packets
	s.batches.Store(st.Batches - s.base.Batches)
	s.bytes.Store(st.Bytes - s.base.Bytes)
	s.frames.Store(total + 1)
	for i := range repeats {
		if i > 0 {
			time.Sleep(time.Millisecond << (i - 1))
		}
		if !s.placeEnd(s.queue.Ring(), total) {
			continue
		}
		if _, err := s.queue.Drain(10 * time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// placeEnd puts one end record into the ring if there is room.
func (s *sender) placeEnd(ring *netmap.Ring, total uint64) bool {
	if s.room(ring.Space()) == 0 {
		return false
	}
	if f := s.frags; f != nil {
		f.len = s.writer.End(f.frame, total)
		_, slots := f.put(ring, ring.Head())
		ring.Advance(slots)
		return true
	}
	slot := ring.Slot(ring.Head())
	s.first(ring, slot)
	slot.Len, slot.Flags = uint16(s.writer.End(ring.Buffer(slot), total)), 0
	ring.Advance(1)
	return true
}
