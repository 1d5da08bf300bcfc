package frame

import (
	"encoding/binary"
	"math/bits"
)

// sum16 adds b's big-endian 16-bit words. len(b) must be even. The result is
// not folded; it stays far below 2^32 for anything that fits a frame.
func sum16(b []byte) uint64 {
	var s uint64
	for ; len(b) >= 2; b = b[2:] {
		s += uint64(binary.BigEndian.Uint16(b))
	}
	return s
}

// fold reduces x to 16 bits by ones' complement addition of its four words
// (RFC 1071). As 2^16 is 1 in that arithmetic, a field of any width that starts
// on a 16-bit boundary can be added to x as one number instead of word by word.
// The result is 0 only for x = 0.
func fold(x uint64) uint16 {
	// Adding a number to itself with its halves exchanged leaves hi+lo, and the
	// carry of lo+hi with it, in the upper half.
	x += bits.RotateLeft64(x, 32)
	y := uint32(x >> 32)
	y += bits.RotateLeft32(y, 16)
	return uint16(y >> 16)
}

// without returns the sum under checksum csum less the words that add up to
// old: equation 3 of RFC 1624, before the new words are added.
func without(csum uint16, old uint64) uint16 {
	return fold(uint64(^csum) + uint64(^fold(old)))
}

// checksumOf turns the sum of what a checksum covers into the checksum, with
// zero in place of 0.
func checksumOf(sum uint64, zero uint16) uint16 {
	if c := ^fold(sum); c != 0 {
		return c
	}
	return zero
}
