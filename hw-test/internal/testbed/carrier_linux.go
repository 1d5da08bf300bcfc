package testbed

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// carrierChanges is how often the link of an interface in the caller's namespace
// has come or gone (IFLA_CARRIER_CHANGES in rtnetlink(7)): what lies in /sys may
// be another namespace's.
func carrierChanges(index int) (uint64, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	answers, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	for _, b := range answers {
		if len(b) < unix.SizeofIfInfomsg || err != nil {
			continue
		}
		attrs, unread := nl.ParseRouteAttr(b[unix.SizeofIfInfomsg:])
		for _, a := range attrs {
			if a.Attr.Type == unix.IFLA_CARRIER_CHANGES && len(a.Value) >= 4 {
				return uint64(nl.NativeEndian().Uint32(a.Value)), nil
			}
		}
		err = unread
	}
	if err == nil {
		err = errors.New("the kernel does not tell")
	}
	return 0, fmt.Errorf("how often the link of interface number %d has changed: %w", index, err)
}
