package frame

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// DefaultPort is the UDP port of an endpoint that names none, as in pkt-gen.
const DefaultPort = 1234

// ParseEndpoint reads an address with an optional port: 10.0.0.1,
// 10.0.0.1:80, 2001:db8::1, [2001:db8::1] or [2001:db8::1]:80. Without a port
// it is [DefaultPort]. An IPv4 address in IPv6 form comes back as IPv4. A zone
// is refused, as a frame cannot carry it. A range (a:p-b:q) is for
// [ParseRange] and is recognised and refused.
func ParseEndpoint(s string) (netip.AddrPort, error) {
	ap, _, err := parseEndpoint(s, DefaultPort)
	if err == nil {
		return ap, nil
	}
	if first, _, ok := strings.Cut(s, "-"); ok {
		if _, _, e := parseEndpoint(first, DefaultPort); e == nil {
			return netip.AddrPort{}, fmt.Errorf("cannot use %q: ranges of addresses or ports are not supported yet; give one ip[:port]", s)
		}
	}
	return netip.AddrPort{}, fmt.Errorf("cannot read %q as ip[:port] or [ipv6]:port: %w", s, err)
}

// parseEndpoint is ParseEndpoint with a port for what has none, and says
// whether s had one.
func parseEndpoint(s string, port uint16) (ap netip.AddrPort, given bool, err error) {
	a, err := netip.ParseAddr(s)
	if err == nil {
		ap = netip.AddrPortFrom(a, port)
	} else {
		full := s
		if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
			full += ":" + strconv.Itoa(int(port))
		}
		if ap, err = netip.ParseAddrPort(full); err != nil {
			return ap, false, err
		}
		given = full == s
	}
	if z := ap.Addr().Zone(); z != "" {
		return ap, false, fmt.Errorf("the zone %q means nothing in a frame; leave it out", z)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), given, nil
}

// ParseMAC reads a 6-byte Ethernet address in any form of [net.ParseMAC], or
// with single digits (2:0:0:0:0:1) as pkt-gen's users may write it.
func ParseMAC(s string) (net.HardwareAddr, error) {
	if parts := strings.Split(s, ":"); len(parts) == 6 {
		mac := make(net.HardwareAddr, 6)
		for i, p := range parts {
			v, err := strconv.ParseUint(p, 16, 8)
			if err != nil || len(p) > 2 {
				return nil, fmt.Errorf("cannot read %q as an Ethernet address: %q is not a byte in hexadecimal", s, p)
			}
			mac[i] = byte(v)
		}
		return mac, nil
	}
	mac, err := net.ParseMAC(s)
	if err != nil {
		return nil, fmt.Errorf("cannot read %q as an Ethernet address like 02:00:00:00:00:01: %w", s, err)
	}
	if len(mac) != 6 {
		return nil, fmt.Errorf("cannot use %q as an Ethernet address: it has %d bytes, not 6", s, len(mac))
	}
	return mac, nil
}
