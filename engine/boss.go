package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ringwalk/ringwalk/netmap"
)

// BossConfig says how a [Boss] works.
type BossConfig struct {
	// Handle is called for each event, by the goroutines in Work, never by two
	// at a time for one source. The source is rearmed when it returns, unless
	// it was removed. An error ends the Boss: see Run.
	Handle func(Event) error
	// Tasks is how many events may wait for a worker; 64. When as many wait,
	// the Boss takes no more until a worker has taken one.
	Tasks int
}

// A Boss has events of OneShot sources handled by a fixed number of workers,
// which are the goroutines that the caller has call Work.
//
//	            Run                  Tasks at most              Work
//	Poller.Wait ───▶ source 7 ─▶ [ 7 │ 3 │ 12 │ … ] ─┬─▶ Handle(event) ─▶ Rearm
//	    ▲                        full: Run waits     └─▶ Handle(event) ─▶ Rearm
//	    └────────────────────────────────────────────────────────────────────┘
//
// Nothing is dropped: what the Boss has not taken waits in the kernel, and what
// it has taken and not handled when it ends is rearmed, for another Boss.
//
// Handlers that never wait gain nothing by it; those that do, for disks or other
// hosts, must not hold up a Poller's goroutine.
type Boss struct {
	p      *Poller
	handle func(Event) error
	tasks  chan Event
	ended  chan struct{} // closed at the end

	mu   sync.Mutex
	idle sync.Cond // busy is 0
	ran  bool
	busy int // handlers under way
	err  error
}

// NewBoss makes a Boss over p, all of whose sources must be OneShot. The Poller
// stays the caller's, who calls none of Wait meanwhile.
func NewBoss(p *Poller, c *BossConfig) (*Boss, error) {
	if c == nil || c.Handle == nil {
		return nil, errors.New("boss: no Handle to call")
	}
	n := c.Tasks
	if n == 0 {
		n = 64
	}
	if n < 0 || n > 1<<20 {
		return nil, fmt.Errorf("boss: room for %d tasks: want 1 to %d", n, 1<<20)
	}
	b := &Boss{p: p, handle: c.Handle, tasks: make(chan Event, n), ended: make(chan struct{})}
	b.idle.L = &b.mu
	return b, nil
}

// Run takes events and hands them to the workers until ctx ends, a handler
// fails or the Poller is closed, and returns the reason: ctx's error, the
// handler's, or the Poller's. A handler that panics takes its worker's
// goroutine with it, as any panic does; where the caller of Work recovers from
// that, Run returns an error that says so.
//
// It returns when the handlers under way have, with their errors, too. A Boss
// runs once.
func (b *Boss) Run(ctx context.Context) error {
	b.mu.Lock()
	again := b.ran
	b.ran = true
	b.mu.Unlock()
	if again {
		return errors.New("boss: it runs once; NewBoss makes another")
	}
	stop := context.AfterFunc(ctx, func() { b.end(ctx.Err()) })
	defer stop()
	for !b.over() {
		events, err := b.p.Wait(-1)
		if err != nil {
			b.end(err)
		}
		for _, e := range events {
			b.hand(e)
		}
	}
	b.mu.Lock()
	for b.busy > 0 {
		b.idle.Wait()
	}
	b.mu.Unlock()
	for len(b.tasks) > 0 {
		select {
		case e := <-b.tasks:
			b.putBack(e)
		default: // a worker has taken and put back the last
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// hand puts an event into the queue as soon as there is room.
func (b *Boss) hand(e Event) {
	if e.Source.mode != OneShot {
		b.end(fmt.Errorf("boss: %s is not OneShot, so two workers would handle it at once: %w", e.Source, netmap.ErrNotSupported))
	}
	if !b.over() { // of two that are ready, select chooses by lot
		select {
		case b.tasks <- e:
			return
		case <-b.ended:
		}
	}
	b.putBack(e)
}

// Work handles events until Run is over or ctx ends; what went wrong Run says.
// Any number of goroutines may be in it, also before Run.
func (b *Boss) Work(ctx context.Context) {
	for !b.over() && ctx.Err() == nil {
		select {
		case e := <-b.tasks:
			b.do(e)
		case <-b.ended:
		case <-ctx.Done():
		}
	}
}

// do handles one event.
func (b *Boss) do(e Event) {
	if !b.begin() {
		b.putBack(e)
		return
	}
	returned := false
	defer func() {
		if !returned {
			b.end(fmt.Errorf("boss: the handler of %s has panicked", e.Source))
		}
		b.putBack(e)
		b.finish()
	}()
	err := b.handle(e)
	if returned = true; err != nil {
		b.end(fmt.Errorf("boss: handle %s: %w", e.Source, err))
	}
}

// begin reports whether a handler may begin.
func (b *Boss) begin() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over() {
		return false
	}
	b.busy++
	return true
}

func (b *Boss) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.busy--; b.busy == 0 {
		b.idle.Broadcast()
	}
}

// putBack rearms a source. A Poller that is closed has none any more.
func (b *Boss) putBack(e Event) {
	if err := e.Source.Rearm(); err != nil && !errors.Is(err, netmap.ErrClosed) {
		b.end(fmt.Errorf("boss: %w", err))
	}
}

// end ends the run, or adds to the reasons for its end.
func (b *Boss) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = errors.Join(b.err, err)
	if !b.over() {
		close(b.ended)
		b.p.Wake()
	}
}

func (b *Boss) over() bool {
	select {
	case <-b.ended:
		return true
	default:
		return false
	}
}
