package manysockets

import (
	"encoding/binary"
	"net/netip"
	"structs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A message is struct mmsghdr (sendmmsg(2)) on 64-bit systems.
type message struct {
	_   structs.HostLayout
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

var _ [64]byte = [unsafe.Sizeof(message{})]byte{}

// lay makes the messages.
func (s *sender) lay(addrs []netip.AddrPort) {
	s.iov.Base = &s.payload[0]
	s.iov.SetLen(len(s.payload))
	s.addrs, s.msgs = make([]unix.RawSockaddrInet4, len(addrs)), make([]message, len(addrs))
	for i, a := range addrs {
		s.addrs[i].Family, s.addrs[i].Addr = unix.AF_INET, a.Addr().As4()
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.addrs[i].Port))[:], a.Port())
		h := &s.msgs[i].hdr
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&s.addrs[i])), unix.SizeofSockaddrInet4
		h.Iov = &s.iov
		h.SetIovlen(1)
	}
}

// sendmmsg sends messages, waiting for room, and returns how many have left.
func sendmmsg(fd int, msgs []message) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(msgs))), uintptr(len(msgs)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
