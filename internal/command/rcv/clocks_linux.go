package rcv

import (
	"net"

	"github.com/vishvananda/netlink"
)

// linkKind is "loopback", "veth", or another kind, "" if it is not known.
func linkKind(name string) string {
	l, err := netlink.LinkByName(name)
	switch {
	case err != nil:
		return ""
	case l.Attrs().Flags&net.FlagLoopback != 0:
		return "loopback"
	}
	return l.Type()
}
