package netmap

import "unsafe"

// csbAlign is what the kernel wants each array of a CSB aligned to: its entries'
// size.
const csbAlign = int(unsafe.Sizeof(CSBAToK{}))

// NewCSB makes the memory of an [OptCSB] for a descriptor of n rings, aligned as
// the kernel wants it.
func NewCSB(n int) *OptCSB {
	b := make([]byte, (2*n+1)*csbAlign)
	ofs := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (csbAlign - 1)
	p := unsafe.Pointer(&b[ofs])
	return &OptCSB{
		AToK: unsafe.Slice((*CSBAToK)(p), n),
		KToA: unsafe.Slice((*CSBKToA)(unsafe.Add(p, n*csbAlign)), n),
	}
}
