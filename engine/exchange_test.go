package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// polled is a backend queue whose poll is its sync, as the kernel's netmap's:
// each brings one of the batches in give, or takes what was handed over. Its
// descriptor is always ready, so that no poll waits.
type polled struct {
	backend.Queue
	ring     *netmap.Ring
	counters backend.Counters
	fd       int
	give     []int
	err      error // after the last batch
	syncs    int   // system calls of its own
	polls    int   // part in a system call with others
	moved    int
}

func (q *polled) Ring() *netmap.Ring          { return q.ring }
func (q *polled) Counters() *backend.Counters { return &q.counters }
func (q *polled) Polls() bool                 { return true }

func (q *polled) BeginPoll() (int, int16) { return q.fd, unix.POLLIN }
func (q *polled) Poll() backend.Wait {
	return backend.Wait{FD: q.fd, Events: unix.POLLIN, After: -1, Syncs: true}
}

func (q *polled) Polled(revents int16) error { return q.EndPoll(revents) }

func (q *polled) EndPoll(int16) error {
	q.polls++
	return q.move()
}

func (q *polled) Sync() error {
	q.syncs++
	return q.move()
}

func (q *polled) move() error {
	h := q.ring.Header()
	if q.ring.Dir() == netmap.TX {
		q.moved += q.ring.Pending()
		if h.Tail = h.Head; h.Tail == 0 {
			h.Tail = h.NumSlots
		}
		h.Tail--
		return q.err
	}
	if len(q.give) == 0 {
		return q.err
	}
	for range q.give[0] {
		h.Tail = q.ring.Next(h.Tail)
	}
	q.moved += q.give[0]
	q.give = q.give[1:]
	return nil
}

// polledPort makes a queue of each direction in mem.
func polledPort(t testing.TB, mem *netmap.Memory) (rx, tx *polled, in RxQueue, out TxQueue) {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	p := &Port{spec: "test:"}
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
		p.bell.close()
	})
	if _, err := unix.Write(fds[1], []byte{0}); err != nil {
		t.Fatal(err)
	}
	var q [2]*polled
	for d := range q {
		r, err := mem.NewRing(netmap.Dir(d), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		q[d] = &polled{ring: r, fd: fds[0]}
	}
	return q[netmap.RX], q[netmap.TX], newQueue(q[netmap.RX], p), newQueue(q[netmap.TX], p)
}

// A bridge of two ports makes one system call a batch, in which both its
// inputs and its outputs are synced, and loses nothing at an input's end.
func TestExchange(t *testing.T) {
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 4, Slots: 64})
	if err != nil {
		t.Fatal(err)
	}
	aRX, aTX, aIn, aOut := polledPort(t, mem)
	bRX, bTX, bIn, bOut := polledPort(t, mem)
	gone := errors.New("gone")
	aRX.give, aRX.err = []int{10, 63, 1, 40}, gone
	bRX.give, bRX.err = []int{0, 5, 0, 7}, gone
	calls := 0
	w := Worker{
		In: []RxQueue{aIn, bIn}, Out: []TxQueue{aOut, bOut},
		Stage: StageFunc(func(in, out []*netmap.Ring, _ *Clock) (int, bool, error) {
			calls++
			n, err := netmap.Move(out[1], in[0], 64)
			if err != nil {
				return n, false, err
			}
			m, err := netmap.Move(out[0], in[1], 64)
			return n + m, false, err
		}),
	}
	if err := w.Run(context.Background()); !errors.Is(err, gone) {
		t.Errorf("Run: %v, want %v", err, gone)
	}
	if bTX.moved != 114 || aTX.moved != 12 {
		t.Errorf("%d and %d packets were sent of 114 and 12", bTX.moved, aTX.moved)
	}
	if aRX.syncs != 1 || bRX.syncs != 1 || aTX.syncs+bTX.syncs > 0 || aRX.polls > calls || bTX.polls > calls {
		t.Errorf("in %d batches: %s", calls, counts(aRX, aTX, bRX, bTX))
	}
}

func counts(queues ...*polled) (s string) {
	for _, q := range queues {
		s += fmt.Sprintf("%d syncs and %d polls; ", q.syncs, q.polls)
	}
	return s
}

// An output's error ends the run at once, and a stage's end hands over what it
// has placed.
func TestExchangeEnds(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		outErr, want error
		done         bool
		sent         int
	}{{outErr: broken, want: broken, sent: 10}, {done: true, sent: 10}} {
		mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 64})
		if err != nil {
			t.Fatal(err)
		}
		rx, tx, in, out := polledPort(t, mem)
		rx.give, tx.err = []int{10, 10, 10}, c.outErr
		w := Worker{In: []RxQueue{in}, Out: []TxQueue{out}, Stage: StageFunc(
			func(in, out []*netmap.Ring, _ *Clock) (int, bool, error) {
				n, err := netmap.Move(out[0], in[0], 64)
				return n, c.done, err
			})}
		if err := w.Run(context.Background()); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if tx.moved != c.sent {
			t.Errorf("%+v: %d packets were sent", c, tx.moved)
		}
	}
}

// A batch through an exchange allocates nothing.
func TestExchangeAllocates(t *testing.T) {
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 64})
	if err != nil {
		t.Fatal(err)
	}
	rx, _, in, out := polledPort(t, mem)
	w := Worker{In: []RxQueue{in}, Out: []TxQueue{out}, Stage: StageFunc(nil)}
	w.prepare()
	give := []int{10}
	allocs := testing.AllocsPerRun(100, func() {
		rx.give = give
		if _, err := w.exchange(1, true, false); err != nil || w.inErr != nil {
			t.Fatal(err, w.inErr)
		}
		if n, err := netmap.Move(w.out[0], w.in[0], 64); n != 10 || err != nil {
			t.Fatal(n, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a batch", allocs)
	}
}
