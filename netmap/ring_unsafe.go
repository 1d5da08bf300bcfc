package netmap

import "unsafe"

// The layout of struct netmap_ring and struct netmap_slot on 64-bit systems,
// as printed by a C program against net/netmap.h. A wrong one does not compile.
var (
	_ [256]byte = [unsafe.Sizeof(RingHeader{})]byte{}
	_ [0]byte   = [unsafe.Offsetof(RingHeader{}.BufOfs)]byte{}
	_ [8]byte   = [unsafe.Offsetof(RingHeader{}.NumSlots)]byte{}
	_ [12]byte  = [unsafe.Offsetof(RingHeader{}.BufSize)]byte{}
	_ [16]byte  = [unsafe.Offsetof(RingHeader{}.RingID)]byte{}
	_ [18]byte  = [unsafe.Offsetof(RingHeader{}.Dir)]byte{}
	_ [20]byte  = [unsafe.Offsetof(RingHeader{}.Head)]byte{}
	_ [24]byte  = [unsafe.Offsetof(RingHeader{}.Cur)]byte{}
	_ [28]byte  = [unsafe.Offsetof(RingHeader{}.Tail)]byte{}
	_ [32]byte  = [unsafe.Offsetof(RingHeader{}.Flags)]byte{}
	_ [40]byte  = [unsafe.Offsetof(RingHeader{}.TS)]byte{}
	_ [56]byte  = [unsafe.Offsetof(RingHeader{}.OffsetMask)]byte{}
	_ [64]byte  = [unsafe.Offsetof(RingHeader{}.BufAlign)]byte{}
	_ [128]byte = [unsafe.Offsetof(RingHeader{}.Sem)]byte{}
	_ [16]byte  = [unsafe.Sizeof(Slot{})]byte{}
	_ [4]byte   = [unsafe.Offsetof(Slot{}.Len)]byte{}
	_ [6]byte   = [unsafe.Offsetof(Slot{}.Flags)]byte{}
	_ [8]byte   = [unsafe.Offsetof(Slot{}.Ptr)]byte{}
)

// ringHeaderSize is where a ring's slots begin, in bytes from its header.
const ringHeaderSize = int(unsafe.Sizeof(RingHeader{}))

// slotSize is the size of a slot in bytes.
const slotSize = int(unsafe.Sizeof(Slot{}))

// headerAt views the bytes at ofs as a ring's header. The bytes must be aligned
// to 8; the slice expression panics if they do not reach.
func headerAt(region []byte, ofs int) *RingHeader {
	return (*RingHeader)(unsafe.Pointer(unsafe.SliceData(region[ofs : ofs+ringHeaderSize])))
}

// slotsAt views the n slots behind the header at ofs.
func slotsAt(region []byte, ofs, n int) []Slot {
	b := region[ofs+ringHeaderSize : ofs+ringHeaderSize+n*slotSize]
	return unsafe.Slice((*Slot)(unsafe.Pointer(unsafe.SliceData(b))), n)
}
