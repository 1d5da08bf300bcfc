package frame_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// edges are numbers at which an addition with end-around carry may go wrong.
var edges = []uint64{
	0, 1, 0xfffe, 0xffff, 0x10000, 0x10001, 0xffff_fffe, 0xffff_ffff, 0x1_0000_0000, 0xffff_ffff_0000,
	0xffff_ffff_fffe, 0xffff_ffff_ffff, 0xffff_0000_ffff_0000, ^uint64(0) - 1, ^uint64(0), 1_800_000_000_000_000_000,
}

func number(r *rand.Rand) uint64 {
	if r.IntN(3) == 0 {
		return edges[r.IntN(len(edges))]
	}
	return r.Uint64() >> r.IntN(64)
}

// TestStampThenRead stamps the same buffer over and over with anything, and
// wants to read it back each time from a frame that is right in every way.
func TestStampThenRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, f := range families {
		t.Run(f.name, func(t *testing.T) {
			for round := range 300 {
				c := f.config
				c.Len = f.headers + frame.ProbeLen + r.IntN(200)
				tm := newTemplate(t, c)
				stream := uint16(number(r))
				s := newStamper(t, tm, stream)
				buf := clone(tm)
				for range 100 {
					now, seq := number(r), number(r)
					s.Batch(now)
					want := frame.Probe{Stream: stream, Seq: seq & 0xffff_ffff_ffff, Time: now, End: r.IntN(4) == 0}
					if want.End {
						s.End(buf, seq)
					} else {
						s.Stamp(buf, seq)
					}
					if err := verify(buf); err != nil {
						t.Fatalf("round %d, %+v: %v", round, want, err)
					}
					var got frame.Probe
					if !frame.Read(frame.Ethernet, buf, &got) || got != want {
						t.Fatalf("round %d: read %+v, want %+v", round, got, want)
					}
				}
				at := tm.PayloadOffset()
				copy(buf[at-2:], tm.Bytes()[at-2:at+frame.ProbeLen])
				if !bytes.Equal(buf, tm.Bytes()) {
					t.Fatalf("round %d: stamping changed more than the probe and the checksum", round)
				}
			}
		})
	}
}

// TestStampLayout pins the bytes on the wire.
func TestStampLayout(t *testing.T) {
	tm := newTemplate(t, frame.Config{Link: frame.Payload, Len: 20})
	s := newStamper(t, tm, 0x0102)
	s.Batch(0x1112131415161718)
	buf := clone(tm)
	s.Stamp(buf, 0x212223242526)
	if want := "\xb5\x72\x01\x02\x21\x22\x23\x24\x25\x26\x11\x12\x13\x14\x15\x16\x17\x18ri"; string(buf) != want {
		t.Errorf("probe is %x", buf)
	}
	s.End(buf, 7)
	if want := "\xb5\xe7\x01\x02\x00\x00\x00\x00\x00\x07\x11\x12\x13\x14\x15\x16\x17\x18ri"; string(buf) != want {
		t.Errorf("end record is %x", buf)
	}
	var p frame.Probe
	if !frame.Read(frame.Payload, buf, &p) || p != (frame.Probe{Stream: 0x0102, Seq: 7, Time: 0x1112131415161718, End: true}) {
		t.Errorf("read %+v", p)
	}
}

// The sequence that brings the sum to ones' complement zero: the checksum would
// be 0, which means none, and has to be 0xffff.
func TestStampZeroChecksum(t *testing.T) {
	for _, f := range families {
		tm := newTemplate(t, f.config)
		s := newStamper(t, tm, 3)
		s.Batch(1_800_000_000_123_456_789)
		for name, stamp := range map[string]func([]byte, uint64){"Stamp": s.Stamp, "End": s.End} {
			buf := clone(tm)
			stamp(buf, 0)
			seq := uint64(binary.BigEndian.Uint16(buf[tm.ChecksumOffset():]))
			stamp(buf, seq)
			if got := binary.BigEndian.Uint16(buf[tm.ChecksumOffset():]); got != 0xffff {
				t.Errorf("%s, %s: checksum is %#x", f.name, name, got)
			}
			if err := verify(buf); err != nil {
				t.Errorf("%s, %s: %v", f.name, name, err)
			}
		}
	}
}

func TestStamperStartsAtTimeZero(t *testing.T) {
	tm := newTemplate(t, frame.Config{})
	s := newStamper(t, tm, 1)
	buf := clone(tm)
	s.Stamp(buf, 5)
	if err := verify(buf); err != nil {
		t.Error(err)
	}
}

func TestTooShortForAProbe(t *testing.T) {
	for _, f := range families {
		c := f.config
		for c.Len = f.headers; c.Len < f.headers+frame.ProbeLen; c.Len++ {
			if _, err := newTemplate(t, c).Stamper(0); err == nil {
				t.Fatalf("%s: a stamper for %d bytes", f.name, c.Len)
			}
		}
	}
	if _, err := newTemplate(t, frame.Config{Link: frame.Payload, Len: 17}).Stamper(0); err == nil {
		t.Error("a stamper for 17 bytes of payload")
	}
}

// A buffer shorter than the probe must not be written behind its length, even
// where its capacity would let that happen.
func TestStampKeepsWithinLength(t *testing.T) {
	tm := newTemplate(t, frame.Config{})
	s := newStamper(t, tm, 0)
	for n := range tm.MinProbeLen() {
		buf := clone(tm)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("stamped %d bytes", n)
				}
			}()
			s.Stamp(buf[:n], 1)
		}()
		if !bytes.Equal(buf, tm.Bytes()) {
			t.Fatalf("%d bytes: written to", n)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, f := range families {
		tm := newTemplate(t, f.config)
		s := newStamper(t, tm, 1)
		buf := clone(tm)
		var p frame.Probe
		var seq uint64
		if n := testing.AllocsPerRun(1000, func() {
			s.Batch(seq)
			s.Stamp(buf, seq)
			frame.Read(frame.Ethernet, buf, &p)
			s.End(buf, seq)
			frame.Read(frame.Ethernet, buf, &p)
			seq++
		}); n != 0 {
			t.Errorf("%s: %v allocations", f.name, n)
		}
		if n := testing.AllocsPerRun(1000, func() { s, _ = tm.Stamper(2) }); n != 0 {
			t.Errorf("%s: a stamper makes %v allocations", f.name, n)
		}
	}
}

// ring returns 512 buffers as far apart as netmap's, each holding f.
func ring(f []byte) [][]byte {
	const slots, size = 512, 2048
	mem := make([]byte, slots*size)
	bufs := make([][]byte, slots)
	for i := range bufs {
		bufs[i] = mem[i*size:][:len(f):len(f)]
		copy(bufs[i], f)
	}
	return bufs
}

// BenchmarkStamp also has what the memory alone costs: one store into each of
// the buffers, which at netmap's distance share few sets of the L1 cache.
func BenchmarkStamp(b *testing.B) {
	b.Run("store", func(b *testing.B) {
		bufs := ring(newTemplate(b, frame.Config{}).Bytes())
		var seq uint64
		for b.Loop() {
			for _, buf := range bufs {
				binary.BigEndian.PutUint64(buf[42:], seq)
				seq++
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(seq), "ns/pkt")
	})
	b.Run("one buffer", func(b *testing.B) {
		tm := newTemplate(b, frame.Config{})
		s := newStamper(b, tm, 1)
		buf := clone(tm)
		var seq uint64
		for b.Loop() {
			s.Batch(seq)
			for range 512 {
				s.Stamp(buf, seq)
				seq++
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(seq), "ns/pkt")
	})
	for _, f := range append(families, struct {
		name    string
		config  frame.Config
		headers int
	}{"payload", frame.Config{Link: frame.Payload}, 0}) {
		b.Run(f.name, func(b *testing.B) {
			tm := newTemplate(b, f.config)
			s := newStamper(b, tm, 1)
			bufs := ring(tm.Bytes())
			var seq uint64
			for b.Loop() {
				s.Batch(seq)
				for _, buf := range bufs {
					s.Stamp(buf, seq)
					seq++
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(seq), "ns/pkt")
		})
	}
}
