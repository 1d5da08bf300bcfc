package pcap

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// reading opens a file to read it, or fails the test.
func reading(t testing.TB, file string, slots, bufSize int) backend.Queue {
	t.Helper()
	rx, tx, _, err := Open(file, &backend.Options{RX: 1, Slots: slots, BufSize: bufSize})
	if err != nil {
		t.Fatal(err)
	}
	if len(rx) != 1 || len(tx) != 0 {
		t.Fatalf("%d receive and %d transmit queues, want 1 and 0", len(rx), len(tx))
	}
	return rx[0]
}

// writing opens a file to write it, or fails the test.
func writing(t testing.TB, file string, slots, bufSize int) backend.Queue {
	t.Helper()
	rx, tx, _, err := Open(file, &backend.Options{TX: 1, Slots: slots, BufSize: bufSize})
	if err != nil {
		t.Fatal(err)
	}
	if len(rx) != 0 || len(tx) != 1 {
		t.Fatalf("%d receive and %d transmit queues, want 0 and 1", len(rx), len(tx))
	}
	return tx[0]
}

// frame is n bytes that no other frame has.
func frame(i, n int) []byte {
	b := make([]byte, n)
	r := rand.NewPCG(uint64(i), uint64(n))
	for j := range b {
		b[j] = byte(r.Uint64())
	}
	return b
}

// put lays a frame into a transmit ring, in fragments if it must, and reports
// whether there was room.
func put(r *netmap.Ring, b []byte) bool {
	size := r.BufSize()
	n := max(1, (len(b)+size-1)/size)
	if r.Space() < n {
		return false
	}
	for i := range n {
		s := r.Slot(r.Head())
		part := b[i*size : min(len(b), (i+1)*size)]
		s.Len, s.Flags = uint16(copy(r.Buffer(s), part)), 0
		if i < n-1 {
			s.Flags = netmap.MoreFrag
		}
		r.Advance(1)
	}
	return true
}

// take returns copies of the first n packets of a receive ring.
func take(r *netmap.Ring, n int) (got [][]byte) {
	a, b := r.Burst(n)
	for _, run := range [][]netmap.Slot{a, b} {
		for i := range run {
			got = append(got, bytes.Clone(r.Bytes(&run[i])))
		}
	}
	r.Advance(len(got))
	return got
}

// all reads a queue to its end.
func all(t testing.TB, q backend.Queue) (got [][]byte, err error) {
	t.Helper()
	for {
		err := q.Sync()
		if err != nil && q.Ring().Space() > 0 {
			t.Fatalf("%v while %d packets are in the ring", err, q.Ring().Space())
		}
		if err != nil {
			return got, err
		}
		if q.Ring().Space() == 0 && q.Poll() != backend.Now {
			t.Fatalf("a Sync of a file gave nothing, no error, and waits for %+v", q.Poll())
		}
		got = append(got, take(q.Ring(), q.Ring().NumSlots())...)
	}
}

// write makes a capture file of the frames and closes it.
func write(t testing.TB, file string, frames [][]byte) {
	t.Helper()
	q := writing(t, file, 0, 0)
	for _, b := range frames {
		for !put(q.Ring(), b) {
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, got, want [][]byte) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("packet %d: %d bytes differ from the %d expected", i+1, len(got[i]), len(want[i]))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
}

// Frames of all sizes survive, through rings whose size fits nothing, with
// Syncs and returns at any moment, whole or in fragments.
func TestRoundTrip(t *testing.T) {
	var frames [][]byte
	var sum uint64
	for n := 1; n <= 9000; n++ {
		size := n
		if n%3 == 0 {
			size = 1 + n%1600
		}
		frames = append(frames, frame(n, size))
		sum += uint64(size)
	}
	for _, c := range []struct{ txSlots, txBuf, rxSlots, rxBuf int }{
		{7, 9100, 5, 9100},
		{2, 9100, 2, 9100},
		{61, 256, 1023, 16384},
		{0, 0, 0, 0},
	} {
		file := filepath.Join(t.TempDir(), "x.pcap")
		tx := writing(t, file, c.txSlots, c.txBuf)
		for _, b := range frames {
			for !put(tx.Ring(), b) {
				if err := tx.Sync(); err != nil {
					t.Fatal(err)
				}
				if left := tx.Ring().Pending(); left != 0 {
					t.Fatalf("%d slots pending after a Sync to a file", left)
				}
			}
			if rand.IntN(10) == 0 {
				if err := tx.Sync(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := tx.Sync(); err != nil {
			t.Fatal(err)
		}
		if n := tx.Counters().Packets.Load(); n != uint64(len(frames)) {
			t.Fatalf("%d packets counted, want %d", n, len(frames))
		}
		if n := tx.Counters().Bytes.Load(); n != sum {
			t.Fatalf("%d bytes counted, want %d", n, sum)
		}
		if err := tx.Close(); err != nil {
			t.Fatal(err)
		}

		rx := reading(t, file, c.rxSlots, c.rxBuf)
		var got [][]byte
		for {
			err := rx.Sync()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			r := rx.Ring()
			if len(got)+r.Space() < len(frames) && r.Space() != r.NumSlots()-1 {
				t.Fatalf("a Sync left %d of %d slots free", r.NumSlots()-1-r.Space(), r.NumSlots()-1)
			}
			got = append(got, take(r, 1+rand.IntN(r.Space()))...)
		}
		if rx.Ring().Space() != 0 {
			t.Fatal("io.EOF with packets in the ring")
		}
		if err := rx.Sync(); err != io.EOF {
			t.Fatalf("a Sync after io.EOF gave %v", err)
		}
		same(t, got, frames)
		if n := rx.Counters().Packets.Load(); n != uint64(len(frames)) {
			t.Fatalf("%d packets counted, want %d", n, len(frames))
		}
		if n := rx.Counters().Bytes.Load(); n != sum {
			t.Fatalf("%d bytes counted, want %d", n, sum)
		}
		if n := rx.Counters().Truncated.Load(); n != 0 {
			t.Fatalf("%d truncated, want none", n)
		}
		if err := rx.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	good := filepath.Join(dir, "good.pcap")
	write(t, good, [][]byte{frame(1, 60)})
	le := func(link byte) string {
		return "\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + strings.Repeat("\x00", 8) + "\xff\xff\x00\x00" + string([]byte{link}) + "\x00\x00\x00"
	}
	for _, c := range []struct {
		file   string
		rx, tx int
		want   string
		is     error
	}{
		{good, 1, 1, "Config{RX: 1}", nil},
		{good, 0, 0, "Config{TX: 1}", nil},
		{good, 2, 0, "one queue", nil},
		{good, 0, 2, "one queue", nil},
		{"", 1, 0, "missing: want pcap:FILE", nil},
		{dir + "/none", 1, 0, "none to read it: no such file", fs.ErrNotExist},
		{dir + "/none/x", 0, 1, "x to write it: no such file", fs.ErrNotExist},
		{dir, 1, 0, "is a directory", syscall.EISDIR},
		{dir, 0, 1, "is a directory", syscall.EISDIR},
		{file("empty", ""), 1, 0, "is empty", nil},
		{file("short", "\xd4\xc3"), 1, 0, "too short", io.ErrUnexpectedEOF},
		{file("header", le(1)[:23]), 1, 0, "ends within its file header", io.ErrUnexpectedEOF},
		{file("text", "hello, world"), 1, 0, "starts with 68 65 6c 6c", nil},
		{file("gz", "\x1f\x8b\x08\x00"), 1, 0, "gunzip", nil},
		{file("sll", le(113)), 1, 0, "LINUX_SLL", nil},
		{file("odd", le(212)), 1, 0, "LINKTYPE 212", nil},
		{file("version", "\xd4\xc3\xb2\xa1\x03\x00\x04\x00"+strings.Repeat("\x00", 16)), 1, 0, "version 3.4", nil},
	} {
		rx, tx, f, err := Open(c.file, &backend.Options{RX: c.rx, TX: c.tx})
		if err == nil || !strings.Contains(err.Error(), c.want) || c.file != "" && c.file != good && !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s, %d and %d queues: error %v, want one with %q", c.file, c.rx, c.tx, err, c.want)
		}
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: error %v is not %v", c.file, err, c.is)
		}
		if rx != nil || tx != nil || f != nil {
			t.Errorf("%s: queues or facts beside error %v", c.file, err)
		}
	}
	if rx := reading(t, good, 0, 0); rx.Close() != nil {
		t.Error("a refusal has harmed the file")
	}
}

// A refusal, or a Close, gives the ring's place in shared memory back.
func TestSharedMemory(t *testing.T) {
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 1, Slots: 8})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.pcap")
	for range 3 {
		if _, _, _, err := Open(file+"/none", &backend.Options{RX: 1, Memory: mem}); err == nil {
			t.Fatal("opened a file that is not there")
		}
		_, tx, f, err := Open(file, &backend.Options{TX: 1, Memory: mem})
		if err != nil {
			t.Fatal(err)
		}
		if f.MaxFrame != mem.BufSize() || f.Payload || tx[0].Ring().Memory() != mem {
			t.Fatalf("facts %+v: want frames up to %d, in the memory given", f, mem.BufSize())
		}
		if err := tx[0].Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Nothing is allocated once the queues are open.
func TestNoAllocs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	tx := writing(t, file, 64, 2048)
	defer tx.Close()
	const syncs = 500
	if n := testing.AllocsPerRun(syncs, func() {
		for range 32 {
			s := tx.Ring().Slot(tx.Ring().Head())
			s.Len, s.Flags = 600, 0
			tx.Ring().Advance(1)
		}
		if err := tx.Sync(); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("writing: %v allocations a Sync", n)
	}
	rx := reading(t, file, 33, 2048)
	defer rx.Close()
	if n := testing.AllocsPerRun(syncs, func() {
		rx.Ring().Advance(rx.Ring().Space())
		if err := rx.Sync(); err != nil || rx.Ring().Space() != 32 {
			t.Fatalf("%d packets, %v", rx.Ring().Space(), err)
		}
	}); n != 0 {
		t.Errorf("reading: %v allocations a Sync", n)
	}
}

// What a queue waits for, state by state.
func TestPoll(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	tx := writing(t, file, 8, 0)
	for i := range 7 {
		put(tx.Ring(), frame(i, 60))
	}
	if err := tx.Sync(); err != nil || tx.Poll() != backend.Never {
		t.Fatalf("writing: waits for %+v, want Never", tx.Poll())
	}
	tx.Close()
	rx := reading(t, file, 8, 0)
	defer rx.Close()
	if rx.Poll() != backend.Now {
		t.Errorf("before the first Sync: waits for %+v, want Now", rx.Poll())
	}
	if err := rx.Polled(0); err != nil || rx.Ring().Space() != 7 || rx.Poll() != backend.Never {
		t.Errorf("with a full ring (%d packets, %v): waits for %+v, want Never", rx.Ring().Space(), err, rx.Poll())
	}
	rx.Ring().Advance(7)
	if rx.Poll() != backend.Now {
		t.Errorf("with an empty ring: waits for %+v, want Now", rx.Poll())
	}
	if err := rx.Polled(0); err != io.EOF || rx.Poll() != backend.Now {
		t.Errorf("at the end (%v): waits for %+v, want Now", err, rx.Poll())
	}
}
