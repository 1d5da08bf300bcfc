//go:build linux

package mmsg

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// A Tx empties a transmit ring into a socket. It belongs to the queue's owner.
type Tx struct {
	FD       int
	ring     *netmap.Ring
	counters backend.Counters

	// MapError says what an errno of the socket means for the packet at the
	// ring's first unsent slot.
	MapError func(unix.Errno) error
	// DropTooLong drops and counts a packet for which the kernel says
	// EMSGSIZE.
	DropTooLong bool
	// Vector is the most messages a call takes; 0: as many as the kernel takes.
	Vector int

	msgs   []header
	iovs   []unix.Iovec
	slots  []uint16 // slots of each message
	sizes  []uint32 // bytes of each message
	unsent uint32   // the first slot that has not left

	overlong bool // lay stopped at a slot with more bytes than a buffer has

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
	n := min(ring.NumSlots(), maxVector)
	t.FD, t.ring, t.MapError = fd, ring, mapError
	t.msgs, t.iovs = make([]header, n), make([]unix.Iovec, n)
	t.slots, t.sizes = make([]uint16, n), make([]uint32, n)
	t.unsent = ring.Head()
}

// Ring returns the ring.
func (t *Tx) Ring() *netmap.Ring { return t.ring }

// Counters returns the queue's counters.
func (t *Tx) Counters() *backend.Counters { return &t.counters }

// Sync sends what the user handed over, as far as the kernel takes it without
// waiting. What it refuses stays in the ring and is tried again by the next
// Sync.
func (t *Tx) Sync() error {
	var packets, bytes uint64
	var err error
	t.full = false
	for t.unsent != t.ring.Head() {
		k := t.lay()
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
			bytes += uint64(t.sizes[i])
			t.left(int(t.slots[i]))
		}
		packets += uint64(n)
		if n > 0 {
			t.delay = 0
		}
		if errno == 0 || errno == unix.EINTR {
			continue // after a short count the next call tells why
		}
		if errno == unix.EMSGSIZE && t.DropTooLong {
			backend.Add(&t.counters.TooLong, 1)
			t.left(int(t.slots[0]))
			continue
		}
		switch errno {
		case unix.EAGAIN:
			t.full = true
			backend.Add(&t.counters.Backpressure, 1)
		case unix.ENOBUFS:
			t.delay = min(max(2*t.delay, minBackoff), maxBackoff)
			backend.Add(&t.counters.Backpressure, 1)
		default:
			err = t.MapError(errno)
		}
		break
	}
	h := t.ring.Header()
	if h.Tail = t.unsent; h.Tail == 0 {
		h.Tail = uint32(t.ring.NumSlots())
	}
	h.Tail--
	if packets > 0 {
		backend.Add(&t.counters.Packets, packets)
		backend.Add(&t.counters.Bytes, bytes)
		backend.Add(&t.counters.Batches, 1)
	}
	return err
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

// lay points the vectors at the unsent packets, in order, and returns how many
// whole ones there are.
func (t *Tx) lay() int {
	ring, all, head := t.ring, t.ring.Slots(), t.ring.Head()
	k, j, start := 0, 0, 0 // messages, iovecs, first iovec of this message
	var size uint32
	for i := t.unsent; i != head && j < len(t.iovs); i = ring.Next(i) {
		s := &all[i]
		b := ring.Buffer(s)
		if t.overlong = int(s.Len) > len(b); t.overlong {
			break
		}
		t.iovs[j].Base = &b[0]
		t.iovs[j].SetLen(int(s.Len))
		size += uint32(s.Len)
		j++
		if s.Flags&netmap.MoreFrag != 0 {
			continue
		}
		t.msgs[k].hdr.Iov = &t.iovs[start]
		t.msgs[k].hdr.SetIovlen(j - start)
		t.slots[k], t.sizes[k] = uint16(j-start), size
		k, start, size = k+1, j, 0
		if k == t.Vector {
			break
		}
	}
	return k
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
