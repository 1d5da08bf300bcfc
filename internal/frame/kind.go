package frame

import "encoding/binary"

// A Kind is what a frame is by its outermost headers: those of a tunnel's
// inside do not count. It is below [Kinds], so that an array can be counted in.
type Kind uint8

// The kinds. Of those up to KindBadL4 nothing else is known, and all that
// begin with KindShort are malformed: their headers contradict the bytes there
// are, or each other.
const (
	KindEmpty     Kind = iota // not a single byte
	KindShort                 // ends within a header
	KindBadIP                 // IP of another version than its Ethernet type says, or with an impossible header length
	KindBadLength             // IP whose length is more than the frame holds, or less than its headers
	KindBadL4                 // UDP, TCP or ICMP that does not fit its own length or that of its IP packet
	KindARP
	KindOther // of another Ethernet type, or an IEEE 802.3 length
	_
	KindIPv4 // and what is in it: one of the In… is added
)

// KindIPv6 is as KindIPv4, KindTagged is added to any where there was a VLAN tag.
const (
	KindIPv6   Kind = 16
	KindTagged Kind = 32
	Kinds           = 64
)

// What is in an IP packet.
const (
	InOther Kind = iota // another protocol, or extension headers one does not meet
	InUDP
	InTCP
	InICMP
	InFragment // a part of a packet, the first one too
)

const protoFragment = 44 // of IPv6

// Malformed reports whether the frame's headers cannot be right.
func (k Kind) Malformed() bool {
	k &^= KindTagged
	return k >= KindShort && k <= KindBadL4
}

// Look is [Read] and says what kind of frame b is. Of a packet that goes on
// behind b, whole is false: then b cannot be too short for what its headers
// say. A probe is never malformed: behind it a frame may be cut short. Of a
// payload nothing is known, and it is KindOther unless it is empty.
func Look(link Link, b []byte, whole bool, p *Probe) (Kind, bool) {
	if link == Ethernet && len(b) >= 60 && plain((*[60]byte)(b)) && parse((*[ProbeLen]byte)(b[42:]), p) {
		return KindIPv4 + InUDP, true
	}
	return look(link, b, whole, p)
}

// look is Look for all frames but the usual ones.
func look(link Link, b []byte, whole bool, p *Probe) (Kind, bool) {
	off := 0
	if link == Ethernet {
		off = l4Payload(b, ProbeLen)
	}
	if off >= 0 && len(b)-off >= ProbeLen && parse((*[ProbeLen]byte)(b[off:]), p) {
		return KindOf(link, b, false), true
	}
	return KindOf(link, b, whole), false
}

// KindOf says what kind of frame b is; see [Look] for whole. b may be any bytes
// at all.
func KindOf(link Link, b []byte, whole bool) Kind {
	c := classifier{b: b, whole: whole}
	switch {
	case len(b) == 0:
		return KindEmpty
	case link != Ethernet:
		return KindOther
	}
	if len(b) < 14 {
		return c.cut(KindShort, KindOther)
	}
	off, tagged := 14, Kind(0)
	kind := binary.BigEndian.Uint16(b[12:])
	for tags := 0; tags < maxTags && (kind == typeVLAN || kind == typeQinQ || kind == typeOld); tags++ {
		tagged = KindTagged
		if len(b)-off < 4 {
			return tagged | c.cut(KindShort, KindOther)
		}
		kind = binary.BigEndian.Uint16(b[off+2:])
		off += 4
	}
	switch kind {
	case typeARP:
		return tagged | KindARP
	case typeIPv4:
		return tagged | c.ipv4(off)
	case typeIPv6:
		return tagged | c.ipv6(off)
	}
	return tagged | KindOther
}

type classifier struct {
	b     []byte
	whole bool
}

// cut is what a frame is whose bytes end too early: malformed, or if it goes
// on elsewhere, all that is known of it.
func (c *classifier) cut(malformed, known Kind) Kind {
	if c.whole {
		return malformed
	}
	return known
}

func (c *classifier) ipv4(off int) Kind {
	b := c.b[off:]
	if len(b) < 20 {
		return c.cut(KindShort, KindOther)
	}
	size, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]>>4 != 4 || size < 20:
		return KindBadIP
	case total < size:
		return KindBadLength
	case total > len(b) && c.whole:
		return KindBadLength
	case binary.BigEndian.Uint16(b[6:])&fragment != 0:
		return KindIPv4 + InFragment
	case size > len(b):
		return KindIPv4
	}
	return c.transport(KindIPv4, b[size:], total-size, b[9])
}

func (c *classifier) ipv6(off int) Kind {
	b := c.b[off:]
	if len(b) < 40 {
		return c.cut(KindShort, KindOther)
	}
	rest, proto := int(binary.BigEndian.Uint16(b[4:])), b[6]
	switch {
	case b[0]>>4 != 6:
		return KindBadIP
	case rest > len(b)-40 && c.whole:
		return KindBadLength
	}
	b = b[40:]
	for n := 0; proto == protoHopByHop || proto == protoRouting || proto == protoDestOpts; n++ {
		if n == maxExtensions {
			return KindIPv6
		}
		if rest < 8 {
			return KindBadLength
		}
		if len(b) < 8 {
			return KindIPv6
		}
		size := int(b[1])*8 + 8
		if size > rest {
			return KindBadLength
		}
		if size > len(b) {
			return KindIPv6
		}
		proto, rest, b = b[0], rest-size, b[size:]
	}
	if proto == protoFragment {
		return KindIPv6 + InFragment
	}
	return c.transport(KindIPv6, b, rest, proto)
}

// transport is what is in an IP packet, of whose payload of rest bytes b is the
// beginning.
func (c *classifier) transport(ip Kind, b []byte, rest int, proto byte) Kind {
	need, in := 0, InOther
	switch proto {
	case protoUDP:
		need, in = 8, InUDP
	case protoTCP:
		need, in = 20, InTCP
	case protoICMP:
		if ip == KindIPv4 {
			need, in = 8, InICMP
		}
	case protoICMPv6:
		if ip == KindIPv6 {
			need, in = 4, InICMP
		}
	}
	switch {
	case rest < need:
		return KindBadL4
	case len(b) < need: // it goes on elsewhere
		return ip + in
	case in == InUDP:
		if n := int(binary.BigEndian.Uint16(b[4:])); n < 8 || n > rest {
			return KindBadL4
		}
	case in == InTCP:
		if n := int(b[12]>>4) * 4; n < 20 || n > rest {
			return KindBadL4
		}
	}
	return ip + in
}
