package pcap_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// copyFile runs a worker that forwards one capture file into another.
func copyFile(t *testing.T, to, from string, mem *netmap.Memory) (in, out engine.Stats) {
	t.Helper()
	src, err := engine.Open("pcap:"+from, &engine.Config{RX: 1, Slots: 64, Memory: mem})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := engine.Open("pcap:"+to, &engine.Config{TX: 1, Slots: 16, Memory: mem})
	if err != nil {
		t.Fatal(err)
	}
	w := engine.Worker{
		In: src.RX(), Out: dst.TX(),
		Stage: engine.StageFunc(func(in, out []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
			n, err := netmap.Move(out[0], in[0], 1<<16)
			return n, false, err
		}),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if left, err := dst.TX()[0].Drain(0); left != 0 || err != nil {
		t.Fatalf("%d packets not written: %v", left, err)
	}
	if err := dst.Close(); err != nil {
		t.Fatal(err)
	}
	return src.RX()[0].Stats(), dst.TX()[0].Stats()
}

// The engine writes, copies (by swap and by copy) and reads capture files.
func TestEngine(t *testing.T) {
	const packets = 1000
	dir := t.TempDir()
	first := filepath.Join(dir, "first.pcap")
	p, err := engine.Open("pcap:"+first, &engine.Config{TX: 1})
	if err != nil {
		t.Fatal(err)
	}
	if i := p.Info(); i.Backend != "pcap" || i.Link != engine.Ethernet || i.MaxFrame < 9018 || len(p.RX()) != 0 {
		t.Errorf("info %+v", i)
	}
	q := p.TX()[0]
	for i := range packets {
		s := q.Ring().Slot(q.Ring().Head())
		s.Len, s.Flags = uint16(60+i), 0
		for j := range q.Ring().Bytes(s) {
			q.Ring().Bytes(s)[j] = byte(i * j)
		}
		q.Ring().Advance(1)
		if i%100 == 99 {
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.Sync(); !errors.Is(err, netmap.ErrClosed) {
		t.Errorf("Sync after Close: %v", err)
	}
	if s := q.Stats(); s.Packets != packets || s.Batches != 10 || s.Syncs < 10 {
		t.Errorf("stats %+v", s)
	}
	want, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}

	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Slots: 64})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*netmap.Memory{nil, mem, mem} {
		second := filepath.Join(dir, "second.pcap")
		in, out := copyFile(t, second, first, m)
		if in.Packets != packets || in.Packets != out.Packets || in.Bytes != out.Bytes || in.Truncated != 0 {
			t.Errorf("in %+v, out %+v", in, out)
		}
		got, err := os.ReadFile(second)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(zeroTimes(got), zeroTimes(want)) {
			t.Error("the copy is not the original")
		}
	}
}

// zeroTimes clears the records' times.
func zeroTimes(b []byte) []byte {
	b = bytes.Clone(b)
	for i := 24; i < len(b); {
		clear(b[i : i+8])
		i += 16 + int(b[i+8]) + int(b[i+9])<<8
	}
	return b
}

// Wait returns on a file at once, with packets or with the end.
func TestEngineWait(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	p, err := engine.Open("pcap:"+file, &engine.Config{TX: 1, Slots: 4})
	if err != nil {
		t.Fatal(err)
	}
	tx := p.TX()[0]
	tx.Ring().Slot(tx.Ring().Head()).Len = 60
	tx.Ring().Advance(1)
	if left, err := tx.Drain(0); left != 0 || err != nil {
		t.Fatal(left, err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if p, err = engine.Open("pcap:"+file, &engine.Config{RX: 1, Slots: 4}); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	rx := p.RX()[0]
	if err := rx.Wait(10 * time.Second); err != nil || rx.Ring().Space() != 1 {
		t.Fatalf("%d packets, %v", rx.Ring().Space(), err)
	}
	rx.Ring().Advance(1)
	if err := rx.Wait(10 * time.Second); err == nil || err.Error() != "EOF" {
		t.Fatalf("at the end: %v", err)
	}
}

// What a user who does not say the direction, or the right file, is told.
func TestEngineRefusals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.pcap")
	_, err := engine.Open("pcap:"+file, nil)
	if _, ok := errors.AsType[*netmap.OpError](err); !ok || !strings.Contains(err.Error(), "Config{RX: 1}") {
		t.Errorf("no direction: %v", err)
	}
	if _, serr := os.Stat(file); !errors.Is(serr, fs.ErrNotExist) {
		t.Errorf("a refusal has made the file")
	}
	_, err = engine.Open("pcap:"+file, &engine.Config{RX: 1})
	if _, ok := errors.AsType[*netmap.OpError](err); !ok || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
