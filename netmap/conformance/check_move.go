package conformance

import (
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// reflects moves what arrives at B from its receive to its transmit rings.
func reflects(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	in, out := a.RX(), a.TX()[0]
	const total = 3000
	size := func(i int) int { return e.size() + i%40 }
	seen, sent, got := make([]bool, total), 0, 0
	frame := make([]byte, 0, 4096)
	last := time.Now()
	window := e.newFlow(a, b, macA).window() / 2
	for got < total {
		if e.ctx.Err() != nil || time.Since(last) > patience {
			return fmt.Errorf("%d of %d frames came back, %d were sent", got, total, sent)
		}
		for sent < total && sent-got < max(1, window) {
			frame = frame[:size(sent)]
			fill(frame, broadcast, macA, uint32(sent))
			if !put(out, frame, 1<<16) {
				break
			}
			sent++
		}
		if err := syncAll(out); err != nil {
			return err
		}
		for i, q := range b.RX() {
			if err := syncAll(q); err != nil {
				return err
			}
			to := b.TX()[i%len(b.TX())]
			if _, err := netmap.Move(to.Ring(), q.Ring(), 1<<16); err != nil {
				return err
			}
			if err := syncAll(to, q); err != nil {
				return err
			}
		}
		for _, q := range in {
			if err := syncAll(q); err != nil {
				return err
			}
			for {
				p, n := take(q, nil)
				if n == 0 {
					break
				}
				i, ok := ours(p)
				if !ok || i >= total {
					continue
				}
				frame = frame[:size(int(i))]
				fill(frame, broadcast, macA, i)
				if err := same(p, frame); err != nil {
					return fmt.Errorf("frame %d came back: %w", i, err)
				}
				if seen[i] {
					return fmt.Errorf("frame %d came back twice", i)
				}
				seen[i] = true
				got++
				last = time.Now()
			}
		}
		if time.Since(last) > 10*time.Millisecond {
			e.sleep(time.Millisecond)
		}
	}
	return nil
}

// forward swaps what arrives at B over to C, and looks for it at D.
func forward(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	c, err := e.open(e.t.C, nil)
	if err != nil {
		return err
	}
	d, err := e.open(e.t.D, nil)
	if err != nil {
		return err
	}
	if b.Info().MemID != c.Info().MemID {
		return fmt.Errorf("%s has memory %d, %s %d", e.t.B, b.Info().MemID, e.t.C, c.Info().MemID)
	}
	const total = 5000
	tx, from, to, rx := a.TX()[0], b.RX()[0], c.TX()[0], d.RX()[0]
	frame := make([]byte, 0, 4096)
	got := 0 // at D, in order
	read := func() error {
		if err := syncAll(rx); err != nil {
			return err
		}
		for {
			p, n := take(rx, nil)
			if n == 0 {
				return syncAll(rx)
			}
			frame = frame[:e.size()+got%100]
			fill(frame, broadcast, macA, uint32(got))
			if err := same(p, frame); err != nil {
				return fmt.Errorf("frame %d: %w", got, err)
			}
			got++
		}
	}
	for sent := 0; got < total; {
		if err := e.ctx.Err(); err != nil {
			return fmt.Errorf("%d of %d frames arrived, %d were sent: %w", got, total, sent, err)
		}
		for range 100 {
			frame = frame[:e.size()+sent%100]
			fill(frame, broadcast, macA, uint32(sent))
			if sent == total || !put(tx, frame, 1<<16) {
				break
			}
			sent++
		}
		// The frames before these are read only now: had a buffer stayed with
		// the sender that went on to D, it would have been overwritten.
		if err := read(); err != nil {
			return err
		}
		if err := syncAll(tx, from, to); err != nil {
			return err
		}
		buf := from.Ring().Slot(from.Ring().Head()).BufIdx
		at := to.Ring().Head()
		n, err := netmap.Move(to.Ring(), from.Ring(), 1<<16)
		if err != nil {
			return err
		}
		if n > 0 && to.Ring().Slot(at).BufIdx != buf {
			return fmt.Errorf("the first of %d frames was copied, not swapped", n)
		}
		if err := syncAll(to, from, tx); err != nil {
			return err
		}
	}
	if err := syncAll(to, from, tx); err != nil {
		return err
	}
	return apart(tx.Ring(), to.Ring())
}

// apart says which buffer two slots of the rings name, if any.
func apart(rings ...*netmap.Ring) error {
	where := map[uint32]string{}
	for n, r := range rings {
		for i, s := range r.Slots() {
			here := fmt.Sprintf("slot %d of ring %d", i, n)
			if other := where[s.BufIdx]; other != "" {
				return fmt.Errorf("%s and %s both have buffer %d", other, here, s.BufIdx)
			}
			where[s.BufIdx] = here
		}
	}
	return nil
}
