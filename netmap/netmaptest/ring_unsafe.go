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

// aligned says that both arrays of a CSB begin at a multiple of an entry's size.
func aligned(o *netmap.OptCSB) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(o.AToK)))%unsafe.Sizeof(netmap.CSBAToK{}) == 0 &&
		uintptr(unsafe.Pointer(unsafe.SliceData(o.KToA)))%unsafe.Sizeof(netmap.CSBKToA{}) == 0
}
