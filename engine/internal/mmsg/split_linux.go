package mmsg

import (
	"encoding/binary"

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
	msgs     []header
	iovs     []unix.Iovec
	names    []Addr
	controls []mergeControl
	bufs     [][]byte

	n    int // messages received
	next int // the first whose packets are not all in the ring
	ofs  int // bytes of it that are
	size int // bytes of each of its packets but the last
}

// A mergeControl has room for the control message with which UDP_GRO tells
// the length of the packets in a datagram, an int.
type mergeControl [24]byte

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
		names: make([]Addr, splitVector), controls: make([]mergeControl, splitVector),
	}
	// An odd number of cache lines apart, as a ring's buffers are.
	all := make([]byte, splitVector*(splitBuffer+64))
	for i := range s.msgs {
		s.bufs[i], all = all[:splitBuffer:splitBuffer], all[splitBuffer+64:]
		s.iovs[i].Base = &s.bufs[i][0]
		s.iovs[i].SetLen(splitBuffer)
		h := &s.msgs[i].hdr
		h.Iov = &s.iovs[i]
		h.SetIovlen(1)
		h.Name, h.Control = &s.names[i].Sockaddr[0], &s.controls[i][0]
	}
	r.split, r.msgs, r.vecs = s, nil, nil
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
		h.SetControllen(len(s.controls[i]))
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
	s.size = int(m.len)
	if n := m.hdr.Controllen; n > 0 {
		if k := mergedSize(s.controls[s.next][:min(int(n), len(mergeControl{}))]); k > 0 {
			s.size = min(k, s.size)
		}
	}
}

// mergedSize returns the length of the packets in a merged datagram as its
// control messages say, 0 if they do not: UDP_GRO's is an int (udp(7)).
func mergedSize(control []byte) int {
	for len(control) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		if h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && len(data) >= 4 {
			return max(0, int(int32(binary.NativeEndian.Uint32(data))))
		}
		control = rest
	}
	return 0
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
		if errno == unix.EINTR {
			short = false
			continue
		}
		if errno != 0 {
			if errno != unix.EAGAIN {
				r.err = r.MapError(errno)
			}
			break
		}
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
