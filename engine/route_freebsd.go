package engine

import (
	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// carriesDefaultRoute reports whether a default route, IPv4 or IPv6, leaves by
// the interface, by the kernel's routing table (sysctl NET_RT_DUMP, route(4)).
func carriesDefaultRoute(index int) bool {
	rib, err := route.FetchRIB(unix.AF_UNSPEC, route.RIBTypeRoute, 0)
	if err != nil {
		return false
	}
	messages, err := route.ParseRIB(route.RIBTypeRoute, rib)
	if err != nil {
		return false
	}
	for _, m := range messages {
		r, ok := m.(*route.RouteMessage)
		if !ok || r.Index != index || len(r.Addrs) <= unix.RTAX_DST {
			continue
		}
		var mask route.Addr
		if len(r.Addrs) > unix.RTAX_NETMASK {
			mask = r.Addrs[unix.RTAX_NETMASK]
		}
		if unspecified(r.Addrs[unix.RTAX_DST]) && (mask == nil || unspecified(mask)) && r.Flags&unix.RTF_HOST == 0 {
			return true
		}
	}
	return false
}

// unspecified reports whether an address is 0.0.0.0 or ::.
func unspecified(a route.Addr) bool {
	switch a := a.(type) {
	case *route.Inet4Addr:
		return a.IP == [4]byte{}
	case *route.Inet6Addr:
		return a.IP == [16]byte{}
	}
	return false
}
