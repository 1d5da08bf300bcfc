package pcap

import (
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

func TestDevFull(t *testing.T) {
	if _, _, _, err := Open("/dev/full", &backend.Options{TX: 1}); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("open: %v, want ENOSPC", err)
	}
	file := filepath.Join(t.TempDir(), "x.pcap")
	q := writing(t, file, 8, 0).(*txQueue)
	defer q.Close()
	put(q.ring, frame(0, 60))
	put(q.ring, frame(1, 60))
	// From here on the disk is full, and then it is not.
	good := q.fd
	var err error
	if q.fd, err = unix.Open("/dev/full", unix.O_WRONLY, 0); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(q.fd)
	for range 2 {
		if err := q.Sync(); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("sync: %v, want ENOSPC", err)
		}
		if n := q.counters.Packets.Load(); n != 0 || q.ring.Pending() != 2 {
			t.Errorf("%d packets counted and %d slots pending, want 0 and 2", n, q.ring.Pending())
		}
		if q.Poll() != backend.Never {
			t.Errorf("waits for %+v", q.Poll())
		}
	}
	q.fd = good
	if err := q.Sync(); err != nil || q.counters.Packets.Load() != 2 || q.ring.Pending() != 0 {
		t.Errorf("with space again: %v, %d packets, %d slots pending", err, q.counters.Packets.Load(), q.ring.Pending())
	}
	got, err := all(t, reading(t, file, 0, 0))
	if err != io.EOF {
		t.Error(err)
	}
	same(t, got, [][]byte{frame(0, 60), frame(1, 60)})
}

// On a small file system the counters say exactly what the file holds, and the
// file that remains is whole.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	type result struct {
		skip string
		err  error
		got  [][]byte
		n    uint64
		left int
	}
	done := make(chan result, 1)
	go func() {
		// The thread ends with the goroutine, and its namespace and mount with it.
		runtime.LockOSThread()
		var res result
		defer func() { done <- res }()
		err := unix.Unshare(unix.CLONE_NEWNS)
		if err == nil {
			err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
		}
		if err == nil {
			err = unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k")
		}
		if err != nil {
			res.skip = "a small tmpfs needs root: " + err.Error()
			return
		}
		file := filepath.Join(dir, "x.pcap")
		_, tx, _, err := Open(file, &backend.Options{TX: 1, Slots: 128})
		if err != nil {
			res.err = err
			return
		}
		for i := range 100 {
			put(tx[0].Ring(), frame(i, 1000))
		}
		res.err = tx[0].Sync()
		res.n, res.left = tx[0].Counters().Packets.Load(), tx[0].Ring().Pending()
		if err := tx[0].Close(); err != nil {
			t.Error(err)
		}
		rx, _, _, err := Open(file, &backend.Options{RX: 1, Slots: 128})
		if err != nil {
			t.Error(err)
			return
		}
		err = rx[0].Sync()
		res.got = take(rx[0].Ring(), 128)
		if err == nil {
			err = rx[0].Sync()
		}
		if err != io.EOF {
			t.Errorf("the file that a full disk left ends with %v, want EOF", err)
		}
		rx[0].Close()
	}()
	res := <-done
	if res.skip != "" {
		skip(t, res.skip)
	}
	if !errors.Is(res.err, unix.ENOSPC) {
		t.Fatalf("%v, want ENOSPC", res.err)
	}
	// 64 KiB hold the file header and 64 records of 1016 bytes, and no 65th.
	if res.n != 64 || res.left != 36 {
		t.Errorf("%d packets counted and %d left, want 64 and 36", res.n, res.left)
	}
	var want [][]byte
	for i := range res.n {
		want = append(want, frame(int(i), 1000))
	}
	same(t, res.got, want)
}

// When the disk is full, the file ends with a whole record, and the writer says
// how many are in it and why no more.
func TestWriterOnFullDisk(t *testing.T) {
	for _, file := range both {
		name := filepath.Join(t.TempDir(), file)
		w, err := Create(name, "x", false)
		if err != nil {
			t.Fatal(err)
		}
		var buf []byte
		want := timedFrames(200)
		for _, f := range want {
			buf = w.Append(buf, f.ns, f.b)
		}
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		low := limit
		low.Cur = uint64(len(buf)) / 2
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &low); err != nil {
			t.Fatal(err)
		}
		n, err := w.Write(buf) // EFBIG; Go ignores SIGXFSZ
		unix.Setrlimit(unix.RLIMIT_FSIZE, &limit)
		if !errors.Is(err, unix.EFBIG) || n == 0 || n >= len(want) {
			t.Fatalf("%d records written: %v", n, err)
		}
		if err := w.Close(nil); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCapture(name, true)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		big := make([]byte, 1<<16)
		asWritten(t, want[:n], func() ([]byte, gopacket.CaptureInfo, error) {
			n, ns, err := c.Next(big)
			return big[:n], gopacket.CaptureInfo{Timestamp: time.Unix(0, ns), Length: n}, err
		})
	}
}
