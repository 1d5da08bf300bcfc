//go:build linux

package mmsg

import (
	"structs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxVector is the most messages the kernel takes in one call (UIO_MAXIOV).
const maxVector = 1024

// A header is struct mmsghdr (recvmmsg(2)) on 64-bit systems.
type header struct {
	_   structs.HostLayout
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

var _ [64]byte = [unsafe.Sizeof(header{})]byte{}

// A vnetHeader is struct virtio_net_hdr (linux/virtio_net.h) as the kernel puts
// it before a frame, in the machine's byte order, and what fills a quarter of
// a cache line.
type vnetHeader struct {
	_          structs.HostLayout
	flags      uint8
	gsoType    uint8
	hdrLen     uint16
	gsoSize    uint16
	csumStart  uint16
	csumOffset uint16
	_          [6]byte
}

// sizeofVnetHeader is how much of it the kernel writes.
const sizeofVnetHeader = 10

var _ [16]byte = [unsafe.Sizeof(vnetHeader{})]byte{}
var _ [sizeofVnetHeader]byte = [unsafe.Offsetof(vnetHeader{}.csumOffset) + 2]byte{}

// recvmmsg receives into msgs without waiting and returns how many came.
func recvmmsg(fd int, msgs []header, flags int) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(msgs))), uintptr(len(msgs)), uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// sendmmsg sends msgs without waiting and returns how many were taken. If that
// is fewer than there are, the next call tells the reason.
func sendmmsg(fd int, msgs []header, flags int) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(msgs))), uintptr(len(msgs)), uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// A segmentControl is the control message that has the kernel cut a datagram
// up: struct cmsghdr with UDP_SEGMENT and a 16-bit length (udp(7)).
type segmentControl struct {
	_     structs.HostLayout
	hdr   unix.Cmsghdr
	bytes uint16
	_     [6]byte
}

var _ [24]byte = [unsafe.Sizeof(segmentControl{})]byte{}

func (c *segmentControl) init() {
	c.hdr.Level, c.hdr.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	c.hdr.SetLen(int(unsafe.Offsetof(c.bytes)) + 2)
}

// set puts the length in and returns the start of the whole, and its size.
func (c *segmentControl) set(bytes int) (*byte, int) {
	c.bytes = uint16(bytes)
	return (*byte)(unsafe.Pointer(c)), int(unsafe.Sizeof(*c))
}
