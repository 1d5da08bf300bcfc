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

	"github.com/ringwalk/ringwalk/engine/internal/mmsg"
	"github.com/ringwalk/ringwalk/netmap"
)

// A socket belongs to the queues that use it and is closed with the last.
type socket struct {
	fd    int
	local netip.AddrPort
	inet6 bool

	merged bool // what comes may be several datagrams in one
	users  atomic.Int32
}

func (s *socket) close() error {
	if s.users.Add(-1) > 0 {
		return nil
	}
	return unix.Close(s.fd)
}

// newSocket makes a socket for a local address, or for one to send to.
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
	s := &socket{fd: fd, local: local, inet6: family == unix.AF_INET6}
	if s.inet6 {
		// Any address means IPv4's too, whatever net.ipv6.bindv6only says.
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0)
		if err != nil {
			unix.Close(fd)
			return nil, os.NewSyscallError("setsockopt IPV6_V6ONLY", err)
		}
	}
	return s, nil
}

func (s *socket) reusePort() error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT",
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// deafen keeps everything out of the socket; listen lets it in.
func (s *socket) deafen() error {
	deaf := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
	return os.NewSyscallError("setsockopt SO_ATTACH_FILTER",
		unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: uint16(len(deaf)), Filter: &deaf[0]}))
}

func (s *socket) listen() error {
	return os.NewSyscallError("setsockopt SO_DETACH_FILTER",
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0))
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

func (s *socket) connect(remote netip.AddrPort) error {
	sa, err := sockaddr(remote)
	if err != nil {
		return err
	}
	err = unix.Connect(s.fd, sa)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL) && s.local.IsValid():
		return fmt.Errorf("%s cannot be reached from %s, an address of another scope (leave the local address out: @:%d): %w", remote, s.local, s.local.Port(), err)
	}
	return fmt.Errorf("connect to UDP address %s: %w", remote, explain(err, remote.Addr()))
}

// broadcasts reports whether an IPv4 address is a broadcast address by this
// host's routes: that is where the kernel connects no socket that has not
// asked for SO_BROADCAST. Nothing is sent.
func broadcasts(a netip.AddrPort) (bool, error) {
	if !a.Addr().Is4() || a.Addr().IsMulticast() || a.Addr().IsUnspecified() {
		return false, nil
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	to := &unix.SockaddrInet4{Port: 9, Addr: a.Addr().As4()}
	if !errors.Is(unix.Connect(fd, to), unix.EACCES) {
		return false, nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
		return false, os.NewSyscallError("setsockopt SO_BROADCAST", err)
	}
	return unix.Connect(fd, to) == nil, nil
}

func sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}, nil
	}
	scope, err := interfaceIndex(a.Addr().Zone())
	if err != nil {
		return nil, err
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: scope}, nil
}

// rawSockaddr is sockaddr in the kernel's form.
func rawSockaddr(a netip.AddrPort) (raw mmsg.Addr, err error) {
	scope, err := interfaceIndex(a.Addr().Zone())
	if err != nil {
		return raw, err
	}
	var m netmap.Meta
	m.SetPeer(a, scope)
	return mmsg.Addr{Sockaddr: m.Sockaddr, Len: m.SockaddrLen}, nil
}

// interfaceIndex finds an interface by name or number; "" is none, 0.
func interfaceIndex(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		return 0, fmt.Errorf("no interface %q here (ip link shows those there are): %w", name, unix.ENODEV)
	}
	return uint32(ifc.Index), nil
}
