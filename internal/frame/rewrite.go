package frame

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A PrefixMap moves addresses from one network to another: an address in From
// gets the prefix of To and keeps its other bits. Both are of one family.
type PrefixMap struct {
	From, To netip.Prefix
}

// ParsePrefixMap reads "10.0.0.0/8=192.168.0.0/16". An address without a length
// is one host.
func ParsePrefixMap(s string) (PrefixMap, error) {
	const want = "write FROM=TO, such as 10.0.0.0/8=192.168.0.0/16"
	var m PrefixMap
	for i, part := range splitPair(s) {
		p, err := netip.ParsePrefix(part)
		if a, err2 := netip.ParseAddr(part); err2 == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return PrefixMap{}, fmt.Errorf("cannot read %q in the address map %q; %s", part, s, want)
		}
		if i == 0 {
			m.From = p.Masked()
		} else {
			m.To = p.Masked()
		}
	}
	if m.From.Addr().Is4() != m.To.Addr().Is4() {
		return PrefixMap{}, fmt.Errorf("the address map %q leads from one family to the other; give both of one", s)
	}
	return m, nil
}

func splitPair(s string) [2]string {
	for i := range len(s) {
		if s[i] == '=' {
			return [2]string{s[:i], s[i+1:]}
		}
	}
	return [2]string{s, ""}
}

// A Rewriter changes addresses in frames of any kind, in place, and keeps right
// what checksums were right. It does not change, so any goroutine may use it.
type Rewriter struct {
	src, dst []byte // MAC addresses; nil: as they are
	v4       []swap4
	v6       []swap6
}

// A swap4 gives an address a with a&in == from the bits of to outside of keep.
type swap4 struct{ in, from, keep, to uint32 }

type swap6 struct {
	in, from, keep, to [16]byte
}

// NewRewriter makes a Rewriter that sets the MAC addresses (6 bytes; nil leaves
// them) and moves source and destination addresses alike by the first of maps
// that fits.
func NewRewriter(srcMAC, dstMAC []byte, maps []PrefixMap) (*Rewriter, error) {
	for _, m := range [][]byte{srcMAC, dstMAC} {
		if m != nil && len(m) != 6 {
			return nil, fmt.Errorf("cannot rewrite to a MAC address of %d bytes: it has 6", len(m))
		}
	}
	r := &Rewriter{src: srcMAC, dst: dstMAC}
	for _, m := range maps {
		if !m.From.IsValid() || !m.To.IsValid() || m.From.Addr().Is4() != m.To.Addr().Is4() {
			return nil, fmt.Errorf("cannot map addresses from %v to %v: give networks of one family", m.From, m.To)
		}
		if m.From.Addr().Is4() {
			in, own := mask4(m.From.Bits()), mask4(m.To.Bits())
			from, to := m.From.Addr().As4(), m.To.Addr().As4()
			r.v4 = append(r.v4, swap4{in, binary.BigEndian.Uint32(from[:]) & in, ^own, binary.BigEndian.Uint32(to[:]) & own})
			continue
		}
		s := swap6{from: m.From.Masked().Addr().As16(), to: m.To.Masked().Addr().As16()}
		for i := range 16 {
			s.in[i] = mask8(m.From.Bits() - 8*i)
			s.keep[i] = ^mask8(m.To.Bits() - 8*i)
		}
		r.v6 = append(r.v6, s)
	}
	return r, nil
}

func mask4(bits int) uint32 { return uint32(^uint64(0) << (32 - bits)) }
func mask8(bits int) byte   { return byte(uint16(0xff00) >> min(max(bits, 0), 8)) }

// Nothing reports whether r leaves every frame as it is.
func (r *Rewriter) Nothing() bool {
	return r.src == nil && r.dst == nil && len(r.v4) == 0 && len(r.v6) == 0
}

// Rewrite changes the frame b, which may be any bytes at all. Addresses are
// those of the outermost IP header, behind up to two VLAN tags, and those in ARP
// for IPv4; addresses that other payloads quote (ICMP errors, tunnels) stay. UDP
// checksums that are absent stay absent, and a checksum that was wrong stays as
// wrong as it was.
func (r *Rewriter) Rewrite(b []byte) {
	if len(b) < 14 {
		return
	}
	if r.dst != nil {
		copy(b[0:6], r.dst)
	}
	if r.src != nil {
		copy(b[6:12], r.src)
	}
	if len(r.v4) == 0 && len(r.v6) == 0 {
		return
	}
	kind, off := behindTags(b)
	switch kind {
	case typeIPv4:
		r.ipv4(b[off:])
	case typeIPv6:
		r.ipv6(b[off:])
	case typeARP:
		r.arp(b[off:])
	}
}

const protoFrag = 44

// behindTags returns the type behind the VLAN tags, and where what follows
// begins.
func behindTags(b []byte) (kind uint16, off int) {
	kind, off = binary.BigEndian.Uint16(b[12:14]), 14
	for range maxTags {
		if kind != typeVLAN && kind != typeQinQ && kind != typeOld || len(b)-off < 4 {
			break
		}
		kind = binary.BigEndian.Uint16(b[off+2:])
		off += 4
	}
	return kind, off
}

func (r *Rewriter) arp(b []byte) {
	// Ethernet, IPv4, 6 and 4 bytes of address (RFC 826).
	if len(b) < 28 || binary.BigEndian.Uint64(b)>>16 != 0x000108000604 {
		return
	}
	r.map4(b[14:18])
	r.map4(b[24:28])
}

// map4 moves one address and returns its words before and after, as sums.
func (r *Rewriter) map4(b []byte) (old, now uint64) {
	a := binary.BigEndian.Uint32(b)
	for i := range r.v4 {
		if m := &r.v4[i]; a&m.in == m.from {
			v := a&m.keep | m.to
			binary.BigEndian.PutUint32(b, v)
			return uint64(a), uint64(v)
		}
	}
	return 0, 0
}

func (r *Rewriter) map6(b []byte) (old, now uint64) {
	for i := range r.v6 {
		m := &r.v6[i]
		fits := true
		for j, in := range m.in {
			fits = fits && b[j]&in == m.from[j]
		}
		if fits {
			old = sum16(b[:16])
			for j := range 16 {
				b[j] = b[j]&m.keep[j] | m.to[j]
			}
			return old, sum16(b[:16])
		}
	}
	return 0, 0
}

func (r *Rewriter) ipv4(b []byte) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	size := int(b[0]&15) * 4
	if size < 20 || size > len(b) {
		return
	}
	old1, now1 := r.map4(b[12:16])
	old2, now2 := r.map4(b[16:20])
	old, now := old1+old2, now1+now2
	if old == now {
		return // the same sum, the same checksums
	}
	fix(b[10:12], old, now)
	// The header of the next layer is in the first fragment only.
	if binary.BigEndian.Uint16(b[6:8])&0x1fff == 0 {
		upper(b[9], b[size:], old, now)
	}
}

func (r *Rewriter) ipv6(b []byte) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	old1, now1 := r.map6(b[8:24])
	old2, now2 := r.map6(b[24:40])
	old, now := old1+old2, now1+now2
	if old == now {
		return
	}
	next, off := b[6], 40
	for range maxExtensions {
		if next != protoHopByHop && next != protoRouting && next != protoDestOpts && next != protoFrag || len(b)-off < 8 {
			break
		}
		if next == protoFrag && binary.BigEndian.Uint16(b[off+2:])&0xfff8 != 0 {
			return
		}
		size := 8
		if next != protoFrag {
			size += int(b[off+1]) * 8
		}
		next = b[off]
		if off += size; off > len(b) {
			return
		}
	}
	upper(next, b[off:], old, now)
}

// upper mends the checksum of what is above IP and sums the addresses up, too.
func upper(proto byte, b []byte, old, now uint64) {
	switch {
	case proto == protoTCP && len(b) >= 18:
		fix(b[16:18], old, now)
	case proto == protoICMPv6 && len(b) >= 4:
		fix(b[2:4], old, now)
	case proto == protoUDP && len(b) >= 8 && (b[6]|b[7]) != 0:
		fix(b[6:8], old, now)
		if b[6]|b[7] == 0 {
			b[6], b[7] = 0xff, 0xff
		}
	}
}

// fix replaces words that add up to old by such that add up to now, under the
// checksum at b (RFC 1624, equation 3).
func fix(b []byte, old, now uint64) {
	csum := binary.BigEndian.Uint16(b)
	binary.BigEndian.PutUint16(b, ^fold(uint64(without(csum, old))+now))
}
