package mmsg

import (
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

// A splitter receives datagrams of which each may be several that the kernel
// has merged (UDP_GRO), into buffers of its own, and copies them apart:
//
//	recvmmsg ─▶ message 0 │ seg │ seg │ seg │s│   message 1 │ plain │  …
//	                         ▼     ▼     ▼   ▼               ▼
//	                       slot  slot  slot slot            slot
//
// The copy is there for plain datagrams too. A buffer of the ring would save
// it for these, but a merged one needs the following slots, whose buffers the
// following messages have by then.
type splitter struct {
	msgs    []header
	iovs    []unix.Iovec
	names   []Addr
	bufs    [][]byte
	control []byte // for all messages' control messages
	space   int    // bytes of it for each

	n    int // messages received
	next int // the first whose packets are not all in the ring
	ofs  int // bytes of it that are
	size int // bytes of each of its packets but the last
	said control
}

// splitVector is how many messages a splitter receives in a call. A buffer
// takes the longest datagram, and only as much of its memory is ever touched
// as datagrams were long.
const (
	splitVector = 64
	splitBuffer = 1 << 16
)

// KeepPeers puts each packet's sender into its buffer's netmap.Meta. It is
// called once, after Init.
func (r *Rx) KeepPeers() {
	r.peers = true
	for i := range r.msgs {
		r.wire(uint32(i))
	}
}

// Split has r expect merged datagrams. It is called once, after Init and
// before the socket is told to merge.
func (r *Rx) Split() {
	s := &splitter{
		msgs: make([]header, splitVector), iovs: make([]unix.Iovec, splitVector), bufs: make([][]byte, splitVector),
		names: make([]Addr, splitVector),
	}
	s.ask(0)
	// An odd number of cache lines apart, as a ring's buffers are.
	all := make([]byte, splitVector*(splitBuffer+64))
	for i := range s.msgs {
		s.bufs[i], all = all[:splitBuffer:splitBuffer], all[splitBuffer+64:]
		s.iovs[i].Base = &s.bufs[i][0]
		s.iovs[i].SetLen(splitBuffer)
		h := &s.msgs[i].hdr
		h.Iov = &s.iovs[i]
		h.SetIovlen(1)
		h.Name = &s.names[i].Sockaddr[0]
	}
	r.split, r.msgs, r.vecs = s, nil, nil
}

// ask makes room for control messages of so many bytes beside UDP_GRO's.
func (s *splitter) ask(more int) {
	const sizeofGRO = 4 // an int (udp(7))
	s.space = unix.CmsgSpace(sizeofGRO) + more
	s.control = make([]byte, s.space*len(s.msgs))
	for i := range s.msgs {
		s.msgs[i].hdr.Control = &s.control[i*s.space]
	}
}

// left reports whether packets have been received that are not in the ring.
func (s *splitter) left() bool { return s.next < s.n }

// receive takes at most max datagrams; all earlier ones are in the ring. short
// says that there were no more.
func (s *splitter) receive(fd, max int) (short bool, errno unix.Errno) {
	max = min(max, len(s.msgs))
	for i := range s.msgs[:max] {
		h := &s.msgs[i].hdr
		h.Namelen = uint32(len(s.names[i].Sockaddr))
		h.SetControllen(s.space)
	}
	s.n, errno = recvmmsg(fd, s.msgs[:max], 0)
	s.next = 0
	s.begin()
	return s.n < max, errno
}

// begin reads of how many bytes the packets of message next are.
func (s *splitter) begin() {
	if s.ofs = 0; !s.left() {
		return
	}
	m := &s.msgs[s.next]
	s.said.parse(s.control[s.next*s.space:][:min(m.hdr.Controllen, uint64(s.space))])
	if s.size = int(m.len); s.said.segment > 0 {
		s.size = min(s.size, s.said.segment)
	}
}

// syncSplit is Sync with a splitter.
func (r *Rx) syncSplit() error {
	s := r.split
	var packets, bytes, merged uint64
	short := false
	for {
		p, b, m := r.fill()
		packets, bytes, merged = packets+p, bytes+b, merged+m
		if s.left() || r.err != nil {
			break // the ring is full, or no more will come
		}
		free := r.ring.NumSlots() - 1 - r.ring.Space()
		if free == 0 || short {
			break
		}
		var errno unix.Errno
		short, errno = s.receive(r.FD, free)
		backend.Add(&r.counters.Syncs, 1)
		if errno == 0 {
			continue
		}
		if errno == unix.EINTR {
			short = false
			continue
		}
		if errno != unix.EAGAIN {
			r.refused(errno)
		}
		break
	}
	if packets > 0 {
		backend.Add(&r.counters.Packets, packets)
		backend.Add(&r.counters.Bytes, bytes)
		backend.Add(&r.counters.Merged, merged)
		backend.Add(&r.counters.Batches, 1)
		return nil // an error waits until these have been seen
	}
	return r.err
}

// fill copies packets into the free slots. One longer than a buffer is counted
// and dropped, not passed on short.
func (r *Rx) fill() (packets, bytes, merged uint64) {
	s, ring := r.split, r.ring
	h, slots := ring.Header(), ring.Slots()
	for s.left() {
		m := &s.msgs[s.next]
		whole := int(m.len)
		if m.hdr.Flags&unix.MSG_TRUNC != 0 { // longer than any datagram
			backend.Add(&r.counters.Truncated, 1)
			s.next++
			s.begin()
			continue
		}
		for {
			tail := h.Tail
			next := ring.Next(tail)
			if next == h.Head {
				return packets, bytes, merged
			}
			n := min(s.size, whole-s.ofs)
			slot := &slots[tail]
			if b := ring.Buffer(slot); n <= len(b) {
				copy(b, s.bufs[s.next][s.ofs:s.ofs+n])
				slot.Len, slot.Flags, slot.Ptr = uint16(n), 0, 0
				meta := ring.Meta(slot)
				meta.Sockaddr, meta.SockaddrLen = s.names[s.next].Sockaddr, uint8(m.hdr.Namelen)
				if r.clock != backend.NoClock {
					meta.Time = s.said.time(r.clock)
				}
				h.Tail = next
				packets, bytes = packets+1, bytes+uint64(n)
				if n < whole {
					merged++
				}
			} else {
				backend.Add(&r.counters.Truncated, 1)
			}
			if s.ofs += n; s.ofs >= whole {
				break
			}
		}
		s.next++
		s.begin()
	}
	return packets, bytes, merged
}
