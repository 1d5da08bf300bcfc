package bench

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/ringwalk/ringwalk/internal/netlab"
)

// know tells each end the other's address, so that none asks for it by ARP:
// only what is measured crosses the pair.
func (l *Lab) know() error {
	return errors.Join(neighbour(&l.A, l.AddrB, l.B.MAC), neighbour(&l.B, l.AddrA, l.A.MAC))
}

func neighbour(e *netlab.End, addr netip.Addr, mac net.HardwareAddr) error {
	return e.NS.Do(func() error {
		err := netlink.NeighSet(&netlink.Neigh{
			LinkIndex: e.Index, Family: netlink.FAMILY_V4, State: netlink.NUD_PERMANENT, IP: addr.AsSlice(), HardwareAddr: mac,
		})
		if err != nil {
			return fmt.Errorf("tell %s where %v is: %w", e.Name, addr, err)
		}
		return nil
	})
}
