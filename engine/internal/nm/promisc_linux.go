package nm

import (
	"os"

	"golang.org/x/sys/unix"
)

// promiscuous makes an interface promiscuous until end is called, or the
// process ends: the kernel counts a packet socket's wish (PACKET_MR_PROMISC)
// for as long as the socket is there.
func promiscuous(_ string, index int) (end func(), err error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return func() {}, os.NewSyscallError("socket", err)
	}
	m := unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}
	if err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
		unix.Close(fd)
		return func() {}, os.NewSyscallError("setsockopt PACKET_ADD_MEMBERSHIP", err)
	}
	return func() { unix.Close(fd) }, nil
}
