package netmap

import (
	"fmt"
	"structs"
)

// A Timeval is struct timeval on 64-bit systems.
type Timeval struct {
	_    structs.HostLayout
	Sec  int64
	Usec int64
}

// RingHeader is struct netmap_ring (net/netmap.h) up to its slots. It lies in
// the ring's memory and is shared with the other side; each field says who
// writes it.
type RingHeader struct {
	_          structs.HostLayout
	BufOfs     int64  // bytes from this header to buffer 0; set at creation
	NumSlots   uint32 // set at creation
	BufSize    uint32 // bytes of a buffer; set at creation
	RingID     uint16 // set at creation
	Dir        uint16 // 0 receive, 1 transmit; set at creation
	Head       uint32 // first slot of the user; the user writes it
	Cur        uint32 // wake-up point; the user writes it
	Tail       uint32 // first slot of the kernel; sync writes it
	Flags      uint32 // NR_*; the user writes it
	_          [4]byte
	TS         Timeval // time of the last receive sync; sync writes it
	OffsetMask uint64  // bits of Slot.Ptr that are an offset, 0 if none; set at registration
	BufAlign   uint64  // alignment of data in a buffer; set at registration
	_          [56]byte
	Sem        [128]byte // for the users' own locking; neither side touches it
}

// Flags of a ring, NR_*.
const (
	RingTimestamp uint32 = 2 // NR_TIMESTAMP: set TS at every receive sync
	RingForward   uint32 = 4 // NR_FORWARD: heed Forward in slots
)

// Dir is a ring's direction.
type Dir uint16

// The two directions, as the kernel writes them into RingHeader.Dir (enum
// txrx); the comment on the field in net/netmap.h has them the other way
// round.
const (
	RX Dir = 0
	TX Dir = 1
)

func (d Dir) String() string {
	if d == TX {
		return "tx"
	}
	return "rx"
}

// A Ring is a view of one netmap ring: the shared header, its slots and the
// buffers they name. The pointer to the header and the bounds of slots and
// buffers are taken once, so that a walk is plain memory access, and a corrupt
// buffer index panics instead of corrupting.
//
// A Ring belongs to one goroutine at a time. It is valid until the port or
// [Memory] it came from is closed; after that it reads as empty.
type Ring struct {
	hdr     *RingHeader
	slots   []Slot
	bufs    []byte // from buffer 0 on, to the end of the region
	bufSize uint64
	ofsMask uint64
	ofsMax  uint64 // the largest offset that the kernel heeds, where it knows any
	mem     *Memory
}

// Header returns the shared header, for those who need more than the methods
// give.
func (r *Ring) Header() *RingHeader { return r.hdr }

// Memory returns the region the ring's buffers are in.
func (r *Ring) Memory() *Memory { return r.mem }

// Dir returns the ring's direction.
func (r *Ring) Dir() Dir { return Dir(r.hdr.Dir) }

// NumSlots returns the number of slots; one fewer can be in use at a time.
func (r *Ring) NumSlots() int { return len(r.slots) }

// BufSize returns the size of a buffer in bytes.
func (r *Ring) BufSize() int { return int(r.bufSize) }

// Slots returns all slots in place, for those who walk by index.
func (r *Ring) Slots() []Slot { return r.slots }

// Slot returns slot i.
func (r *Ring) Slot(i uint32) *Slot { return &r.slots[i] }

// Head returns the index of the user's first slot.
func (r *Ring) Head() uint32 { return r.hdr.Head }

// Cur returns the wake-up point: a wait ends when tail has moved past it.
func (r *Ring) Cur() uint32 { return r.hdr.Cur }

// Tail returns the index of the first slot that is not the user's.
func (r *Ring) Tail() uint32 { return r.hdr.Tail }

// SetHead gives back the slots before i. The next sync refuses an i outside
// [head,tail] with [ErrRing].
func (r *Ring) SetHead(i uint32) { r.hdr.Head = i }

// SetCur sets the wake-up point, which must lie in [head,tail]. Setting it to
// tail means that more slots are needed than there are.
func (r *Ring) SetCur(i uint32) { r.hdr.Cur = i }

// Next returns the index after i.
func (r *Ring) Next(i uint32) uint32 {
	if i++; int(i) == len(r.slots) {
		return 0
	}
	return i
}

// Space returns how many slots the user owns: packets (or fragments) to read,
// or free slots to fill.
func (r *Ring) Space() int {
	n := int(r.hdr.Tail) - int(r.hdr.Head)
	if n < 0 {
		n += len(r.slots)
	}
	return n
}

// Pending returns how many slots have been given back but are not yet done: on
// a transmit ring, after a sync, the slots that have not left.
func (r *Ring) Pending() int { return len(r.slots) - 1 - r.Space() }

// Runs returns the user's slots in place and in order: those before the
// ring's end, then those after the wrap (often none).
func (r *Ring) Runs() (a, b []Slot) {
	head, tail := r.hdr.Head, r.hdr.Tail
	if head <= tail {
		return r.slots[head:tail], nil
	}
	return r.slots[head:], r.slots[:tail]
}

// Burst is [Ring.Runs] limited to the first max slots.
func (r *Ring) Burst(max int) (a, b []Slot) {
	a, b = r.Runs()
	if max <= len(a) {
		return a[:max], nil
	}
	return a, b[:min(len(b), max-len(a))]
}

// Advance gives back the first n of the user's slots: head and cur move. An n
// that is negative or more than [Ring.Space] puts head out of the ring, so that
// the next sync returns [ErrRing] and touches nothing.
func (r *Ring) Advance(n int) {
	h := r.hdr.Head + uint32(n)
	if uint(n) > uint(r.Space()) {
		h = outOfRing
	} else if h >= uint32(len(r.slots)) {
		h -= uint32(len(r.slots))
	}
	r.hdr.Head, r.hdr.Cur = h, h
}

// outOfRing is an index that no ring has.
const outOfRing = 1<<32 - 1

// Buffer returns the whole buffer of a slot, from the data's offset on, to
// fill it. The view is the caller's as long as the slot is.
func (r *Ring) Buffer(s *Slot) []byte {
	i := uint64(s.BufIdx) * r.bufSize
	return r.bufs[i : i+r.bufSize : i+r.bufSize][s.Ptr&r.ofsMask:]
}

// Check returns [ErrRing] unless from ≤ head ≤ cur ≤ tail, going around the
// ring, where from is head as it was at the last sync. A sync must do this:
// the kernel's answer to such a ring is silence.
func (r *Ring) Check(from uint32) error {
	n := uint32(len(r.slots))
	h := r.hdr
	head, cur, tail := h.Head, h.Cur, h.Tail
	if head >= n || cur >= n || tail >= n {
		return fmt.Errorf("%w: head %d, cur %d, tail %d on %d slots", ErrRing, head, cur, tail, n)
	}
	if ahead(from, head, n) > ahead(from, cur, n) || ahead(from, cur, n) > ahead(from, tail, n) {
		return fmt.Errorf("%w: head %d, cur %d are not in order between %d and tail %d", ErrRing, head, cur, from, tail)
	}
	return nil
}

// ahead returns how far b lies after a on a ring of n slots.
func ahead(a, b, n uint32) uint32 {
	if b >= a {
		return b - a
	}
	return b + n - a
}
