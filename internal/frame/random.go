package frame

import "math/bits"

// Random values come from a generator whose n-th number needs none of those
// before: a sequence of equidistant numbers (a Weyl sequence), each multiplied
// with itself and folded, as in Wang Yi's wyrand. So a frame's values follow
// from the seed and the frame's number, whichever thread sends it.
const (
	weyl = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio, odd
	flip = 0xe7037ed1a0b428db // wyrand's, odd
)

// draw returns the number at a place of the sequence.
func draw(at uint64) uint64 {
	hi, lo := bits.Mul64(at, at^flip)
	return hi ^ lo
}

// scatter spreads small numbers over all of 2^64 (the finalizer of splitmix64).
func scatter(n uint64) uint64 {
	n = (n + 1) * weyl
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// lengthSeed sets the generator of lengths apart from those of fields.
const lengthSeed = 1 << 32
