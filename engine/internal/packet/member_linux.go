package packet

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

// join has the interface receive for a socket what it would not by itself.
// The kernel counts such memberships, and ends them with the socket, however
// the process ends (packet(7)).
func join(fd int, ifc *net.Interface, o *backend.Options) error {
	add := func(what string, kind uint16, addr net.HardwareAddr) error {
		m := unix.PacketMreq{Ifindex: int32(ifc.Index), Type: kind, Alen: uint16(len(addr))}
		copy(m.Address[:], addr)
		err := unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m)
		if err != nil {
			return fmt.Errorf("%s on %s: %w", what, ifc.Name, err)
		}
		return nil
	}
	if o.Promisc {
		if err := add("promiscuous mode", unix.PACKET_MR_PROMISC, nil); err != nil {
			return err
		}
	}
	if o.AllMulti {
		if err := add("receiving all multicast addresses", unix.PACKET_MR_ALLMULTI, nil); err != nil {
			return err
		}
	}
	for _, a := range o.Multicast {
		if err := add(fmt.Sprintf("receiving multicast address %s", a), unix.PACKET_MR_MULTICAST, a); err != nil {
			return err
		}
	}
	return nil
}
