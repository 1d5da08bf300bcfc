package mmsg

import (
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/netmap"
)

// The transmit vectors are laid in blocks. A block is one packet, or a run of
// packets that may go merged; it goes to each address in turn, and its slots
// are done when it has gone to the last:
//
//	slots     [ 0 ][ 1 ][ 2 ][ 3 ]   [ 4 ]
//	iovecs      │    │    │    │       │
//	          └─── block ──────┘    block
//	messages  → dest 0, → dest 1     → dest 0, → dest 1
//
// Nothing of it is kept from one call to the next but how far the first block
// has come (Tx.begun).

// A part is what a message of the vector carries. Counts are those of its
// block, and in the block's last message only.
type part struct {
	slots, packets uint16
	bytes          uint32

	dest    uint16 // which address it goes to
	block   uint16 // slots of its block
	from    uint16 // of those, how many are before what it carries
	segment uint16 // bytes of a packet, if it carries the block merged, else 0
}

// lay points the vectors at the unsent packets, in order, and returns for how
// many messages there are whole ones.
func (t *Tx) lay() int {
	ring, head, dests := t.ring, t.ring.Head(), t.dests()
	k, j := 0, 0 // messages, iovecs
	at, most := t.begun, len(t.msgs)
	if t.Vector > 0 {
		most = min(most, t.Vector)
	}
	t.overlong, t.astray = false, 0
	for i := t.unsent; i != head && k < most; at = (part{}) {
		var b block
		if !t.gather(i, head, j, int(at.block), &b) {
			break
		}
		for dest, from := int(at.dest), int(at.from); dest < dests; dest, from = dest+1, 0 {
			for from < b.slots {
				if k == most {
					t.parts[k] = part{dest: uint16(dest), block: uint16(b.slots), from: uint16(from)}
					return k
				}
				n := b.slots
				if b.segment == 0 && b.packets > 1 {
					n = packetAt(ring, i, from)
				}
				t.message(k, t.iovs[j+from:j+from+n], dest, ring.Slot(i), b.segment)
				t.parts[k] = part{dest: uint16(dest), block: uint16(b.slots), from: uint16(from), segment: uint16(b.segment)}
				from += n
				k++
			}
		}
		p := &t.parts[k-1]
		p.slots, p.packets, p.bytes = uint16(b.slots), uint16(b.packets), uint32(b.bytes)
		i, j = b.next, j+b.slots
	}
	t.parts[k] = part{}
	return k
}

// message fills in header k.
func (t *Tx) message(k int, iovs []unix.Iovec, dest int, s *netmap.Slot, segment int) {
	h := &t.msgs[k].hdr
	h.Iov = &iovs[0]
	h.SetIovlen(len(iovs))
	if t.Peers {
		m := t.ring.Meta(s)
		h.Name, h.Namelen = &m.Sockaddr[0], uint32(m.SockaddrLen)
	} else if len(t.Dests) > 0 {
		a := &t.Dests[dest]
		h.Name, h.Namelen = &a.Sockaddr[0], uint32(a.Len)
	}
	if t.controls != nil {
		if segment > 0 {
			p, n := t.controls[k].set(segment)
			h.Control = p
			h.SetControllen(n)
		} else {
			h.Control = nil
			h.SetControllen(0)
		}
	}
}

// A block is whole packets in slots that follow each other.
type block struct {
	slots, packets, bytes int
	segment               int    // if above 0, they may go merged: bytes of each but the last
	next                  uint32 // the slot after it
}

// Limits of a merged message. The kernel takes 64 segments or more
// (UDP_MAX_SEGMENTS in linux/udp.h), and no more bytes than a datagram has.
const (
	maxSegments    = 64
	maxMergedBytes = 1<<16 - 1 - 20 - 8
)

// gather points the vectors from j on at the block that starts in slot i: of
// so many slots if limit is not 0, else as many as may go merged. It reports
// false if no whole packet is there that can be sent.
func (t *Tx) gather(i, head uint32, j, limit int, b *block) bool {
	ring, all, first := t.ring, t.ring.Slots(), i
	*b = block{}
	segments := t.maxSegment()
	n := 0 // slots until now, of a packet that may not be whole
	for i != head && j+n < len(t.iovs) {
		s := &all[i]
		if b.packets > 0 && limit == 0 && !t.follows(&all[first], s, b, segments) {
			break
		}
		buf := ring.Buffer(s)
		if int(s.Len) > len(buf) {
			t.overlong = b.packets == 0
			break
		}
		if n == 0 && t.Peers && ring.Meta(s).SockaddrLen == 0 {
			t.astray = packetAt(ring, i, 0)
			break
		}
		v := &t.iovs[j+n]
		v.Base = &buf[0]
		v.SetLen(int(s.Len))
		b.bytes += int(s.Len)
		n, i = n+1, ring.Next(i)
		if s.Flags&netmap.MoreFrag != 0 {
			continue
		}
		b.slots, b.packets, b.next = n, b.packets+1, i
		if limit == 0 && (segments == 0 || n > b.packets || s.Len == 0 || s.Len < all[first].Len) || n == limit {
			break // a packet that is shorter, or in several slots, is the last
		}
	}
	if b.packets > 1 && int(all[first].Len) <= segments {
		b.segment = int(all[first].Len)
	}
	return b.packets > 0
}

// follows reports whether the packet in slot s may go merged with the block's
// that begins in first.
func (t *Tx) follows(first, s *netmap.Slot, b *block, maxSegment int) bool {
	if s.Len > first.Len || s.Len == 0 || s.Flags&netmap.MoreFrag != 0 || int(first.Len) > maxSegment ||
		b.packets == maxSegments || b.bytes+int(s.Len) > maxMergedBytes {
		return false
	}
	if !t.Peers {
		return true
	}
	x, y := t.ring.Meta(first), t.ring.Meta(s)
	return x.SockaddrLen == y.SockaddrLen && x.Sockaddr == y.Sockaddr
}

// packetAt returns of how many slots the packet is that starts so many slots
// after i, as far as there are some.
func packetAt(ring *netmap.Ring, i uint32, after int) int {
	for range after {
		i = ring.Next(i)
	}
	n := 1
	for ring.Slot(i).Flags&netmap.MoreFrag != 0 && ring.Next(i) != ring.Head() {
		n, i = n+1, ring.Next(i)
	}
	return n
}
