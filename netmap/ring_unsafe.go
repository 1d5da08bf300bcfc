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

// Bytes returns the packet (or fragment) of a slot in place: Len bytes, and no
// more as capacity. The view is the caller's as long as the slot is. It panics
// if index and length lead out of the memory.
func (r *Ring) Bytes(s *Slot) []byte {
	// One comparison does for both ends: index, buffer size and offset are
	// less than 2^32, 2^17 and 2^16, so their sum cannot wrap around.
	i := uint64(s.BufIdx)*r.bufSize + s.Ptr&r.ofsMask
	n := uint64(s.Len)
	if i+n > uint64(len(r.bufs)) {
		panic(outside)
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(r.bufs)), i)), int(n))
}

// Buffer returns the whole buffer of a slot, from the data's offset on, to
// fill it. The view is the caller's as long as the slot is. It panics if the
// index leads out of the memory, or the offset out of the buffer.
func (r *Ring) Buffer(s *Slot) []byte {
	i, ofs := uint64(s.BufIdx)*r.bufSize, s.Ptr&r.ofsMask
	if i+r.bufSize > uint64(len(r.bufs)) || ofs > r.bufSize {
		panic(outside)
	}
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(r.bufs)), i+ofs)), int(r.bufSize-ofs))
}

const outside = "netmap: a slot's buffer index or length leads out of the memory"

// Swap exchanges the packets of two slots: buffer, length, offset and whether
// the packet goes on. Both are marked [BufChanged]; all other flags of both
// are cleared, for they spoke of the packet or the buffer that left.
//
// Legal only if the slots' rings share one memory region, see
// [Ring.CanSwap], and the caller owns both slots. Swap cannot check either:
// in another region a buffer's index names another buffer or none. A slot with
// [Indirect] has its packet elsewhere and is not to be swapped.
func Swap(a, b *Slot) {
	// As words: the stores of single fields would take twice as long.
	x, y := words(a), words(b)
	a0, a1, b0, b1 := x[0], x[1], y[0], y[1]
	x[0], x[1] = b0&swapKeeps|swapMarks, b1
	y[0], y[1] = a0&swapKeeps|swapMarks, a1
}

// words views a slot as two words: index, length and flags, then the pointer.
func words(s *Slot) *[2]uint64 { return (*[2]uint64)(unsafe.Pointer(s)) }

// What Swap keeps of a slot's first word and adds to it, on machines of either
// byte order.
var (
	swapKeeps = words(&Slot{BufIdx: 1<<32 - 1, Len: 1<<16 - 1, Flags: MoreFrag})[0]
	swapMarks = words(&Slot{Flags: BufChanged})[0]
)
