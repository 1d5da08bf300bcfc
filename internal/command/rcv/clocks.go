package rcv

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// clocks says whether sender and receiver read one clock, or how far two are
// apart, and how that is known.
type clocks struct {
	same   bool
	offset *cli.Clock // nil: not known, or none
	why    string
}

// known tells that there is a one-way delay.
func (c *clocks) known() bool { return c.same || c.offset != nil }

// parseOffset reads --clocks AHEAD~WITHIN, such as +1.2ms~0.3ms: the receiver's
// clock is the first ahead of the sender's, known to more or less the second.
func parseOffset(s string) (*cli.Clock, error) {
	ahead, within, both := strings.Cut(s, "~")
	if !both || !strings.HasPrefix(ahead, "+") && !strings.HasPrefix(ahead, "-") {
		return nil, cli.Usagef("--clocks: %q is none of same, apart, auto and an offset such as +1.2ms~0.3ms", s)
	}
	a, err := time.ParseDuration(ahead)
	if err != nil {
		return nil, cli.Usagef("--clocks: the offset %q is not a time with a sign, such as +1.2ms or -40us", ahead)
	}
	w, err := time.ParseDuration(within)
	if err != nil || w < 0 {
		return nil, cli.Usagef("--clocks: %q, to which the offset is known, is not a time such as 100us", within)
	}
	return &cli.Clock{AheadNS: int64(a), WithinNS: int64(w)}, nil
}

// sameClocks is one clock where the sender must be on this host, whichever its
// namespace: namespaces have no CLOCK_REALTIME of their own
// (time_namespaces(7)).
func (o *options) sameClocks(info engine.Info) clocks {
	switch {
	case o.offset != nil:
		return clocks{offset: o.offset, why: fmt.Sprintf("by --clocks, the receiver's is %s", o.offset)}
	case o.clocks == "same":
		return clocks{same: true, why: "by --clocks same"}
	case o.clocks == "apart":
		return clocks{why: "by --clocks apart"}
	}
	switch {
	case info.Timestamps == engine.HardwareTimestamps:
		return clocks{why: "the NIC stamps frames by a clock of its own; if PTP has it follow the sender's, say --clocks same"}
	case info.Backend == "pcap":
		return clocks{why: "a capture file does not say whose clock its times are of"}
	case info.Backend == "netmap" && info.Interface == "" && strings.ContainsAny(info.Spec, "{}"):
		return clocks{same: true, why: "a netmap pipe has both its ends on this host"}
	case info.Backend == "netmap" && strings.HasPrefix(strings.TrimPrefix(info.Spec, "netmap:"), "vale"):
		return clocks{same: true, why: "a VALE switch is on this host; if a NIC is attached to it, say --clocks apart"}
	case info.Backend == "udp" && loopback(info.Spec):
		return clocks{same: true, why: "a loopback address has only senders on this host"}
	case info.Interface == "":
		return clocks{why: "the sender may be on another host"}
	}
	switch linkKind(info.Interface) {
	case "loopback":
		return clocks{same: true, why: info.Interface + " has only senders on this host"}
	case "veth":
		return clocks{same: true, why: info.Interface + " is a veth, whose other end is on this host; if a bridge or router there hands on what other hosts send, say --clocks apart"}
	}
	return clocks{why: "the sender may be on another host than " + info.Interface}
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
