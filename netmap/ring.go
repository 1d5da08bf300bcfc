package netmap

import (
	"fmt"
	"structs"
	"time"
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
	OffsetMask uint64  // bits of Slot.Ptr that are an offset; set at registration with offsets, else 0 or an earlier ring's in this place
	BufAlign   uint64  // alignment of data in a buffer; set at registration
	_          [56]byte
	Sem        [128]byte // for the users' own locking; neither side touches it
}

// Flags of a ring, NR_*, for RingHeader.Flags of receive rings. The kernel does
// not clear the field when it makes a ring: who cares what it says sets it.
const (
	// RingTimestamp (NR_TIMESTAMP) has every receive sync set TS, for
	// [Ring.Timestamp]. Syncs do so without it too, unless the module's
	// parameter no_timestamp is set.
	RingTimestamp uint32 = 2
	// RingForward (NR_FORWARD) makes a receive ring of an interface heed
	// [Forward] in the slots that are given back. The next sync or wait of
	// that ring passes them on:
	//
	//	NIC rx ──Forward──▶ host's stack      copied, on any port with NIC rings
	//	host rx ─Forward──▶ NIC tx            by exchange of buffers, see below
	//
	// Down to the NIC goes only what comes in through the first host ring of a
	// port of all rings on one descriptor ("eth0*" with Config.Single); else
	// it is dropped. The sync itself puts it into the transmit rings, whose head
	// moves: hold no slots of them meanwhile, and sync them next (a wait does
	// so by itself). What finds no room there is dropped. On other host rings
	// the flag sends a packet back up.
	RingForward uint32 = 4
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
	meta    []Meta // by buffer index; nil in a kernel's region
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

// Timestamp returns when the kernel last synced this receive ring, by the
// system's clock (CLOCK_REALTIME) in microseconds: one time for all packets
// that the sync brought. Before the first sync, and in a transmit ring, which
// the kernel does not stamp, it is the zero [time.Time] or what an earlier ring
// left in its place.
func (r *Ring) Timestamp() time.Time {
	t := r.hdr.TS
	if t.Sec == 0 && t.Usec == 0 {
		return time.Time{}
	}
	return time.Unix(t.Sec, t.Usec*1000)
}

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

// Offset returns where in its buffer the data of a slot begin, in bytes
// (nm_get_offset): 0 unless the port was opened with offsets.
func (r *Ring) Offset(s *Slot) int { return int(s.Ptr & r.ofsMask) }

// SetOffset has the data of a slot begin at byte n of its buffer, where
// [Ring.Bytes] and [Ring.Buffer] then find them. It does nothing on a port that
// was opened without offsets. The kernel takes an n above the greatest offset
// the port was opened with for that one.
func (r *Ring) SetOffset(s *Slot, n int) {
	s.Ptr = s.Ptr&^r.ofsMask | uint64(n)&r.ofsMask
}

// CanSwap reports whether slots of the rings may exchange buffers: whether these
// are of one region, and packets begin in both where the same offsets say, or
// where none do. [Swap] cannot know and does not check; who swaps asks this
// once for each pair of rings. [Move] asks by itself, and swaps what it can
// where the offsets differ.
func (r *Ring) CanSwap(o *Ring) bool {
	// A buffer takes its packet's offset along: where the other ring has
	// another limit, or none, it would be read elsewhere.
	return r.mem.id == o.mem.id && r.ofsMask == o.ofsMask && r.ofsMax == o.ofsMax
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
