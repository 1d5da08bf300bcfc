package conformance

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A frame of the checks: an Ethernet header, which a switch reads, the packet's
// number and length, and a fill that depends on the number and, so that
// fragments in the wrong order show, on the place. In flows over several rings
// it is IPv4 and UDP, for NICs to spread.
//
//	0      6      12     14                 42     46     50
//	dst    src    88b5   fill…              number length fill…
//	dst    src    0800   IPv4, 20  UDP, 8   number length fill…
const (
	etherType = EtherType
	etherIPv4 = 0x0800
	numberAt  = 42
	headSize  = 50
)

// EtherType is that of the frames of the checks: IEEE's first for local
// experiments.
const EtherType = 0x88b5

type mac [6]byte

var (
	broadcast = mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	macA      = mac{2, 0, 0, 0, 0, 0xa}
	macB      = mac{2, 0, 0, 0, 0, 0xb}
	macC      = mac{2, 0, 0, 0, 0, 0xc}
)

// fill makes buf, of headSize bytes at least, the frame with a number.
func fill(buf []byte, dst, src mac, number uint32) {
	for i := range buf {
		buf[i] = byte(number) + byte(i>>6)
	}
	copy(buf, dst[:])
	copy(buf[6:], src[:])
	binary.BigEndian.PutUint16(buf[12:], etherType)
	binary.BigEndian.PutUint32(buf[numberAt:], number)
	binary.BigEndian.PutUint32(buf[numberAt+4:], uint32(len(buf)))
}

// fillIP makes buf such a frame with IPv4 and UDP headers, from one of 64 ports.
func fillIP(buf []byte, dst, src mac, number uint32) {
	fill(buf, dst, src, number)
	binary.BigEndian.PutUint16(buf[12:], etherIPv4)
	ip := buf[14:]
	copy(ip, []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, src[5], 198, 18, 0, dst[5]})
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	sum := uint32(0)
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	binary.BigEndian.PutUint16(ip[20:], uint16(1024+number%64))
	binary.BigEndian.PutUint16(ip[22:], 9)
	binary.BigEndian.PutUint16(ip[24:], uint16(len(ip)-20))
	binary.BigEndian.PutUint16(ip[26:], 0)
}

// ours reports whether a frame is one of these, and its number. Others come
// from the host's stack and are not looked at.
func ours(frame []byte) (number uint32, ok bool) {
	if len(frame) < headSize {
		return 0, false
	}
	switch binary.BigEndian.Uint16(frame[12:]) {
	case etherType:
	case etherIPv4:
		if frame[26] != 198 || frame[27] != 18 {
			return 0, false
		}
	default:
		return 0, false
	}
	return binary.BigEndian.Uint32(frame[numberAt:]), true
}

// same says how a received frame differs from the one that was sent.
func same(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	if len(got) != len(want) {
		return fmt.Errorf("a frame of %d bytes arrived with %d", len(want), len(got))
	}
	for i := range got {
		if got[i] != want[i] {
			return fmt.Errorf("byte %d of a frame of %d arrived as %#02x, was sent as %#02x", i, len(want), got[i], want[i])
		}
	}
	return nil
}
