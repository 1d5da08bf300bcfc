package pcap

import (
	"math"
	"math/bits"
)

// An iface is what the reader keeps of an interface of a pcapng section.
type iface struct {
	clock
	link uint32
}

// maxIfaces is how many interfaces of a section are told apart. A file may
// describe more; of a packet of one of those nothing is known.
const maxIfaces = 512

// A clock says what a pcapng timestamp means (draft-ietf-opsawg-pcapng, 4.2:
// if_tsresol and if_tsoffset).
type clock struct {
	perSec uint64 // units a second
	offset int64  // seconds to add
}

const (
	optEnd      = 0
	optTSResol  = 9
	optTSOffset = 14

	// maxOptions is how many bytes of an interface's options are looked at.
	maxOptions = 4096
)

// ns returns ns since 1970, cut off where 64 bits end.
func (c clock) ns(ts uint64) int64 {
	const limit, second = math.MaxInt64 / 2, 1_000_000_000
	hi, lo := bits.Mul64(ts, 1e9)
	t := uint64(limit)
	if hi < c.perSec {
		t, _ = bits.Div64(hi, lo, c.perSec)
		t = min(t, limit)
	}
	return int64(t) + min(max(c.offset, -limit/second), limit/second)*second
}

// options reads the clock from an interface's options; what is odd about them
// leaves it at the default, microseconds since 1970.
func (r *reader) options(b []byte) clock {
	c := clock{perSec: 1e6}
	for len(b) >= 4 {
		code, n := r.u16(b), int(r.u16(b[2:]))
		b = b[4:]
		if code == optEnd || n > len(b) {
			break
		}
		switch {
		case code == optTSResol && n == 1:
			c.perSec = resolution(b[0])
		case code == optTSOffset && n == 8:
			c.offset = int64(r.u64(b))
		}
		b = b[min(len(b), (n+3)&^3):]
	}
	return c
}

// resolution is if_tsresol in units a second: a power of ten, or of two if the
// top bit is set. Finer ones than 64 bits can count do not occur.
func resolution(v byte) uint64 {
	if v&0x80 != 0 {
		return 1 << min(v&0x7f, 63)
	}
	n := uint64(1)
	for range min(v, 19) {
		n *= 10
	}
	return n
}

// time returns when the packet that was read last was captured, in ns since
// 1970. A Simple Packet Block has no time: its packet came with the one before.
func (r *reader) time() int64 {
	rec := &r.last
	switch {
	case rec.untimed:
	case !r.ng:
		sub := int64(rec.ts & math.MaxUint32)
		if !r.nano {
			sub *= 1000
		}
		r.now = int64(rec.ts>>32)*1e9 + sub
	case int(rec.iface) < len(r.known):
		r.now = r.known[rec.iface].ns(rec.ts)
	}
	return r.now
}
