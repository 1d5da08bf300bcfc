package frame

import "encoding/binary"

// Flow returns a number that is the same for all frames of one flow, in both
// directions, and spreads flows evenly: of addresses, protocol and ports, of
// addresses and protocol only for fragments and protocols without ports, and of
// MAC addresses for what is not IP. b may be any bytes at all.
func Flow(b []byte) uint32 {
	if len(b) < 14 {
		return 0
	}
	kind, off := behindTags(b)
	ip := b[off:]
	switch {
	case kind == typeIPv4 && len(ip) >= 20 && ip[0]>>4 == 4:
		h := unordered(uint64(binary.BigEndian.Uint32(ip[12:])), uint64(binary.BigEndian.Uint32(ip[16:])))
		proto, size := ip[9], int(ip[0]&15)*4
		if binary.BigEndian.Uint16(ip[6:])&fragment != 0 || size > len(ip) {
			return finish(h, proto)
		}
		return finish(h+portPair(proto, ip[size:]), proto)
	case kind == typeIPv6 && len(ip) >= 40 && ip[0]>>4 == 6:
		src, dst := (*[16]byte)(ip[8:]), (*[16]byte)(ip[24:])
		h := unordered(half(src), half(dst))
		return finish(h+portPair(ip[6], ip[40:]), ip[6])
	}
	mac := func(b []byte) uint64 {
		return uint64(binary.BigEndian.Uint32(b))<<16 | uint64(binary.BigEndian.Uint16(b[4:]))
	}
	return finish(unordered(mac(b), mac(b[6:])), byte(kind))
}

// half folds an IPv6 address into 64 bits.
func half(a *[16]byte) uint64 {
	return scatter(binary.BigEndian.Uint64(a[:])) ^ binary.BigEndian.Uint64(a[8:])
}

func portPair(proto byte, b []byte) uint64 {
	if proto != protoTCP && proto != protoUDP || len(b) < 4 {
		return 0
	}
	return unordered(uint64(binary.BigEndian.Uint16(b)), uint64(binary.BigEndian.Uint16(b[2:]))) * 3
}

// unordered is the same for a, b and b, a.
func unordered(a, b uint64) uint64 { return scatter(a) + scatter(b) }

func finish(h uint64, proto byte) uint32 { return uint32(scatter(h+uint64(proto)) >> 32) }
