package frame

import "encoding/binary"

// locate finds the headers of an Ethernet frame, from the first to the last
// that it knows and that is sound and whole. b may be any bytes at all.
func locate(b []byte) []header {
	l := locator{b: b}
	l.frame()
	return l.headers
}

// A locator has come to off.
type locator struct {
	b       []byte // up to where the innermost IP packet ends
	off     int
	headers []header
}

// add notes a header. After maxHeaders it finds none, which bounds the walk.
func (l *locator) add(k kind, length int) bool {
	if len(l.b)-l.off < length || len(l.headers) == maxHeaders {
		return false
	}
	l.headers = append(l.headers, header{k, l.off, l.off + length})
	l.off += length
	return true
}

// word is the 16 bits at i from where the walk is, which must be there.
func (l *locator) word(i int) int { return int(binary.BigEndian.Uint16(l.b[l.off+i:])) }

func (l *locator) frame() {
	if l.add(ethernet, 14) {
		l.packet(l.word(-2))
	}
}

// packet is what an Ethernet type stands for.
func (l *locator) packet(etherType int) {
	switch etherType {
	case typeVLAN, typeQinQ, typeOld:
		if l.add(vlan, 4) {
			l.packet(l.word(-2))
		}
	case typeARP:
		l.add(arp, 28)
	case typeIPv4:
		if len(l.b)-l.off < 20 {
			return
		}
		size, total := int(l.b[l.off]&15)*4, l.word(2)
		if l.b[l.off]>>4 != 4 || size < 20 || size > total || total > len(l.b)-l.off || l.word(6)&fragment != 0 {
			return
		}
		l.b = l.b[:l.off+total]
		if l.add(ipv4, size) {
			l.transport(l.b[l.off-size+9])
		}
	case typeIPv6:
		if len(l.b)-l.off < 40 || l.b[l.off]>>4 != 6 || l.word(4) > len(l.b)-l.off-40 {
			return
		}
		l.b = l.b[:l.off+40+l.word(4)]
		if l.add(ipv6, 40) {
			l.transport(l.b[l.off-40+6])
		}
	}
}

// transport is what an IP protocol number stands for. Extension headers of
// IPv6 are none of these.
func (l *locator) transport(proto byte) {
	rest := len(l.b) - l.off
	switch proto {
	case protoUDP:
		if rest < 8 || l.word(4) != rest || !l.add(udp, 8) {
			return
		}
		if l.word(-6) == vxlanPort && rest >= 16 && l.b[l.off]&vxlanFlag != 0 && l.add(vxlan, 8) {
			l.frame()
		}
	case protoTCP:
		if rest >= 20 {
			if size := int(l.b[l.off+12]>>4) * 4; size >= 20 {
				l.add(tcp, size)
			}
		}
	case protoICMP:
		l.add(icmp, 8)
	case protoICMPv6:
		l.add(icmpv6, 8)
	case protoGRE:
		size := greLen(l.b[l.off:])
		if size == 0 {
			return
		}
		etherType := l.word(2)
		if !l.add(gre, size) {
			return
		}
		if etherType == typeBridged {
			l.frame()
		} else {
			l.packet(etherType)
		}
	}
}

// greLen is the length of the GRE header that b begins with (RFC 2890), or 0
// if it is another version, has routing in it, or b is too short.
func greLen(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	flags := binary.BigEndian.Uint16(b)
	size := 4
	for _, f := range [...]uint16{greChecksum, greKey, greSequence} {
		if flags&f != 0 {
			size += 4
		}
	}
	if flags&(greRouting|greVersion) != 0 || len(b) < size {
		return 0
	}
	return size
}
