package hop

import (
	"encoding/binary"
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
)

// ways is a stage's four rings, whose other side the test plays.
type ways struct {
	in, out []*netmap.Ring
	next    uint32 // number of the next frame to arrive at in[0]
}

func newWays(t testing.TB, slots int) *ways {
	t.Helper()
	m, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 4, Slots: slots})
	if err != nil {
		t.Fatal(err)
	}
	w := &ways{}
	for i := range uint16(2) {
		rx, err := m.NewRing(netmap.RX, i, 0)
		if err != nil {
			t.Fatal(err)
		}
		tx, err := m.NewRing(netmap.TX, i, 0)
		if err != nil {
			t.Fatal(err)
		}
		w.in, w.out = append(w.in, rx), append(w.out, tx)
	}
	return w
}

// arrive has n numbered frames arrive at in[0].
func (w *ways) arrive(n int) {
	h := w.in[0].Header()
	for range n {
		s := w.in[0].Slot(h.Tail)
		s.Len = 60
		binary.BigEndian.PutUint32(w.in[0].Bytes(s), w.next)
		w.next++
		h.Tail = w.in[0].Next(h.Tail)
	}
}

// leave takes what was sent by out[1] away, and calls f with each number.
func (w *ways) leave(f func(uint32)) {
	r := w.out[1]
	h := r.Header()
	for i := r.Next(h.Tail); i != h.Head; i = r.Next(i) {
		f(binary.BigEndian.Uint32(r.Bytes(r.Slot(i))))
		h.Tail = i
	}
}

// TestLose: whatever the batches, exactly each Nth frame is lost, in order.
func TestLose(t *testing.T) {
	for _, lose := range []uint64{0, 1, 2, 7, 1000} {
		w, s := newWays(t, 64), Stage{Lose: lose}
		want := uint32(0)
		for batch := range 2000 {
			w.arrive(batch % 63)
			if _, done, err := s.Process(w.in, w.out, nil); err != nil || done {
				t.Fatal(done, err)
			}
			w.leave(func(got uint32) {
				for lose > 0 && uint64(want+1)%lose == 0 {
					want++
				}
				if got != want {
					t.Fatalf("lose %d: frame %d came through, want %d", lose, got, want)
				}
				want++
			})
		}
		way := s.Ways[0]
		lost := uint64(0)
		if lose > 0 {
			lost = uint64(w.next) / lose
		}
		if way.Received != uint64(w.next) || way.Lost != lost || way.TailDrops != 0 || way.Forwarded+way.Lost != way.Received || s.Ways[1] != (Way{}) {
			t.Errorf("lose %d of %d: %+v", lose, w.next, s.Ways)
		}
	}
}

// TestTailDrop: a way out that takes nothing is filled, then all is lost.
func TestTailDrop(t *testing.T) {
	w, s := newWays(t, 16), Stage{}
	for range 4 {
		w.arrive(10)
		if _, _, err := s.Process(w.in, w.out, nil); err != nil {
			t.Fatal(err)
		}
	}
	// 15 slots are free: 10 frames, then 5 of 10; the other 5 wait, and are lost
	// with the next 10, for nothing has left meanwhile.
	if want := (Way{Received: 40, Forwarded: 15, TailDrops: 25}); s.Ways[0] != want {
		t.Errorf("%+v, want %+v", s.Ways[0], want)
	}
}

func TestAllocs(t *testing.T) {
	w, s := newWays(t, 64), Stage{Lose: 10}
	if n := testing.AllocsPerRun(100, func() {
		w.arrive(32)
		_, _, _ = s.Process(w.in, w.out, nil)
		w.leave(func(uint32) {})
	}); n > 0 {
		t.Errorf("%v allocations for each batch", n)
	}
}
