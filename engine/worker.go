package engine

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// A Stage processes packets: it walks the input rings' packets and the output
// rings' free slots and advances both. A sender has no input, a counter no
// output, a bridge one of each way, a balancer many outputs.
type Stage interface {
	// Process is called once per batch, by the Worker's goroutine alone. It
	// returns how many packets it moved (a worker whose stage moves none
	// waits), and done when it will never move another.
	//
	// A stage that waits for a moment rather than for packets or room says so
	// by clk.WakeAt. The rings and the clock must not be kept.
	Process(in, out []*netmap.Ring, clk *Clock) (n int, done bool, err error)
}

// StageFunc is a function that is a Stage.
type StageFunc func(in, out []*netmap.Ring, clk *Clock) (n int, done bool, err error)

// Process calls f.
func (f StageFunc) Process(in, out []*netmap.Ring, clk *Clock) (int, bool, error) {
	return f(in, out, clk)
}

// A Worker runs one Stage over queues that it owns while it runs.
type Worker struct {
	In    []RxQueue
	Out   []TxQueue
	Stage Stage

	// Burst is the fewest packets worth a stage's call: an input that still
	// holds as many is not synced, nor an output with as many free slots and
	// nothing new. 0: one.
	Burst int
	// CPUs are those the worker's thread may run on; empty: all.
	CPUs []int

	in, out []*netmap.Ring
	heads   []uint32 // of the outputs, as of their last sync
	ended   []bool   // inputs that returned io.EOF
	waitFor []*queue // scratch of idle
	polled  bool     // polling its queues syncs them, all in one system call
	inErr   error    // of inputs that such a poll has synced for the next batch
	wait    waiter
	clk     Clock
}

// idleSlice is the longest wait without a reason to wake up earlier, and
// foreignSlice the time for which one queue that is not of this package is
// waited for when there are others.
const (
	idleSlice    = time.Second
	foreignSlice = 100 * time.Microsecond
)

// Run runs the stage until it is done, all inputs have ended, an error occurs
// or ctx ends; it blocks its caller, locked to its thread. It returns nil when
// the stage is done or the inputs have ended, and ctx's error when that ended
// first.
// Outputs are synced but not drained, no port is closed, and packets that are
// already in a ring when a queue fails are processed before its error is
// returned.
//
// A panicking stage panics through Run with the ports still open.
func (w *Worker) Run(ctx context.Context) error {
	if w.Stage == nil {
		return errors.New("a worker without a stage")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := setThread(w.CPUs)
	if err != nil {
		return err
	}
	defer restore()

	alarm := &bell{}
	defer alarm.close()
	stop := context.AfterFunc(ctx, alarm.ring)
	defer func() {
		if !stop() {
			alarm.ring() // returns when a ring under way is over
		}
	}()
	w.prepare()
	return w.loop(ctx, alarm)
}

func (w *Worker) prepare() {
	w.in, w.out = nil, nil
	for _, q := range w.In {
		w.in = append(w.in, q.Ring())
	}
	for _, q := range w.Out {
		w.out = append(w.out, q.Ring())
	}
	w.heads, w.ended = make([]uint32, len(w.out)), make([]bool, len(w.in))
	for i, r := range w.out {
		w.heads[i] = r.Head()
	}
	w.waitFor = make([]*queue, 0, len(w.in)+len(w.out))
	w.wait.init(len(w.in) + len(w.out))
	w.polled, w.inErr = true, nil
	for _, q := range w.In {
		w.polled = w.polled && pollSyncs(q)
	}
	for _, q := range w.Out {
		w.polled = w.polled && pollSyncs(q)
	}
}

// pollSyncs reports whether polling a queue's descriptor syncs its ring.
func pollSyncs(q any) bool {
	own, ok := q.(*queue)
	return ok && own.polling != nil && own.polling.Polls()
}

func (w *Worker) loop(ctx context.Context, alarm *bell) error {
	burst := max(w.Burst, 1)
	first, fresh := true, false // fresh: the wait has just synced the queues
	for ctx.Err() == nil {
		w.clk.next()
		// A failed input's packets are processed to the last before its
		// error ends the run; a failed output ends it at once.
		inErr := w.inErr
		if !w.polled || first {
			inErr = w.syncIn(burst, fresh)
		}
		first = false
		n, done, err := w.Stage.Process(w.in, w.out, &w.clk)
		var gained bool
		var outErr error
		if w.polled && !done && err == nil {
			gained, outErr = w.exchange(burst, n > 0, fresh)
		} else {
			gained, outErr = w.syncOut(burst)
		}
		switch {
		case err != nil:
			return err
		case outErr != nil:
			return outErr
		case done:
			return nil
		case n == 0 && inErr != nil:
			return inErr
		case n == 0 && len(w.In) > 0 && w.allEnded():
			return nil
		}
		// What the sync has just brought is what the stage may have missed,
		// and nothing would end a wait for it.
		if fresh = n == 0 && !gained; fresh {
			if err := w.idle(alarm); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// syncIn syncs the inputs that hold fewer than burst packets.
func (w *Worker) syncIn(burst int, fresh bool) (failed error) {
	for i, q := range w.In {
		if w.ended[i] || w.in[i].Space() >= burst || fresh && w.in[i].Space() > 0 {
			continue
		}
		if err := q.Sync(); err == io.EOF {
			w.ended[i] = true
		} else if err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

// syncOut syncs the outputs that were given packets, hold some still, or are
// short of room. It reports whether any has more room now.
func (w *Worker) syncOut(burst int) (freed bool, failed error) {
	for i, q := range w.Out {
		r := w.out[i]
		space := r.Space()
		if r.Head() == w.heads[i] && r.Pending() == 0 && space >= burst {
			continue
		}
		if err := q.Sync(); err != nil && failed == nil {
			failed = err
		}
		w.heads[i] = r.Head()
		freed = freed || r.Space() > space
	}
	return freed, failed
}

func (w *Worker) allEnded() bool {
	for i := range w.ended {
		if !w.ended[i] || w.in[i].Space() > 0 {
			return false
		}
	}
	return true
}

// idle waits until a queue is ready, the stage's moment has come, or the alarm
// rings. A receive queue that still has packets is no reason to wake up: the
// stage has seen and left them.
func (w *Worker) idle(alarm *bell) error {
	d := idleSlice
	if w.clk.wake != 0 {
		if d = min(d, time.Duration(w.clk.wake-Monotonic())); d <= 0 {
			return nil
		}
	}
	w.waitFor = w.waitFor[:0]
	for i, q := range w.In {
		if w.ended[i] || w.in[i].Space() > 0 {
			continue
		}
		if err := w.consider(q, &d); err != nil {
			return err
		}
	}
	for i, q := range w.Out {
		if _, own := q.(*queue); !own && w.out[i].Space() > 0 {
			if w.out[i].Pending() > 0 {
				d = min(d, foreignSlice)
			}
			continue
		}
		if err := w.consider(q, &d); err != nil {
			return err
		}
	}
	if err := w.wait.run(d, alarm, w.waitFor...); err != io.EOF {
		return err
	}
	return nil
}

// consider puts a queue on the list of those to wait for. A queue of another
// implementation can only be waited for alone: it gets a moment at once, and
// the rest of the wait shrinks to nothing, so that the loop looks at all queues
// in turn.
func (w *Worker) consider(q interface{ Wait(time.Duration) error }, d *time.Duration) error {
	if own, ok := q.(*queue); ok {
		w.waitFor = append(w.waitFor, own)
		return nil
	}
	slice := foreignSlice
	if len(w.In)+len(w.Out) == 1 {
		slice = maxSlice
	}
	slice = min(slice, max(*d, 0))
	*d = 0
	if err := q.Wait(slice); err != io.EOF {
		return err
	}
	return nil
}
