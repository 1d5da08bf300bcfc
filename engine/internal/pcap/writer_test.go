package pcap

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/sys/unix"
)

// written is a frame and its time.
type written struct {
	ns int64
	b  []byte
}

func timedFrames(n int) (list []written) {
	r := rand.New(rand.NewPCG(8, 9))
	for i := range n {
		b := make([]byte, []int{0, 1, 13, 14, 60, 61, 62, 63, 1514, 9000, 65535}[r.IntN(11)])
		for k := range b {
			b[k] = byte(r.Uint32())
		}
		list = append(list, written{1_800_000_000_123_456_789 + int64(i)*1_000_003, b})
	}
	return list
}

// both are the formats by the names' ends.
var both = []string{"f.pcapng", "f.pcap"}

func TestWriterIsReadByOthers(t *testing.T) {
	want := timedFrames(300)
	for _, file := range both {
		name := filepath.Join(t.TempDir(), file)
		w, err := Create(name, "veth7", false)
		if err != nil {
			t.Fatal(err)
		}
		var buf []byte
		for i, f := range want {
			before := len(buf)
			if buf = w.Append(buf, f.ns, f.b); len(buf)-before != w.Size(len(f.b)) {
				t.Fatalf("%d bytes for a frame of %d, and Size says %d", len(buf)-before, len(f.b), w.Size(len(f.b)))
			}
			if i%7 == 0 || i == len(want)-1 {
				n, err := w.Write(buf)
				if err != nil || n != w.Records(buf) || w.Taken() == 0 {
					t.Fatalf("%d of %d records written: %v", n, w.Records(buf), err)
				}
				buf = buf[:0]
			}
		}
		begin := time.Now()
		if err := w.Close(&Totals{Received: 310, OSDrops: 7, Written: 300, Comment: "3 more"}); err != nil {
			t.Fatal(err)
		}
		if file == "f.pcap" {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r, err := pcapgo.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			asWritten(t, want, r.ReadPacketData)
		} else {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r, err := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions)
			if err != nil {
				t.Fatal(err)
			}
			asWritten(t, want, r.ReadPacketData)
			i, err := r.Interface(0)
			st := i.Statistics
			if err != nil || i.Name != "veth7" || i.TimestampResolution != 9 || st.PacketsReceived != 310 || st.Comment != "3 more" ||
				st.LastUpdate.Before(begin.Add(-time.Minute)) || st.LastUpdate.After(begin.Add(time.Minute)) || st.EndTime.Before(st.StartTime) {
				t.Errorf("interface %+v, %v", i, err)
			}
		}
		// Ours reads it as well, with its times.
		c, err := OpenCapture(name, true)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		big := make([]byte, 1<<16)
		asWritten(t, want, func() ([]byte, gopacket.CaptureInfo, error) {
			n, ns, err := c.Next(big)
			return big[:n], gopacket.CaptureInfo{Timestamp: time.Unix(0, ns), CaptureLength: n, Length: n}, err
		})
	}
}

func asWritten(t *testing.T, want []written, next func() ([]byte, gopacket.CaptureInfo, error)) {
	t.Helper()
	for i, f := range want {
		b, ci, err := next()
		if err != nil || !bytes.Equal(b, f.b) || ci.Timestamp.UnixNano() != f.ns || ci.Length != len(f.b) {
			t.Fatalf("frame %d: %d bytes at %v, %v; want %d at %d", i, len(b), ci.Timestamp.UnixNano(), err, len(f.b), f.ns)
		}
	}
	if _, _, err := next(); err != io.EOF {
		t.Fatalf("behind the last: %v", err)
	}
}

func TestWriterRefuses(t *testing.T) {
	if _, err := Create("/no/such/dir/f", "x", false); !errors.Is(err, unix.ENOENT) {
		t.Error(err)
	}
	w, err := Create(filepath.Join(t.TempDir(), "f"), "x", true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close(nil)
	if n := w.Size(maxCapture + 1); n != 0 {
		t.Errorf("%d bytes for a frame that is too long", n)
	}
	if n := w.Size(maxCapture); n != maxCapture+ngOverhead {
		t.Errorf("%d bytes for the longest frame", n)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	for _, file := range both {
		w, err := Create(filepath.Join(t.TempDir(), file), "x", false)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close(nil)
		buf, b := make([]byte, 0, 1<<16), make([]byte, 61)
		if n := testing.AllocsPerRun(100, func() { buf = w.Append(buf[:0], 1, b) }); n != 0 {
			t.Errorf("%s: %g allocations", file, n)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{60, 1514} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			w, err := Create(filepath.Join(b.TempDir(), "f"), "x", false)
			if err != nil {
				b.Fatal(err)
			}
			defer w.Close(nil)
			buf, frame := make([]byte, 0, 1<<20), slices.Repeat([]byte{1}, size)
			n := 0
			for b.Loop() {
				if cap(buf)-len(buf) < 2048 {
					buf = buf[:0]
				}
				buf = w.Append(buf, int64(n), frame)
				n++
			}
		})
	}
}

// A queue that reads a file has the times beside its buffers.
func TestQueueHasTheTimes(t *testing.T) {
	for _, file := range both {
		name := filepath.Join(t.TempDir(), file)
		w, err := Create(name, "x", false)
		if err != nil {
			t.Fatal(err)
		}
		var buf []byte
		for i := range 10 {
			buf = w.Append(buf, 1_800_000_000_000_000_007+int64(i), make([]byte, 60+i))
		}
		if _, err := w.Write(buf); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(nil); err != nil {
			t.Fatal(err)
		}
		q := reading(t, name, 16, 0)
		defer q.Close()
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		r := q.Ring()
		if r.Space() != 10 {
			t.Fatalf("%d packets", r.Space())
		}
		for i := range 10 {
			s := r.Slot(uint32(i))
			if m := r.Meta(s); m.Time != 1_800_000_000_000_000_007+int64(i) || int(s.Len) != 60+i {
				t.Errorf("packet %d: %d bytes at %d", i, s.Len, m.Time)
			}
		}
	}
}
