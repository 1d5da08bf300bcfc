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
// alone, where there is none: the magic is not there, or b is not UDP over
// IPv4 or IPv6 with at most two VLAN tags, or it is a fragment, or too short,
// or its length fields leave no room for a probe. b may be any bytes at all,
// and only b[:len(b)] is read.
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
			off = udpPayload(b)
		}
		if off < 0 || len(b)-off < ProbeLen {
			return false
		}
		d = (*[ProbeLen]byte)(b[off:])
	}
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
// probe comes in: no tag, IPv4 without options, whole, UDP, with room for a
// probe. udpPayload says the same of it, in twice the time.
func plain(h *[60]byte) bool {
	w := binary.BigEndian.Uint64(h[16:24]) // length, id, flags and offset, hops, protocol
	udp := uint64(binary.BigEndian.Uint16(h[38:40]))
	return binary.BigEndian.Uint32(h[12:16])>>8 == typeIPv4<<8|0x45 &&
		w&(fragment<<16|0xff) == protoUDP &&
		udp >= 8+ProbeLen && 20+udp <= w>>48
}

// udpPayload returns where in the Ethernet frame b the UDP payload starts, or
// -1 if it is not UDP, or its headers say that the payload is shorter than a
// probe. b may end before the payload does.
func udpPayload(b []byte) int {
	if len(b) < 14 {
		return -1
	}
	kind := binary.BigEndian.Uint16(b[12:14])
	off := 14
	for tags := 0; kind == typeVLAN || kind == typeQinQ || kind == typeOld; tags++ {
		if tags == maxTags || len(b)-off < 4 {
			return -1
		}
		kind = binary.BigEndian.Uint16(b[off+2:])
		off += 4
	}

	var rest int // bytes of the IP packet from off on
	switch kind {
	case typeIPv4:
		if len(b)-off < 20 {
			return -1
		}
		ip := (*[20]byte)(b[off:])
		size := int(ip[0]&15) * 4
		if ip[0]>>4 != 4 || size < 20 || binary.BigEndian.Uint16(ip[6:8])&fragment != 0 || ip[9] != protoUDP {
			return -1
		}
		rest = int(binary.BigEndian.Uint16(ip[2:4])) - size
		off += size
	case typeIPv6:
		if len(b)-off < 40 {
			return -1
		}
		ip := (*[40]byte)(b[off:])
		if ip[0]>>4 != 6 {
			return -1
		}
		rest = int(binary.BigEndian.Uint16(ip[4:6]))
		off += 40
		next := ip[6]
		for n := 0; next != protoUDP; n++ {
			if n == maxExtensions || len(b)-off < 8 ||
				next != protoHopByHop && next != protoRouting && next != protoDestOpts {
				return -1
			}
			size := int(b[off+1])*8 + 8
			next = b[off]
			rest -= size
			off += size
		}
	default:
		return -1
	}

	if len(b)-off < 8 {
		return -1
	}
	udp := int(binary.BigEndian.Uint16(b[off+4:]))
	if udp < 8+ProbeLen || udp > rest {
		return -1
	}
	return off + 8
}
