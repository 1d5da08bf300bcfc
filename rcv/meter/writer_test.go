package meter

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

func capture(t *testing.T, name string) *engine.CaptureFile {
	t.Helper()
	f, err := engine.CreateCapture(name, engine.Info{Interface: "x"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close(nil) })
	return f
}

// frames reads a capture file.
func frames(t *testing.T, name string) (list [][]byte, times []int64) {
	t.Helper()
	c, err := engine.OpenCapture(name, true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for b := make([]byte, 1<<18); ; {
		n, ns, err := c.Next(b)
		if err == io.EOF {
			return list, times
		}
		if err != nil {
			t.Fatal(err)
		}
		list, times = append(list, slices.Clone(b[:n])), append(times, ns)
	}
}

func TestWriteGetsEveryPacket(t *testing.T) {
	for _, ext := range []string{"pcapng", "pcap"} {
		name := filepath.Join(t.TempDir(), "seen."+ext)
		begin := time.Now().UnixNano()
		s, _ := runFor(t, Config{Count: 1000, Write: capture(t, name)}, endless, endless)
		list, times := frames(t, name)
		if s.Packets != 1000 || len(list) != 1000 || s.Written != 1000 || s.WriteDrops != 0 {
			t.Fatalf("%d packets came, %d were written, %d by its word, %d dropped", s.Packets, len(list), s.Written, s.WriteDrops)
		}
		if slices.Min(times) < begin || slices.Max(times) > time.Now().UnixNano() {
			t.Errorf("times from %d to %d", slices.Min(times), slices.Max(times))
		}
		// They are what came: another meter finds the same in them.
		m, f := newStages(t, nil, 1), newFeed(t, 1024)
		for _, b := range list {
			f.put(b, 0)
		}
		f.process(t, m.stages[0])
		found := m.byID()
		for _, want := range s.Streams {
			if st := found[want.ID]; st.Distinct != want.Distinct || st.Reordered+st.Lost+st.Duplicates != 0 {
				t.Errorf("written %+v, received %+v", st, want)
			}
		}
	}
}

// A packet of several slots is one in the file, with the time of its last slot,
// also if it comes in several batches; one that no file can hold is a drop.
func TestWriteWholePackets(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	m, f := newStages(t, &Config{Write: capture(t, name)}, 1), newFeed(t, 512)
	go m.write.run()
	var want [][]byte
	put := func(at int64, flush bool, pieces ...int) {
		var whole []byte
		for i, n := range pieces {
			b := slices.Repeat([]byte{byte(len(want) + i)}, n)
			whole = append(whole, b...)
			slot, flags := f.ring.Slot(f.ring.Header().Tail), netmap.MoreFrag
			if i == len(pieces)-1 {
				flags = 0
			}
			f.put(b, flags)
			f.ring.Meta(slot).Time = at
			if flush {
				f.process(t, m.stages[0])
			}
		}
		want = append(want, whole)
	}
	put(100, false, 60)
	put(200, false, 100, 200, 300)
	put(300, true, 100, 0, 300)
	put(400, true, 0, 70)
	put(500, false, 0, 0)
	put(600, true, slices.Repeat([]int{2048}, 129)...)
	want = want[:len(want)-1]
	put(700, false, 61)
	f.process(t, m.stages[0])
	if err := m.write.finish(); err != nil {
		t.Fatal(err)
	}
	list, times := frames(t, name)
	if !slices.EqualFunc(list, want, slices.Equal) || !slices.Equal(times, []int64{100, 200, 300, 400, 500, 700}) {
		t.Errorf("%d frames at %v, want %d", len(list), times, len(want))
	}
	if w, d := m.write.counts(); w != 6 || d != 1 || m.Snapshot().WriteDrops != 1 {
		t.Errorf("%d written, %d dropped", w, d)
	}
}

// small makes the buffers small enough for a short test to fill them.
func small(t *testing.T) {
	before := buffered
	buffered = 256 << 10
	t.Cleanup(func() { buffered = before })
}

// fifo makes a named pipe, which read takes from.
func fifo(t *testing.T, read func(f *os.File)) *engine.CaptureFile {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Skip(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		f, err := os.Open(name)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		read(f)
	})
	t.Cleanup(wg.Wait)
	return capture(t, name)
}

// An output that takes nothing holds up no counting: what its buffers and the
// pipe do not hold is dropped, and counted.
func TestWriteThatTakesNothing(t *testing.T) {
	small(t)
	const n = 50_000 // 4.6 MB
	done := make(chan struct{})
	out := fifo(t, func(f *os.File) { <-done })
	begin := time.Now()
	s, _, err := tryRun(t, Config{Count: n, Write: out}, endless)
	close(done)
	if !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), fmt.Sprintf("the output took none for 3s, %d are not in it", s.WriteDrops)) {
		t.Errorf("%v", err)
	}
	if s.Packets != n || s.Written+s.WriteDrops != n || s.Written == 0 || s.WriteDrops < n/2 {
		t.Errorf("%d packets in %v, %d written, %d dropped", s.Packets, time.Since(begin), s.Written, s.WriteDrops)
	}
	var distinct uint64
	for _, st := range s.Streams {
		distinct += st.Distinct
	}
	if distinct != n {
		t.Errorf("%d distinct of %d", distinct, n)
	}
}

// A slow output loses some in the middle, and what it got is whole.
func TestWriteToSlowOutput(t *testing.T) {
	small(t)
	read := make(chan []byte, 1)
	out := fifo(t, func(f *os.File) {
		time.Sleep(300 * time.Millisecond)
		got, _ := io.ReadAll(f)
		read <- got
	})
	const n = 50_000
	s, _ := runFor(t, Config{Count: n, Write: out}, endless)
	if err := out.Close(&engine.CaptureTotals{Written: s.Written}); err != nil {
		t.Fatal(err)
	}
	got := <-read
	name := filepath.Join(t.TempDir(), "copy")
	if err := os.WriteFile(name, got, 0o600); err != nil {
		t.Fatal(err)
	}
	list, _ := frames(t, name)
	if uint64(len(list)) != s.Written || s.Written+s.WriteDrops != n {
		t.Errorf("%d in the file, %d written, %d dropped", len(list), s.Written, s.WriteDrops)
	}
}

// A reader that goes away ends the run with the kernel's word.
func TestWriteToClosedPipe(t *testing.T) {
	out := fifo(t, func(f *os.File) { io.ReadFull(f, make([]byte, 100)) })
	s, _, err := tryRun(t, Config{Write: out}, endless)
	if !errors.Is(err, unix.EPIPE) || s.Written+s.WriteDrops < 1 {
		t.Errorf("%v: %d written, %d dropped", err, s.Written, s.WriteDrops)
	}
}

// The first packets are shown, and then a few a second, whole.
func TestDump(t *testing.T) {
	var seen [][]byte
	begin := time.Now()
	_, d := runFor(t, Config{Duration: 450 * time.Millisecond, Dump: func(b []byte) { seen = append(seen, b) }}, endless, endless)
	most := dumpFirst + int(time.Since(begin)/dumpPause) + 1
	if len(seen) < dumpFirst || len(seen) > most {
		t.Errorf("%d shown in %v, want %d to %d", len(seen), d, dumpFirst, most)
	}
	for _, b := range seen {
		if len(b) != 60 {
			t.Errorf("one has %d bytes", len(b))
		}
	}
	seen = nil
	if runFor(t, Config{Count: 3, Dump: func(b []byte) { seen = append(seen, b) }}, endless); len(seen) != 3 {
		t.Errorf("%d of 3 shown", len(seen))
	}
}
