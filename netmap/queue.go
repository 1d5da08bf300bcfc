package netmap

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
)

// A Queue is one ring of an open port with the descriptor that syncs it. One
// goroutine owns it; Stop and Close of its Port may come from anywhere.
type Queue struct {
	port *Port
	file File
	ring *Ring
	dir  Dir
	host bool
	reg  RegisterReq

	head   uint32   // as of the last sync
	all    []*Queue // with Config.Single, all queues of the descriptor, which sync together; else nil
	pace   rawPace
	csb    *csbQueue // nil but in CSB mode
	inside atomic.Int32
}

// Ring returns the ring, in the kernel's memory. It is valid until the port is
// closed and reads as empty after that.
func (q *Queue) Ring() *Ring { return q.ring }

// Dir returns the queue's direction.
func (q *Queue) Dir() Dir { return q.dir }

// Host reports whether the ring is one to or from the host's stack: what is put
// into a transmit ring goes up to it, as if the NIC had received it, and what
// it sends comes in through a receive ring. See [RingForward].
func (q *Queue) Host() bool { return q.host }

// FD returns the descriptor, for poll(2) beside others: for POLLIN on a
// receive queue, for POLLOUT on a transmit queue that is full. If the poll
// itself synced the ring (see Polls), call Polled, else Sync. Level-triggered
// polls only: an edge-triggered one misses packets that a sync has left in
// the NIC. On a port with [Config].Kloop it is the eventfd by which the loop
// wakes the queue, -1 without Events.
func (q *Queue) FD() int {
	if q.csb == nil {
		return q.file.FD()
	}
	if !q.csb.asks {
		q.csb.asks = true
		atomic.StoreUint32(&q.csb.atok.NeedKick, 1)
	}
	return int(q.csb.fds.IRQ)
}

// Polls reports whether polling FD syncs the ring, as the kernel does.
func (q *Queue) Polls() bool { return q.csb == nil && q.file.Polls() }

// Pushes reports whether polling FD for no event at all syncs the ring, too: it
// is a transmit ring, and its descriptor has no other. Where such a poll also
// waits for other descriptors it is the cheapest way to send.
func (q *Queue) Pushes() bool {
	return q.Polls() && q.dir == TX && q.reg.Flags&FlagNoTxPoll == 0
}

// Sync tells the kernel what the user gave back and learns what is new
// (NIOCTXSYNC, NIOCRXSYNC); it does not wait for packets. ErrRing says that
// head or cur are outside of [head,tail], and that the ring is as it was;
// ErrClosed that the port was stopped or closed. On a port with one descriptor
// (Config.Single) all rings of the direction are synced.
//
// While the port's interface is set down, the kernel keeps every sync and poll
// asleep until it is up again or gone (nm_kr_tryget in netmap_kern.h), and no
// signal ends that: Wait, Stop's effect and Close take as long, and even a
// killed process stays until then. Set the interface up to free it.
func (q *Queue) Sync() error {
	if err := q.enter(); err != nil {
		return err
	}
	defer q.leave()
	if err := q.check(); err != nil {
		return err
	}
	var err error
	if q.csb != nil {
		q.head = q.ring.Head()
		return q.csb.sync(q.ring.hdr)
	}
	raw, timed := q.pace.next()
	if timed {
		begin := time.Now()
		err = q.sync(raw)
		q.pace.took(time.Since(begin))
	} else {
		err = q.sync(raw)
	}
	q.synced()
	if err != nil {
		return q.port.dead(err)
	}
	return nil
}

// check looks at the rings before a system call that may sync them. With one
// descriptor for all, a sync of the one direction can be a sync of both: what
// it forwards down from the host's stack goes out through the transmit rings.
func (q *Queue) check() error {
	if q.all == nil {
		return q.ring.Check(q.head)
	}
	for _, o := range q.all {
		if err := o.ring.Check(o.head); err != nil {
			return fmt.Errorf("%v ring %d: %w", o.dir, o.ring.hdr.RingID, err)
		}
	}
	return nil
}

// synced notes the indices after such a call.
func (q *Queue) synced() {
	q.head = q.ring.Head()
	for _, o := range q.all {
		o.head = o.ring.Head()
	}
}

// sync tries again what a signal interrupted.
func (q *Queue) sync(raw bool) (err error) {
	for {
		if err = q.file.Sync(q.dir, raw); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// waitSlice is the longest single poll: the removal of an interface does not
// wake it, and is looked for after each.
const waitSlice = 200 * time.Millisecond

// Wait waits, at most for d (negative: without limit), until a receive queue
// has packets or a transmit queue room, and returns with the ring synced. Call
// it only after a Sync that gave nothing. It returns nil also when time is up;
// errors are those of Sync, and the interface's end.
func (q *Queue) Wait(d time.Duration) error {
	if q.csb != nil {
		return q.waitCSB(d)
	}
	deadline := time.Now().Add(d)
	for {
		slice := waitSlice
		if d >= 0 {
			slice = max(0, min(slice, time.Until(deadline)))
		}
		n, err := q.poll(slice)
		if errors.Is(err, syscall.EINTR) {
			err = nil
		}
		if n != 0 || err != nil || d >= 0 && time.Until(deadline) <= 0 {
			return err
		}
	}
}

func (q *Queue) poll(d time.Duration) (revents int16, err error) {
	if err := q.enter(); err != nil {
		return 0, err
	}
	defer q.leave()
	if err := q.check(); err != nil {
		return 0, err
	}
	revents, err = q.file.Poll(q.Events(), d)
	if err != nil {
		q.synced() // a poll that a signal ended has synced before it slept
		return 0, fmt.Errorf("poll: %w", err)
	}
	return revents, q.polled(revents)
}

// Events is what to poll the queue's descriptor for.
func (q *Queue) Events() int16 {
	if q.dir == RX || q.csb != nil {
		return pollIn
	}
	return pollOut
}

// Polled ends a poll of FD made elsewhere, with its revents, 0 if time ran
// out. It leaves the ring synced.
func (q *Queue) Polled(revents int16) error {
	if q.csb != nil {
		if revents != 0 && q.csb.fds.IRQ >= 0 {
			if _, err := heard(q.csb.fds.IRQ, 0); err != nil {
				return err
			}
		}
		return q.Sync()
	}
	if revents != 0 && revents&^(pollIn|pollOut) == 0 && !q.file.Polls() {
		return q.Sync()
	}
	if err := q.enter(); err != nil {
		return err
	}
	defer q.leave()
	return q.polled(revents)
}

// Synced ends a poll of FD made elsewhere that synced the ring and said nothing
// of it, because no event was asked for or none came.
func (q *Queue) Synced() { q.synced() }

func (q *Queue) polled(revents int16) error {
	q.synced()
	if revents&^(pollIn|pollOut) != 0 {
		// The kernel refused to sync: it is going away, or the ring's indices
		// are not what it believes.
		return q.port.dead(syscall.EIO)
	}
	if revents == 0 {
		return q.port.alive()
	}
	return nil
}

// enter begins an owner's call.
func (q *Queue) enter() error {
	q.inside.Add(1)
	if q.port.stopped.Load() {
		q.inside.Add(-1)
		return ErrClosed
	}
	return nil
}

func (q *Queue) leave() { q.inside.Add(-1) }

// errGone is wrapped by the error of a port whose interface was removed.
var errGone = errors.New("the interface is gone")
