package pcap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A timed frame is what a Capture delivers.
type timed struct {
	frame []byte
	ns    int64
}

// rest reads a capture to its end, with room for frames of so many bytes.
func (c *Capture) rest(room int) (got []timed, err error) {
	buf := make([]byte, room)
	for {
		n, ns, err := c.Next(buf)
		if err != nil {
			return got, err
		}
		got = append(got, timed{bytes.Clone(buf[:n]), ns})
	}
}

func opened(t testing.TB, b []byte, strict bool) *Capture {
	t.Helper()
	c, err := OpenCapture(capture(t, b), strict)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func sameTimed(t *testing.T, what string, got, want []timed) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d frames, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !bytes.Equal(got[i].frame, want[i].frame) || got[i].ns != want[i].ns {
			t.Errorf("%s: frame %d has %d bytes at %d, want %d at %d", what, i+1, len(got[i].frame), got[i].ns, len(want[i].frame), want[i].ns)
		}
	}
}

func TestCaptureTimesOfClassicFiles(t *testing.T) {
	for name, order := range orders {
		for magic, unit := range map[uint32]int64{0xa1b2c3d4: 1000, 0xa1b23c4d: 1} {
			m := maker{order: order}
			m.header(magic, 65535, 1)
			var want []timed
			for i, at := range [][2]uint32{{0, 0}, {1700000000, 999999}, {math.MaxUint32, 5}, {7, math.MaxUint32}} {
				b := frame(i, 60+i)
				m.u32(at[0], at[1], uint32(len(b)), uint32(len(b)))
				m.b = append(m.b, b...)
				want = append(want, timed{b, int64(at[0])*1e9 + int64(at[1])*unit})
			}
			c := opened(t, m.b, true)
			for range 2 {
				got, err := c.rest(2000)
				if err != io.EOF {
					t.Errorf("%s: %v", name, err)
				}
				sameTimed(t, name, got, want)
				if err := c.Rewind(); err != nil {
					t.Fatal(err)
				}
			}
			if c.Size() != int64(len(m.b)) {
				t.Errorf("%d bytes, want %d", c.Size(), len(m.b))
			}
		}
	}
}

// described is an interface with options of its own.
func (m *maker) described(link uint16, options func()) {
	m.block(blockInterface, func() {
		m.u16(link, 0)
		m.u32(0)
		options()
	})
}

func (m *maker) option(code uint16, b ...byte) {
	m.u16(code, uint16(len(b)))
	m.data(b)
}

func (m *maker) at(iface uint32, ts uint64, b []byte) {
	m.block(blockEnhanced, func() {
		m.u32(iface, uint32(ts>>32), uint32(ts), uint32(len(b)), uint32(len(b)))
		m.data(b)
	})
}

func TestCaptureTimesOfPcapng(t *testing.T) {
	for name, order := range orders {
		m := maker{order: order}
		m.section()
		offset := make([]byte, 8)
		order.(binary.ByteOrder).PutUint64(offset, 100)
		before := make([]byte, 8)
		order.(binary.ByteOrder).PutUint64(before, math.MaxUint64-99) // -100
		m.described(1, func() {})
		m.described(1, func() { m.option(2, []byte("eth0")...); m.option(9, 9); m.option(0); m.option(9, 3) })
		m.described(1, func() { m.option(9, 0x80|10) })
		m.described(1, func() { m.option(14, offset...) })
		m.described(1, func() { m.option(9, 0); m.option(14, before...) })
		m.described(1, func() { m.option(9, 200); m.u16(9, 5000) }) // 2^-72, and an option that leads out
		b := frame(1, 61)
		var want []timed
		add := func(iface uint32, ts uint64, ns int64) {
			m.at(iface, ts, b)
			want = append(want, timed{b, ns})
		}
		add(0, 1234567, 1234567000)
		add(1, 1<<60+1, 1<<60+1)
		add(2, 1024*5+512, 5_500_000_000)
		m.block(blockSimple, func() { m.u32(61); m.data(b) })
		want = append(want, timed{b, 5_500_000_000}) // comes with the one before
		add(3, 1e6, 101e9)
		add(4, 100, 0)
		add(4, 99, -1e9)
		add(5, 1<<62, 500_000_000)
		add(0, math.MaxUint64, math.MaxInt64/2) // beyond what ns can say
		m.section()
		m.described(1, func() {})
		add(0, 7, 7000)
		got, err := opened(t, m.b, true).rest(100)
		if err != io.EOF {
			t.Errorf("%s: %v", name, err)
		}
		sameTimed(t, name, got, want)
	}
}

// What cannot be sent is counted by its kind, or an error that says why.
func TestCaptureSkips(t *testing.T) {
	m := maker{order: binary.LittleEndian}
	m.section()
	m.iface(113, 0) // of another link type
	m.iface(1, 0)
	good := frame(1, 60)
	bad := []struct {
		put  func(m *maker)
		says string
	}{
		{func(m *maker) { m.enhanced(0, 60, 60, good) }, "packet 2 of capture file FILE cannot be sent: it is of link type LINUX_SLL"},
		{func(m *maker) { m.enhanced(1, 60, 1514, good) }, "the capture holds only 60 of its 1514 bytes"},
		{func(m *maker) { m.enhanced(1, 1515, 1515, frame(1, 1515)) }, "it has 1515 bytes, and 1514 is the most"},
	}
	all := maker{order: binary.LittleEndian, b: bytes.Clone(m.b)}
	for _, b := range bad {
		one := maker{order: binary.LittleEndian, b: bytes.Clone(m.b)}
		one.enhanced(1, 60, 60, good)
		b.put(&one)
		b.put(&all)
		all.enhanced(1, 60, 60, good)
		c := opened(t, one.b, true)
		got, err := c.rest(1514)
		says := strings.ReplaceAll(b.says, "FILE", c.name)
		if len(got) != 1 || err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "packet 2 of") {
			t.Errorf("strict: %d frames, then %v; want one and %q", len(got), err, says)
		}
	}
	c := opened(t, all.b, false)
	got, err := c.rest(1514)
	if want := (Skipped{Truncated: 1, TooLong: 1, OtherLink: 1}); len(got) != 3 || err != io.EOF || c.Skipped != want {
		t.Errorf("%d frames, %v, %+v", len(got), err, c.Skipped)
	}

	// Of an interface beyond those that are told apart nothing is known.
	many := maker{order: binary.LittleEndian}
	many.section()
	for range maxIfaces + 1 {
		many.iface(1, 0)
	}
	many.enhanced(maxIfaces-1, 60, 60, good)
	many.enhanced(maxIfaces, 60, 60, good)
	got, err = opened(t, many.b, false).rest(100)
	if len(got) != 1 || err == nil || !strings.Contains(err.Error(), "interface 512, and no more than 512") {
		t.Errorf("%d frames, %v", len(got), err)
	}
}

func TestCaptureIsRefused(t *testing.T) {
	m := maker{order: binary.LittleEndian}
	m.header(0xa1b2c3d4, 65535, 101)
	if _, err := OpenCapture(capture(t, m.b), false); err == nil || !strings.Contains(err.Error(), "RAW") {
		t.Errorf("a file of IP packets: %v", err)
	}
	for name, want := range map[string]error{t.TempDir(): syscall.EISDIR, "/no/such/file": syscall.ENOENT} {
		if _, err := OpenCapture(name, false); !errors.Is(err, want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An empty FIFO is no end, and a FIFO has no way back.
func TestCaptureOfFIFO(t *testing.T) {
	name := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	m := maker{order: binary.LittleEndian}
	m.header(0xa1b2c3d4, 65535, 1)
	m.record(60, 60, frame(1, 60))
	writer := make(chan *os.File)
	go func() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
		}
		f.Write(m.b[:len(m.b)-1])
		writer <- f
	}()
	c, err := OpenCapture(name, true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f := <-writer
	defer f.Close()
	if got, err := c.rest(100); len(got) != 0 || err != ErrAgain || c.Size() != 0 {
		t.Fatalf("%d frames, %v, size %d", len(got), err, c.Size())
	}
	f.Write(m.b[len(m.b)-1:])
	time.Sleep(time.Millisecond)
	if got, err := c.rest(100); len(got) != 1 || err != ErrAgain {
		t.Fatalf("%d frames, %v", len(got), err)
	}
	f.Close()
	if got, err := c.rest(100); len(got) != 0 || err != io.EOF {
		t.Fatalf("at its end: %d frames, %v", len(got), err)
	}
	if err := c.Rewind(); !errors.Is(err, syscall.ESPIPE) {
		t.Errorf("back to the beginning: %v", err)
	}
}

func TestCaptureAllocatesNothing(t *testing.T) {
	m := maker{order: binary.LittleEndian}
	m.section()
	m.iface(1, 0)
	for range 1000 {
		m.enhanced(0, 600, 600, frame(1, 600))
	}
	c := opened(t, m.b, false)
	buf := make([]byte, 2048)
	loops := 0
	if n := testing.AllocsPerRun(5000, func() {
		_, _, err := c.Next(buf)
		if err == io.EOF {
			loops++
			err = c.Rewind()
		}
		if err != nil {
			t.Fatal(err)
		}
	}); n != 0 || loops < 4 {
		t.Errorf("%g allocations a frame, %d loops", n, loops)
	}
}

// FuzzCapture holds that no file makes a Capture panic, hang, allocate beyond
// its window, or deliver what is not there; and that it reads a file the same
// way twice.
func FuzzCapture(f *testing.F) {
	for _, h := range hostile {
		c, ng := maker{order: binary.LittleEndian}, maker{order: binary.LittleEndian}
		c.header(0xa1b2c3d4, 65535, 1)
		ng.section()
		ng.described(1, func() { ng.option(9, 9); ng.option(14, 1, 2, 3, 4, 5, 6, 7, 8) })
		ng.iface(113, 0)
		c.record(60, 60, frame(0, 60))
		ng.enhanced(0, 60, 60, frame(0, 60))
		ng.enhanced(1, 60, 60, frame(0, 60))
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
		type outcome struct {
			frames, bytes int
			times         uint64
			err           string
		}
		var runs [2]outcome
		n := allocated(func() {
			r, err := newLenient("x", bytes.NewReader(b))
			for i := range runs {
				o := &runs[i]
				steps := 0
				for err == nil || err == errTruncated || err == errTooLong || err == errOtherLink {
					var k int
					if k, err = r.read(buf); err == nil {
						o.frames, o.bytes = o.frames+1, o.bytes+k
						o.times = o.times*31 + uint64(r.time())
					}
					if steps++; steps > len(b)+1 {
						t.Fatalf("%d packets in %d bytes", steps, len(b))
					}
				}
				o.err = err.Error()
				err = r.restart(bytes.NewReader(b))
			}
		})
		if runs[0] != runs[1] {
			t.Fatalf("first %+v, then %+v", runs[0], runs[1])
		}
		if runs[0].bytes > len(b) {
			t.Fatalf("%d bytes delivered of %d", runs[0].bytes, len(b))
		}
		if n > 3*window {
			t.Fatalf("%d bytes allocated for an input of %d", n, len(b))
		}
	})
}
