package pcap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// A maker writes a capture by hand.
type maker struct {
	order binary.AppendByteOrder
	b     []byte
}

func (m *maker) u16(v ...uint16) {
	for _, v := range v {
		m.b = m.order.AppendUint16(m.b, v)
	}
}

func (m *maker) u32(v ...uint32) {
	for _, v := range v {
		m.b = m.order.AppendUint32(m.b, v)
	}
}

func (m *maker) data(b []byte) {
	m.b = append(m.b, b...)
	for len(m.b)%4 != 0 {
		m.b = append(m.b, 0)
	}
}

// header is a classic file header.
func (m *maker) header(magic, snap, link uint32) {
	m.u32(magic)
	m.u16(2, 4)
	m.u32(0, 0, snap, link)
}

// record is a classic record.
func (m *maker) record(caplen, length uint32, b []byte) {
	m.u32(1, 2, caplen, length)
	m.b = append(m.b, b...)
}

// block is a pcapng block with a body of whole words.
func (m *maker) block(typ uint32, body func()) {
	start := len(m.b)
	m.u32(typ, 0)
	body()
	size := uint32(len(m.b) - start + 4)
	m.u32(size)
	copy(m.b[start+4:], m.b[len(m.b)-4:])
}

func (m *maker) section() {
	m.block(blockSection, func() {
		m.u32(0x1a2b3c4d)
		m.u16(1, 0)
		m.u32(0xffffffff, 0xffffffff)
		m.u16(4, 5) // shb_userappl
		m.data([]byte("maker"))
		m.u32(0)
	})
}

func (m *maker) iface(link uint16, snap uint32) {
	m.block(blockInterface, func() { m.u16(link, 0); m.u32(snap) })
}

func (m *maker) enhanced(iface, caplen, length uint32, b []byte) {
	m.block(blockEnhanced, func() {
		m.u32(iface, 0, 0, caplen, length)
		m.data(b)
		m.u16(2, 4) // epb_flags
		m.u32(1)
		m.u32(0)
	})
}

var orders = map[string]binary.AppendByteOrder{"little-endian": binary.LittleEndian, "big-endian": binary.BigEndian}

// capture writes b to a file and returns its name.
func capture(t testing.TB, b []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.pcap")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// someFrames are frames of the sizes at which padding and windows differ.
func someFrames() (frames [][]byte) {
	for i := range 400 {
		frames = append(frames, frame(i, 1+i%7+i*20))
	}
	return frames
}

func TestClassic(t *testing.T) {
	frames := someFrames()
	for name, order := range orders {
		for _, magic := range []uint32{0xa1b2c3d4, 0xa1b23c4d} {
			m := maker{order: order}
			m.header(magic, 65535, 0x14000001) // Ethernet, with a note of 4 bytes of CRC
			for _, b := range frames {
				m.record(uint32(len(b)), uint32(len(b)), b)
			}
			got, err := all(t, reading(t, capture(t, m.b), 33, 0))
			if err != io.EOF {
				t.Errorf("%s, magic %#x: %v", name, magic, err)
			}
			same(t, got, frames)
		}
	}
}

func TestNg(t *testing.T) {
	frames := someFrames()
	for name, order := range orders {
		m := maker{order: order}
		m.section()
		m.block(10, func() { m.u32(1, 2, 3) }) // Decryption Secrets Block, skipped
		m.iface(1, 0)
		for i, b := range frames {
			n := uint32(len(b))
			switch i % 4 {
			case 0:
				m.enhanced(0, n, n, b)
			case 1:
				m.block(blockSimple, func() { m.u32(n); m.data(b) })
			case 2:
				m.block(blockPacket, func() { m.u16(0, 7); m.u32(0, 0, n, n); m.data(b) })
			case 3:
				m.enhanced(0, n, n, b)
				m.block(5, func() { m.u32(0, 0, 0) }) // Interface Statistics Block
				// A new section, in the other byte order.
				if m.order.String() == "BigEndian" {
					m.order = binary.LittleEndian
				} else {
					m.order = binary.BigEndian
				}
				m.section()
				m.iface(1, 262144)
			}
		}
		got, err := all(t, reading(t, capture(t, m.b), 33, 0))
		if err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
		same(t, got, frames)
	}
	// A section without any interface or packet is a capture too.
	m := maker{order: binary.LittleEndian}
	m.section()
	if got, err := all(t, reading(t, capture(t, m.b), 8, 0)); err != io.EOF || len(got) != 0 {
		t.Errorf("empty section: %d packets, %v", len(got), err)
	}
}

// pcapng as an independent implementation writes it.
func TestNgByOthers(t *testing.T) {
	frames := someFrames()
	var out bytes.Buffer
	w, err := pcapgo.NewNgWriter(&out, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range frames {
		ci := gopacket.CaptureInfo{Timestamp: time.Now(), CaptureLength: len(b), Length: len(b)}
		if err := w.WritePacketWithOptions(ci, b, pcapgo.NgPacketOptions{Comments: []string{"one", "another"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.WriteInterfaceStats(0, pcapgo.NgInterfaceStatistics{PacketsReceived: 7}); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	got, err := all(t, reading(t, capture(t, out.Bytes()), 0, 0))
	if err != io.EOF {
		t.Error(err)
	}
	same(t, got, frames)
}

// Frames that are cut or do not fit are counted, and only the others come.
func TestTruncated(t *testing.T) {
	var want [][]byte
	c, ng := maker{order: binary.LittleEndian}, maker{order: binary.LittleEndian}
	c.header(0xa1b2c3d4, 65535, 1)
	ng.section()
	ng.iface(1, 0)
	sizes := []int{60, 2112, 2113, 60, 9000, 200000, 1514}
	for i, n := range sizes {
		b := frame(i, n)
		c.record(uint32(n), uint32(n), b)
		ng.enhanced(0, uint32(n), uint32(n), b)
		c.record(uint32(n), uint32(n)+1, b) // snapped
		ng.enhanced(0, uint32(n), uint32(n)+1, b)
		if n <= 2112 {
			want = append(want, b)
		}
	}
	for _, b := range [][]byte{c.b, ng.b} {
		q := reading(t, capture(t, b), 0, 2048)
		if q.Ring().BufSize() != 2112 {
			t.Fatalf("buffers of %d bytes, the test wants 2112", q.Ring().BufSize())
		}
		got, err := all(t, q)
		if err != io.EOF {
			t.Error(err)
		}
		same(t, got, want)
		if n := q.Counters().Truncated.Load(); n != uint64(2*len(sizes)-len(want)) {
			t.Errorf("%d truncated, want %d", n, 2*len(sizes)-len(want))
		}
	}
	// A Simple Packet Block is cut by its interface's snap length.
	ng = maker{order: binary.BigEndian}
	ng.section()
	ng.iface(1, 100)
	for _, n := range []int{100, 101} {
		ng.block(blockSimple, func() { ng.u32(uint32(n)); ng.data(frame(n, 100)) })
	}
	q := reading(t, capture(t, ng.b), 0, 0)
	got, err := all(t, q)
	same(t, got, [][]byte{frame(100, 100)})
	if n := q.Counters().Truncated.Load(); n != 1 || err != io.EOF {
		t.Errorf("%d truncated, %v; want 1, EOF", n, err)
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var a, b runtime.MemStats
	runtime.ReadMemStats(&a)
	f()
	runtime.ReadMemStats(&b)
	return b.TotalAlloc - a.TotalAlloc
}

// hostile are captures that lie; each is followed by half a gigabyte of zeros,
// so that a reader which believes a length gets it filled.
var hostile = []struct {
	name   string
	make   func(c, ng *maker)
	before int    // packets that are good
	want   string // in the error
}{
	{"classic, caplen 4 GiB", func(c, _ *maker) { c.record(1<<32-1, 1<<32-1, nil) }, 2, "packet 3: its record claims 4294967295 bytes"},
	{"classic, caplen above the longest", func(c, _ *maker) { c.record(maxCapture+1, maxCapture+1, nil) }, 2, "packet 3: its record claims 262145"},
	{"classic, more than was on the wire", func(c, _ *maker) { c.record(61, 60, nil) }, 2, "packet 3: its record claims to hold 61 bytes of a packet of 60"},
	{"enhanced, block of 4 GiB", func(_, ng *maker) { ng.u32(6, 1<<32-4, 0, 0, 0, 1<<31, 1<<31) }, 2, "packet 3: its record claims 2147483648"},
	{"enhanced, caplen beyond its block", func(_, ng *maker) { ng.u32(6, 64, 0, 0, 0, 36, 36) }, 2, "packet 3: its block claims to hold 36 bytes and has room for 32"},
	{"enhanced, block too short", func(_, ng *maker) { ng.u32(6, 28, 0, 0, 0, 36, 36) }, 2, "claims 28 bytes"},
	{"block of no length", func(_, ng *maker) { ng.u32(99, 0, 0) }, 2, "claims 0 bytes"},
	{"block of an odd length", func(_, ng *maker) { ng.u32(99, 33, 0) }, 2, "claims 33 bytes"},
	{"no such interface", func(_, ng *maker) { ng.enhanced(1, 0, 0, nil) }, 2, "interface 1, and 1 are described"},
	{"simple packet in a section without interface", func(_, ng *maker) { ng.section(); ng.block(3, func() { ng.u32(0) }) }, 2, "interface 0, and 0 are"},
	{"a section's byte order", func(_, ng *maker) { ng.u32(blockSection, 28, 1, 2, 3, 4, 28) }, 2, "byte-order magic 01 00 00 00"},
	{"a section of 4 bytes", func(_, ng *maker) { ng.u32(blockSection, 4, 0x1a2b3c4d, 1, 0, 0, 0) }, 2, "section header claims 4 bytes"},
	{"a section of another version", func(_, ng *maker) { ng.u32(blockSection, 28, 0x1a2b3c4d, 2, 0, 0, 28) }, 2, "version 2.0"},
	{"link type in the middle", func(_, ng *maker) { ng.iface(113, 0) }, 2, "LINUX_SLL"},
	{"lengths that differ", func(_, ng *maker) { ng.u32(99, 12, 16) }, 2, "12 bytes by its first length and 16 by its last"},
	{"names of 256 MiB", func(_, ng *maker) { ng.u32(4, 1<<28) }, 2, "first length and 0 by its last"},
	{"secrets of 256 MiB", func(_, ng *maker) { ng.u32(10, 1<<28, 0, 1<<28-20) }, 2, "first length and 0 by its last"},
	{"a million comments in a packet", func(_, ng *maker) {
		ng.u32(6, 32+8<<20, 0, 0, 0, 0, 0)
		ng.b = append(ng.b, bytes.Repeat([]byte{1, 0, 1, 0, 'x', 0, 0, 0}, 1<<20)...)
		ng.u32(32 + 8<<20)
	}, 3, "claims 0 bytes"},
	{"a hundred thousand interfaces", func(_, ng *maker) {
		for range 100_000 {
			ng.iface(1, 0)
		}
	}, 2, "claims 0 bytes"},
}

// A capture that lies costs no more memory than one that does not, and what is
// good in it comes before the error.
func TestHostile(t *testing.T) {
	const bound = 64 << 10 // copies of the packets, and the error
	const zeros = 512 << 20
	for _, h := range hostile {
		c, ng := maker{order: binary.LittleEndian}, maker{order: binary.LittleEndian}
		c.header(0xa1b2c3d4, 1<<32-1, 1)
		ng.section()
		ng.iface(1, 0)
		for i := range 2 {
			b := frame(i, 60)
			c.record(60, 60, b)
			ng.enhanced(0, 60, 60, b)
		}
		cn, nn := len(c.b), len(ng.b)
		h.make(&c, &ng)
		b := ng.b
		if len(c.b) > cn {
			b = c.b
		} else if len(ng.b) == nn {
			t.Fatal("the test has added nothing")
		}
		file := capture(t, b)
		if err := os.Truncate(file, int64(len(b))+zeros); err != nil {
			t.Fatal(err)
		}
		var got [][]byte
		var err error
		q := reading(t, file, 8, 2048)
		n := allocated(func() { got, err = all(t, q) })
		if err == nil || !strings.Contains(err.Error(), h.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: error %v, want one with the file's name and %q", h.name, err, h.want)
		}
		if len(got) != h.before {
			t.Errorf("%s: %d packets before the error, want %d", h.name, len(got), h.before)
		}
		if n > bound {
			t.Errorf("%s: %d bytes allocated, want at most %d", h.name, n, bound)
		}
		if again := q.Sync(); again != err {
			t.Errorf("%s: the next Sync says %v", h.name, again)
		}
		q.Close()
	}
}

// A file may end anywhere: the packets that are whole come, and an end inside
// of one is an error that says in which.
func TestCut(t *testing.T) {
	c, ng := maker{order: binary.LittleEndian}, maker{order: binary.BigEndian}
	c.header(0xa1b23c4d, 65535, 1)
	ng.section()
	ng.iface(1, 0)
	starts := map[*maker][]int{}
	for i := range 3 {
		for _, m := range []*maker{&c, &ng} {
			starts[m] = append(starts[m], len(m.b))
		}
		c.record(62, 62, frame(i, 62))
		ng.enhanced(0, 62, 62, frame(i, 62))
	}
	for _, m := range []*maker{&c, &ng} {
		for n := starts[m][0]; n <= len(m.b); n++ {
			r, err := newReader("x", bytes.NewReader(m.b[:n]))
			if err != nil {
				t.Fatal(n, err)
			}
			buf := make([]byte, 100)
			packets := 0
			for err == nil {
				var k int
				if k, err = r.read(buf); err == nil {
					if !bytes.Equal(buf[:k], frame(packets, 62)) {
						t.Fatalf("cut at %d: packet %d is not what was written", n, packets+1)
					}
					packets++
				}
			}
			if n == len(m.b) || slices.Contains(starts[m], n) {
				if err != io.EOF {
					t.Errorf("cut at %d, between packets: %v", n, err)
				}
			} else if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut at %d, inside a packet: %v", n, err)
			}
		}
	}
}

// FuzzRead holds that no input makes the reader panic, hang, allocate beyond
// its window, or deliver bytes that are not there.
func FuzzRead(f *testing.F) {
	for _, h := range hostile {
		c, ng := maker{order: binary.LittleEndian}, maker{order: binary.LittleEndian}
		c.header(0xa1b23c4d, 65535, 1)
		ng.section()
		ng.iface(1, 0)
		c.record(60, 60, frame(0, 60))
		ng.enhanced(0, 60, 60, frame(0, 60))
		n := len(c.b)
		h.make(&c, &ng)
		if len(ng.b) < 1<<12 {
			f.Add(ng.b)
		}
		if len(c.b) > n {
			f.Add(c.b)
		}
	}
	buf := make([]byte, 2048)
	f.Fuzz(func(t *testing.T, b []byte) {
		var total, steps int
		n := allocated(func() {
			r, err := newReader("x", bytes.NewReader(b))
			for err == nil || err == errTruncated || err == errTooLong {
				var k int
				k, err = r.read(buf)
				total += k
				if steps++; steps > len(b) {
					t.Fatalf("%d packets in %d bytes", steps, len(b))
				}
			}
		})
		if total > len(b) {
			t.Fatalf("%d bytes delivered of %d", total, len(b))
		}
		if n > 2*window {
			t.Fatalf("%d bytes allocated for an input of %d", n, len(b))
		}
	})
}
