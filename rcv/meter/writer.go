package meter

import (
	"fmt"
	"sync"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// A writer copies received packets to a queue, a capture file's for instance,
// that all workers share.
type writer struct {
	mu sync.Mutex
	q  engine.TxQueue
}

// patience is how long an output (a pipe, say) may take nothing.
const patience = time.Second

// frames copies the packets in a and b, once per batch under the lock.
func (w *writer) frames(ring *netmap.Ring, a, b []netmap.Slot, h *header) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, run := range [][]netmap.Slot{a, b} {
		for i := range run {
			if err := w.one(ring, &run[i], h); err != nil {
				return err
			}
		}
	}
	return w.q.Sync()
}

func (w *writer) one(ring *netmap.Ring, s *netmap.Slot, h *header) error {
	out := w.q.Ring()
	for begin := time.Now(); out.Space() == 0; {
		if err := w.q.Sync(); err != nil {
			return err
		}
		rest := patience - time.Since(begin)
		if rest <= 0 {
			return fmt.Errorf("writing received frames: the output took none for %v", patience)
		}
		if err := w.q.Wait(rest); err != nil {
			return err
		}
	}
	d := out.Slot(out.Head())
	b := ring.Bytes(s)[h.of(s):]
	if len(b) == 0 && s.Flags&netmap.MoreFrag != 0 {
		return nil // nothing but header
	}
	if len(b) > out.BufSize() {
		return fmt.Errorf("writing received frames: %d bytes fit no buffer of %d: %w", len(b), out.BufSize(), netmap.ErrTooLong)
	}
	copy(out.Buffer(d), b)
	d.Len, d.Flags = uint16(len(b)), s.Flags&netmap.MoreFrag
	out.Advance(1)
	return nil
}

// finish waits for the last copies to leave.
func (w *writer) finish() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	left, err := w.q.Drain(patience)
	if err == nil && left > 0 {
		err = fmt.Errorf("writing received frames: %d were not taken within %v", left, patience)
	}
	return err
}
