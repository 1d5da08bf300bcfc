package engine

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// An RxQueue receives packets into a ring. One goroutine owns it.
type RxQueue interface {
	// Ring returns the receive ring: the slots from head to tail hold packets,
	// the caller's until head moves past them and Sync is called. It is valid
	// until the port is closed.
	Ring() *netmap.Ring
	// Sync gives back the slots before head and takes the packets that have
	// arrived. It never waits for packets. io.EOF says that none will come
	// again; netmap.ErrClosed that the port was stopped or closed;
	// netmap.ErrRing that head or cur were set outside of what is the user's.
	Sync() error
	// Wait waits until there are packets, and returns with the ring synced:
	// call it only after a Sync that gave nothing. It returns nil after d (or
	// earlier) with or without packets; a negative d is no limit. Errors are
	// those of Sync.
	Wait(d time.Duration) error
	// Stats may be called from any goroutine, also after Close.
	Stats() Stats
}

// A TxQueue sends packets from a ring. One goroutine owns it.
type TxQueue interface {
	// Ring returns the transmit ring: the slots from head to tail are free, to
	// be filled by the caller and handed over by moving head and Sync. It is
	// valid until the port is closed.
	Ring() *netmap.Ring
	// Sync hands over the packets before head and takes back the slots of
	// those that are done. It never waits. Packets the kernel does not take
	// now stay in the ring, and the next Sync tries again. Errors are those of
	// RxQueue.Sync, and the kernel's word on the packet that could not be sent.
	Sync() error
	// Wait waits until there is room in the ring, and returns with it synced;
	// otherwise as RxQueue.Wait.
	Wait(d time.Duration) error
	// Drain waits until all packets before head have left, at most for d, and
	// returns how many have not. The error is Sync's.
	Drain(d time.Duration) (left int, err error)
	// Stats may be called from any goroutine, also after Close.
	Stats() Stats
}

// queue is every backend's queue, receiving or sending: what RxQueue and
// TxQueue promise beyond moving packets is done here once.
type queue struct {
	backend.Queue
	port *Port
	gate gate
	head uint32 // as of the last sync
	wait waiter // for Wait and Drain

	polling backend.Polling // nil if polling never syncs the backend's ring

	source atomic.Pointer[Source] // where a Poller has the queue

	collect   sync.Mutex // lets one goroutine at a time Collect, and none after Close
	collected bool       // closed: the counters are final
}

func newQueue(b backend.Queue, p *Port) *queue {
	q := &queue{Queue: b, port: p, head: b.Ring().Head()}
	q.wait.init(1)
	q.polling, _ = b.(backend.Polling)
	return q
}

// enter begins an owner's call; leave ends it. In between the port is not
// released.
func (q *queue) enter(op string) error {
	if q.gate.enter() {
		return nil
	}
	return &netmap.OpError{Op: op, Port: q.port.spec, Err: netmap.ErrClosed}
}

func (q *queue) fail(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &netmap.OpError{Op: op, Port: q.port.spec, Err: err}
}

func (q *queue) Sync() error {
	if err := q.enter("sync"); err != nil {
		return err
	}
	defer q.gate.leave()
	if err := q.check("sync"); err != nil {
		return err
	}
	err := q.Queue.Sync()
	if s := q.source.Load(); s != nil {
		s.synced()
	}
	return q.fail("sync", err)
}

// polled ends a wait, as Sync does.
func (q *queue) polled(revents int16) error {
	if err := q.enter("wait"); err != nil {
		return err
	}
	defer q.gate.leave()
	err := q.Polled(revents)
	if s := q.source.Load(); s != nil {
		s.synced()
	}
	return q.fail("wait", err)
}

// check refuses a ring whose indices the user set outside of what is the
// user's. It comes before whatever moves them: a sync, or a poll that is one.
func (q *queue) check(op string) error {
	if err := q.Ring().Check(q.head); err != nil {
		return q.fail(op, err)
	}
	q.head = q.Ring().Head()
	return nil
}

func (q *queue) Wait(d time.Duration) error {
	if q.Ring().Space() > 0 && !q.gate.closed() {
		return nil
	}
	return q.wait.run(d, nil, q)
}

func (q *queue) Drain(d time.Duration) (int, error) {
	deadline := time.Now().Add(d)
	for {
		if err := q.Sync(); err != nil {
			return q.left(), err
		}
		left, rest := q.left(), time.Until(deadline)
		if left == 0 || rest <= 0 {
			return left, nil
		}
		if err := q.wait.run(min(rest, time.Millisecond), nil, q); err != nil {
			return q.left(), err
		}
	}
}

// left counts the packets that were handed over and have not left.
func (q *queue) left() int {
	// Where the kernel may be writing these slots, the backend keeps count.
	if b, ok := q.Queue.(interface{ Left() int }); ok {
		return b.Left()
	}
	r, n := q.Ring(), 0
	for i := r.Next(r.Tail()); i != r.Head(); i = r.Next(i) {
		if r.Slot(i).Flags&netmap.MoreFrag == 0 {
			n++
		}
	}
	return n
}

func (q *queue) Stats() Stats {
	q.collect.Lock()
	if !q.collected {
		q.Collect()
	}
	q.collect.Unlock()
	return statsOf(q.Counters())
}

// release closes the backend's queue when the owner's last call has returned.
func (q *queue) release() error {
	q.gate.close()
	q.gate.wait()
	q.collect.Lock()
	defer q.collect.Unlock()
	q.Collect()
	q.collected = true
	return q.Close()
}

// A gate counts the calls inside a queue (one at most: its owner's, but for
// misuse) and, once closed, lets no more in.
type gate struct{ state atomic.Int32 }

const gateClosed = -1 << 31

func (g *gate) enter() bool {
	if g.state.Add(1) < 0 {
		g.state.Add(-1)
		return false
	}
	return true
}

func (g *gate) leave()       { g.state.Add(-1) }
func (g *gate) close()       { g.state.Or(gateClosed) }
func (g *gate) closed() bool { return g.state.Load() < 0 }

// wait returns when nobody is inside a closed gate. A call inside never waits
// for packets but in poll, which the port's bell ends.
func (g *gate) wait() {
	for pause := time.Microsecond; g.state.Load() != gateClosed; pause = min(2*pause, time.Millisecond) {
		time.Sleep(pause)
	}
}
