package frame

import "encoding/binary"

// A site is a checksum in a frame and what it covers: the bytes from one
// offset on, and of a pseudo header two addresses, the protocol and the
// length. All offsets are even, so that every word of the frame is a summand
// as it stands (RFC 1071).
type site struct {
	at           int // of the checksum's 2 bytes
	from, to     int // covered; to 0: as far as the packet goes
	tail         int // bytes of the frame behind the packet
	addrs, addrN int // the pseudo header's addresses and their bytes; 0: none
	proto        uint64
	zero         uint16 // what a checksum of 0 is written as: 0xffff for UDP, where 0 would mean none (RFC 768)
}

// A lengthField is a length in a frame: that of the frame less a constant.
type lengthField struct{ at, less int }

// sites finds the checksums and length fields of a frame, innermost first. A
// UDP checksum of 0 over IPv4 is none, unless it is yet to be computed.
func sites(b []byte, headers []header, yet bool) (list []site, lengths []lengthField) {
	var pseudo site
	for _, h := range headers {
		s := pseudo
		s.from = h.off
		switch h.kind {
		case ipv4:
			size := int(binary.BigEndian.Uint16(b[h.off+2:]))
			lengths = append(lengths, lengthField{h.off + 2, len(b) - size})
			list = append(list, site{at: h.off + 10, from: h.off, to: h.end})
			pseudo = site{tail: len(b) - h.off - size, addrs: h.off + 12, addrN: 8}
			continue
		case ipv6:
			size := int(binary.BigEndian.Uint16(b[h.off+4:]))
			lengths = append(lengths, lengthField{h.off + 4, len(b) - size})
			pseudo = site{tail: len(b) - h.end - size, addrs: h.off + 8, addrN: 32}
			continue
		case udp:
			size := int(binary.BigEndian.Uint16(b[h.off+4:]))
			lengths = append(lengths, lengthField{h.off + 4, len(b) - size})
			s.at, s.proto, s.zero = h.off+6, protoUDP, 0xffff
			if !yet && b[s.at]|b[s.at+1] == 0 {
				continue
			}
		case tcp:
			s.at, s.proto = h.off+16, protoTCP
		case icmp:
			s.at, s.addrN = h.off+2, 0
		case icmpv6:
			s.at, s.proto = h.off+2, protoICMPv6
		case gre:
			if binary.BigEndian.Uint16(b[h.off:])&greChecksum == 0 {
				continue
			}
			s.at, s.addrN = h.off+4, 0
		default:
			continue
		}
		list = append(list, s)
	}
	// An outer checksum covers inner ones: they have to be right first.
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list, lengths
}

// end is where what s covers ends in a frame of n bytes.
func (s *site) end(n int) int {
	if s.to > 0 {
		return s.to
	}
	return n - s.tail
}

// covers says whether s covers the word at i of a frame, or of the longest one.
func (s *site) covers(i, n int) bool {
	return i >= s.from && i < s.end(n) || i >= s.addrs && i < s.addrs+s.addrN
}

// pseudo is the sum of the pseudo header without the addresses.
func (s *site) pseudo(n int) uint64 {
	if s.addrN == 0 {
		return 0
	}
	return s.proto + uint64(s.end(n)-s.from)
}

// complete writes the lengths and checksums of a frame.
func complete(b []byte, list []site, lengths []lengthField) {
	for _, l := range lengths {
		binary.BigEndian.PutUint16(b[l.at:], uint16(len(b)-l.less))
	}
	for i := range list {
		s := &list[i]
		binary.BigEndian.PutUint16(b[s.at:], 0)
		end := s.end(len(b))
		sum := s.pseudo(len(b)) + sum16(b[s.addrs:s.addrs+s.addrN]) + sum16(b[s.from:end&^1])
		if end&1 != 0 {
			sum += uint64(b[end-1]) << 8
		}
		binary.BigEndian.PutUint16(b[s.at:], checksumOf(sum, s.zero))
	}
}

// A prefix is the sums of the first words of a frame: of any part of it in one
// subtraction.
type prefix struct {
	b    []byte
	sums []uint64
}

func prefixOf(b []byte) prefix {
	p := prefix{b: b, sums: make([]uint64, len(b)/2+1)}
	for i := range len(b) / 2 {
		p.sums[i+1] = p.sums[i] + uint64(binary.BigEndian.Uint16(b[2*i:]))
	}
	return p
}

func (p *prefix) sum(from, to int) uint64 {
	s := p.sums[to/2] - p.sums[from/2]
	if to&1 != 0 {
		s += uint64(p.b[to-1]) << 8
	}
	return s
}
