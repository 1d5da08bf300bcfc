package frame

import "encoding/binary"

const (
	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd
	typeVLAN = 0x8100
	typeQinQ = 0x88a8
	typeOld  = 0x9100 // QinQ before 802.1ad, still on the wire
	typeARP  = 0x0806
	// typeBridged is an Ethernet frame in GRE (RFC 1701).
	typeBridged = 0x6558

	protoHopByHop = 0
	protoICMP     = 1
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoGRE      = 47
	protoICMPv6   = 58
	protoDestOpts = 60

	fragment = 0x3fff // IPv4's more-fragments flag and its offset

	vxlanPort = 4789 // of UDP (RFC 7348)
	vxlanFlag = 0x08 // of the first byte: there is a VNI

	greChecksum = 0x8000
	greRouting  = 0x4000
	greKey      = 0x2000
	greSequence = 0x1000
	greVersion  = 0x0007

	maxTags       = 2
	maxExtensions = 4 // more than RFC 8200 has a use for; bounds the walk
)

// Read finds the probe in b and puts it into p. It reports false, and leaves p
// alone, where there is none: the magic is not there, or b is not UDP, TCP or
// an ICMP echo over IPv4 or IPv6 with at most two VLAN tags, itself or in VXLAN
// or GRE up to two deep, or it is a fragment, or too short, or its length
// fields leave no room for a probe. b may be any bytes at all, and only
// b[:len(b)] is read.
//
// No checksum is verified: the interface or kernel has done it or been told
// not to. A frame cut short behind its probe, as in a capture, is accepted.
func Read(link Link, b []byte, p *Probe) bool {
	var d *[ProbeLen]byte
	if link == Ethernet && len(b) >= 60 && plain((*[60]byte)(b)) {
		d = (*[ProbeLen]byte)(b[42:])
	} else {
		off := 0
		if link == Ethernet {
			off = l4Payload(b, ProbeLen)
		}
		if off < 0 || len(b)-off < ProbeLen {
			return false
		}
		d = (*[ProbeLen]byte)(b[off:])
	}
	return parse(d, p)
}

// parse reads a probe, if there is one.
func parse(d *[ProbeLen]byte, p *Probe) bool {
	head := binary.BigEndian.Uint64(d[0:8])
	magic := head >> 48
	if magic != magicProbe && magic != magicEnd {
		return false
	}
	p.Stream = uint16(head >> 32)
	p.Seq = head&0xffffffff<<16 | uint64(binary.BigEndian.Uint16(d[8:10]))
	p.Time = binary.BigEndian.Uint64(d[10:18])
	p.End = magic == magicEnd
	return true
}

// plain reports whether the frame that starts with h is what nearly every
// probe comes in: no tag, IPv4 without options, whole, UDP, no tunnel, with
// room for a probe. l4Payload says the same of it, in twice the time.
func plain(h *[60]byte) bool {
	w := binary.BigEndian.Uint64(h[16:24])   // length, id, flags and offset, hops, protocol
	udp := binary.BigEndian.Uint64(h[34:42]) // ports, length, checksum
	size := udp >> 16 & 0xffff
	return binary.BigEndian.Uint32(h[12:16])>>8 == typeIPv4<<8|0x45 &&
		w&(fragment<<16|0xff) == protoUDP && udp>>32&0xffff != vxlanPort &&
		size >= 8+ProbeLen && 20+size <= w>>48
}

// l4Payload returns where in the Ethernet frame b the innermost payload starts,
// or -1 if it is nothing a probe may be in, or its headers say that it is
// shorter than need bytes. b may end before the payload does.
func l4Payload(b []byte, need int) int {
	off, kind := 0, uint16(typeBridged)
	for range maxTunnels + 1 {
		if kind == typeBridged {
			if off, kind = linkPayload(b, off); off < 0 {
				return -1
			}
		}
		var proto byte
		var rest int // bytes of the IP packet from off on
		switch kind {
		case typeIPv4:
			off, rest, proto = payload4(b, off)
		case typeIPv6:
			off, rest, proto = payload6(b, off)
		default:
			return -1
		}
		if off < 0 || len(b)-off < 8 {
			return -1
		}
		head := 8
		switch proto {
		case protoUDP:
			n := int(binary.BigEndian.Uint16(b[off+4:]))
			if n < 8+need || n > rest {
				return -1
			}
			// A probe's first byte lacks the flag.
			if binary.BigEndian.Uint16(b[off+2:]) == vxlanPort && len(b)-off >= 16 && b[off+8]&vxlanFlag != 0 {
				off, kind = off+16, typeBridged
				continue
			}
		case protoTCP:
			if len(b)-off < 20 {
				return -1
			}
			if head = int(b[off+12]>>4) * 4; head < 20 {
				return -1
			}
		case protoICMP:
			if b[off]&^8 != 0 { // 8 asks, 0 answers
				return -1
			}
		case protoICMPv6:
			if b[off]&^1 != 128 { // 128 asks, 129 answers
				return -1
			}
		case protoGRE:
			size := greLen(b[off:])
			if size == 0 {
				return -1
			}
			off, kind = off+size, binary.BigEndian.Uint16(b[off+2:])
			continue
		default:
			return -1
		}
		if rest < head+need {
			return -1
		}
		return off + head
	}
	return -1
}

// linkPayload passes an Ethernet header and its tags; off is -1 if they are not
// all there.
func linkPayload(b []byte, off int) (int, uint16) {
	if len(b)-off < 14 {
		return -1, 0
	}
	off += 14
	kind := binary.BigEndian.Uint16(b[off-2:])
	for tags := 0; kind == typeVLAN || kind == typeQinQ || kind == typeOld; tags++ {
		if tags == maxTags || len(b)-off < 4 {
			return -1, 0
		}
		kind = binary.BigEndian.Uint16(b[off+2:])
		off += 4
	}
	return off, kind
}

// payload4 passes an IPv4 header; off is -1 if it is unsound or a fragment's.
func payload4(b []byte, off int) (next, rest int, proto byte) {
	if len(b)-off < 20 {
		return -1, 0, 0
	}
	ip := (*[20]byte)(b[off:])
	size := int(ip[0]&15) * 4
	if ip[0]>>4 != 4 || size < 20 || binary.BigEndian.Uint16(ip[6:8])&fragment != 0 {
		return -1, 0, 0
	}
	return off + size, int(binary.BigEndian.Uint16(ip[2:4])) - size, ip[9]
}

// payload6 passes an IPv6 header and the extensions that do not matter here.
func payload6(b []byte, off int) (next, rest int, proto byte) {
	if len(b)-off < 40 {
		return -1, 0, 0
	}
	ip := (*[40]byte)(b[off:])
	if ip[0]>>4 != 6 {
		return -1, 0, 0
	}
	rest = int(binary.BigEndian.Uint16(ip[4:6]))
	off += 40
	proto = ip[6]
	for n := 0; proto == protoHopByHop || proto == protoRouting || proto == protoDestOpts; n++ {
		if n == maxExtensions || len(b)-off < 8 {
			return -1, 0, 0
		}
		size := int(b[off+1])*8 + 8
		proto = b[off]
		rest -= size
		off += size
	}
	return off, rest, proto
}
