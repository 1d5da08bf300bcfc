package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// Of poll.h, the same on all systems.
const (
	pollIn  = 0x1
	pollOut = 0x4
	pollErr = 0x8
)

// soon is how long after its cause something must have happened at the latest:
// a stuck wait is told from a slow machine.
const soon = 2 * time.Second

// quiet opens A, and B where there is one, with nothing left to read.
func quiet(e *env) (a, b *netmap.Port, err error) {
	if e.t.B != "" {
		a, b, err = e.pair("", nil)
	} else {
		a, err = e.open(e.t.A, nil)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, q := range a.RX() {
		if err := discard(q); err != nil {
			return nil, nil, err
		}
	}
	return a, b, nil
}

func timeout(e *env) error {
	a, _, err := quiet(e)
	if err != nil {
		return err
	}
	if err := waits(a.RX()[0]); err != nil {
		return err
	}
	// Queue.Wait would call a poll that ends early again.
	f, err := e.receiver()
	if err != nil {
		return err
	}
	const d = 50 * time.Millisecond
	begin := time.Now()
	revents, err := pollFile(f, pollIn, d)
	if took := time.Since(begin); err != nil || revents == 0 && (took < d || took > d+soon) {
		return fmt.Errorf("a bare poll of %v took %v, gave %#x, %v", d, took, revents, err)
	}
	return nil
}

// receiver binds a bare descriptor to A's receive ring 0, or where requests
// cannot find A to rings like it.
func (e *env) receiver() (netmap.File, error) {
	want := netmap.RegisterReq{Mode: netmap.ModeOneNIC, Flags: netmap.FlagRxRingsOnly | netmap.FlagNoTxPoll}
	if e.t.Kind == Null {
		want.Mode = netmap.ModeNull
	}
	f, _, err := e.register(e.t.A, want)
	return f, err
}

// waits measures waits of a receive queue to which nothing comes.
func waits(q *netmap.Queue) error {
	for _, d := range []time.Duration{0, 3 * time.Millisecond, 50 * time.Millisecond, 450 * time.Millisecond} {
		begin := time.Now()
		err := q.Wait(d)
		took := time.Since(begin)
		if err != nil {
			return fmt.Errorf("a wait of %v: %w", d, err)
		}
		if n := q.Ring().Space(); n != 0 {
			q.Ring().Advance(n) // the host's own
			continue
		}
		if took < d || took > d+soon {
			return fmt.Errorf("a wait of %v took %v", d, took)
		}
	}
	return nil
}

func wake(e *env) error {
	a, b, err := quiet(e)
	if err != nil {
		return err
	}
	for i := range 5 {
		result := make(chan error, 1)
		begin := time.Now()
		go func() {
			// Frames of the host's stack end a wait too.
			for time.Since(begin) < 10*time.Second {
				if err := a.RX()[0].Wait(10 * time.Second); err != nil {
					result <- err
					return
				}
				if n := a.RX()[0].Ring().Space(); n > 0 {
					p, _ := take(a.RX()[0], nil)
					if _, ok := ours(p); ok {
						break
					}
				}
			}
			result <- a.RX()[0].Sync()
		}()
		pause := 50 * time.Millisecond
		e.sleep(pause)
		if err := sendOne(b, broadcast, macB, uint32(i), e.size()); err != nil {
			return err
		}
		if err := <-result; err != nil {
			return err
		}
		if took := time.Since(begin); took < pause || took > pause+soon {
			return fmt.Errorf("a frame came after %v, the wait ended after %v", pause, took)
		}
	}
	return bareWake(e, b)
}

// bareWake waits in one poll: Queue.Wait looks every now and then, and would
// not miss a wake-up for long.
func bareWake(e *env, b *netmap.Port) error {
	f, err := e.receiver()
	if err != nil {
		return err
	}
	type answer struct {
		revents int16
		err     error
	}
	result := make(chan answer, 1)
	go func() {
		revents, err := pollFile(f, pollIn, 3*soon)
		result <- answer{revents, err}
	}()
	e.sleep(50 * time.Millisecond)
	begin := time.Now()
	if err := sendOne(b, broadcast, macB, 99, e.size()); err != nil {
		return err
	}
	got := <-result
	if took := time.Since(begin); got.err != nil || got.revents&pollIn == 0 || took > soon {
		return fmt.Errorf("a bare poll ended %v after a frame was sent, with %#x, %v", took, got.revents, got.err)
	}
	return nil
}

func room(e *env) error {
	a, b, err := quiet(e)
	if err != nil {
		return err
	}
	tx, rx := a.TX()[0], b.RX()[0]
	timed := func(what string, d, least, most time.Duration) error {
		begin := time.Now()
		if err := tx.Wait(d); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if took := time.Since(begin); took < least || took > most {
			return fmt.Errorf("a wait for room of %v with %s took %v", d, what, took)
		}
		return nil
	}
	if err := timed("an empty ring", 10*time.Second, 0, soon); err != nil {
		return err
	}
	frame := make([]byte, e.size())
	for i := uint32(0); ; i++ {
		fill(frame, broadcast, macA, i)
		if !put(tx, frame, 1<<16) {
			break
		}
	}
	if err := syncAll(tx); err != nil {
		return err
	}
	if n := tx.Ring().Space(); n != 0 {
		return fmt.Errorf("%d slots are free of a full ring that nobody reads", n)
	}
	if err := timed("a full ring", 100*time.Millisecond, 100*time.Millisecond, soon); err != nil {
		return err
	}
	result := make(chan error, 1)
	go func() {
		e.sleep(50 * time.Millisecond)
		err := syncAll(rx)
		rx.Ring().Advance(rx.Ring().Space() / 2)
		result <- errors.Join(err, rx.Sync())
	}()
	err = timed("a reader after 50ms", 10*time.Second, 40*time.Millisecond, soon)
	if err := errors.Join(err, <-result); err != nil {
		return err
	}
	if tx.Ring().Space() == 0 {
		return fmt.Errorf("a wait for room ended without any")
	}
	return nil
}

func interrupt(e *env) error {
	a, _, err := quiet(e)
	if err != nil {
		return err
	}
	if e.t.Interrupt != nil {
		defer e.t.Interrupt()()
		return waits(a.RX()[0])
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	signal := signalThread()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
				signal()
			}
		}
	}()
	err = waits(a.RX()[0])
	close(stop)
	<-done
	return err
}

func ringError(e *env) error {
	a, b, err := quiet(e)
	if err != nil {
		return err
	}
	for _, q := range []*netmap.Queue{a.TX()[0], a.RX()[0]} {
		if err := syncAll(q); err != nil {
			return err
		}
		r := q.Ring()
		h := *r.Header()
		n := h.NumSlots
		for _, c := range []struct {
			what      string
			head, cur uint32
		}{
			{"head and cur behind tail", r.Next(h.Tail), r.Next(h.Tail)},
			{"cur behind tail", h.Head, r.Next(h.Tail)},
			{"head outside the ring", n, n},
			{"cur outside the ring", h.Head, n + 5},
		} {
			if r.Space() == int(n)-1 && c.head == r.Next(h.Tail) {
				continue // the slot behind tail is head
			}
			if c.cur == h.Head {
				continue
			}
			r.SetHead(c.head)
			r.SetCur(c.cur)
			err := q.Sync()
			errWait := q.Wait(0)
			r.SetHead(h.Head)
			r.SetCur(h.Cur)
			for _, e := range []error{wantErr("sync", err, netmap.ErrRing), wantErr("wait", errWait, netmap.ErrRing)} {
				if e != nil {
					return fmt.Errorf("%v ring with %s: %w", q.Dir(), c.what, e)
				}
			}
		}
		if err := syncAll(q); err != nil {
			return fmt.Errorf("with the indices put right again: %w", err)
		}
	}
	if b == nil {
		return nil
	}
	got, err := received(b, 0, 0)
	if err == nil && len(got) > 0 {
		err = fmt.Errorf("%d frames were sent by refused syncs", len(got))
	}
	return err
}
