package pcap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/pcapgo"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// skip skips a test for want of something, which is a failure where skips are
// forbidden.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("RINGWALK_NO_SKIP") != "" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// An independent implementation reads what was written, with its times.
func TestReadByOthers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	frames := someFrames()
	before := time.Now()
	write(t, file, frames)
	after := time.Now()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if r.Snaplen() != 262144 || r.LinkType() != 1 {
		t.Errorf("snap length %d, link type %v", r.Snaplen(), r.LinkType())
	}
	var got [][]byte
	for {
		b, ci, err := r.ReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if ci.Timestamp.Before(before.Round(0)) || ci.Timestamp.After(after.Round(0)) || ci.Length != len(b) {
			t.Fatalf("packet %d: %+v", len(got)+1, ci)
		}
		got = append(got, b)
	}
	same(t, got, frames)
}

func TestTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		skip(t, "tshark is not installed: apt-get install tshark")
	}
	file := filepath.Join(t.TempDir(), "x.pcap")
	frames := someFrames()
	write(t, file, frames)
	out, err := exec.Command("tshark", "-n", "-r", file, "-T", "fields", "-e", "frame.encap_type", "-e", "frame.len", "-e", "frame.cap_len").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != len(frames) {
		t.Fatalf("tshark sees %d frames, want %d", len(lines), len(frames))
	}
	for i, line := range lines {
		if want := fmt.Sprintf("1\t%d\t%[1]d", len(frames[i])); line != want {
			t.Fatalf("tshark says of frame %d: %q, want %q", i+1, line, want)
		}
	}
}

// What no file can hold is refused, after what came before it was written.
func TestTooLong(t *testing.T) {
	short := frame(0, 60)
	fill := func(r *netmap.Ring, n int) {
		for range n {
			s := r.Slot(r.Head())
			s.Len, s.Flags = uint16(r.BufSize()), netmap.MoreFrag
			r.Advance(1)
		}
	}
	for _, c := range []struct {
		name       string
		slots, buf int
		lay        func(r *netmap.Ring)
	}{
		{"beyond the snap length", 512, 1024, func(r *netmap.Ring) { fill(r, 300) }},
		{"ring full of one packet", 8, 1024, func(r *netmap.Ring) { fill(r, 7) }},
		{"longer than its buffer", 8, 1024, func(r *netmap.Ring) { r.Slot(r.Head()).Len = 5000; r.Advance(1) }},
	} {
		file := filepath.Join(t.TempDir(), "x.pcap")
		q := writing(t, file, c.slots, c.buf)
		put(q.Ring(), short)
		if c.slots == 8 {
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		c.lay(q.Ring())
		for range 2 {
			if err := q.Sync(); !errors.Is(err, netmap.ErrTooLong) {
				t.Errorf("%s: %v, want ErrTooLong", c.name, err)
			}
		}
		if n := q.Counters().Packets.Load(); n != 1 {
			t.Errorf("%s: %d packets written, want 1", c.name, n)
		}
		q.Close()
		got, err := all(t, reading(t, file, 0, 0))
		if err != io.EOF {
			t.Errorf("%s: %v", c.name, err)
		}
		same(t, got, [][]byte{short})
	}
}

// A packet whose end is not there yet waits for it.
func TestFragmentsToCome(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	q := writing(t, file, 16, 64)
	long := frame(1, 300)
	for i := range 5 {
		r := q.Ring()
		s := r.Slot(r.Head())
		s.Len, s.Flags = uint16(copy(r.Buffer(s), long[60*i:60*i+60])), netmap.MoreFrag
		if i == 4 {
			s.Flags = 0
		}
		r.Advance(1)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		if want := uint64(i / 4); q.Counters().Packets.Load() != want || i < 4 && q.Ring().Pending() != i+1 {
			t.Fatalf("after %d fragments: %d packets, %d slots pending", i+1, q.Counters().Packets.Load(), q.Ring().Pending())
		}
	}
	q.Close()
	got, _ := all(t, reading(t, file, 0, 0))
	same(t, got, [][]byte{long})
}

// A FIFO that is full keeps what it has, and the writer goes on at the very
// byte; one that is empty does not end the reader. Neither waits.
func TestFIFO(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	opened := make(chan backend.Queue)
	go func() {
		rx, _, _, err := Open(fifo, &backend.Options{RX: 1, Slots: 32})
		if err != nil {
			t.Error(err)
			opened <- nil
			return
		}
		opened <- rx[0]
	}()
	tx := writing(t, fifo, 128, 2048)
	rx := <-opened
	if rx == nil {
		return
	}
	defer rx.Close()
	if err := rx.Sync(); err != nil || rx.Ring().Space() != 0 {
		t.Fatalf("empty FIFO: %d packets, %v", rx.Ring().Space(), err)
	}
	if w := rx.Poll(); w.FD < 0 || w.Events != unix.POLLIN || w.After >= 0 {
		t.Fatalf("empty FIFO: the reader waits for %+v", w)
	}
	var frames, got [][]byte
	full := 0
	for len(got) < 5000 {
		for len(frames) < 5000 {
			b := frame(len(frames), 1+len(frames)%1999)
			if !put(tx.Ring(), b) {
				break
			}
			frames = append(frames, b)
		}
		if err := tx.Sync(); err != nil {
			t.Fatal(err)
		}
		if tx.Ring().Pending() > 0 {
			full++
			if w := tx.Poll(); w.FD < 0 || w.Events != unix.POLLOUT || w.After >= 0 {
				t.Fatalf("full FIFO: the writer waits for %+v", w)
			}
		}
		for {
			if err := rx.Sync(); err != nil {
				t.Fatal(err)
			}
			p := take(rx.Ring(), 1+len(got)%32)
			got = append(got, p...)
			if len(p) == 0 || full%3 == 0 {
				break
			}
		}
		if sent := tx.Counters().Packets.Load(); sent < uint64(len(got)) {
			t.Fatalf("%d packets read, %d counted as written", len(got), sent)
		}
	}
	same(t, got, frames)
	if full == 0 || tx.Counters().Backpressure.Load() == 0 {
		t.Error("the FIFO was never full: the test has tested nothing")
	}
	if tx.Counters().Packets.Load() != 5000 {
		t.Errorf("%d packets counted, want 5000", tx.Counters().Packets.Load())
	}
	if err := tx.Close(); err != nil {
		t.Fatal(err)
	}
	if err := rx.Sync(); err != io.EOF {
		t.Errorf("after the writer's Close: %v, want EOF", err)
	}
}

// A reader that goes away is an error, not the process's end.
func TestBrokenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	q := writing(t, filepath.Join(t.TempDir(), "x"), 0, 0).(*txQueue)
	unix.Close(q.fd)
	if q.fd, err = unix.Dup(int(w.Fd())); err != nil {
		t.Fatal(err)
	}
	r.Close()
	put(q.ring, frame(0, 60))
	if err := q.Sync(); !errors.Is(err, unix.EPIPE) {
		t.Errorf("%v, want EPIPE", err)
	}
	q.Close()
}

// Endless junk does not hold up the queue's owner.
func TestPatience(t *testing.T) {
	m := maker{order: binary.LittleEndian}
	m.section()
	m.iface(1, 0)
	m.block(99, func() { m.b = append(m.b, make([]byte, 1<<16)...) })
	junk := m.b[len(m.b)-(1<<16+12):]
	file := capture(t, m.b)
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	chunk := bytes.Repeat(junk, 64)
	for range 20 { // 80 MiB
		if _, err := f.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	end := maker{order: binary.LittleEndian}
	end.enhanced(0, 60, 60, frame(0, 60))
	if _, err := f.Write(end.b); err != nil {
		t.Fatal(err)
	}
	q := reading(t, file, 8, 0)
	defer q.Close()
	syncs := 0
	for q.Ring().Space() == 0 {
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		if syncs++; q.Ring().Space() == 0 && q.Poll() != backend.Now {
			t.Fatalf("impatient queue waits for %+v", q.Poll())
		}
	}
	if syncs < 2 {
		t.Error("one Sync has read 80 MiB of junk")
	}
	same(t, take(q.Ring(), 8), [][]byte{frame(0, 60)})
}
