package netmap

import (
	"encoding/binary"
	"net/netip"
)

// A Meta is what a socket knows of the packet in a buffer beyond its bytes. It
// is the buffer's, not the slot's: it lies beside the ring, by buffer index,
// and goes where the buffer goes when slots are swapped. [Move] copies it where
// it copies the packet, if both regions have it.
//
// Who sets what is said by the backend; what it does not set, it leaves. The
// kernel's own regions have none.
type Meta struct {
	// Time is when the packet was received, in ns since 1970 by the system's
	// clock (CLOCK_REALTIME) or the NIC's; 0 where nobody has said.
	Time int64
	// Sockaddr is the address of the other end in the kernel's form, struct
	// sockaddr_in or sockaddr_in6 (ip(7), ipv6(7)), the first SockaddrLen
	// bytes: received from it, or to be sent to it. Length 0 is none.
	Sockaddr    [28]byte
	SockaddrLen uint8
	// PartialChecksum says that the TCP or UDP checksum in the bytes is not
	// valid: a sender on this host left it to the NIC, or the packet was merged.
	PartialChecksum bool
	// SegmentSize, if not 0, says that the packet was made of several, by the
	// kernel or the NIC, or was not taken apart yet: the bytes of payload that
	// each of them has but the last (gso_size of struct virtio_net_hdr).
	SegmentSize uint16
}

// Address families as Linux numbers them.
const (
	familyIPv4 = 2
	familyIPv6 = 10

	sockaddrIPv4 = 16 // bytes of a struct sockaddr_in
	sockaddrIPv6 = 28 // bytes of a struct sockaddr_in6
)

// Peer returns the address in Sockaddr, which is not valid if there is none.
// It has no zone: see Scope. It allocates nothing.
func (m *Meta) Peer() netip.AddrPort {
	port := binary.BigEndian.Uint16(m.Sockaddr[2:])
	switch {
	case m.SockaddrLen == sockaddrIPv4 && m.family() == familyIPv4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(m.Sockaddr[4:8])), port)
	case m.SockaddrLen == sockaddrIPv6 && m.family() == familyIPv6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(m.Sockaddr[8:24])), port)
	}
	return netip.AddrPort{}
}

func (m *Meta) family() uint16 { return binary.NativeEndian.Uint16(m.Sockaddr[:]) }

// Scope returns the index of the interface that a link-local IPv6 address in
// Sockaddr is of, 0 for others.
func (m *Meta) Scope() uint32 {
	if m.SockaddrLen != sockaddrIPv6 || m.family() != familyIPv6 {
		return 0
	}
	return binary.NativeEndian.Uint32(m.Sockaddr[24:])
}

// SetPeer puts an address into Sockaddr; scope is the index of its interface
// for a link-local IPv6 address, else 0. A zone is not looked at. An address
// that is not valid is none. It allocates nothing.
func (m *Meta) SetPeer(a netip.AddrPort, scope uint32) {
	m.Sockaddr, m.SockaddrLen = [28]byte{}, 0
	ip := a.Addr()
	switch {
	case ip.Is4():
		binary.NativeEndian.PutUint16(m.Sockaddr[:], familyIPv4)
		*(*[4]byte)(m.Sockaddr[4:]) = ip.As4()
		m.SockaddrLen = sockaddrIPv4
	case ip.Is6():
		binary.NativeEndian.PutUint16(m.Sockaddr[:], familyIPv6)
		*(*[16]byte)(m.Sockaddr[8:]) = ip.As16()
		binary.NativeEndian.PutUint32(m.Sockaddr[24:], scope)
		m.SockaddrLen = sockaddrIPv6
	default:
		return
	}
	binary.BigEndian.PutUint16(m.Sockaddr[2:], a.Port())
}

// Meta returns what is kept beside the slot's buffer, to be read or set by the
// slot's owner for as long as it is; nil in the kernel's regions.
func (r *Ring) Meta(s *Slot) *Meta {
	if int64(s.BufIdx) >= int64(len(r.meta)) {
		return nil
	}
	return &r.meta[s.BufIdx]
}
