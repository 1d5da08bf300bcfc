//go:build linux

package mmsg

import (
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// An Rx fills a receive ring from a socket. It belongs to the queue's owner.
type Rx struct {
	FD       int
	ring     *netmap.Ring
	counters backend.Counters

	// MapError says what an errno of the socket means; a nil answer ignores
	// it.
	MapError func(unix.Errno) error
	err      error // latched: the kernel reports a dead interface only once

	msgs  []header
	iovs  []unix.Iovec
	taken uint32 // slots before it have been given back to us
}

// Init wires the ring's slots to a message each.
func (r *Rx) Init(fd int, ring *netmap.Ring, mapError func(unix.Errno) error) {
	n := ring.NumSlots()
	r.FD, r.ring, r.MapError = fd, ring, mapError
	r.msgs, r.iovs = make([]header, n), make([]unix.Iovec, n)
	for i := range n {
		r.msgs[i].hdr.Iov = &r.iovs[i]
		r.msgs[i].hdr.SetIovlen(1)
		r.iovs[i].SetLen(ring.BufSize())
		r.wire(uint32(i))
	}
	r.taken = ring.Head()
}

// wire lets message i receive into the buffer that slot i now has.
func (r *Rx) wire(i uint32) {
	r.iovs[i].Base = &r.ring.Buffer(r.ring.Slot(i))[0]
}

// Ring returns the ring.
func (r *Rx) Ring() *netmap.Ring { return r.ring }

// Counters returns the queue's counters.
func (r *Rx) Counters() *backend.Counters { return &r.counters }

// maxIgnored is how many errors one Sync passes over: the kernel tells each
// once, unless it refuses the call itself.
const maxIgnored = 16

// Sync takes back the slots the user returned and receives what there is into
// all that are free.
func (r *Rx) Sync() error {
	h := r.ring.Header()
	for ; r.taken != h.Head; r.taken = r.ring.Next(r.taken) {
		r.wire(r.taken)
	}
	if r.err != nil {
		return r.err
	}
	var packets, bytes uint64
	ignored := 0
	for {
		// A contiguous run of free slots, one always left over.
		first, end := int(h.Tail), r.ring.NumSlots()
		if head := int(h.Head); head > first {
			end = head - 1
		} else if head == 0 {
			end--
		}
		end = min(end, first+maxVector)
		if first == end {
			break
		}
		n, errno := recvmmsg(r.FD, r.msgs[first:end], 0)
		backend.Add(&r.counters.Syncs, 1)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			if errno != unix.EAGAIN {
				if r.err = r.MapError(errno); r.err == nil && ignored < maxIgnored {
					ignored++ // packets may be there still
					continue
				}
			}
			break
		}
		p, b := r.deliver(first, n)
		packets, bytes = packets+p, bytes+b
		if n < end-first {
			break
		}
	}
	if packets > 0 {
		backend.Add(&r.counters.Packets, packets)
		backend.Add(&r.counters.Bytes, bytes)
		backend.Add(&r.counters.Batches, 1)
		return nil // an error waits until these have been seen
	}
	return r.err
}

// deliver makes n received messages from slot first on the user's. A message
// longer than its buffer is counted and dropped here, not passed on short.
func (r *Rx) deliver(first, n int) (packets, bytes uint64) {
	slots, msgs := r.ring.Slots()[first:first+n], r.msgs[first:first+n]
	k := 0 // messages kept
	for i := range msgs {
		if msgs[i].hdr.Flags&unix.MSG_TRUNC != 0 {
			backend.Add(&r.counters.Truncated, 1)
			continue
		}
		if k != i {
			// Close the gap that a dropped message left.
			slots[k].BufIdx, slots[i].BufIdx = slots[i].BufIdx, slots[k].BufIdx
			r.wire(uint32(first + k))
			r.wire(uint32(first + i))
		}
		slots[k].Len, slots[k].Flags, slots[k].Ptr = uint16(msgs[i].len), 0, 0
		bytes += uint64(msgs[i].len)
		k++
	}
	h := r.ring.Header()
	if h.Tail = uint32(first + k); int(h.Tail) == r.ring.NumSlots() {
		h.Tail = 0
	}
	return uint64(k), bytes
}

// Poll waits for the socket to be readable.
func (r *Rx) Poll() backend.Wait {
	if r.ring.Space() > 0 || r.err != nil {
		return backend.Now
	}
	return backend.Wait{FD: r.FD, Events: unix.POLLIN, After: -1}
}

// Polled receives; an error condition on the socket is told by the receive.
func (r *Rx) Polled(revents int16) error {
	if revents == 0 {
		return r.err
	}
	return r.Sync()
}
