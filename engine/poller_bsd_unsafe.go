//go:build freebsd || darwin

package engine

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// kevents makes n events in memory that the garbage collector does not look
// into: udata is a pointer for the compiler, and a number for us.
func kevents(n int) []unix.Kevent_t {
	const words = (unsafe.Sizeof(unix.Kevent_t{}) + 7) / 8
	raw := make([]uint64, uintptr(n)*words)
	return unsafe.Slice((*unix.Kevent_t)(unsafe.Pointer(&raw[0])), n)
}

// The number fills the pointer: 64-bit systems only.
var _ [8]byte = [unsafe.Sizeof(unix.Kevent_t{}.Udata)]byte{}

func setUdata(k *unix.Kevent_t, n uint64) { *(*uint64)(unsafe.Pointer(&k.Udata)) = n }

func udata(k *unix.Kevent_t) uint64 { return *(*uint64)(unsafe.Pointer(&k.Udata)) }
