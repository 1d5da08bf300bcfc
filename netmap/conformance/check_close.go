package conformance

import (
	"fmt"
	"runtime"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

func stopWaiting(e *env) error {
	return endWaiting(e, func(p *netmap.Port) error { p.Stop(); return nil })
}

func closeWaiting(e *env) error {
	return endWaiting(e, (*netmap.Port).Close)
}

func endWaiting(e *env, end func(*netmap.Port) error) error {
	a, _, err := quiet(e)
	if err != nil {
		return err
	}
	result := make(chan error, len(a.RX()))
	for _, q := range a.RX() {
		go func() {
			for {
				if err := q.Wait(-1); err != nil {
					result <- err
					return
				}
				q.Ring().Advance(q.Ring().Space())
			}
		}()
	}
	e.sleep(50 * time.Millisecond)
	begin := time.Now()
	if err := end(a); err != nil {
		return err
	}
	for range a.RX() {
		select {
		case err := <-result:
			if err := wantErr("the wait", err, netmap.ErrClosed); err != nil {
				return err
			}
		case <-time.After(soon):
			return fmt.Errorf("a wait still waits %v after its port was ended", soon)
		}
	}
	e.log("ended after %v", time.Since(begin))
	for _, q := range append(a.RX(), a.TX()...) {
		for _, err := range []error{q.Sync(), q.Wait(time.Second)} {
			if err := wantErr("a call after that", err, netmap.ErrClosed); err != nil {
				return err
			}
		}
	}
	return a.Close()
}

func lateWalker(e *env) error {
	a, b, err := quiet(e)
	if err != nil {
		return err
	}
	rx := a.RX()[0]
	if b != nil {
		for i := range 3 {
			if err := sendOne(b, broadcast, macB, uint32(i), e.size()); err != nil {
				return err
			}
		}
		if err := e.eventually(patience, func() error {
			if err := syncAll(rx); err != nil || rx.Ring().Space() >= 3 {
				return err
			}
			return fmt.Errorf("%d of 3 frames arrived", rx.Ring().Space())
		}); err != nil {
			return err
		}
	}
	rings := []*netmap.Ring{rx.Ring(), a.TX()[0].Ring()}
	var bytes []byte
	slots := rings[0].Slots()
	if x, _ := rings[0].Runs(); len(x) > 0 {
		bytes = rings[0].Bytes(&x[0])
	}
	if err := a.Close(); err != nil {
		return err
	}
	if e.t.Keeps {
		for i := range slots {
			_ = rings[0].Bytes(&slots[i])
		}
		return nil
	}
	runtime.GC() // the mapping must outlive its port while there is a walker
	for _, r := range rings {
		x, y := r.Runs()
		if r.Space() != 0 || len(x)+len(y) != 0 {
			return fmt.Errorf("a %v ring of a closed port has %d slots", r.Dir(), r.Space())
		}
	}
	for i, c := range bytes {
		if c != 0 {
			return fmt.Errorf("byte %d of a packet of a closed port is %#02x, want 0", i, c)
		}
	}
	for i := range slots {
		if slots[i].Len != 0 || slots[i].BufIdx != 0 {
			return fmt.Errorf("slot %d of a closed port is not zero", i)
		}
		_ = rings[0].Bytes(&slots[i])
	}
	slots[0].Flags = netmap.BufChanged // writing does no harm either
	runtime.KeepAlive(rings)
	return nil
}
