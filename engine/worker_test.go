package engine_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// script is a queue of another implementation: each Sync of a receive queue
// delivers the next of its numbers of packets, then ends with err; each Sync
// of a transmit queue takes at most take packets.
type script struct {
	t     *testing.T
	ring  *netmap.Ring
	give  []int
	take  int
	err   error
	taken int
	waits int
}

func newScript(t *testing.T, dir netmap.Dir) *script {
	m, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 1, Slots: 32})
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.NewRing(dir, 0, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &script{t: t, ring: r}
}

func (s *script) Ring() *netmap.Ring  { return s.ring }
func (s *script) Stats() engine.Stats { return engine.Stats{Packets: uint64(s.taken)} }
func (s *script) Wait(d time.Duration) error {
	s.waits++
	if s.ring.Space() > 0 {
		s.t.Error("Wait on a ring that has what is waited for")
	}
	return s.Sync()
}

func (s *script) Drain(time.Duration) (int, error) { return s.ring.Pending(), s.Sync() }

func (s *script) Sync() error {
	h := s.ring.Header()
	if s.ring.Dir() == netmap.TX {
		for k := min(s.take, s.ring.Pending()); k > 0; k-- {
			h.Tail = s.ring.Next(h.Tail)
			s.taken++
		}
		return nil
	}
	if len(s.give) == 0 {
		return s.err
	}
	for range s.give[0] {
		h.Tail = s.ring.Next(h.Tail)
	}
	s.give = s.give[1:]
	return nil
}

// mover is a stage that moves at most max packets a call.
func mover(max int, moved *int) engine.Stage {
	return engine.StageFunc(func(in, out []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
		n, err := netmap.Move(out[0], in[0], max)
		*moved += n
		return n, false, err
	})
}

func TestWorkerProcessesAllBeforeTheEnd(t *testing.T) {
	broken := errors.New("broken")
	for _, end := range []error{io.EOF, broken} {
		for _, c := range []struct{ max, take int }{{1, 1}, {3, 2}, {100, 31}, {2, 31}} {
			in, out := newScript(t, netmap.RX), newScript(t, netmap.TX)
			in.give, in.err, out.take = []int{5, 0, 17, 0, 0, 1}, end, c.take
			moved := 0
			w := engine.Worker{In: []engine.RxQueue{in}, Out: []engine.TxQueue{out}, Stage: mover(c.max, &moved)}
			err := w.Run(context.Background())
			if moved != 23 || end == io.EOF && err != nil || end == broken && err != broken {
				t.Errorf("%+v, input ends with %v: moved %d of 23, %v", c, end, moved, err)
			}
		}
	}
}

func TestWorkerEndsWithItsStage(t *testing.T) {
	bad := errors.New("bad")
	for _, c := range []struct {
		done bool
		err  error
	}{{true, nil}, {false, bad}} {
		out := newScript(t, netmap.TX)
		out.take = 31
		calls := 0
		w := engine.Worker{Out: []engine.TxQueue{out}, Stage: engine.StageFunc(
			func(in, out []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
				calls++
				out[0].Advance(2)
				return 2, c.done && calls == 3, c.err
			})}
		if err := w.Run(context.Background()); err != c.err {
			t.Errorf("Run: %v, want %v", err, c.err)
		}
		if want := 2 * calls; out.taken != want {
			t.Errorf("%d packets synced of %d advanced", out.taken, want)
		}
	}
}

// A ring that is full when the stage looks and empty right after must not cost
// a wait.
func TestWorkerNoticesRoomItMade(t *testing.T) {
	out := newScript(t, netmap.TX)
	out.take = 31
	r := out.ring
	looks := 0
	w := engine.Worker{Out: []engine.TxQueue{out}, Stage: engine.StageFunc(
		func(_, _ []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
			looks++
			if looks%2 == 1 {
				r.Advance(r.Space()) // handed over, but not told
				return 0, false, nil
			}
			return 1, looks > 40, nil
		})}
	begin := time.Now()
	if err := w.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d > 500*time.Millisecond || out.waits > 0 {
		t.Errorf("20 rounds took %v and %d waits", d, out.waits)
	}
}

func TestWorkerWakesWhenAsked(t *testing.T) {
	var at []int64
	var asked int64
	w := engine.Worker{Stage: engine.StageFunc(func(_, _ []*netmap.Ring, clk *engine.Clock) (int, bool, error) {
		now := clk.Now()
		if now != clk.Now() {
			t.Error("two readings in one batch")
		}
		if now >= asked {
			at = append(at, now-asked)
			asked = now + int64(5*time.Millisecond)
		}
		clk.WakeAt(asked + int64(time.Second))
		clk.WakeAt(asked)
		return 0, len(at) == 10, nil
	})}
	begin := time.Now()
	if err := w.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begin); d < 45*time.Millisecond || d > 3*time.Second {
		t.Errorf("nine pauses of 5 ms took %v", d)
	}
}

func TestWorkerStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	idle := engine.StageFunc(func(_, _ []*netmap.Ring, _ *engine.Clock) (int, bool, error) { return 0, false, nil })
	time.AfterFunc(20*time.Millisecond, cancel)
	begin := time.Now()
	w := engine.Worker{Stage: idle}
	if err := w.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if d := time.Since(begin); d > 500*time.Millisecond {
		t.Errorf("an idle worker took %v to see its context end", d)
	}
	if err := (&engine.Worker{}).Run(context.Background()); err == nil {
		t.Error("a worker without a stage ran")
	}
	w = engine.Worker{Stage: idle, CPUs: []int{1000}}
	if err := w.Run(ctx); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("a worker bound to CPU 1000: %v", err)
	}
}

func TestWorkerAllocatesNothingPerBatch(t *testing.T) {
	in, out := newScript(t, netmap.RX), newScript(t, netmap.TX)
	out.take = 31
	batches, refill := 0, []int{4}
	// The queues deliver from within the stage, 4 packets every other batch,
	// so the loop's busy and idle ways are both taken.
	var allocs float64
	run := make(chan struct{})
	stage := engine.StageFunc(func(i, o []*netmap.Ring, clk *engine.Clock) (int, bool, error) {
		batches++
		if batches%2 == 0 {
			in.give = refill
		}
		clk.WakeAt(clk.Now())
		n, err := netmap.Move(o[0], i[0], 100)
		return n, batches > 3000, err
	})
	w := engine.Worker{In: []engine.RxQueue{in}, Out: []engine.TxQueue{out}, Stage: stage}
	go func() {
		defer close(run)
		allocs = testing.AllocsPerRun(1, func() {
			batches = 0
			if err := w.Run(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}()
	<-run
	// What Run itself allocates, once, is far below one per batch.
	if allocs > 60 {
		t.Errorf("%v allocations in a run of 3000 batches", allocs)
	}
}
