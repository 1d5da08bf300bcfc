package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// A crew is a Boss with its workers.
type crew struct {
	*engine.Boss
	cancel context.CancelFunc
	run    chan error
	all    sync.WaitGroup
}

func newCrew(t *testing.T, p *engine.Poller, workers, tasks int, handle func(engine.Event) error) *crew {
	t.Helper()
	b, err := engine.NewBoss(p, &engine.BossConfig{Handle: handle, Tasks: tasks})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &crew{Boss: b, cancel: cancel, run: make(chan error, 1)}
	for range workers {
		c.all.Go(func() {
			defer func() { _ = recover() }()
			b.Work(ctx)
		})
	}
	go func() { c.run <- b.Run(ctx) }()
	t.Cleanup(func() { c.end(t) })
	return c
}

// end waits until all have returned.
func (c *crew) end(t *testing.T) error {
	t.Helper()
	c.cancel()
	c.all.Wait()
	select {
	case err, ok := <-c.run:
		if ok {
			close(c.run)
		}
		return err
	case <-time.After(long):
		t.Error("Run does not return")
		return nil
	}
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * long); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not yet: ", what)
		}
	}
}

// Two slow workers and a queue of three for 50 sockets: nothing is lost, no
// socket is handled by two at a time, and the Boss waits.
func TestBoss(t *testing.T) {
	const sockets, rounds = 50, 4
	f := newFlock(t, sockets)
	p := newPoller(t, &engine.PollerConfig{Events: 8})
	f.add(t, p, engine.OneShot)
	var got, busy, most atomic.Int64
	var inside [sockets]atomic.Int32
	newCrew(t, p, 2, 3, func(e engine.Event) error {
		i := e.Source.Data.(int)
		if inside[i].Add(1) != 1 {
			t.Errorf("socket %d is handled by two", i)
		}
		defer inside[i].Add(-1)
		if n := busy.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer busy.Add(-1)
		time.Sleep(time.Millisecond)
		n, err := e.Source.Drain(2, takeAll)
		got.Add(int64(n))
		return err
	})
	for range rounds {
		for i := range sockets {
			f.send(t, i, 5)
		}
	}
	until(t, "all received", func() bool { return got.Load() == sockets*rounds*5 })
	if n := most.Load(); n != 2 {
		t.Errorf("%d workers were busy at a time, want 2", n)
	}
}

// While the queue is full the Boss takes nothing, and a stop then loses nothing:
// the next Boss finds all.
func TestBossStopsWhileFull(t *testing.T) {
	const sockets = 30
	f := newFlock(t, sockets)
	p := newPoller(t, nil)
	f.add(t, p, engine.OneShot)
	for i := range sockets {
		f.send(t, i, 1)
	}
	var began atomic.Int64
	gate := make(chan struct{})
	c := newCrew(t, p, 1, 2, func(engine.Event) error {
		began.Add(1)
		<-gate
		return nil // leaves the packet
	})
	until(t, "a handler runs", func() bool { return began.Load() == 1 })
	time.Sleep(20 * time.Millisecond)
	if n := began.Load(); n != 1 {
		t.Errorf("%d handlers began", n)
	}
	c.cancel()
	select {
	case err := <-c.run:
		t.Errorf("Run has returned %v, while a handler runs", err)
	case <-time.After(20 * time.Millisecond):
	}
	close(gate)
	if err := c.end(t); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if n := began.Load(); n != 1 {
		t.Errorf("%d handlers began", n)
	}
	if err := c.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "once") {
		t.Errorf("a second Run: %v", err)
	}
	var got atomic.Int64
	newCrew(t, p, 3, 2, func(e engine.Event) error {
		n, err := e.Source.Drain(10, takeAll)
		got.Add(int64(n))
		return err
	})
	until(t, "all received", func() bool { return got.Load() == sockets })
}

func TestBossEnds(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		handle func(engine.Event) error
		is     error
		says   string
	}{
		{"error", func(engine.Event) error { return broken }, broken, "127."},
		{"panic", func(engine.Event) error { panic("at the disk") }, nil, "has panicked"},
	} {
		f := newFlock(t, 5)
		p := newPoller(t, nil)
		f.add(t, p, engine.OneShot)
		for i := range 5 {
			f.send(t, i, 1)
		}
		crew := newCrew(t, p, 2, 1, c.handle)
		crew.all.Wait()
		err := <-crew.run
		crew.run <- err
		if c.is != nil && !errors.Is(err, c.is) || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Run returns %v", c.name, err)
		}
		// Also the socket whose handler failed is armed.
		expectEvents(t, p, long, 0, 1, 2, 3, 4)
	}
}

// Ports may be stopped and the Poller closed under a Boss, and sources removed
// by their handlers.
func TestBossOutlivesSources(t *testing.T) {
	f := newFlock(t, 3)
	p := newPoller(t, nil)
	f.add(t, p, engine.OneShot)
	var closed, removed atomic.Int64
	c := newCrew(t, p, 2, 0, func(e engine.Event) error {
		if e.Closed {
			closed.Add(1)
			return nil
		}
		e.Source.Remove()
		removed.Add(1)
		return nil
	})
	f.send(t, 0, 1)
	f.ports[1].Close()
	until(t, "both are told of", func() bool { return closed.Load() == 1 && removed.Load() == 1 })
	p.Close()
	c.all.Wait()
	err := <-c.run
	c.run <- err
	if !errors.Is(err, netmap.ErrClosed) {
		t.Errorf("Run: %v", err)
	}
}

func TestBossRefuses(t *testing.T) {
	p := newPoller(t, nil)
	for _, c := range []*engine.BossConfig{nil, {}, {Handle: func(engine.Event) error { return nil }, Tasks: -1}} {
		if _, err := engine.NewBoss(p, c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	f := newFlock(t, 1)
	f.add(t, p, engine.Level)
	f.send(t, 0, 1)
	c := newCrew(t, p, 1, 1, func(engine.Event) error { return nil })
	err := <-c.run
	c.run <- err
	if !errors.Is(err, netmap.ErrNotSupported) {
		t.Errorf("a level-triggered source: %v", err)
	}
}
