package netmap

import "unsafe"

// addressOf is the address of memory that lies outside of Go's heap.
func addressOf(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
