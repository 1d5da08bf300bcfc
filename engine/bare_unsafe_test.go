//go:build linux

package engine_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// bare is what a program without the engine would write: one vector of
// messages, wired once, and the system calls.
type bare struct {
	fd   int
	msgs []mmsghdr
	iovs []unix.Iovec
	bufs [][]byte
}

type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

func newBare(fd, n, size int) *bare {
	b := &bare{fd: fd, msgs: make([]mmsghdr, n), iovs: make([]unix.Iovec, n), bufs: make([][]byte, n)}
	for i := range b.bufs {
		b.bufs[i] = make([]byte, size)
		b.iovs[i].Base = &b.bufs[i][0]
		b.iovs[i].SetLen(size)
		b.msgs[i].hdr.Iov = &b.iovs[i]
		b.msgs[i].hdr.SetIovlen(1)
	}
	return b
}

// sendmmsg sends the first n messages and returns how many left.
func (b *bare) sendmmsg(n int) (int, unix.Errno) {
	k, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.msgs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(k), 0
}

// recvmmsg receives up to n messages.
func (b *bare) recvmmsg(n int) (int, unix.Errno) {
	k, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.msgs[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(k), 0
}

// sendto sends message 0 with a call of its own.
func (b *bare) sendto(n int) unix.Errno {
	_, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(b.fd), uintptr(unsafe.Pointer(&b.bufs[0][0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	return errno
}

// recvfrom receives one message with a call of its own.
func (b *bare) recvfrom() (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(b.fd), uintptr(unsafe.Pointer(&b.bufs[0][0])), uintptr(len(b.bufs[0])), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}
