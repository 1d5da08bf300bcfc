package frame_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

var stamped = frame.Probe{Stream: 4, Seq: 1 << 40, Time: 1_800_000_000_000_000_001}

func stampedFrame(t testing.TB, c frame.Config) []byte {
	tm := newTemplate(t, c)
	s := newStamper(t, tm, stamped.Stream)
	s.Batch(stamped.Time)
	buf := clone(tm)
	s.Stamp(buf, stamped.Seq)
	return buf
}

// grow inserts b at i and adds its length to the 16-bit field at each of fields.
func grow(f []byte, i int, b []byte, fields ...int) []byte {
	for _, at := range fields {
		binary.BigEndian.PutUint16(f[at:], binary.BigEndian.Uint16(f[at:])+uint16(len(b)))
	}
	return slices.Insert(f, i, b...)
}

func set(f []byte, at int, b ...byte) []byte {
	copy(f[at:], b)
	return f
}

func TestReadHeaders(t *testing.T) {
	v4 := func() []byte { return stampedFrame(t, frame.Config{}) }
	v6 := func() []byte { return stampedFrame(t, frame.Config{Src: src6, Dst: dst6}) }
	vlan, qinq, old := []byte{0x81, 0, 0, 5}, []byte{0x88, 0xa8, 0x60, 6}, []byte{0x91, 0, 0, 7}
	ext := func(next byte, words int) []byte { // an extension header of words*8 bytes
		b := make([]byte, words*8)
		b[0], b[1] = next, byte(words-1)
		return b
	}
	options := func(words int) []byte {
		f := grow(v4(), 34, bytes.Repeat([]byte{1}, words*4), 16)
		f[14] += byte(words)
		return f
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  bool
	}{
		{"v4", v4(), true},
		{"v6", v6(), true},
		{"longer", stampedFrame(t, frame.Config{Len: 1514}), true},
		{"padded", append(v4(), make([]byte, 40)...), true},
		{"v4 VLAN", grow(v4(), 12, vlan), true},
		{"v6 VLAN", grow(v6(), 12, vlan), true},
		{"QinQ", grow(grow(v4(), 12, vlan), 12, qinq), true},
		{"old QinQ, v6", grow(grow(v6(), 12, vlan), 12, old), true},
		{"three tags", grow(grow(grow(v4(), 12, vlan), 12, vlan), 12, qinq), false},
		{"options", options(1), true},
		{"most options", options(10), true},
		{"options behind a tag", grow(options(3), 12, vlan), true},
		{"don't fragment off", set(v4(), 20, 0), true},
		{"first fragment", set(v4(), 20, 0x20), false},
		{"middle fragment", set(v4(), 20, 0x20, 9), false},
		{"last fragment", set(v4(), 20, 0, 9), false},
		{"far fragment", set(v4(), 20, 0x10, 0), false},
		{"v6 hop-by-hop", set(grow(v6(), 54, ext(17, 1), 18), 20, 0), true},
		{"v6 three extensions", set(grow(grow(grow(v6(), 54, ext(17, 2), 18), 54, ext(60, 1), 18), 54, ext(43, 3), 18), 20, 0), true},
		{"v6 fragment", set(grow(v6(), 54, ext(17, 1), 18), 20, 44), false},
		{"v6 five extensions", set(grow(v6(), 54, slices.Concat(ext(60, 1), ext(60, 1), ext(60, 1), ext(60, 1), ext(17, 1)), 18), 20, 60), false},
		{"v6 extension beyond the end", set(grow(v6(), 54, set(ext(17, 1), 1, 255), 18), 20, 0), false},
		{"v6 extension pushes UDP out", set(grow(v6(), 54, ext(17, 1)), 20, 0), false},
		{"v6 no next header", set(v6(), 20, 59), false},
		{"TCP", set(v4(), 23, 6), false},
		{"v6 TCP", set(v6(), 20, 6), false},
		{"ARP", set(v4(), 12, 0x08, 0x06), false},
		{"802.3 length", set(v4(), 12, 0, 46), false},
		{"v4 type, version 6", set(v4(), 14, 0x65), false},
		{"v6 type, version 4", set(v6(), 14, 0x40), false},
		{"header of 16 bytes, UDP right behind it", slices.Delete(set(set(v4(), 14, 0x44), 16, 0, 42), 30, 34), false},
		{"UDP shorter than a probe", set(v4(), 38, 0, 25), false},
		{"UDP length 0", set(v4(), 38, 0, 0), false},
		{"UDP longer than IP", set(v4(), 38, 0, 27), false},
		{"IP shorter than UDP", set(v4(), 16, 0, 45), false},
		{"IP length 0", set(v4(), 16, 0, 0), false},
		{"v6 length 0", set(v6(), 18, 0, 0), false},
		{"v6 shorter than UDP", set(v6(), 18, 0, 25), false},
		{"another magic", set(v4(), 42, 0xb5, 0x73), false},
		{"magic swapped", set(v4(), 42, 0x72, 0xb5), false},
		{"no magic", newTemplate(t, frame.Config{}).Bytes(), false},
	} {
		untouched := frame.Probe{Stream: 9, Seq: 9, Time: 9, End: true}
		p, want := untouched, untouched
		if c.want {
			want = stamped
		}
		if ok := frame.Read(frame.Ethernet, c.frame, &p); ok != c.want || p != want {
			t.Errorf("%s: %v, %+v", c.name, ok, p)
		}
	}
}

// TestReadTruncated cuts frames everywhere: the probe is there from its last
// byte on, and not before.
func TestReadTruncated(t *testing.T) {
	tagged := grow(stampedFrame(t, frame.Config{Len: 100}), 12, []byte{0x81, 0, 0, 5})
	extended := set(grow(stampedFrame(t, frame.Config{Src: src6, Dst: dst6}), 54, []byte{17, 0, 0, 0, 0, 0, 0, 0}, 18), 20, 0)
	payload := stampedFrame(t, frame.Config{Link: frame.Payload})
	for _, c := range []struct {
		name  string
		link  frame.Link
		frame []byte
		from  int
	}{
		{"v4", frame.Ethernet, stampedFrame(t, frame.Config{}), 60},
		{"v4 tagged", frame.Ethernet, tagged, 64},
		{"v6", frame.Ethernet, stampedFrame(t, frame.Config{Src: src6, Dst: dst6, Len: 200}), 80},
		{"v6 extended", frame.Ethernet, extended, 88},
		{"payload", frame.Payload, payload, 18},
	} {
		for n := range len(c.frame) + 1 {
			// The capacity goes on: what lies behind the length must not be read.
			var p frame.Probe
			if ok := frame.Read(c.link, c.frame[:n], &p); ok != (n >= c.from) {
				t.Errorf("%s cut to %d bytes: %v", c.name, n, ok)
			}
		}
	}
}

// A tag in front must not change what is read. It also sends the frame through
// the general parser, which has to agree with the short cut for plain frames.
func TestReadTaggedAlike(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var read int
	stampedFrames := [][]byte{
		stampedFrame(t, frame.Config{}), stampedFrame(t, frame.Config{Len: 64}), stampedFrame(t, frame.Config{Src: src6, Dst: dst6}),
	}
	for range 200_000 {
		f := stampedFrames[r.IntN(len(stampedFrames))]
		f = append([]byte(nil), f[:len(f)-r.IntN(10)*r.IntN(2)]...)
		for range r.IntN(3) {
			// Small values reach the edges of length fields sooner than any byte.
			f[14+r.IntN(44-14)] = byte(r.IntN(256) >> r.IntN(8))
		}
		var plain, tagged frame.Probe
		ok := frame.Read(frame.Ethernet, f, &plain)
		if ok != frame.Read(frame.Ethernet, grow(bytes.Clone(f), 12, []byte{0x81, 0, 0, 5}), &tagged) || plain != tagged {
			t.Fatalf("%x: read %+v, and tagged %+v", f, plain, tagged)
		}
		if ok {
			read++
		}
	}
	if read < 20_000 || read > 180_000 {
		t.Errorf("%d of 200000 were read: this compares nothing", read)
	}
}

func TestReadOtherLink(t *testing.T) {
	var p frame.Probe
	if frame.Read(frame.Payload, stampedFrame(t, frame.Config{}), &p) {
		t.Error("a frame taken for a payload")
	}
	if frame.Read(frame.Ethernet, stampedFrame(t, frame.Config{Link: frame.Payload}), &p) {
		t.Error("a payload taken for a frame")
	}
}

// FuzzRead wants no panic on any input, the same answer whatever lies behind
// the input or with a tag in it, and in the answer only what a probe can say.
func FuzzRead(f *testing.F) {
	v4, v6 := stampedFrame(f, frame.Config{}), stampedFrame(f, frame.Config{Src: src6, Dst: dst6})
	for _, b := range [][]byte{
		nil, v4, v6, v4[:59],
		grow(bytes.Clone(v4), 12, []byte{0x88, 0xa8, 0, 1, 0x81, 0, 0, 2}),
		set(grow(bytes.Clone(v6), 54, []byte{17, 0, 0, 0, 0, 0, 0, 0}, 18), 20, 0),
		stampedFrame(f, frame.Config{Link: frame.Payload}),
	} {
		f.Add(uint8(frame.Ethernet), b)
		f.Add(uint8(frame.Payload), b)
	}
	f.Fuzz(func(t *testing.T, link uint8, b []byte) {
		var alone, beside frame.Probe
		ok := frame.Read(frame.Link(link), slices.Clip(bytes.Clone(b)), &alone)
		tail := append(bytes.Clone(b), v4[14:]...)
		if ok != frame.Read(frame.Link(link), tail[:len(b)], &beside) || alone != beside {
			t.Fatalf("read %+v alone and %+v beside other bytes", alone, beside)
		}
		if ok && (len(b) < frame.ProbeLen || alone.Seq>>48 != 0) {
			t.Fatalf("read %+v from %d bytes", alone, len(b))
		}
		if frame.Link(link) == frame.Ethernet && len(b) >= 14 && b[12] == 8 && b[13] == 0 {
			var tagged frame.Probe
			if ok != frame.Read(frame.Ethernet, grow(bytes.Clone(b), 12, []byte{0x81, 0, 0, 5}), &tagged) || alone != tagged {
				t.Fatalf("read %+v, and tagged %+v", alone, tagged)
			}
		}
		if !ok && alone != (frame.Probe{}) {
			t.Fatalf("read nothing, yet %+v", alone)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	vlan := grow(stampedFrame(b, frame.Config{}), 12, []byte{0x81, 0, 0, 5})
	for _, c := range []struct {
		name  string
		link  frame.Link
		frame []byte
	}{
		{"v4", frame.Ethernet, stampedFrame(b, frame.Config{})},
		{"vlan", frame.Ethernet, vlan},
		{"v6", frame.Ethernet, stampedFrame(b, frame.Config{Src: src6, Dst: dst6})},
		{"payload", frame.Payload, stampedFrame(b, frame.Config{Link: frame.Payload})},
		{"foreign", frame.Ethernet, newTemplate(b, frame.Config{}).Bytes()},
	} {
		b.Run(c.name, func(b *testing.B) {
			bufs := ring(c.frame)
			var p frame.Probe
			var read, seen uint64
			for b.Loop() {
				for _, buf := range bufs {
					if frame.Read(c.link, buf, &p) {
						seen += p.Seq & 1
					}
				}
				read += uint64(len(bufs))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(read), "ns/pkt")
			if seen != 0 {
				b.Fatal("a sequence was not what was stamped")
			}
		})
	}
}
