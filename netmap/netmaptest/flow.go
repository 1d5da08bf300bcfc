package netmaptest

import (
	"encoding/binary"
	"hash/fnv"

	"golang.org/x/sys/unix"
)

// flowHash spreads frames over rings by IP addresses and ports, as receive side
// scaling does; what is not IP hashes to 0.
func flowHash(frame []byte) uint32 {
	if len(frame) < 14+20 {
		return 0
	}
	ip := frame[14:]
	h := fnv.New32a()
	proto, l4 := byte(0), 0
	switch binary.BigEndian.Uint16(frame[12:]) {
	case 0x0800:
		_, _ = h.Write(ip[12:20])
		proto, l4 = ip[9], int(ip[0]&15)*4
	case 0x86dd:
		if len(ip) < 40 {
			return 0
		}
		_, _ = h.Write(ip[8:40])
		proto, l4 = ip[6], 40
	default:
		return 0
	}
	if (proto == unix.IPPROTO_TCP || proto == unix.IPPROTO_UDP) && len(ip) >= l4+4 {
		_, _ = h.Write(ip[l4 : l4+4])
	}
	return h.Sum32()
}
