package meter

import (
	"sync/atomic"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cputime"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// stage counts one queue's packets.
type stage struct {
	m    *Meter
	link frame.Link

	lanes  [256]*[256]*lane // by stream id, its upper byte first
	inside bool             // the packet has begun in a slot before: its probe was looked for there
	length int              // bytes of such a packet so far
	head   header           // that each packet begins with; it is not counted

	// Of this batch and before; published once per batch.
	packets, bytes, probes, notProbe, ends, refused, stamped, unstamped uint64

	tally tally
	copy  copier
	cpu   cputime.Meter

	pub struct {
		packets, bytes, probes, notProbe, ends, refused, stamped, unstamped atomic.Uint64
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
		s.walk(ring, a, clk)
		s.walk(ring, b, clk)
	}
	if s.m.copies() {
		if err := s.copies(ring, a, b, clk); err != nil {
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

// A sum is what a walk counts of each slot. It is in registers: memory that is
// changed for each packet costs more than all the rest of counting.
type sum struct {
	packets, bytes uint64
	kinds, sizes   uint64 // bit by bit, those that were counted
}

// piece takes in a slot of a packet of several. It reports whether it is the
// one to look into, the first that has any bytes: a NIC may put an empty one
// before it. n is the slot's bytes behind a header.
func (s *stage) piece(slot *netmap.Slot, n int, t sum) (_ sum, look bool) {
	ends := slot.Flags&netmap.MoreFrag == 0
	look = !s.inside && n > 0
	s.inside = !ends && (s.inside || n > 0)
	s.length += n
	if ends {
		t.packets++
		t.sizes |= s.tally.size(s.length)
		s.length = 0
	}
	return t, look
}

func (s *stage) add(t sum) {
	s.packets += t.packets
	s.bytes += t.bytes
	s.tally.dirty.kinds |= t.kinds
	s.tally.dirty.sizes |= t.sizes
}

// count counts without a look into the packets.
func (s *stage) count(slots []netmap.Slot) {
	var t sum
	for i := range slots {
		slot := &slots[i]
		n := int(slot.Len)
		if s.head.length > 0 {
			n -= s.head.of(slot)
		}
		t.bytes += uint64(n)
		if s.inside || slot.Flags&netmap.MoreFrag != 0 {
			t, _ = s.piece(slot, n, t)
			continue
		}
		t.packets++
		t.sizes |= s.tally.size(n)
	}
	s.add(t)
}

// numbers checks the numbers of txseq, which numbers each slot of a packet.
func (s *stage) numbers(ring *netmap.Ring, slots []netmap.Slot) {
	s.count(slots)
	l := s.lane(0)
	l.stream.mu.Lock()
	defer l.stream.mu.Unlock()
	for i := range slots {
		b := ring.Bytes(&slots[i])
		n, ok := frame.ReadSeq(s.link, b[min(s.head.length, len(b)):]) // pkt-gen has a header in each slot
		if !ok {
			s.notProbe++
			continue
		}
		s.probes++
		l.mark(l.stream.unwrap(n), 0)
	}
}

// walk looks into every packet for a probe.
func (s *stage) walk(ring *netmap.Ring, slots []netmap.Slot, clk *engine.Clock) {
	if len(slots) == 0 {
		return
	}
	var p frame.Probe
	var held *stream // whose mutex is locked
	var l *lane
	var id uint16 // of l
	var same sameness
	var t sum
	times := s.times(ring, slots)
	for i := range slots {
		slot := &slots[i]
		b := ring.Bytes(slot)
		if s.head.length > 0 {
			b = b[s.head.of(slot):]
		}
		t.bytes += uint64(len(b))
		whole := true
		if s.inside || slot.Flags&netmap.MoreFrag != 0 {
			var look bool
			if t, look = s.piece(slot, len(b), t); !look {
				continue
			}
			whole = false
		} else {
			t.packets++
			t.sizes |= s.tally.size(len(b))
		}
		kind, ok := frame.Look(s.link, b, whole, &p)
		t.kinds |= s.tally.kind(kind)
		if !ok {
			s.notProbe++
			continue
		}
		if l == nil || p.Stream != id {
			if l, id = s.lane(p.Stream), p.Stream; l == nil {
				s.refused++
				continue
			}
			if l.stream != held {
				if held != nil {
					same.flush(held)
					held.mu.Unlock()
				}
				held = l.stream
				held.mu.Lock()
			}
		}
		if p.End {
			s.ends++
			held.end(p.Seq, p.Time)
			continue
		}
		s.probes++
		if l.mark(p.Seq, p.Time) && times != untimed {
			same.add(held, p.Time, s.received(ring, slot, times, clk))
		}
	}
	if held != nil {
		same.flush(held)
		held.mu.Unlock()
	}
	s.add(t)
}

// lane returns the lane of a stream, nil if there are too many streams.
func (s *stage) lane(id uint16) *lane {
	page := s.lanes[id>>8]
	if page == nil {
		page = new([256]*lane)
		s.lanes[id>>8] = page
	}
	l := page[id&255]
	if l == nil {
		l = &none
		if st := s.m.stream(id); st != nil {
			l = &lane{stream: st}
		}
		page[id&255] = l
	}
	if l == &none {
		return nil
	}
	return l
}

// none is the lane of every stream that is one too many.
var none lane

func (s *stage) publish() {
	for _, c := range [...]struct {
		to *atomic.Uint64
		n  uint64
	}{
		{&s.pub.packets, s.packets}, {&s.pub.bytes, s.bytes}, {&s.pub.probes, s.probes},
		{&s.pub.notProbe, s.notProbe}, {&s.pub.ends, s.ends}, {&s.pub.refused, s.refused},
		{&s.pub.stamped, s.stamped}, {&s.pub.unstamped, s.unstamped},
	} {
		if c.to.Load() != c.n { // a store costs ten times a load
			c.to.Store(c.n)
		}
	}
	s.tally.publish()
}
