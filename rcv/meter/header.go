package meter

import "github.com/ringwalk/ringwalk/netmap"

// A header is the virtio-net header that each packet of a port begins with. A
// VALE switch passes it on in a slot of its own, if it came so.
type header struct {
	length int
	left   int  // bytes of it that the packet's further slots hold
	inside bool // the packet has begun in a slot before
}

// of returns how many of a slot's first bytes are header. It is asked for one
// slot after the other.
func (h *header) of(s *netmap.Slot) int {
	if !h.inside {
		h.left = h.length
	}
	h.inside = s.Flags&netmap.MoreFrag != 0
	n := min(h.left, int(s.Len))
	h.left -= n
	return n
}
