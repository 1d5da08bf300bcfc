package udp

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// explain says what an error on the way to an address means.
func explain(err error, to netip.Addr) error {
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return fmt.Errorf("there is no way to %s (ip route get %s shows the route): %w", to, to, err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("no local address or free port to send from (net.ipv4.ip_local_port_range): %w", err)
	case errors.Is(err, unix.EMSGSIZE):
		return fmt.Errorf("a payload is longer than a datagram to %s can be (at most %d bytes): %w", to, maxPayload(to), err)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("the firewall or a route of this host forbids sending to %s (nft list ruleset, ip route get %s): %w", to, to, err)
	case errors.Is(err, unix.ENETDOWN):
		return fmt.Errorf("the interface towards %s is down (ip route get %s names it): %w", to, to, err)
	}
	return err
}

// maxPayload is the longest payload of a datagram in bytes: a 16-bit length
// without the headers it counts (RFC 791 with RFC 768; RFC 8200's length does
// not count the IPv6 header).
func maxPayload(to netip.Addr) int {
	if to.Is4() {
		return 1<<16 - 1 - 20 - 8
	}
	return 1<<16 - 1 - 8
}

// fromICMP says whether an errno may be the ICMP answer to a datagram sent
// earlier through the same socket (icmp_err_convert in net/ipv4/icmp.c,
// tab_unreach in net/ipv6/icmp.c). The kernel tells it once, by whatever call
// comes next, and does nothing else in that call.
func fromICMP(errno unix.Errno) bool {
	switch errno {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET,
		unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.EPROTO, unix.EACCES, unix.EMSGSIZE:
		return true
	}
	return false
}
