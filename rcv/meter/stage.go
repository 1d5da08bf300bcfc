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

	lanes   [1 << 16]*lane // by stream id
	inside  bool           // the packet has begun in a slot before: its probe was looked for there
	head    header         // of the packets that are counted
	written header         // of those that are written

	// Of this batch and before; published once per batch.
	packets, bytes, probes, notProbe, ends, refused uint64

	pub struct {
		packets, bytes, probes, notProbe, ends, refused atomic.Uint64
	}
}

// Process walks what is in the ring and checks off every probe.
func (s *stage) Process(in, _ []*netmap.Ring, clk *engine.Clock) (int, bool, error) {
	ring := in[0]
	n := ring.Space()
	if n == 0 {
		s.m.note(clk)
		return 0, s.m.rest(clk), nil
	}
	if s.m.cfg.Count > 0 {
		if n = s.within(ring); n == 0 {
			s.m.note(clk)
			return 0, true, nil
		}
	}
	a, b := ring.Burst(n)
	switch {
	case s.m.cfg.NoProbe:
		s.count(a)
		s.count(b)
	case s.m.cfg.Sequence:
		s.numbers(ring, a)
		s.numbers(ring, b)
	default:
		s.walk(ring, a)
		s.walk(ring, b)
	}
	if s.m.write != nil {
		if err := s.m.write.frames(ring, a, b, &s.written); err != nil {
			return 0, false, err
		}
	}
	ring.Advance(n)
	s.publish()
	full := s.m.full(clk)
	if full || s.m.early(s.probes > 0) {
		s.m.note(clk)
	}
	return n, full, nil
}

// within takes the ring's packets off Count and returns how many slots hold
// those that may still be counted.
func (s *stage) within(ring *netmap.Ring) (slots int) {
	a, b := ring.Runs()
	packets := 0
	for _, run := range [...][]netmap.Slot{a, b} {
		for i := range run {
			packets += last(&run[i])
		}
	}
	left := s.m.take(packets)
	if left == packets {
		return len(a) + len(b)
	}
	for _, run := range [...][]netmap.Slot{a, b} {
		for i := 0; i < len(run) && left > 0; i++ {
			left -= last(&run[i])
			slots++
		}
	}
	return slots
}

// last is 1 for the slot that ends a packet, 0 for those before it.
func last(s *netmap.Slot) int {
	if s.Flags&netmap.MoreFrag != 0 {
		return 0
	}
	return 1
}

func (s *stage) walk(ring *netmap.Ring, slots []netmap.Slot) {
	packets := 0
	var p frame.Probe
	var held *stream // whose mutex is locked
	for i := range slots {
		b := ring.Bytes(&slots[i])
		if s.head.length > 0 {
			b = b[s.head.of(&slots[i]):]
		}
		s.bytes += uint64(len(b))
		begun, more := s.inside, slots[i].Flags&netmap.MoreFrag != 0
		// The probe is in the first fragment that has any bytes: a NIC may put
		// an empty one before it.
		s.inside = more && (begun || len(b) > 0)
		if !more {
			packets++
		}
		if begun || more && len(b) == 0 {
			continue
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
		if l.stream != held {
			if held != nil {
				held.mu.Unlock()
			}
			held = l.stream
			held.mu.Lock()
		}
		if p.End {
			s.ends++
			held.end(p.Seq)
			continue
		}
		s.probes++
		l.mark(p.Seq)
	}
	if held != nil {
		held.mu.Unlock()
	}
	s.packets += uint64(packets)
}

// numbers is walk for txseq, which numbers each slot of a packet.
func (s *stage) numbers(ring *netmap.Ring, slots []netmap.Slot) {
	s.count(slots)
	l := s.lanes[0]
	if l == nil {
		l = s.open(0)
	}
	l.stream.mu.Lock()
	defer l.stream.mu.Unlock()
	for i := range slots {
		b := ring.Bytes(&slots[i])
		n, ok := frame.ReadSeq(s.link, b[min(s.head.length, len(b)):])
		if !ok {
			s.notProbe++
			continue
		}
		s.probes++
		l.mark(l.stream.unwrap(n))
	}
}

// count is walk without a look into the packets.
func (s *stage) count(slots []netmap.Slot) {
	packets := 0
	for i := range slots {
		s.bytes += uint64(slots[i].Len)
		if s.head.length > 0 {
			s.bytes -= uint64(s.head.of(&slots[i]))
		}
		packets += last(&slots[i])
	}
	s.packets += uint64(packets)
}

// open makes the lane of a stream that is new to this queue, or returns nil if
// there are too many streams.
func (s *stage) open(id uint16) *lane {
	st := s.m.stream(id)
	if st == nil {
		return nil
	}
	s.lanes[id] = &lane{stream: st}
	return s.lanes[id]
}

func (s *stage) publish() {
	s.pub.packets.Store(s.packets)
	s.pub.bytes.Store(s.bytes)
	s.pub.probes.Store(s.probes)
	s.pub.notProbe.Store(s.notProbe)
	s.pub.ends.Store(s.ends)
	s.pub.refused.Store(s.refused)
}
