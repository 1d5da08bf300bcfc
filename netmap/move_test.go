package netmap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// feed plays the kernel on a receive ring: it adds packets of 1 to frags
// fragments, each fragment's bytes saying which packet and fragment it is.
func feed(r *Ring, packet *uint32, left *int, frags, max int) {
	h := r.Header()
	for range max {
		if r.Next(h.Tail) == h.Head {
			return
		}
		if *left == 0 {
			*left = 1 + rand.IntN(frags)
			*packet++
		}
		s := r.Slot(h.Tail)
		s.Len, s.Flags = 8, 0
		binary.BigEndian.PutUint64(r.Bytes(s), uint64(*packet)<<32|uint64(*left))
		if *left--; *left > 0 {
			s.Flags = MoreFrag
		}
		h.Tail = r.Next(h.Tail)
	}
}

// take plays the kernel on a transmit ring: it sends all that was handed over
// and returns it, checking that no packet was split.
func take(t *testing.T, r *Ring) (frags []uint64) {
	h := r.Header()
	for i := r.Next(h.Tail); i != h.Head; i = r.Next(i) {
		s := r.Slot(i)
		frags = append(frags, binary.BigEndian.Uint64(r.Bytes(s)))
		more := uint32(frags[len(frags)-1]) > 1
		if more != (s.Flags&MoreFrag != 0) {
			t.Fatalf("fragment %x has flags %x", frags[len(frags)-1], s.Flags)
		}
		if r.Next(i) == h.Head && more {
			t.Fatal("the last packet handed over is not whole")
		}
	}
	h.Tail = before(r, h.Head)
	return frags
}

func TestMoveKeepsPacketsWholeAndInOrder(t *testing.T) {
	for _, shared := range []bool{true, false} {
		for _, size := range [][2]int{{16, 16}, {17, 9}, {9, 31}} {
			m := newMemory(t, MemoryConfig{Slots: 32})
			n := m
			if !shared {
				n = newMemory(t, MemoryConfig{Slots: 32})
			}
			src, dst := newRing(t, m, RX, size[0]), newRing(t, n, TX, size[1])
			var packet uint32
			var left int
			want := uint64(1) << 32
			for range 20000 {
				feed(src, &packet, &left, 7, rand.IntN(20))
				max := rand.IntN(20)
				space := src.Space()
				moved, err := Move(dst, src, max)
				if err != nil {
					t.Fatalf("shared %v, %v: %v", shared, size, err)
				}
				if src.Space() != space-moved || moved > max+6 {
					t.Fatalf("moved %d of %d with a limit of %d, %d remain", moved, space, max, src.Space())
				}
				if rand.IntN(3) == 0 {
					for _, f := range take(t, dst) {
						// The last fragment of packet k is k<<32|1; after it
						// comes packet k+1 with any number of fragments.
						if f>>32 != want>>32 {
							t.Fatalf("packet %d, want %d", f>>32, want>>32)
						}
						if uint32(want) != 0 && uint32(f) != uint32(want) {
							t.Fatalf("fragment %d of packet %d, want %d", uint32(f), f>>32, uint32(want))
						}
						want = f - 1
						if uint32(f) == 1 {
							want = (f>>32 + 1) << 32
						}
					}
				}
			}
			if want>>32 < 1000 {
				t.Fatalf("only %d packets came through", want>>32)
			}
			if shared {
				seen := map[uint32]bool{}
				for _, r := range []*Ring{src, dst} {
					for i := range r.Slots() {
						seen[r.Slot(uint32(i)).BufIdx] = true
					}
				}
				if len(seen) != size[0]+size[1] {
					t.Fatal("a buffer is in two slots")
				}
			}
		}
	}
}

func TestMoveSaysTooLong(t *testing.T) {
	m := newMemory(t, MemoryConfig{Slots: 16, Rings: 4})
	fill := func(r *Ring, frags int) {
		for range frags {
			s := r.Slot(r.Header().Tail)
			s.Len, s.Flags = 8, MoreFrag
			r.Header().Tail = r.Next(r.Header().Tail)
		}
		r.Slot(before(r, r.Header().Tail)).Flags = 0
	}
	src, dst := newRing(t, m, RX, 16), newRing(t, m, TX, 4)
	fill(src, 1)
	fill(src, 4) // of 3 that dst can ever have
	if n, err := Move(dst, src, 100); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := Move(dst, src, 100); n != 0 || err != nil {
		t.Fatalf("dst has a packet to send first, so room may come: got %d, %v", n, err)
	}
	dst.Header().Tail = before(dst, dst.Head())
	if n, err := Move(dst, src, 100); n != 0 || !errors.Is(err, ErrTooLong) {
		t.Fatalf("4 fragments into a ring of 4 slots: %d, %v", n, err)
	}

	small := newRing(t, newMemory(t, MemoryConfig{BufSize: 64}), TX, 0)
	src = newRing(t, m, RX, 16)
	for range 3 {
		fill(src, 1)
	}
	src.Slot(1).Len = 65
	copy(src.Bytes(src.Slot(0)), "first")
	if n, err := Move(small, src, 100); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if !bytes.HasPrefix(small.Bytes(small.Slot(0)), []byte("first")) {
		t.Error("copied packet differs")
	}
	if n, err := Move(small, src, 100); n != 0 || !errors.Is(err, ErrTooLong) {
		t.Fatalf("65 bytes into buffers of 64: %d, %v", n, err)
	}
	src.Advance(1)
	if n, err := Move(small, src, 100); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

// BenchmarkMove forwards between two rings, touching each packet's first
// bytes, by swap (one memory) and by copy (two).
func BenchmarkMove(b *testing.B) {
	for _, mode := range []string{"swap", "copy"} {
		for _, c := range bursts {
			b.Run(mode+"/"+c.name, func(b *testing.B) {
				m := newMemory(b, MemoryConfig{})
				n := m
				if mode == "copy" {
					n = newMemory(b, MemoryConfig{})
				}
				src, dst := newRing(b, m, RX, 1024), newRing(b, n, TX, 1024)
				for _, r := range []*Ring{src, dst} {
					for i := range r.Slots() {
						r.Slot(uint32(i)).Len = 60
					}
				}
				hs, hd := src.Header(), dst.Header()
				start := time.Now()
				for i := 0; i < b.N; i += c.n {
					hs.Tail = (hs.Head + uint32(c.n)) % 1024
					hd.Tail = (hd.Head + uint32(c.n)) % 1024
					k, err := Move(dst, src, c.n)
					if k != c.n || err != nil {
						b.Fatal(k, err)
					}
				}
				b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(b.N), "ns/pkt")
			})
		}
	}
}

// BenchmarkSwap exchanges two rings' slots pairwise without anything else.
func BenchmarkSwap(b *testing.B) {
	m := newMemory(b, MemoryConfig{})
	x, y := newRing(b, m, RX, 1024), newRing(b, m, TX, 1024)
	start := time.Now()
	for i := 0; i < b.N; i += 512 {
		p, q := x.Slots()[:512], y.Slots()[:512]
		for j := range p {
			Swap(&p[j], &q[j])
		}
	}
	b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(b.N), "ns/pkt")
}

func TestSwapExchangesThePacketAndNothingElse(t *testing.T) {
	a := Slot{BufIdx: 0xfffffffe, Len: 0xabcd, Flags: MoreFrag | Report | Indirect | 0xff00, Ptr: 1<<63 + 5}
	b := Slot{BufIdx: 3, Len: 60, Flags: Forward, Ptr: 7}
	Swap(&a, &b)
	if a != (Slot{BufIdx: 3, Len: 60, Flags: BufChanged, Ptr: 7}) {
		t.Errorf("a is %+v", a)
	}
	if b != (Slot{BufIdx: 0xfffffffe, Len: 0xabcd, Flags: MoreFrag | BufChanged, Ptr: 1<<63 + 5}) {
		t.Errorf("b is %+v", b)
	}
	Swap(&a, &a)
	if a != (Slot{BufIdx: 3, Len: 60, Flags: BufChanged, Ptr: 7}) {
		t.Errorf("swapped with itself, a is %+v", a)
	}
}
func TestSkip(t *testing.T) {
	m := newMemory(t, MemoryConfig{Rings: 1, Slots: 8})
	r := newRing(t, m, RX, 8)
	h := r.Header()
	h.Head, h.Cur, h.Tail = 6, 6, 6
	arrive := func(flags ...SlotFlags) {
		for _, f := range flags {
			r.Slot(h.Tail).Flags = f
			h.Tail = r.Next(h.Tail)
		}
	}
	if n := r.Skip(); n != 0 || r.Head() != 6 {
		t.Errorf("skipped %d of nothing, head %d", n, r.Head())
	}
	arrive(MoreFrag, MoreFrag, 0, 0, MoreFrag)
	for _, want := range []struct {
		n    int
		head uint32
	}{{3, 1}, {1, 2}, {0, 2}} {
		if n := r.Skip(); n != want.n || r.Head() != want.head || r.Cur() != want.head {
			t.Errorf("skipped %d to head %d, cur %d; want %+v", n, r.Head(), r.Cur(), want)
		}
	}
}
