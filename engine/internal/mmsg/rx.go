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
	more     bool  // the last Sync ended, but not because the socket was empty

	// Vector is the most messages a call takes, and then a Sync is one call;
	// 0: as many as the kernel takes, and calls until the socket is empty.
	Vector int

	msgs  []header
	vecs  []vector
	taken uint32 // slots before it have been given back to us

	peers bool      // the sender's address goes into the buffer's Meta
	split *splitter // of messages that may be several packets; nil: each is one

	// What Ask has asked for.
	clock   backend.Clock
	heads   []vnetHeader // before each message's frame; nil: none
	control []byte       // for all messages' control messages
	space   int          // bytes of it for each; 0: none
	said    control      // by the message that was read last
}

// A vector is a message's buffers: one for a header, used if there is one, and
// the slot's.
type vector [2]unix.Iovec

// Init wires the ring's slots to a message each.
func (r *Rx) Init(fd int, ring *netmap.Ring, mapError func(unix.Errno) error) {
	n := ring.NumSlots()
	r.FD, r.ring, r.MapError = fd, ring, mapError
	r.msgs, r.vecs = make([]header, n), make([]vector, n)
	for i := range n {
		r.msgs[i].hdr.Iov = &r.vecs[i][1]
		r.msgs[i].hdr.SetIovlen(1)
		r.vecs[i][1].SetLen(maxLen(ring))
		r.wire(uint32(i))
	}
	r.taken = ring.Head()
}

// Ask has the socket say more of each packet from here on. It comes after Init
// and Split, before the first Sync, and before a packet is in the socket that must not do
// without.
func (r *Rx) Ask(w *Wants) error {
	space, err := w.ask(r.FD)
	if err != nil {
		return err
	}
	r.clock = w.Clock
	if r.split != nil {
		r.split.ask(space)
		return nil
	}
	r.space = space
	r.control = make([]byte, space*len(r.msgs))
	if w.VnetHdr {
		r.heads = make([]vnetHeader, len(r.msgs))
	}
	for i := range r.msgs {
		hdr := &r.msgs[i].hdr
		if space > 0 {
			hdr.Control = &r.control[i*space]
			hdr.SetControllen(space)
		}
		if w.VnetHdr {
			r.vecs[i][0].Base = &r.heads[i].flags
			r.vecs[i][0].SetLen(sizeofVnetHeader)
			hdr.Iov = &r.vecs[i][0]
			hdr.SetIovlen(2)
		}
	}
	return nil
}

// maxLen is the longest packet a slot can have: its length has 16 bits.
func maxLen(r *netmap.Ring) int { return min(r.BufSize(), netmap.MaxBufSize) }

// wire lets message i receive into the buffer that slot i now has.
func (r *Rx) wire(i uint32) {
	s := r.ring.Slot(i)
	r.vecs[i][1].Base = &r.ring.Buffer(s)[0]
	if r.peers {
		m := r.ring.Meta(s)
		r.msgs[i].hdr.Name, r.msgs[i].hdr.Namelen = &m.Sockaddr[0], uint32(len(m.Sockaddr))
	}
}

// Ring returns the ring.
func (r *Rx) Ring() *netmap.Ring { return r.ring }

// Counters returns the queue's counters.
func (r *Rx) Counters() *backend.Counters { return &r.counters }

// Sync takes back the slots the user returned and receives what there is into
// all that are free.
func (r *Rx) Sync() error {
	r.more = false
	if r.split != nil {
		return r.syncSplit()
	}
	h := r.ring.Header()
	for ; r.taken != h.Head; r.taken = r.ring.Next(r.taken) {
		r.wire(r.taken)
	}
	if r.err != nil {
		return r.err
	}
	var packets, bytes uint64
	for {
		// A contiguous run of free slots, one always left over.
		first, end := int(h.Tail), r.ring.NumSlots()
		if head := int(h.Head); head > first {
			end = head - 1
		} else if head == 0 {
			end--
		}
		end = min(end, first+maxVector)
		if r.Vector > 0 {
			end = min(end, first+r.Vector)
		}
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
				r.refused(errno)
			}
			break
		}
		p, b := r.deliver(first, n)
		packets, bytes = packets+p, bytes+b
		if n < end-first || r.Vector > 0 {
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

// refused notes what ended a receive, but for EAGAIN. An error that is none of
// the queue's says nothing of the packets: they may be there still.
func (r *Rx) refused(errno unix.Errno) {
	if errno == unix.EINVAL && r.heads != nil {
		// The header has no word for what this frame was merged by, and
		// the kernel has dropped it (packet_rcv_vnet, af_packet.c).
		backend.Add(&r.counters.Undescribed, 1)
	} else {
		r.err = r.MapError(errno)
	}
	r.more = r.err == nil
}

// deliver makes n received messages from slot first on the user's. A message
// that is not whole is counted and dropped here, not passed on short.
func (r *Rx) deliver(first, n int) (packets, bytes uint64) {
	slots, msgs := r.ring.Slots()[first:first+n], r.msgs[first:first+n]
	longest := uint(maxLen(r.ring))
	k := 0 // messages kept
	for i := range msgs {
		size := int(msgs[i].len)
		if msgs[i].hdr.Flags&unix.MSG_TRUNC != 0 {
			size = -1
		}
		if r.heads != nil {
			size = r.offload(first+i, &slots[i], size)
		}
		if r.space > 0 {
			size = r.learn(first+i, &slots[i], size)
		}
		if uint(size) > longest { // or -1
			backend.Add(&r.counters.Truncated, 1)
			continue
		}
		peer := msgs[i].hdr.Namelen
		if k != i {
			// Close the gap that a dropped message left.
			slots[k].BufIdx, slots[i].BufIdx = slots[i].BufIdx, slots[k].BufIdx
			r.wire(uint32(first + k))
			r.wire(uint32(first + i))
		}
		slots[k].Len, slots[k].Flags, slots[k].Ptr = uint16(size), 0, 0
		if r.peers {
			r.ring.Meta(&slots[k]).SockaddrLen = uint8(peer)
		}
		bytes += uint64(size)
		k++
	}
	h := r.ring.Header()
	if h.Tail = uint32(first + k); int(h.Tail) == r.ring.NumSlots() {
		h.Tail = 0
	}
	return uint64(k), bytes
}

// offload takes the header from before message i's frame and returns the
// frame's length, -1 if it is not whole.
func (r *Rx) offload(i int, s *netmap.Slot, size int) int {
	h, m := &r.heads[i], r.ring.Meta(s)
	m.SegmentSize = 0
	if h.gsoType&^unix.VIRTIO_NET_HDR_GSO_ECN != unix.VIRTIO_NET_HDR_GSO_NONE {
		backend.Add(&r.counters.SuperFrames, 1)
		m.SegmentSize = h.gsoSize
	}
	return max(size-sizeofVnetHeader, -1)
}

// learn takes message i's control messages and returns the packet's length
// after what they change, -1 if it is not whole.
func (r *Rx) learn(i int, s *netmap.Slot, size int) int {
	hdr := &r.msgs[i].hdr
	room := r.control[i*r.space:][:r.space]
	room = room[:min(hdr.Controllen, uint64(r.space))]
	hdr.SetControllen(r.space) // the kernel has set it to what it used
	m := r.ring.Meta(s)
	if r.clock == backend.NoClock && plain(room) {
		m.PartialChecksum = false
		return size
	}
	c := &r.said
	c.parse(room)
	if r.clock != backend.NoClock {
		m.Time = c.time(r.clock)
	}
	if m.PartialChecksum = c.partial; c.partial {
		backend.Add(&r.counters.PartialChecksums, 1)
	}
	switch {
	case size < 0 || c.cut:
		return -1
	case c.tagged:
		return insertTag(r.ring.Buffer(s)[:maxLen(r.ring)], size, c.tpid, c.tci)
	}
	return size
}

// Poll waits for the socket to be readable.
func (r *Rx) Poll() backend.Wait {
	if r.ring.Space() > 0 || r.err != nil || r.more || r.split != nil && r.split.left() {
		return backend.Now
	}
	return backend.Wait{FD: r.FD, Events: unix.POLLIN, After: -1}
}

// Polled receives; an error condition on the socket is told by the receive.
func (r *Rx) Polled(revents int16) error {
	if revents == 0 && !r.more {
		return r.err
	}
	return r.Sync()
}
