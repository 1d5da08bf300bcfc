package rcv

import (
	"net/netip"
	"strings"

	"github.com/ringwalk/ringwalk/engine"
)

// clocks says whether sender and receiver read one clock, and how that is
// known.
type clocks struct {
	same bool
	why  string
}

// sameClocks is one clock where the sender must be on this host, whichever its
// namespace: namespaces have no CLOCK_REALTIME of their own
// (time_namespaces(7)).
func (o *options) sameClocks(info engine.Info) clocks {
	switch o.clocks {
	case "same":
		return clocks{true, "by --clocks same"}
	case "apart":
		return clocks{false, "by --clocks apart"}
	}
	switch {
	case info.Timestamps == engine.HardwareTimestamps:
		return clocks{false, "the NIC stamps frames by a clock of its own; if PTP has it follow the sender's, say --clocks same"}
	case info.Backend == "pcap":
		return clocks{false, "a capture file does not say whose clock its times are of"}
	case info.Backend == "netmap" && info.Interface == "" && strings.ContainsAny(info.Spec, "{}"):
		return clocks{true, "a netmap pipe has both its ends on this host"}
	case info.Backend == "netmap" && strings.HasPrefix(strings.TrimPrefix(info.Spec, "netmap:"), "vale"):
		return clocks{true, "a VALE switch is on this host; if a NIC is attached to it, say --clocks apart"}
	case info.Backend == "udp" && loopback(info.Spec):
		return clocks{true, "a loopback address has only senders on this host"}
	case info.Interface == "":
		return clocks{false, "the sender may be on another host"}
	}
	switch linkKind(info.Interface) {
	case "loopback":
		return clocks{true, info.Interface + " has only senders on this host"}
	case "veth":
		return clocks{true, info.Interface + " is a veth, whose other end is on this host; if a bridge or router there hands on what other hosts send, say --clocks apart"}
	}
	return clocks{false, "the sender may be on another host than " + info.Interface}
}

// loopback reports whether a UDP port receives at a loopback address.
func loopback(spec string) bool {
	_, at, ok := strings.Cut(spec, "@")
	if !ok {
		return false
	}
	at, _, _ = strings.Cut(at, ",")
	if at == "localhost" || strings.HasPrefix(at, "localhost:") {
		return true
	}
	a, err := netip.ParseAddrPort(at)
	return err == nil && a.Addr().Unmap().IsLoopback()
}
