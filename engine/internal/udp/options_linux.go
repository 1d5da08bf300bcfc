package udp

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/engine/internal/mmsg"
)

// defaultRecvBuf is asked of the kernel for each receive socket: a small
// datagram takes about 800 bytes of it, so this is 100 ms at 800 kpps.
const defaultRecvBuf = 64 << 20

// an intOption is one to set.
type intOption struct {
	name              string
	level, opt, value int
}

// configure sets all options but those of groups, before the socket has any
// address.
func (s *socket) configure(sp *spec, o *backend.Options, f *backend.Facts) error {
	if o.RX > 0 {
		size := o.RecvBuf
		if size == 0 {
			size = defaultRecvBuf
		}
		got, err := mmsg.SetBuffer(s.fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, size)
		if err != nil {
			return err
		}
		f.RecvBuf = got
		// Before anything can come in. Linux 5.0.
		s.merged = !o.NoGRO && o.Vector == 0 && unix.SetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil
	}
	if o.TX > 0 && o.SendBuf > 0 {
		if _, err := mmsg.SetBuffer(s.fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, o.SendBuf); err != nil {
			return err
		}
	}
	var options []intOption
	if o.RX > 0 {
		options = append(options, intOption{"IP_MULTICAST_ALL", unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0})
	}
	if len(sp.remotes) > 0 && !s.inet6 {
		// The spec names whom to send to. Peers are named by who sends here,
		// and must not have it broadcast.
		options = append(options, intOption{"SO_BROADCAST", unix.SOL_SOCKET, unix.SO_BROADCAST, 1})
	}
	if ttl := int(sp.ttl); ttl > 0 {
		options = append(options, intOption{"IP_TTL", unix.IPPROTO_IP, unix.IP_TTL, ttl},
			intOption{"IP_MULTICAST_TTL", unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, ttl})
		if s.inet6 {
			options = append(options, intOption{"IPV6_UNICAST_HOPS", unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, ttl},
				intOption{"IPV6_MULTICAST_HOPS", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, ttl})
		}
	}
	for _, v := range options {
		if err := unix.SetsockoptInt(s.fd, v.level, v.opt, v.value); err != nil {
			return os.NewSyscallError("setsockopt "+v.name, err)
		}
	}
	if o.RX > 0 && s.inet6 {
		// Linux 4.20. Without it groups that other programs joined come too.
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
	}
	return s.leaveBy(sp)
}

// leaveBy has multicast leave by the spec's interface.
func (s *socket) leaveBy(sp *spec) error {
	if sp.iface == "" {
		return nil
	}
	index, err := interfaceIndex(sp.iface)
	if err != nil {
		return err
	}
	if s.inet6 {
		err = unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, int(index))
	} else {
		err = unix.SetsockoptIPMreqn(s.fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(index)})
	}
	if err != nil {
		return fmt.Errorf("multicast by interface %s: %w", sp.iface, err)
	}
	return nil
}

// join makes the socket a member of the group that is its local address, on
// the spec's interface and for its source only, if it has them. The membership
// ends with the socket.
func (s *socket) join(sp *spec) error {
	group := s.local.Addr()
	if !group.IsMulticast() {
		return nil
	}
	index, err := interfaceIndex(cmp.Or(sp.iface, group.Zone()))
	if err != nil {
		return err
	}
	opt, what := unix.MCAST_JOIN_GROUP, fmt.Sprintf("join group %s", group)
	if sp.source.IsValid() {
		opt, what = unix.MCAST_JOIN_SOURCE_GROUP, fmt.Sprintf("join group %s for source %s", group, sp.source)
	}
	level := unix.IPPROTO_IP
	if s.inet6 {
		level = unix.IPPROTO_IPV6
	}
	req, err := groupReq(index, group, sp.source)
	if err != nil {
		return err
	}
	err = unix.SetsockoptString(s.fd, level, opt, string(req))
	switch {
	case errors.Is(err, unix.ENODEV) && index == 0:
		return fmt.Errorf("%s: no route leads there, so say on which interface (iface=eth0): %w", what, err)
	case errors.Is(err, unix.ENODEV):
		return fmt.Errorf("%s on interface %d: it is gone, or has no address of that family (ip address): %w", what, index, err)
	case errors.Is(err, unix.ENOBUFS):
		return fmt.Errorf("%s: too many groups or sources (net.ipv4.igmp_max_memberships, igmp_max_msf; net.ipv6.mld_max_msf): %w", what, err)
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// groupReq is struct group_req, or group_source_req if there is a source
// (linux/in.h): the interface's number, and struct sockaddr_storage for each
// address, aligned as that is.
func groupReq(index uint32, group, source netip.Addr) ([]byte, error) {
	const storage = 128
	b := binary.NativeEndian.AppendUint32(nil, index)
	b = append(b, make([]byte, 4)...)
	for _, a := range []netip.Addr{group, source} {
		if !a.IsValid() {
			continue
		}
		raw, err := rawSockaddr(netip.AddrPortFrom(a.WithZone(""), 0))
		if err != nil {
			return nil, err
		}
		b = append(b, raw.Sockaddr[:]...)
		b = append(b, make([]byte, storage-len(raw.Sockaddr))...)
	}
	return b, nil
}

// merges reports whether the kernel knows UDP_SEGMENT (Linux 4.18).
func (s *socket) merges() bool {
	_, err := unix.GetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	return err == nil
}

// maxSegment returns the longest payload that can leave in one frame as far as
// is known: that of a connected socket's path, else of any datagram.
func (s *socket) maxSegment() int {
	level, opt, headers := unix.IPPROTO_IP, unix.IP_MTU, 20+8
	if s.inet6 {
		level, opt, headers = unix.IPPROTO_IPV6, unix.IPV6_MTU, 40+8
	}
	const most = 1<<16 - 1 - 20 - 8
	if mtu, err := unix.GetsockoptInt(s.fd, level, opt); err == nil && mtu > headers {
		return min(mtu-headers, most)
	}
	return most
}

// steer has the kernel feed the sockets that share the address by a program.
func (s *socket) steer(o *backend.Options) error {
	prog := mmsg.SteerProgram(o.Steer, o.SteerCPUs, o.RX)
	if len(prog) == 0 {
		return nil
	}
	err := unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
		&unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
	return os.NewSyscallError("setsockopt SO_ATTACH_REUSEPORT_CBPF", err)
}
