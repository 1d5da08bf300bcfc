package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A socket belongs to the queues that use it and is closed with the last.
type socket struct {
	fd     int
	local  netip.AddrPort
	remote netip.AddrPort
	users  atomic.Int32
}

func (s *socket) close() error {
	if s.users.Add(-1) > 0 {
		return nil
	}
	return unix.Close(s.fd)
}

// receivers makes n sockets at one address.
func receivers(local netip.AddrPort, n int) (all []*socket, err error) {
	for i := range n {
		s, err := newSocket(local, netip.AddrPort{})
		if err != nil {
			return all, err
		}
		all = append(all, s)
		// The first binds alone, so that it fails where another program has
		// the address; only then it lets the others of this port join. With
		// the option set first it would take a share of that program's
		// datagrams instead.
		if i > 0 {
			err = s.reusePort()
		}
		if err == nil {
			err = s.bind()
		}
		if err == nil && i == 0 && n > 1 {
			err = s.reusePort()
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// senders makes n sockets that send to one address, each from a port of the
// kernel's choice.
func senders(remote netip.AddrPort, n int) (all []*socket, err error) {
	for range n {
		s, err := newSocket(netip.AddrPort{}, remote)
		if err != nil {
			return all, err
		}
		all = append(all, s)
		if err := s.connect(); err != nil {
			return all, err
		}
	}
	return all, nil
}

// pair makes the socket of a port with both addresses. It is deaf until it is
// connected, so that nothing from other addresses is in it.
func pair(local, remote netip.AddrPort) (all []*socket, err error) {
	s, err := newSocket(local, remote)
	if err != nil {
		return nil, err
	}
	all = append(all, s)
	deaf := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	err = unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(deaf)), Filter: &deaf[0]})
	if err != nil {
		return all, os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
	}
	if err := s.bind(); err != nil {
		return all, err
	}
	if err := s.connect(); err != nil {
		return all, err
	}
	// A datagram of another address may have been given to this socket before
	// connect and not yet have met the filter. That ends with an RCU grace
	// period, which this call waits for (kernel/sched/membarrier.c); where it
	// is not to be had, the gap stays, some microseconds long.
	_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0)
	return all, os.NewSyscallError("setsockopt SO_DETACH_FILTER",
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0))
}

const membarrierGlobal = 1 // MEMBARRIER_CMD_GLOBAL of linux/membarrier.h

func newSocket(local, remote netip.AddrPort) (*socket, error) {
	family := unix.AF_INET6
	if remote.Addr().Is4() || local.Addr().Is4() {
		family = unix.AF_INET
	}
	const kind = unix.SOCK_DGRAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK
	fd, err := unix.Socket(family, kind, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) && local.Addr() == netip.IPv6Unspecified() && !remote.IsValid() {
		// A host without IPv6: any address is any IPv4 address.
		local = netip.AddrPortFrom(netip.IPv4Unspecified(), local.Port())
		family = unix.AF_INET
		fd, err = unix.Socket(family, kind, 0)
	}
	switch {
	case errors.Is(err, unix.EAFNOSUPPORT):
		return nil, fmt.Errorf("this host has no IPv6 (or IPv4) sockets: %w", err)
	case err != nil:
		return nil, os.NewSyscallError("socket", err)
	}
	if family == unix.AF_INET6 {
		// Any address means IPv4's too, whatever net.ipv6.bindv6only says.
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
		if err != nil {
			unix.Close(fd)
			return nil, os.NewSyscallError("setsockopt IPV6_V6ONLY", err)
		}
	}
	return &socket{fd: fd, local: local, remote: remote}, nil
}

func (s *socket) reusePort() error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT",
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

func (s *socket) bind() error {
	sa, err := sockaddr(s.local)
	if err != nil {
		return err
	}
	err = unix.Bind(s.fd, sa)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EADDRINUSE):
		return fmt.Errorf("another program has UDP address %s (ss -ulpn shows which): %w", s.local, err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%s is not an address of this host (ip address shows those there are): %w", s.local.Addr(), err)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("UDP port %d needs root or CAP_NET_BIND_SERVICE (choose one from net.ipv4.ip_unprivileged_port_start on, 1024 as a rule): %w", s.local.Port(), err)
	}
	return fmt.Errorf("bind to UDP address %s: %w", s.local, err)
}

func (s *socket) connect() error {
	sa, err := sockaddr(s.remote)
	if err != nil {
		return err
	}
	err = unix.Connect(s.fd, sa)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%s is a broadcast address or forbidden by a route, and this version sends no broadcasts (ip route get %s): %w", s.remote.Addr(), s.remote.Addr(), err)
	case errors.Is(err, unix.EINVAL) && s.local.IsValid():
		return fmt.Errorf("%s cannot be reached from %s, an address of another scope (leave the local address out: @:%d): %w", s.remote, s.local, s.local.Port(), err)
	}
	return fmt.Errorf("connect to UDP address %s: %w", s.remote, s.explain(err))
}

// explain says what an error on the way to the remote address means.
func (s *socket) explain(err error) error {
	to := s.remote.Addr()
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

func sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, nil
	}
	sa := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone := a.Addr().Zone(); zone != "" {
		n, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			ifc, err := net.InterfaceByName(zone)
			if err != nil {
				return nil, fmt.Errorf("no interface %q here (ip link shows those there are): %w", zone, unix.ENODEV)
			}
			n = uint64(ifc.Index)
		}
		sa.ZoneId = uint32(n)
	}
	return sa, nil
}
