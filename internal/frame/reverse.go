package frame

import "encoding/binary"

const protoSCTP = 132

// Reverse sends the Ethernet frame b back: in place it exchanges the MAC
// addresses, the IPv4 or IPv6 addresses behind up to two VLAN tags, and the
// ports of UDP, TCP and SCTP. Checksums stay right, for they do not depend on
// the order. A frame that was for a group goes out from own, if that is not
// nil, as no sender is a group. b may be any bytes at all; what of it cannot be
// told is left as it is.
func Reverse(b []byte, own *[6]byte) {
	if len(b) < 14 {
		return
	}
	group := b[0]&1 != 0
	exchange(b[0:6], b[6:12])
	if group && own != nil {
		copy(b[6:12], own[:])
	}
	kind, off := binary.BigEndian.Uint16(b[12:14]), 14
	for tags := 0; kind == typeVLAN || kind == typeQinQ || kind == typeOld; tags++ {
		if tags == maxTags || len(b)-off < 4 {
			return
		}
		kind = binary.BigEndian.Uint16(b[off+2:])
		off += 4
	}
	switch kind {
	case typeIPv4:
		reverseIPv4(b[off:])
	case typeIPv6:
		reverseIPv6(b[off:])
	}
}

func reverseIPv4(b []byte) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return
	}
	exchange(b[12:16], b[16:20])
	size := int(b[0]&15) * 4
	const offset = 0x1fff // of a fragment; only the first has ports
	if size >= 20 && size <= len(b) && binary.BigEndian.Uint16(b[6:8])&offset == 0 {
		reversePorts(b[9], b[size:])
	}
}

func reverseIPv6(b []byte) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return
	}
	exchange(b[8:24], b[24:40])
	next, off := b[6], 40
	for n := 0; next == protoHopByHop || next == protoDestOpts || next == protoRouting; n++ {
		if n == maxExtensions || len(b)-off < 8 {
			return
		}
		next, off = b[off], off+int(b[off+1])*8+8
		if off > len(b) {
			return
		}
	}
	reversePorts(next, b[off:])
}

func reversePorts(proto byte, b []byte) {
	if (proto == protoUDP || proto == protoTCP || proto == protoSCTP) && len(b) >= 4 {
		exchange(b[0:2], b[2:4])
	}
}

// exchange swaps two pieces of the same length.
func exchange(x, y []byte) {
	for i := range x {
		x[i], y[i] = y[i], x[i]
	}
}
