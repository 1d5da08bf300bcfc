package frame

import (
	"encoding/binary"
	"fmt"
)

// ProbeLen is the bytes a probe takes at the start of the L4 payload.
const ProbeLen = 18

// No text starts with the byte 0xb5, neither ASCII nor UTF-8.
const (
	magicProbe = 0xb572
	magicEnd   = 0xb5e7
)

const seqMask = 1<<48 - 1

// Probe is what a probe says. The package's documentation has its layout.
type Probe struct {
	Stream uint16 // which sender
	Seq    uint64 // 48 bits, from 0 on; in an end record the total sent
	Time   uint64 // when its batch was sent: ns of CLOCK_REALTIME since 1970
	End    bool   // an end record
}

// Stamper writes the probes of one stream into buffers that hold a template's
// bytes. It is a value without pointers: each transmit thread has its own, one
// goroutine uses it, and nothing here allocates or blocks.
type Stamper struct {
	payload int
	csum    int
	zero    uint16 // what a checksum of 0 is written as: 0xffff for UDP (RFC 768), else 0
	head    uint64 // the stream's place in the first 8 bytes
	time    [8]byte
	probe   uint64 // sum of stream and time
	base    uint64 // sum of all the checksum covers, without the probe
	sum     uint64 // base and probe
}

// Stamper returns a stamper for frames of t, with the time 0. It fails if t is
// shorter than MinProbeLen.
func (t *Template) Stamper(stream uint16) (Stamper, error) {
	if len(t.bytes) < t.MinProbeLen() {
		return Stamper{}, fmt.Errorf("cannot put a probe into a frame of %d bytes: it needs %d", len(t.bytes), t.MinProbeLen())
	}
	s := Stamper{payload: t.payload, csum: t.csum, zero: t.zero, head: uint64(stream) << 32}
	if t.csum >= 0 {
		c := binary.BigEndian.Uint16(t.bytes[t.csum:])
		s.base = uint64(without(c, sum16(t.bytes[t.payload:][:ProbeLen])))
	}
	s.Batch(0)
	return s, nil
}

// Batch sets the transmit time of the probes that follow, in ns of
// CLOCK_REALTIME since 1970. Call it once per batch.
func (s *Stamper) Batch(now uint64) {
	binary.BigEndian.PutUint64(s.time[:], now)
	s.probe = s.head>>32 + uint64(fold(now))
	s.sum = s.base + s.probe
}

// Stamp makes b, which holds the template's bytes or was stamped before, the
// stream's probe number seq, and sets its UDP checksum, which is never 0. seq
// is taken modulo 2^48. All else in b must be as in the template, for the
// checksum is known from there and not read from b. It panics if the probe
// does not fit into len(b), as any slice expression would.
func (s *Stamper) Stamp(b []byte, seq uint64) { s.put(b, magicProbe, seq) }

// End makes b an end record that says total probes were sent; else it is as
// Stamp, which may use the buffer again afterwards.
func (s *Stamper) End(b []byte, total uint64) { s.put(b, magicEnd, total) }

func (s *Stamper) put(b []byte, magic, seq uint64) {
	seq &= seqMask
	s.write(b, magic, seq)
	if s.csum >= 0 {
		binary.BigEndian.PutUint16(b[s.csum:], checksumOf(s.sum+magic+seq, s.zero))
	}
}

// write writes a probe without its checksum; seq is within 48 bits.
func (s *Stamper) write(b []byte, magic, seq uint64) {
	// The conversion checks against len(b); a slice up to an end would be
	// checked against its capacity, and could write past the frame.
	p := (*[ProbeLen]byte)(b[s.payload:])
	binary.BigEndian.PutUint64(p[0:8], magic<<48|s.head|seq>>16)
	binary.BigEndian.PutUint16(p[8:10], uint16(seq))
	*(*[8]byte)(p[10:18]) = s.time
}
