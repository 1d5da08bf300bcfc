package engine

import (
	"fmt"
	"net"
	"strings"

	"github.com/ringwalk/ringwalk/engine/internal/nm"
	"github.com/ringwalk/ringwalk/engine/internal/packet"
	"github.com/ringwalk/ringwalk/engine/internal/pcap"
	"github.com/ringwalk/ringwalk/engine/internal/udp"
	"github.com/ringwalk/ringwalk/netmap"
)

// Resolve returns the spec with its backend: that of a bare interface name is
// chosen, and why says for what reason; any other spec is returned as it is.
//
// A bare name goes to netmap only if its driver is native there and the
// interface carries no default route: any NIC can be taken in emulated mode,
// but every NIC that is taken is cut off from the host's stack. All others go
// to AF_PACKET.
func Resolve(spec string) (resolved, why string, err error) {
	if spec == "" {
		return "", "", refuse(spec, 0, "it is empty: want packet:IFACE, udp:…, pcap:FILE, netmap:… or an interface's name")
	}
	if strings.Contains(spec, ":") {
		return spec, "", nil
	}
	ok, why := netmapTakes(spec)
	if ok && CarriesDefaultRoute(spec) {
		ok, why = false, "it carries the default route, from which netmap would cut the host off"
	}
	if ok {
		return "netmap:" + spec, why, nil
	}
	return "packet:" + spec, why, nil
}

// NetmapNative reports whether netmap runs an interface's driver natively, and
// why that is said; else it is emulated, if it is allowed to.
func NetmapNative(ifc string) (native bool, why string) { return netmapTakes(ifc) }

// CarriesDefaultRoute reports whether a default route of this network namespace
// leaves by the interface: the host's own traffic does.
func CarriesDefaultRoute(ifc string) bool {
	i, err := net.InterfaceByName(ifc)
	return err == nil && carriesDefaultRoute(i.Index)
}

// choose finds the backend of a resolved spec.
func choose(spec string) (name, arg string, f opener, err error) {
	prefix, rest, _ := strings.Cut(spec, ":")
	switch prefix {
	case "packet", "pcap":
		if rest == "" {
			return "", "", nil, refuse(spec, len(spec), "the name of the interface or file is missing")
		}
		if prefix == "packet" {
			return prefix, rest, packet.Open, nil
		}
		return prefix, rest, pcap.Open, nil
	case "udp":
		return prefix, rest, udp.Open, nil
	case "netmap":
		return prefix, spec, nm.Open, nil
	case "xdp":
		return "", "", nil, fmt.Errorf("xdp: is reserved and opens nothing: %w", netmap.ErrNotSupported)
	}
	if strings.HasPrefix(prefix, "vale") {
		return "netmap", spec, nm.Open, nil
	}
	return "", "", nil, refuse(spec, 0, "no kind of port is called %q: want packet:, udp:, pcap:, netmap: or vale", prefix+":")
}

func refuse(spec string, pos int, format string, args ...any) error {
	return &netmap.SpecError{Spec: spec, Pos: pos, Reason: fmt.Sprintf(format, args...)}
}
