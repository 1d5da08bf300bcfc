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

// A Marker writes what pkt-gen does into frames of a template, with the UDP
// checksum right, which pkt-gen's ping leaves wrong. It is used as a [Stamper]
// is.
type Marker struct {
	payload int
	csum    int
	base    uint64 // sum of all the checksum covers but the bytes that are written
}

// Marker returns a marker that writes n bytes, SeqLen or EchoLen. It fails if
// the frame has not as many of payload.
func (t *Template) Marker(n int) (Marker, error) {
	b, off := t.Bytes(), t.PayloadOffset()
	if len(b) < off+n {
		return Marker{}, fmt.Errorf("frames of %d bytes have no room for a number: they need %d", len(b), off+n)
	}
	m := Marker{payload: off, csum: t.ChecksumOffset()}
	if m.csum >= 0 {
		m.base = uint64(without(binary.BigEndian.Uint16(b[m.csum:]), sum16(b[off:][:n])))
	}
	return m, nil
}

// Seq makes b number n of txseq. The marker is one for SeqLen bytes.
func (m *Marker) Seq(b []byte, n uint32) {
	binary.BigEndian.PutUint32((*[SeqLen]byte)(b[m.payload:])[:], n)
	m.sum(b, uint64(n))
}

// Echo makes b number n of ping, sent at the time t in ns since 1970. The
// marker is one for EchoLen bytes.
func (m *Marker) Echo(b []byte, n uint32, t int64) {
	p := (*[EchoLen]byte)(b[m.payload:])
	binary.NativeEndian.PutUint32(p[0:4], n)
	binary.NativeEndian.PutUint32(p[4:8], uint32(t/1e9))
	binary.NativeEndian.PutUint32(p[8:12], uint32(t%1e9))
	m.sum(b, sum16(p[:]))
}

func (m *Marker) sum(b []byte, written uint64) {
	if m.csum >= 0 {
		binary.BigEndian.PutUint16(b[m.csum:], udpChecksum(m.base+written))
	}
}

// ReadEcho reads what Echo wrote, from where Echo of this marker writes it. It
// reports false if b is too short or the time is none.
func (m *Marker) ReadEcho(b []byte) (n uint32, t int64, ok bool) {
	if len(b) < m.payload+EchoLen {
		return 0, 0, false
	}
	p := (*[EchoLen]byte)(b[m.payload:])
	ns := binary.NativeEndian.Uint32(p[8:12])
	t = int64(binary.NativeEndian.Uint32(p[4:8]))*1e9 + int64(ns)
	return binary.NativeEndian.Uint32(p[0:4]), t, ns < 1e9
}

// ReadSeq reads the number of txseq. It reports false where b is not UDP with a
// payload of SeqLen bytes; any other UDP passes, as the number has no mark.
func ReadSeq(link Link, b []byte) (n uint32, ok bool) {
	off := 0
	if link == Ethernet {
		off = udpPayload(b, SeqLen)
	}
	if off < 0 || len(b)-off < SeqLen {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[off:]), true
}
