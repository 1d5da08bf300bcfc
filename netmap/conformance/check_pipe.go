package conformance

import (
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

func pending(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	tx, rx := a.TX()[0], b.RX()[0]
	for i := range 10 {
		if err := sendOne(a, broadcast, macA, uint32(i), e.size()); err != nil {
			return err
		}
	}
	if err := syncAll(rx); err != nil {
		return err
	}
	if n := rx.Ring().Space(); n != 10 {
		return fmt.Errorf("ten were sent, %d arrived", n)
	}
	rx.Ring().Advance(7)
	if err := syncAll(rx, tx); err != nil {
		return err
	}
	if n, m := rx.Ring().Space(), tx.Ring().Pending(); n != 3 || m != 3 {
		return fmt.Errorf("ten were sent and seven read; %d are left to read, %d slots are pending; want 3 and 3", n, m)
	}
	tx.Ring().Advance(tx.Ring().Space() + 1)
	if err := wantErr("sending one more than there is room for", tx.Sync(), netmap.ErrRing); err != nil {
		return err
	}
	if err := syncAll(rx); err != nil {
		return err
	}
	if n := rx.Ring().Space(); n != 3 {
		return fmt.Errorf("after a refused sync %d are left to read, want 3", n)
	}
	return nil
}

// drained syncs a transmit queue until nothing is pending, or d.
func drained(e *env, q *netmap.Queue, d time.Duration) (left int, err error) {
	deadline := time.Now().Add(d)
	for {
		if err := syncAll(q); err != nil {
			return 0, err
		}
		left = q.Ring().Pending()
		if left == 0 || time.Now().After(deadline) || e.ctx.Err() != nil {
			return left, nil
		}
		e.sleep(time.Millisecond)
	}
}

func drain(e *env) error {
	a, err := e.open(e.t.A, nil)
	if err != nil {
		return err
	}
	var b *netmap.Port
	if e.t.B != "" {
		if b, err = e.open(e.t.B, nil); err != nil {
			return err
		}
		if err := e.settle(a, b); err != nil {
			return err
		}
	}
	tx := a.TX()[0]
	if left, err := drained(e, tx, patience); err != nil || left != 0 {
		return fmt.Errorf("%d slots are pending before anything was sent: %v", left, err)
	}
	const total = 10
	for i := range total {
		if err := sendOne(a, broadcast, macA, uint32(i), e.size()); err != nil {
			return err
		}
	}
	if e.t.Caps&Swallows != 0 {
		left, err := drained(e, tx, patience)
		if err == nil && left != 0 {
			err = fmt.Errorf("%d of %d have not left after %v", left, total, patience)
		}
		return err
	}
	// Nobody reads: they stay, and the deadline is kept.
	begin := time.Now()
	left, err := drained(e, tx, 50*time.Millisecond)
	if err != nil {
		return err
	}
	if took := time.Since(begin); left != total || took > 2*time.Second {
		return fmt.Errorf("nobody reads, and %d of %d are left after %v", left, total, took)
	}
	if e.t.Caps&Lossless == 0 {
		return nil
	}
	got, err := received(b, total, patience)
	if err != nil {
		return err
	}
	if len(got) != total {
		return fmt.Errorf("%d of %d were read", len(got), total)
	}
	if err := syncAll(b.RX()...); err != nil {
		return err
	}
	if left, err := drained(e, tx, patience); err != nil || left != 0 {
		return fmt.Errorf("all were read, and %d are left: %v", left, err)
	}
	return nil
}
