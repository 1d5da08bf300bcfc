package netmap

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

func newRing(t testing.TB, m *Memory, dir Dir, n int) *Ring {
	t.Helper()
	r, err := m.NewRing(dir, 0, n)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newMemory(t testing.TB, c MemoryConfig) *Memory {
	t.Helper()
	m, err := NewMemory(&c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestNewRingIsTheKernels(t *testing.T) {
	m := newMemory(t, MemoryConfig{Rings: 2, Slots: 7, BufSize: 100})
	tx, rx := newRing(t, m, TX, 7), newRing(t, m, RX, 5)
	if tx.Space() != 6 || tx.Pending() != 0 || rx.Space() != 0 {
		t.Errorf("new rings have space %d (pending %d) and %d, want 6 (0) and 0", tx.Space(), tx.Pending(), rx.Space())
	}
	if tx.BufSize() != 192 {
		t.Errorf("buffer of %d bytes, want 100 rounded up to 192, an odd number of cache lines", tx.BufSize())
	}
	seen := map[uint32]bool{0: true, 1: true}
	for _, r := range []*Ring{tx, rx} {
		for i := range r.Slots() {
			s := r.Slot(uint32(i))
			if seen[s.BufIdx] {
				t.Fatalf("buffer %d is reserved or in two slots", s.BufIdx)
			}
			seen[s.BufIdx] = true
			// The C macro NETMAP_BUF must find the same bytes.
			s.Len = 3
			copy(r.Bytes(s), "abc")
			ofs := m.ringSize*map[*Ring]int{tx: 0, rx: 1}[r] + int(r.Header().BufOfs) + int(s.BufIdx)*int(r.Header().BufSize)
			if string(m.region[ofs:ofs+3]) != "abc" {
				t.Fatal("Bytes is not at header + buf_ofs + index*buf_size")
			}
		}
	}
}

func TestRunsAndAdvanceAroundTheRing(t *testing.T) {
	for _, n := range []int{2, 3, 5, 256, 1024} {
		r := newRing(t, newMemory(t, MemoryConfig{Rings: 1, Slots: n}), RX, n)
		h := r.Header()
		var next, made uint32 // what the user expects, what the kernel wrote
		for range 20000 {
			for k := rand.IntN(n); k > 0 && r.Next(h.Tail) != h.Head; k-- {
				r.Slot(h.Tail).Ptr = uint64(made)
				made++
				h.Tail = r.Next(h.Tail)
			}
			if r.Space() != int(made-next) {
				t.Fatalf("space %d, want %d", r.Space(), made-next)
			}
			limit := rand.IntN(n + 2)
			a, b := r.Burst(limit)
			if got, want := len(a)+len(b), min(limit, r.Space()); got != want {
				t.Fatalf("Burst(%d) of %d gave %d slots", limit, r.Space(), got)
			}
			for _, run := range [][]Slot{a, b} {
				for i := range run {
					if run[i].Ptr != uint64(next) {
						t.Fatalf("slot holds %d, want %d", run[i].Ptr, next)
					}
					next++
				}
			}
			from := h.Head
			r.Advance(len(a) + len(b))
			if err := r.Check(from); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestCheckFindsEveryIllegalRing(t *testing.T) {
	const n = 5
	r := newRing(t, newMemory(t, MemoryConfig{Rings: 1, Slots: n}), RX, n)
	h := r.Header()
	dist := func(a, b uint32) uint32 { return (b + n - a) % n }
	for x := range uint32(n * n * n * n) {
		from, head, cur, tail := x%n, x/n%n, x/n/n%n, x/n/n/n
		h.Head, h.Cur, h.Tail = head, cur, tail
		legal := dist(from, head) <= dist(from, cur) && dist(from, cur) <= dist(from, tail)
		if err := r.Check(from); (err == nil) != legal || err != nil && !errors.Is(err, ErrRing) {
			t.Fatalf("from %d head %d cur %d tail %d: legal %v, got %v", from, head, cur, tail, legal, err)
		}
	}
	h.Head, h.Cur, h.Tail = 0, 0, 3
	for _, beyond := range []int{4, 5, 6, 1000, 1 << 40, -1, -5} {
		h.Head, h.Cur = 0, 0
		r.Advance(beyond)
		if !errors.Is(r.Check(0), ErrRing) {
			t.Errorf("Advance(%d) past a space of 3 went unnoticed", beyond)
		}
	}
}

func TestCorruptIndexPanics(t *testing.T) {
	m := newMemory(t, MemoryConfig{Rings: 1, Slots: 8})
	r := newRing(t, m, RX, 8)
	for _, s := range []Slot{{BufIdx: 1 << 31, Len: 1}, {BufIdx: uint32(m.numBufs), Len: 60}, {BufIdx: uint32(m.numBufs - 1), Len: 4096}, {BufIdx: 1<<32 - 1, Len: 65535, Ptr: 1<<64 - 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Bytes of %+v did not panic", s)
				}
			}()
			_ = r.Bytes(&s)
		}()
	}
}

func TestMemoryGivesAndTakesBack(t *testing.T) {
	m := newMemory(t, MemoryConfig{Rings: 2, Slots: 16, Extra: 4})
	for range 1000 {
		a, b := newRing(t, m, TX, 16), newRing(t, m, RX, 9)
		if _, err := m.NewRing(RX, 0, 4); err == nil {
			t.Fatal("a third ring in a memory for two")
		}
		p, err := m.NewPool(4)
		if err != nil {
			t.Fatal(err)
		}
		Swap(a.Slot(3), b.Slot(8))
		i, _ := p.Get()
		if !p.Put(i) || p.Put(i) || p.Put(0) {
			t.Fatal("Put must take what Get gave, once, and nothing else")
		}
		p.Close()
		m.FreeRing(a)
		m.FreeRing(b)
		m.FreeRing(b)
	}
	seen := map[uint32]bool{}
	for _, i := range m.free {
		if seen[i] {
			t.Fatalf("buffer %d is free twice", i)
		}
		seen[i] = true
	}
	if len(seen) != 2*16+4 {
		t.Fatalf("%d buffers are free, want all %d", len(seen), 2*16+4)
	}
	for _, c := range []MemoryConfig{{Slots: 1}, {Slots: 1 << 17}, {BufSize: 1}, {BufSize: 1 << 20}, {Rings: -1}, {Extra: -1}} {
		if _, err := NewMemory(&c); err == nil {
			t.Errorf("NewMemory took %+v", c)
		}
	}
	for _, n := range []int{-1, 1, 17} {
		if _, err := m.NewRing(TX, 0, n); err == nil {
			t.Errorf("NewRing took %d slots", n)
		}
	}
}

func TestErrors(t *testing.T) {
	err := error(&OpError{Op: "sync", Port: "packet:x", Err: ErrClosed})
	if !errors.Is(err, ErrClosed) || !errors.Is(ErrNotSupported, errors.ErrUnsupported) {
		t.Error("sentinels are not found through OpError or as the standard library's")
	}
	if err.Error() != "sync packet:x: port is closed" {
		t.Error(err)
	}
}

// sink keeps the compiler from dropping a benchmark's walk.
var sink uint64

// walkable is a full receive ring of 1024 slots.
func walkable(b *testing.B) *Ring {
	r := newRing(b, newMemory(b, MemoryConfig{Rings: 1, Slots: 1024}), RX, 1024)
	for i := range r.Slots() {
		r.Slot(uint32(i)).Len = 60
	}
	return r
}

var bursts = []struct {
	name string
	n    int
}{{"burst=1", 1}, {"burst=16", 16}, {"burst=64", 64}, {"burst=512", 512}}

// look reads the first byte of each packet. It is a function of its own, as a
// stage's loop is, so that the sum stays in a register.
//
//go:noinline
func look(r *Ring, run []Slot) (sum uint64) {
	for i := range run {
		sum += uint64(r.Bytes(&run[i])[0])
	}
	return sum
}

// BenchmarkWalk reads the first byte of every packet, as a receiver does, and
// stands for the kernel by moving tail once a burst.
func BenchmarkWalk(b *testing.B) {
	for _, c := range bursts {
		b.Run(c.name, func(b *testing.B) {
			r := walkable(b)
			h := r.Header()
			var sum uint64
			start := time.Now()
			for n := 0; n < b.N; n += c.n {
				h.Tail = (h.Head + uint32(c.n)) % 1024
				x, y := r.Runs()
				sum += look(r, x) + look(r, y)
				r.Advance(len(x) + len(y))
			}
			sink += sum
			b.ReportMetric(float64(time.Since(start).Nanoseconds())/float64(b.N), "ns/pkt")
		})
	}
}
