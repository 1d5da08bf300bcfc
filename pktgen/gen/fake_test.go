package gen

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// A wire is a transmit queue into the test's hands: seen is called with every
// frame that leaves. It takes as few as it likes at a time.
type wire struct {
	ring   *netmap.Ring
	unsent uint32

	// take says how many of n waiting frames leave in this sync; nil: all.
	take func(n int) (int, error)
	seen func(b []byte)

	packets, bytes, batches atomic.Uint64
}

func newWire(t testing.TB, slots int, seen func([]byte)) *wire {
	t.Helper()
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 1, Slots: slots})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := mem.NewRing(netmap.TX, 0, slots)
	if err != nil {
		t.Fatal(err)
	}
	// The walk begins near the ring's end, so that it wraps at once.
	h := ring.Header()
	start := uint32(slots - 1)
	h.Head, h.Cur, h.Tail = start, start, start-1
	return &wire{ring: ring, unsent: start, seen: seen}
}

func (w *wire) Ring() *netmap.Ring { return w.ring }

func (w *wire) Sync() error {
	n := w.ring.Pending()
	var err error
	if w.take != nil {
		n, err = w.take(n)
	}
	for range n {
		b := w.ring.Bytes(w.ring.Slot(w.unsent))
		if w.seen != nil {
			w.seen(b)
		}
		w.packets.Add(1)
		w.bytes.Add(uint64(len(b)))
		w.unsent = w.ring.Next(w.unsent)
	}
	if n > 0 {
		w.batches.Add(1)
	}
	h := w.ring.Header()
	h.Tail = (w.unsent + h.NumSlots - 1) % h.NumSlots
	return err
}

func (w *wire) Wait(time.Duration) error { return w.Sync() }

func (w *wire) Drain(d time.Duration) (int, error) {
	for begin := time.Now(); ; time.Sleep(50 * time.Microsecond) {
		if err := w.Sync(); err != nil || w.ring.Pending() == 0 || time.Since(begin) >= d {
			return w.ring.Pending(), err
		}
	}
}

func (w *wire) Stats() engine.Stats {
	return engine.Stats{Packets: w.packets.Load(), Bytes: w.bytes.Load(), Batches: w.batches.Load()}
}

// generator is New's work for queues that are of no port.
func generator(t testing.TB, c Config, wires ...*wire) *Generator {
	t.Helper()
	if c.DrainTimeout == 0 {
		c.DrainTimeout = 20 * time.Millisecond
	}
	var queues []engine.TxQueue
	for _, w := range wires {
		queues = append(queues, w)
	}
	g, err := newGenerator(queues, engine.Info{Spec: "wire", MaxFrame: 2048}, &c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// partly takes a random share, often nothing and seldom all.
func partly(seed uint64) func(int) (int, error) {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(n int) (int, error) {
		if n == 0 || r.IntN(3) == 0 {
			return 0, nil
		}
		return max(1, r.IntN(n)), nil
	}
}

var errWire = errors.New("the wire was cut")

// cut fails after limit frames.
func cut(limit int, take func(int) (int, error)) func(int) (int, error) {
	return func(n int) (int, error) {
		if take != nil {
			n, _ = take(n)
		}
		if n >= limit {
			n, limit = limit, 0
			return n, fmt.Errorf("frame %d: %w", n, errWire)
		}
		limit -= n
		return n, nil
	}
}
