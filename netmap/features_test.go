package netmap

import (
	"errors"
	"testing"
	"time"
)

func TestSlotFlags(t *testing.T) {
	f := MoreFrag | BufChanged
	if g := f.WithPort(253); g.Port() != 253 || g.Fragments() != 253 || g&0xff != f || g.WithPort(0) != f {
		t.Errorf("flags %#x with port 253 are %#x", f, g)
	}
	if f.WithPort(1).WithPort(2).Port() != 2 {
		t.Error("a second port is added to the first")
	}
}

func TestTimestamp(t *testing.T) {
	r, err := newMemory(t, MemoryConfig{}).NewRing(RX, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Timestamp().IsZero() {
		t.Errorf("a ring that was never synced has time %v", r.Timestamp())
	}
	want := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	r.Header().TS = Timeval{Sec: want.Unix(), Usec: 6}
	if got := r.Timestamp(); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// offsetRings makes rings of two regions of which the second has offsets.
func offsetRings(t *testing.T) (plain, offset *Ring) {
	t.Helper()
	plain, err := newMemory(t, MemoryConfig{BufSize: 256}).NewRing(RX, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	m := newMemory(t, MemoryConfig{BufSize: 256})
	offset, err = m.NewRing(TX, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	offset.Header().OffsetMask = 1<<16 - 1
	return plain, m.ringAt(0)
}

func TestOffset(t *testing.T) {
	plain, ring := offsetRings(t)
	s := ring.Slot(0)
	s.Ptr = 1 << 20 // above the mask: the user's
	ring.SetOffset(s, 100)
	if ring.Offset(s) != 100 || s.Ptr != 1<<20+100 {
		t.Errorf("offset %d, ptr %#x", ring.Offset(s), s.Ptr)
	}
	if n := len(ring.Buffer(s)); n != ring.BufSize()-100 {
		t.Errorf("%d bytes of a buffer of %d after the offset", n, ring.BufSize())
	}
	ring.Buffer(s)[0] = 7
	s.Len = 1
	if b := ring.Bytes(s); b[0] != 7 {
		t.Error("Bytes and Buffer begin at different places")
	}
	p := plain.Slot(0)
	plain.SetOffset(p, 100)
	if plain.Offset(p) != 0 || p.Ptr != 0 {
		t.Errorf("a ring without offsets has offset %d, ptr %#x", plain.Offset(p), p.Ptr)
	}
}

// A packet that fits a buffer, but not what an offset leaves of it, is not cut.
func TestMoveHeedsOffset(t *testing.T) {
	src, dst := offsetRings(t)
	dst.SetOffset(dst.Slot(0), 200)
	s := src.Slot(0)
	s.Len = 200
	src.Header().Tail = 1
	if n, err := Move(dst, src, 1); n != 0 || !errors.Is(err, ErrTooLong) {
		t.Errorf("moved %d, %v", n, err)
	}
	dst.SetOffset(dst.Slot(0), 50)
	for i := range src.Bytes(s) {
		src.Bytes(s)[i] = byte(i)
	}
	if n, err := Move(dst, src, 1); n != 1 || err != nil {
		t.Fatalf("moved %d, %v", n, err)
	}
	if d := dst.Slot(0); dst.Offset(d) != 50 || string(dst.Bytes(d)) != string(src.Bytes(s)) {
		t.Errorf("the copy has offset %d and differs: %x", dst.Offset(d), dst.Bytes(d))
	}
}

func TestCanSwap(t *testing.T) {
	m, n := newMemory(t, MemoryConfig{}), newMemory(t, MemoryConfig{})
	a, _ := m.NewRing(RX, 0, 8)
	b, _ := m.NewRing(TX, 0, 8)
	c, _ := n.NewRing(TX, 0, 8)
	if !a.CanSwap(b) || a.CanSwap(c) {
		t.Errorf("of one region: %t, of two: %t", a.CanSwap(b), a.CanSwap(c))
	}
}

// Rings of one region, one of which has offsets: what begins at a buffer's start
// and is to begin there is swapped, all else copied, and a packet that does not
// fit stays as it was, with all its buffers.
func TestMoveMixedOffsets(t *testing.T) {
	m := newMemory(t, MemoryConfig{BufSize: 256, Slots: 8})
	src, err := m.NewRing(RX, 0, 8)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.NewRing(TX, 0, 8); err != nil {
		t.Fatal(err)
	}
	h := headerAt(m.region, m.ringSize)
	h.OffsetMask = 1<<16 - 1
	dst := m.ringAt(m.ringSize)
	if src.CanSwap(dst) {
		t.Fatal("rings with different offsets can swap")
	}
	dst.SetOffset(dst.Slot(1), 40)
	src.Slot(2).Ptr = 7 // no offset there, but it would be one in dst
	var bufs []uint32
	for i := range 3 {
		s := src.Slot(uint32(i))
		s.Len = 100
		for j := range src.Bytes(s) {
			src.Bytes(s)[j] = byte(i + j)
		}
		bufs = append(bufs, s.BufIdx)
	}
	src.Header().Tail = 3
	if n, err := Move(dst, src, 8); n != 3 || err != nil {
		t.Fatalf("moved %d, %v", n, err)
	}
	for i, swapped := range []bool{true, false, false} {
		d := dst.Slot(uint32(i))
		if (d.BufIdx == bufs[i]) != swapped {
			t.Errorf("slot %d was swapped %t, want %t", i, !swapped, swapped)
		}
		for j, b := range dst.Bytes(d) {
			if b != byte(i+j) {
				t.Fatalf("byte %d of slot %d is %d", j, i, b)
			}
		}
	}
	// A packet of two fragments: the first could be swapped, the second does not
	// fit behind its offset.
	src.Slot(3).Len, src.Slot(3).Flags = 50, MoreFrag
	src.Slot(4).Len = 250
	src.Header().Tail = 5
	dst.SetOffset(dst.Slot(4), 100)
	before := [4]uint32{src.Slot(3).BufIdx, src.Slot(4).BufIdx, dst.Slot(3).BufIdx, dst.Slot(4).BufIdx}
	if n, err := Move(dst, src, 8); n != 0 || !errors.Is(err, ErrTooLong) {
		t.Fatalf("moved %d, %v", n, err)
	}
	if after := [4]uint32{src.Slot(3).BufIdx, src.Slot(4).BufIdx, dst.Slot(3).BufIdx, dst.Slot(4).BufIdx}; after != before ||
		src.Slot(3).Flags&MoreFrag == 0 || src.Slot(3).Len != 50 {
		t.Errorf("buffers %d became %d; the packet's first slot is %+v", before, after, *src.Slot(3))
	}
}
