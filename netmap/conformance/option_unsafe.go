package conformance

import (
	"unsafe"

	"github.com/ringwalk/ringwalk/netmap"
)

// misaligned is a CSB that begins 8 bytes beside where it should.
func misaligned(n int) *netmap.OptCSB {
	o := netmap.NewCSB(n + 1)
	return &netmap.OptCSB{
		AToK: unsafe.Slice((*netmap.CSBAToK)(unsafe.Add(unsafe.Pointer(&o.AToK[0]), 8)), n),
		KToA: o.KToA,
	}
}
