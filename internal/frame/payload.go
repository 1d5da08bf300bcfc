package frame

import (
	"encoding/binary"
	"fmt"
)

// What netmap's pkt-gen puts at the start of the UDP payload, for those that
// talk to it:
//
//	txseq, rxseq   number, 32 bits, big-endian
//	ping, pong     number, 32 bits; seconds, 32 bits; nanoseconds, 32 bits; all in the sender's byte order
const (
	SeqLen  = 4
	EchoLen = 12
)

// An Echo writes pings into frames that hold a template's bytes, with the
// checksum right, which pkt-gen leaves wrong, and reads them in answers. It is
// used as a [Stamper] is.
type Echo struct {
	payload int
	csum    int
	zero    uint16
	base    uint64 // sum of all the checksum covers but the bytes that are written
}

// Echo returns an echo for frames of t. It fails if they have no room for it.
func (t *Template) Echo() (Echo, error) {
	if n := t.payload + EchoLen; len(t.bytes) < n {
		return Echo{}, fmt.Errorf("a ping does not fit into a frame of %d bytes: it needs %d", len(t.bytes), n)
	}
	e := Echo{payload: t.payload, csum: t.csum, zero: t.zero}
	if e.csum >= 0 {
		e.base = uint64(without(binary.BigEndian.Uint16(t.bytes[e.csum:]), sum16(t.bytes[e.payload:][:EchoLen])))
	}
	return e, nil
}

// Write makes b ping n, sent at the time t in ns since 1970.
func (e *Echo) Write(b []byte, n uint32, t int64) {
	p := (*[EchoLen]byte)(b[e.payload:])
	binary.NativeEndian.PutUint32(p[0:4], n)
	binary.NativeEndian.PutUint32(p[4:8], uint32(t/1e9))
	binary.NativeEndian.PutUint32(p[8:12], uint32(t%1e9))
	if e.csum >= 0 {
		binary.BigEndian.PutUint16(b[e.csum:], checksumOf(e.base+sum16(p[:]), e.zero))
	}
}

// Read reads what Write wrote, from where it writes it. It reports false if b is
// too short or the time is none.
func (e *Echo) Read(b []byte) (n uint32, t int64, ok bool) {
	if len(b) < e.payload+EchoLen {
		return 0, 0, false
	}
	p := (*[EchoLen]byte)(b[e.payload:])
	ns := binary.NativeEndian.Uint32(p[8:12])
	t = int64(binary.NativeEndian.Uint32(p[4:8]))*1e9 + int64(ns)
	return binary.NativeEndian.Uint32(p[0:4]), t, ns < 1e9
}

// ReadSeq reads the number of txseq, which a [Writer] with Number has written.
// It reports false where b has no payload of SeqLen bytes that a probe might be
// in; any other passes, as the number has no mark.
func ReadSeq(link Link, b []byte) (n uint32, ok bool) {
	off := 0
	if link == Ethernet {
		off = l4Payload(b, SeqLen)
	}
	if off < 0 || len(b)-off < SeqLen {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[off:]), true
}
