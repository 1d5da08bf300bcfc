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

// parseEndpoint reads an address with an optional port: 10.0.0.1, 10.0.0.1:80,
// 2001:db8::1, [2001:db8::1] or [2001:db8::1]:80. Without a port it has the
// given one; given says whether s had one. An IPv4 address in IPv6 form comes
// back as IPv4. A zone is refused, as a frame cannot carry it.
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
