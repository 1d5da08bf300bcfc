package netmaptest

import (
	"unsafe"

	"github.com/ringwalk/ringwalk/netmap"
)

// ringHeaderSize and slotSize are those of struct netmap_ring and netmap_slot.
const (
	ringHeaderSize = int(unsafe.Sizeof(netmap.RingHeader{}))
	slotSize       = int(unsafe.Sizeof(netmap.Slot{}))
)

// ringAt views b as a ring of n slots with its header. It panics if b is too
// short.
func ringAt(b []byte, n int) (*netmap.RingHeader, []netmap.Slot) {
	b = b[:ringHeaderSize+n*slotSize]
	s := b[ringHeaderSize:]
	return (*netmap.RingHeader)(unsafe.Pointer(unsafe.SliceData(b))),
		unsafe.Slice((*netmap.Slot)(unsafe.Pointer(unsafe.SliceData(s))), n)
}
