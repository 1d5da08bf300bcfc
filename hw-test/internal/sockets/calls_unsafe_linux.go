package sockets

import (
	"encoding/binary"
	"structs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A header is struct mmsghdr (recvmmsg(2)) on 64-bit systems.
type header struct {
	_   structs.HostLayout
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

var _ [64]byte = [unsafe.Sizeof(header{})]byte{}

// A name has room for the address of any socket here.
type name unix.RawSockaddrAny

// A control has room for one control message, with an int or a struct
// tpacket_auxdata (packet(7)), which has 20 bytes.
type control [40]byte

// Control messages of UDP's offloads (linux/udp.h, udp(7)).
const (
	udpSegment = unix.UDP_SEGMENT // a uint16 to the kernel
	udpGRO     = unix.UDP_GRO     // an int from the kernel
)

// segment has the kernel cut the message of h into datagrams of size bytes.
func (h *header) segment(c *control, size int) {
	binary.NativeEndian.PutUint64(c[0:], uint64(unix.CmsgLen(2)))
	binary.NativeEndian.PutUint32(c[8:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(c[12:], udpSegment)
	binary.NativeEndian.PutUint16(c[16:], uint16(size))
	h.hdr.Control = &c[0]
	h.hdr.SetControllen(unix.CmsgSpace(2))
}

// merged is the size of the datagrams that a message of n bytes consists of;
// n if it is one.
func (c *control) merged(h *header, n int) int {
	if int(h.hdr.Controllen) < unix.CmsgLen(4) || binary.NativeEndian.Uint32(c[8:]) != unix.SOL_UDP ||
		binary.NativeEndian.Uint32(c[12:]) != udpGRO {
		return n
	}
	return int(binary.NativeEndian.Uint32(c[16:]))
}

// setName has the kernel write a message's source there.
func (h *header) setName(to *name) {
	h.hdr.Name = (*byte)(unsafe.Pointer(to))
	h.hdr.Namelen = uint32(unsafe.Sizeof(*to))
}

// The bare calls; none waits. They go by the ordinary Syscall6, as the engine's.

func recvfrom(fd int, b []byte, from *name) (int, unix.Errno) {
	size := uint32(unsafe.Sizeof(*from))
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT, uintptr(unsafe.Pointer(from)), uintptr(unsafe.Pointer(&size)))
	return int(n), errno
}

func recvmsg(fd int, h *header) (int, unix.Errno) {
	n, _, errno := unix.Syscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&h.hdr)), unix.MSG_DONTWAIT)
	return int(n), errno
}

func recvmmsg(fd int, msgs []header) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(msgs))), uintptr(len(msgs)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func sendto(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

func sendmmsg(fd int, msgs []header) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(msgs))), uintptr(len(msgs)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// socketDrops is how many packets a socket has dropped since it was opened,
// modulo 2^32: the last of the numbers of SO_MEMINFO (linux/sock_diag.h).
func socketDrops(fd int) (uint32, error) {
	var m [9]uint32
	size := uint32(unsafe.Sizeof(m))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0, errno
	}
	return m[8], nil
}
