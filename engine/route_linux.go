package engine

import "github.com/vishvananda/netlink"

// carriesDefaultRoute reports whether a default route of this network
// namespace, IPv4 or IPv6, leaves by the interface.
func carriesDefaultRoute(index int) bool {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := netlink.RouteListFiltered(family, &netlink.Route{LinkIndex: index}, netlink.RT_FILTER_OIF)
		if err != nil {
			continue
		}
		for _, r := range routes {
			if r.Dst == nil {
				return true
			}
			if ones, _ := r.Dst.Mask.Size(); ones == 0 {
				return true
			}
		}
	}
	return false
}
