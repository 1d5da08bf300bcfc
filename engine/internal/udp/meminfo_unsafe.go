//go:build linux

package udp

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// memInfo is what getsockopt(SO_MEMINFO) fills: SK_MEMINFO_VARS numbers, in
// the order of linux/sock_diag.h. Linux 4.12 and later.
type memInfo [9]uint32

const skMemInfoDrops = 8 // SK_MEMINFO_DROPS

// drops returns how many datagrams the socket has dropped since it was opened,
// modulo 2^32: those that found its buffer full, and those that a filter or a
// wrong checksum kept out.
func drops(fd int) (uint32, error) {
	var m memInfo
	size := uint32(unsafe.Sizeof(m))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt SO_MEMINFO", errno)
	}
	return m[skMemInfoDrops], nil
}
