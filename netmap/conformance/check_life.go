package conformance

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// threads sends from one goroutine and receives in another, as programs do.
func threads(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	const total = 20000
	var taken, stop atomic.Int64
	window := int64(e.newFlow(a, b, macA).window())
	result := make(chan error, 1)
	go func() {
		result <- func() error {
			seen := make([]bool, total)
			last := time.Now()
			for n := 0; n < total; {
				for _, q := range b.RX() {
					if err := syncAll(q); err != nil {
						return err
					}
					for {
						p, slots := take(q, nil)
						if slots == 0 {
							break
						}
						i, ok := ours(p)
						if !ok {
							continue
						}
						if i >= total || seen[i] {
							return fmt.Errorf("frame %d came twice, or was never sent", i)
						}
						seen[i] = true
						n++
						last = time.Now()
					}
				}
				taken.Store(int64(n))
				if time.Since(last) > patience || e.ctx.Err() != nil {
					return fmt.Errorf("%d of %d frames arrived", n, total)
				}
				if n < total {
					if err := b.RX()[0].Wait(time.Millisecond); err != nil {
						return err
					}
				}
			}
			return nil
		}()
		stop.Store(1)
	}()
	err = func() error {
		tx := a.TX()[0]
		frame := make([]byte, e.size())
		for sent := int64(0); sent < total && stop.Load() == 0; {
			for sent < total && sent-taken.Load() < window {
				fill(frame, broadcast, macA, uint32(sent))
				if !put(tx, frame, 1<<16) {
					break
				}
				sent++
			}
			if err := syncAll(tx); err != nil {
				return err
			}
			if err := tx.Wait(0); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		a.Stop()
		b.Stop()
	}
	return errors.Join(err, <-result)
}

func closeTraffic(e *env) error {
	for i := range 5 {
		a, err := e.open(e.t.A, nil)
		if err != nil {
			return err
		}
		result := make(chan error, 1)
		var started atomic.Bool
		go func() {
			q := a.TX()[0]
			frame := make([]byte, e.size())
			fill(frame, broadcast, macA, 0)
			for {
				put(q, frame, 1<<16)
				if err := q.Sync(); err != nil {
					result <- err
					return
				}
				started.Store(true)
			}
		}()
		for !started.Load() && e.ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(i) * 3 * time.Millisecond)
		if err := a.Close(); err != nil {
			return err
		}
		select {
		case err := <-result:
			// A walk that crosses Close may see head and tail from before and
			// after.
			if !errors.Is(err, netmap.ErrClosed) && !errors.Is(err, netmap.ErrRing) {
				return wantErr("the sync that met Close", err, netmap.ErrClosed)
			}
		case <-time.After(soon):
			return fmt.Errorf("a sender still runs %v after Close", soon)
		}
	}
	return nil
}

func (e *env) cycles() int {
	if e.t.Cycles != 0 {
		return e.t.Cycles
	}
	return e.opt.Cycles
}

func cycles(e *env) error {
	open := func(n int) error {
		for i := range n {
			if err := e.ctx.Err(); err != nil {
				return fmt.Errorf("after %d of %d cycles: %w", i, n, err)
			}
			p, err := e.open(e.t.A, nil)
			if err != nil {
				return fmt.Errorf("cycle %d: %w", i, err)
			}
			e.undo = e.undo[:len(e.undo)-1]
			if err := p.Close(); err != nil {
				return fmt.Errorf("cycle %d: %w", i, err)
			}
		}
		return nil
	}
	n := e.cycles()
	if err := open(max(1, n/10)); err != nil { // what is cached is cached now
		return err
	}
	// Caches of the kernel's allocator may still grow, the more so after few
	// cycles, but not in each of several runs as what leaks does.
	for run := 1; ; run++ {
		grown, err := e.growth(func() error { return open(n) })
		if err != nil {
			return err
		}
		e.log("%d cycles took %d bytes", n, grown)
		if grown <= e.t.Noise {
			return nil
		}
		if run == 3 {
			return fmt.Errorf("%d cycles took %d bytes, and as many before took more than %d, twice", n, grown, e.t.Noise)
		}
	}
}

// growth is how much more memory the kernel has in use after f, once what it
// frees late is free.
func (e *env) growth(f func() error) (grown int64, err error) {
	before, err := e.t.KernelMemory()
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	for end := time.Now().Add(5 * time.Second); ; {
		after, err := e.t.KernelMemory()
		if grown = after - before; err != nil || grown <= e.t.Noise || e.ctx.Err() != nil || time.Now().After(end) {
			return grown, err
		}
		e.sleep(100 * time.Millisecond)
	}
}

func extraCycles(e *env) error {
	// In a thousand cycles more than any region has.
	const extra = 200
	// The first descriptor makes the region with room for extra buffers, the
	// second keeps it, so that what one cycle loses the next one misses.
	first, err := e.open(e.t.A, &netmap.Config{ExtraBufs: extra})
	if err != nil {
		return err
	}
	if _, err := e.open(e.t.A, nil); err != nil {
		return err
	}
	if err := first.Close(); err != nil {
		return err
	}
	for i := range e.cycles() {
		if err := e.ctx.Err(); err != nil {
			return fmt.Errorf("after %d cycles: %w", i, err)
		}
		p, err := e.open(e.t.A, &netmap.Config{ExtraBufs: extra})
		if err != nil {
			return fmt.Errorf("cycle %d: %w", i, err)
		}
		e.undo = e.undo[:len(e.undo)-1]
		n := p.Pool().Len()
		// What is in the pool at the end is not what was in it at first.
		s := p.TX()[0].Ring().Slot(p.TX()[0].Ring().Head())
		if spare, ok := p.Pool().Get(); ok {
			p.Pool().Put(s.BufIdx)
			s.BufIdx, s.Flags = spare, s.Flags|netmap.BufChanged
		}
		if err := p.Close(); err != nil {
			return fmt.Errorf("cycle %d: %w", i, err)
		}
		if n != extra {
			return fmt.Errorf("cycle %d was granted %d of %d extra buffers", i, n, extra)
		}
	}
	return nil
}

// linkDown sets the link down while one goroutine sends and another waits. The
// kernel lets a sync of a downed interface sleep until it is up again (it locks
// the rings), the fake lets it do nothing: both may, but nothing may fault, and
// both must come back.
func linkDown(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	f := e.newFlow(a, b, macA)
	if _, err := f.run(200, func(int) int { return e.size() }); err != nil {
		return err
	}
	// A raw system call that sleeps keeps the collector, and with it everybody,
	// waiting for the link that only we set up again.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var over atomic.Bool
	var slept atomic.Int64
	result := make(chan error, 2)
	until := func(call func() error) {
		for !over.Load() {
			begin := time.Now()
			err := call()
			slept.Store(max(slept.Load(), int64(time.Since(begin))))
			if err != nil {
				result <- err
				return
			}
		}
		result <- nil
	}
	go until(func() error {
		q := a.TX()[0]
		frame := make([]byte, e.size())
		fill(frame, broadcast, macA, 0)
		put(q, frame, 1<<16)
		return q.Sync()
	})
	go until(func() error { return a.RX()[0].Wait(20 * time.Millisecond) })
	e.sleep(100 * time.Millisecond)
	up := sync.OnceValue(func() error { return e.t.LinkDown(false) })
	e.later(up)
	err = e.t.LinkDown(true)
	e.sleep(500 * time.Millisecond)
	err = errors.Join(err, up())
	e.sleep(100 * time.Millisecond)
	over.Store(true)
	for range 2 {
		select {
		case err := <-result: // an error is in order, and says what happened
			e.log("after the link was down: %v", err)
			if errors.Is(err, netmap.ErrRing) || errors.Is(err, netmap.ErrClosed) {
				return fmt.Errorf("a link that went down was reported as: %w", err)
			}
		case <-time.After(soon):
			return fmt.Errorf("a call still hangs %v after the link is up again", soon)
		}
	}
	e.log("the longest call took %v", time.Duration(slept.Load()))
	if err := errors.Join(err, a.Close(), b.Close(), e.fresh()); err != nil {
		return err
	}
	again := *e.t
	again.Settles = true // both ends have to come up again
	e.t = &again
	if a, b, err = e.pair("", nil); err != nil {
		return fmt.Errorf("with the link up again: %w", err)
	}
	_, err = e.newFlow(a, b, macA).run(200, func(int) int { return e.size() })
	return err
}

func remove(e *env) error {
	if err := e.fresh(); err != nil {
		return err
	}
	a, b, err := quiet(e)
	if err != nil {
		return err
	}
	if b == nil {
		b = a
	}
	result := make(chan error, 2)
	go func() {
		q := a.TX()[0]
		frame := make([]byte, e.size())
		fill(frame, broadcast, macA, 0)
		for {
			put(q, frame, 1<<16)
			if err := q.Sync(); err != nil {
				result <- err
				return
			}
			if q.Ring().Space() == 0 {
				if err := q.Wait(time.Second); err != nil {
					result <- err
					return
				}
			}
		}
	}()
	go func() {
		q := a.RX()[0]
		for {
			if err := q.Wait(time.Second); err != nil {
				result <- err
				return
			}
			q.Ring().Advance(q.Ring().Space())
			if err := q.Sync(); err != nil {
				result <- err
				return
			}
		}
	}()
	e.sleep(100 * time.Millisecond)
	restore, err := e.t.Remove()
	if err != nil {
		a.Stop()
		<-result
		<-result
		return err
	}
	restored := sync.OnceValue(restore)
	e.later(func() error { return errors.Join(a.Close(), b.Close(), restored()) })
	noticed := 0
	deadline := time.After(5 * time.Second)
	for noticed < 2 {
		select {
		case err := <-result:
			e.log("%v", err)
			noticed++
			if errors.Is(err, netmap.ErrClosed) {
				return fmt.Errorf("the removal was reported as a close: %w", err)
			}
		case <-deadline:
			a.Stop()
			return fmt.Errorf("%d of 2 goroutines had not noticed the removal after 5s", 2-noticed)
		}
	}
	return a.Close()
}
