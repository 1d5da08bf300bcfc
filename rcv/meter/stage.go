package meter

import (
	"sync/atomic"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// stage counts one queue's packets.
type stage struct {
	m    *Meter
	link frame.Link

	lanes [1 << 16]*lane // by stream id
	list  []*lane

	// Of this batch and before; published once per batch.
	packets, bytes, notProbe, ends, refused uint64

	pub struct {
		packets, bytes, notProbe, ends, refused atomic.Uint64
	}
}

// Process walks what is in the ring and checks off every probe.
func (s *stage) Process(in, _ []*netmap.Ring, clk *engine.Clock) (int, bool, error) {
	ring := in[0]
	n := ring.Space()
	if n == 0 {
		return 0, s.m.rest(clk), nil
	}
	now := clk.Now()
	if n = s.m.take(n); n == 0 {
		return 0, true, nil
	}
	a, b := ring.Burst(n)
	var packets int
	if s.m.cfg.NoProbe {
		packets = s.count(a) + s.count(b)
	} else {
		packets = s.walk(ring, a) + s.walk(ring, b)
	}
	if s.m.write != nil {
		if err := s.m.write.frames(ring, a, b); err != nil {
			return 0, false, err
		}
	}
	ring.Advance(n)
	onlyEnds := s.ends-s.pub.ends.Load() == uint64(packets)
	s.publish()
	s.m.saw(now, onlyEnds)
	return packets, s.m.full(clk), nil
}

func (s *stage) walk(ring *netmap.Ring, slots []netmap.Slot) (packets int) {
	var p frame.Probe
	for i := range slots {
		b := ring.Bytes(&slots[i])
		s.bytes += uint64(len(b))
		if slots[i].Flags&netmap.MoreFrag == 0 {
			packets++
		}
		if !frame.Read(s.link, b, &p) {
			s.notProbe++
			continue
		}
		l := s.lanes[p.Stream]
		if l == nil {
			if l = s.open(p.Stream); l == nil {
				s.refused++
				continue
			}
		}
		if p.End {
			s.ends++
			l.stream.end(p.Seq)
			continue
		}
		l.mark(p.Seq)
		l.dirty = true
	}
	s.packets += uint64(packets)
	return packets
}

// count is walk without a look into the packets.
func (s *stage) count(slots []netmap.Slot) (packets int) {
	for i := range slots {
		s.bytes += uint64(slots[i].Len)
		if slots[i].Flags&netmap.MoreFrag == 0 {
			packets++
		}
	}
	s.packets += uint64(packets)
	return packets
}

// open makes the lane of a stream that is new to this queue, or returns nil if
// there are too many streams.
func (s *stage) open(id uint16) *lane {
	st := s.m.stream(id)
	if st == nil {
		return nil
	}
	l := &lane{stream: st}
	st.mu.Lock()
	st.lanes = append(st.lanes, l)
	st.mu.Unlock()
	s.lanes[id] = l
	s.list = append(s.list, l)
	return l
}

func (s *stage) publish() {
	s.pub.packets.Store(s.packets)
	s.pub.bytes.Store(s.bytes)
	s.pub.notProbe.Store(s.notProbe)
	s.pub.ends.Store(s.ends)
	s.pub.refused.Store(s.refused)
	for _, l := range s.list {
		if l.dirty {
			l.publish()
		}
	}
}
