//go:build linux

package mmsg

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// A Tx empties a transmit ring into a socket. It belongs to the queue's owner.
// The fields in capitals are set before Init.
type Tx struct {
	FD       int
	ring     *netmap.Ring
	counters backend.Counters

	// MapError says what an errno of the socket means for the packet at the
	// ring's first unsent slot.
	MapError func(unix.Errno) error
	// Stale says whether an errno may be news of an earlier packet, which the
	// kernel tells by whatever call comes next. Telling clears it, so that the
	// packet it stopped can go now: only an errno that stops the same packet
	// again is that one's own. nil: none is.
	Stale func(unix.Errno) bool
	// DropTooLong drops and counts a packet for which the kernel says
	// EMSGSIZE.
	DropTooLong bool
	// Vector is the most messages a call takes; 0: as many as the kernel takes.
	Vector int
	// Dests are the addresses that every packet is sent to, in turn; none: the
	// one that the socket is connected to.
	Dests []Addr
	// Peers sends each packet to the address in its netmap.Meta, in place of
	// Dests. One that has none, or one the kernel refuses, is dropped and
	// counted.
	Peers bool
	// MaxSegment is the longest packet that may go to the kernel merged with
	// others (UDP_SEGMENT); 0: none. It shrinks when the kernel refuses.
	MaxSegment int

	msgs     []header
	iovs     []unix.Iovec
	controls []segmentControl // of each message; nil if none is ever merged
	parts    []part           // what each message is of the ring, and what would come next
	unsent   uint32           // the first slot that has not left
	begun    part             // what of the packets there is to be sent next, if others of it have left

	overlong bool // lay stopped at a slot with more bytes than a buffer has
	astray   int  // lay stopped at a packet without an address, of so many slots

	last    unix.Errno // the stale one that stopped the packet at unsent
	suspect refusal    // of a merged message, not known yet to be due to merging

	full  bool          // the socket's send buffer is full (EAGAIN): poll tells when not
	delay time.Duration // the device refused (ENOBUFS): nothing tells when not
}

// The wait after ENOBUFS doubles up to the second value: the device's queue is
// full, but the socket polls writable (packet(7)).
const (
	minBackoff = 20 * time.Microsecond
	maxBackoff = time.Millisecond
)

// Init prepares the vectors.
func (t *Tx) Init(fd int, ring *netmap.Ring, mapError func(unix.Errno) error) {
	t.FD, t.ring, t.MapError = fd, ring, mapError
	t.iovs = make([]unix.Iovec, min(ring.NumSlots(), maxVector))
	n := min(ring.NumSlots()*t.dests(), maxVector)
	t.msgs, t.parts = make([]header, n), make([]part, n+1)
	if t.MaxSegment > 0 {
		t.controls = make([]segmentControl, n)
		for i := range t.controls {
			t.controls[i].init()
		}
	}
	t.unsent = ring.Head()
}

// dests returns how many addresses a packet is sent to.
func (t *Tx) dests() int { return max(len(t.Dests), 1) }

// Ring returns the ring.
func (t *Tx) Ring() *netmap.Ring { return t.ring }

// Counters returns the queue's counters.
func (t *Tx) Counters() *backend.Counters { return &t.counters }

// Sync sends what the user handed over, as far as the kernel takes it without
// waiting. What it refuses stays in the ring and is tried again by the next
// Sync.
func (t *Tx) Sync() error {
	var packets, bytes, merged uint64
	var err error
	t.full = false
	for t.unsent != t.ring.Head() {
		k := t.lay()
		if k == 0 && t.astray > 0 {
			backend.Add(&t.counters.NoPeer, 1)
			t.left(t.astray)
			continue
		}
		if k == 0 {
			// Only the beginning of a packet is here. If the ring or the
			// vector is full of it, the rest can never come; nor can a slot
			// be sent that says more than its buffer holds.
			if n := t.waiting(); t.overlong || n >= len(t.iovs) || n == t.ring.NumSlots()-1 {
				err = netmap.ErrTooLong
			}
			break
		}
		n, errno := sendmmsg(t.FD, t.msgs[:k], 0)
		backend.Add(&t.counters.Syncs, 1)
		for i := range n {
			p := &t.parts[i]
			packets += uint64(p.packets)
			bytes += uint64(p.bytes)
			if p.segment > 0 {
				merged += uint64(p.packets)
			}
			t.left(int(p.slots))
		}
		if n > 0 {
			t.begun, t.delay, t.last = t.parts[n], 0, 0
			if t.begun.dest == 0 {
				t.begun = part{} // nothing of that block has left
			}
			t.convict()
		}
		if errno == 0 || errno == unix.EINTR {
			continue // after a short count the next call tells why
		}
		var stop bool
		if stop, err = t.refused(errno); stop {
			break
		}
	}
	h := t.ring.Header()
	if h.Tail = t.unsent; h.Tail == 0 {
		h.Tail = uint32(t.ring.NumSlots())
	}
	h.Tail--
	if packets > 0 {
		backend.Add(&t.counters.Packets, packets)
		backend.Add(&t.counters.Bytes, bytes)
		backend.Add(&t.counters.Merged, merged)
		backend.Add(&t.counters.Batches, 1)
	}
	return err
}

// refused finds out what an errno for the vector's first message means; stop
// ends the sync.
func (t *Tx) refused(errno unix.Errno) (stop bool, err error) {
	p := &t.parts[0]
	switch {
	case errno == unix.EAGAIN:
		t.full, t.last = true, 0
		backend.Add(&t.counters.Backpressure, 1)
		return true, nil
	case errno == unix.ENOBUFS:
		t.delay, t.last = min(max(2*t.delay, minBackoff), maxBackoff), 0
		backend.Add(&t.counters.Backpressure, 1)
		return true, nil
	case t.Stale != nil && t.Stale(errno) && errno != t.last:
		if errno != unix.ECONNREFUSED { // which is never a packet's own
			t.last = errno
		}
		return false, nil
	case p.segment > 0:
		// Perhaps it is the merging: its packets go alone now, and tell.
		t.suspect = refusal{errno, int(p.segment)}
		t.last = 0
		return false, nil
	}
	t.suspect = refusal{} // the packet itself is refused
	switch {
	case errno == unix.EMSGSIZE && t.DropTooLong:
		t.drop(&t.counters.TooLong)
	case t.Peers && peersFault(errno):
		t.drop(&t.counters.NoPeer)
	default:
		t.last = 0
		return true, t.MapError(errno)
	}
	return false, nil
}

// left moves past n slots that need no sending any more.
func (t *Tx) left(n int) {
	if t.unsent += uint32(n); t.unsent >= uint32(t.ring.NumSlots()) {
		t.unsent -= uint32(t.ring.NumSlots())
	}
}

// waiting returns how many slots have not left.
func (t *Tx) waiting() int {
	n := int(t.ring.Head()) - int(t.unsent)
	if n < 0 {
		n += t.ring.NumSlots()
	}
	return n
}

// Poll waits for what the last Sync said was missing; a queue that has handed
// over everything waits for nothing.
func (t *Tx) Poll() backend.Wait {
	switch {
	case t.delay > 0:
		return backend.Wait{FD: -1, After: t.delay}
	case t.full:
		return backend.Wait{FD: t.FD, Events: unix.POLLOUT, After: -1}
	}
	return backend.Never
}

// Polled sends again.
func (t *Tx) Polled(revents int16) error {
	if revents == 0 && t.delay == 0 {
		return nil
	}
	return t.Sync()
}
