package meter

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// A writer copies received packets into a capture file. The workers lay them
// out in a buffer, and a goroutine of Run's writes it: a slow file takes
// nothing from counting, it only gets less.
//
//	workers ── mu ──▶ fill ⇄ spare ──▶ FILE
//	             full: dropped, counted
type writer struct {
	file *engine.CaptureFile

	mu          sync.Mutex
	fill, spare []byte
	err         error // of the file: the run ends with it

	wake, quit chan struct{}
	done       chan struct{}

	written, drops atomic.Uint64
}

// buffered is how many bytes wait for the file at most, twice: being filled and
// being written. Tests have it smaller.
var buffered = 16 << 20

// patience is how long at the end a FIFO may take nothing.
const patience = 3 * time.Second

func newWriter(f *engine.CaptureFile) *writer {
	if f == nil {
		return nil
	}
	return &writer{
		file: f, fill: make([]byte, 0, buffered), spare: make([]byte, 0, buffered),
		wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{}),
	}
}

func (w *writer) counts() (written, drops uint64) {
	if w == nil {
		return 0, 0
	}
	return w.written.Load(), w.drops.Load()
}

// put lays out a packet, or drops it. The caller holds mu.
func (w *writer) put(ns int64, b []byte) {
	n := w.file.Size(len(b))
	if n == 0 || n > cap(w.fill)-len(w.fill) {
		w.drops.Add(1)
		return
	}
	w.fill = w.file.Append(w.fill, ns, b)
}

// run writes until finish.
func (w *writer) run() {
	defer close(w.done)
	for last := false; !last; {
		select {
		case <-w.wake:
		case <-w.quit:
			last = true
		}
		w.flush()
	}
}

// flush writes what is there, and counts as dropped what the file did not take.
func (w *writer) flush() {
	for {
		w.mu.Lock()
		w.fill, w.spare = w.spare[:0], w.fill
		err := w.err
		w.mu.Unlock()
		if len(w.spare) == 0 {
			return
		}
		n := 0
		if err == nil {
			if n, err = w.file.Write(w.spare); err != nil {
				w.mu.Lock()
				w.err = err
				w.mu.Unlock()
			}
		}
		w.written.Add(uint64(n))
		if err != nil {
			w.drops.Add(uint64(w.file.Records(w.spare) - n))
		}
	}
}

// finish waits for the last packets to be written.
func (w *writer) finish() error {
	close(w.quit)
	for waiting := true; waiting; {
		before := w.file.Taken()
		select {
		case <-w.done:
			waiting = false
		case <-time.After(patience):
			if w.file.Taken() == before {
				w.file.SetDeadline(time.Now())
				<-w.done
				waiting = false
			}
		}
	}
	if errors.Is(w.err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("writing received frames: the output took none for %v, %d are not in it: %w", patience, w.drops.Load(), w.err)
	}
	return w.err
}

// A copier puts packets of several slots together.
type copier struct{ whole []byte }

// longest bounds what a packet of several slots may have; one that has more is
// handed on cut, and is longer than any capture file can hold.
const longest = 256<<10 + 1

// packet returns the packet that a slot ends, nil if it does not end one.
func (c *copier) packet(ring *netmap.Ring, slot *netmap.Slot) []byte {
	b, more := ring.Bytes(slot), slot.Flags&netmap.MoreFrag != 0
	if len(c.whole) == 0 && !more {
		return b
	}
	c.whole = append(c.whole, b[:min(len(b), longest-len(c.whole))]...)
	if more {
		return nil
	}
	b = c.whole
	c.whole = c.whole[:0]
	return b
}

// copies reports whether packets are to be copied at all.
func (m *Meter) copies() bool { return m.write != nil || m.dump.wants() }

// copies hands the packets of a batch to those who want copies.
func (s *stage) copies(ring *netmap.Ring, a, b []netmap.Slot, clk *engine.Clock) error {
	w, d := s.m.write, s.m.dump
	if w != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.err != nil {
			return w.err
		}
	}
	for _, run := range [...][]netmap.Slot{a, b} {
		for i := range run {
			p := s.copy.packet(ring, &run[i])
			if p == nil && run[i].Flags&netmap.MoreFrag != 0 {
				continue
			}
			p = p[min(s.head.length, len(p)):]
			if w != nil {
				ns := stamp(ring, &run[i])
				if ns == 0 {
					ns = clk.Wall()
				}
				w.put(ns, p)
			}
			if d.wants() {
				d.take(p)
			}
		}
	}
	if w != nil {
		select {
		case w.wake <- struct{}{}:
		default: // it is awake
		}
	}
	return nil
}
