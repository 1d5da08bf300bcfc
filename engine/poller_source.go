package engine

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/netmap"
)

// A Source is a queue or a descriptor in a [Poller].
type Source struct {
	// Data is the user's: what belongs to the source, to be found by its
	// events. The Poller does not look at it. Set it before the next Wait.
	Data any

	p    *Poller
	q    *queue // nil: a descriptor
	mode Mode
	tx   bool
	want int16  // of a descriptor: what is waited for, as for poll(2)
	i    uint32 // index in the table
	live atomic.Bool

	// Under p.mu.
	fd      int  // what the kernel watches; -1: nothing yet
	dup     bool // fd is a copy, because the queue's own is watched for another queue
	armed   bool // OneShot: to be told of
	closed  bool // the port was stopped
	err     error
	next    *Source // in p.ready
	queued  bool
	timed   int   // place in p.timers and one; 0: none
	expires int64 // Monotonic

	// Of the goroutine that waits.
	touched bool
	hot     bool   // Edge: no Sync has given nothing since the source was told of
	batch   uint64 // of the latest event
	at      int    // its index
}

// Queue returns the queue, nil for a descriptor.
func (s *Source) Queue() Queue {
	if s.q == nil {
		return nil
	}
	return s.q
}

// FD returns the descriptor that AddFD was given, -1 for a queue.
func (s *Source) FD() int {
	if s.q != nil {
		return -1
	}
	return s.fd
}

// String names the source: its port's spec, or its descriptor.
func (s *Source) String() string {
	if s.q != nil {
		return s.q.port.spec
	}
	return fmt.Sprintf("descriptor %d", s.fd)
}

// Live reports whether the source is in its Poller still. Who removes sources
// while going through events finds by it those that are to be left out.
func (s *Source) Live() bool { return s.live.Load() }

// Add has the Poller wait for a queue of this package, which can be in one
// Poller only. A queue that is ready already is told of.
//
// netmap's queues want Level, for polling their descriptor is what syncs them:
// an edge would be missed that a sync has left in the NIC. Capture files are
// always ready.
func (p *Poller) Add(q Queue, mode Mode) (*Source, error) {
	own, ok := q.(*queue)
	if !ok {
		return nil, fmt.Errorf("poller: a %T is no queue of this package, and nothing tells when it is ready: %w", q, netmap.ErrNotSupported)
	}
	s, err := p.add(own, mode)
	if err != nil {
		return nil, own.fail("poll", err)
	}
	if own.gate.closed() {
		p.stopped(s) // Stop may have looked before it was there
	}
	return s, nil
}

func (p *Poller) add(q *queue, mode Mode) (*Source, error) {
	switch {
	case mode > OneShot:
		return nil, fmt.Errorf("no mode has the number %d", mode)
	case q.polling != nil && mode != Level:
		return nil, fmt.Errorf("netmap's poll performs the sync, so an edge or a single shot would miss what a sync has left in the NIC: want Level: %w", netmap.ErrNotSupported)
	case !p.gate.enter():
		return nil, errPoller
	}
	defer p.gate.leave()
	if !q.gate.enter() {
		return nil, netmap.ErrClosed
	}
	defer q.gate.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &Source{p: p, q: q, mode: mode, tx: q.Ring().Dir() == netmap.TX, fd: -1}
	if !q.source.CompareAndSwap(nil, s) {
		return nil, errors.New("the queue is in a Poller already: a queue has one owner")
	}
	p.place(s)
	if err := p.settle(s); err != nil {
		p.drop(s)
		return nil, err
	}
	p.stir()
	return s, nil
}

// AddFD has the Poller wait for any descriptor that poll(2) is good for. It
// stays the caller's, who must Remove the source before closing it. Regular
// files are refused with EPERM: they are always ready.
func (p *Poller) AddFD(fd int, want Interest, mode Mode) (*Source, error) {
	fail := func(err error) (*Source, error) { return nil, fmt.Errorf("poller: descriptor %d: %w", fd, err) }
	if want == 0 || want > ToRead|ToWrite || mode > OneShot {
		return fail(fmt.Errorf("interest %d in mode %d: want ToRead, ToWrite or both, and a Mode", want, mode))
	}
	if !p.gate.enter() {
		return fail(errPoller)
	}
	defer p.gate.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &Source{p: p, mode: mode, fd: fd}
	if want&ToRead != 0 {
		s.want |= unix.POLLIN
	}
	if want&ToWrite != 0 {
		s.want |= unix.POLLOUT
	}
	p.place(s)
	if err := p.sys.add(fd, s.want, mode, s.data()); err != nil {
		s.fd = -1
		p.drop(s)
		return fail(err)
	}
	return s, nil
}

// place puts a new source into the table, to be told of.
func (p *Poller) place(s *Source) {
	if n := len(p.free); n > 0 {
		s.i, p.free = p.free[n-1], p.free[:n-1]
	} else {
		s.i = uint32(len(p.table))
		p.table = append(p.table, place{})
	}
	p.table[s.i].s = s
	s.armed = true
	s.live.Store(true)
}

// data is what the kernel knows the source by.
func (s *Source) data() uint64 { return uint64(s.p.table[s.i].gen)<<32 | uint64(s.i) }

// Remove takes the source out of its Poller. Events that Wait has returned
// already may name it still. Further calls do nothing.
func (s *Source) Remove() {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.drop(s)
}

// drop is Remove under the lock.
func (p *Poller) drop(s *Source) {
	if !s.live.Load() {
		return
	}
	p.unwatch(s)
	s.live.Store(false)
	if s.q != nil {
		s.q.source.CompareAndSwap(s, nil)
	}
	e := &p.table[s.i]
	e.s = nil
	e.gen++
	p.free = append(p.free, s.i)
}

// Rearm has a OneShot source told of again, at once if it is ready. Whoever
// handled its event is no longer its owner. A queue whose port was stopped
// meanwhile is told of as Closed. A transmit queue wants it after each Sync that
// left packets behind, for before it had nothing to wait for. For other modes,
// or a source that is armed, Rearm does nothing.
func (s *Source) Rearm() error {
	p := s.p
	if !p.gate.enter() {
		return errPoller
	}
	defer p.gate.leave()
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.mode != OneShot || s.armed && !s.tx || !s.live.Load() {
		return nil
	}
	s.armed = true
	defer p.stir()
	switch {
	case s.q == nil:
		if err := p.sys.mod(s.fd, s.want, s.mode, s.data()); err != nil {
			s.armed = false
			return fmt.Errorf("poller: descriptor %d: %w", s.fd, err)
		}
	case s.closed:
		p.push(s)
	default:
		if err := p.settle(s); err != nil {
			s.armed = false
			return s.q.fail("poll", err)
		}
	}
	return nil
}

// Again has the next Wait tell of the source whatever the kernel says: for an
// edge-triggered descriptor that was not read until EAGAIN, because others had
// their turn. It is told of as readable and writable, as far as those are
// waited for. A OneShot source that is not armed is left alone.
func (s *Source) Again() {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.live.Load() && (s.mode != OneShot || s.armed) {
		p.push(s)
		p.stir()
	}
}

// Drain takes what a receive queue has: it syncs and calls f with the ring,
// over and over, until a Sync gives nothing (the kernel said EAGAIN), f takes
// nothing, or f has taken budget packets or more. In the last two cases the
// next Wait tells of the queue again, without the kernel's being asked, after
// all others that are ready: so a busy queue cannot starve them. (In OneShot
// mode that is for Rearm to do.)
//
// It returns how many packets f has taken, and the error of Sync or f; io.EOF
// is the end of a capture file. It is for the queue's owner.
func (s *Source) Drain(budget int, f func(*netmap.Ring) error) (n int, err error) {
	if s.q == nil || s.tx {
		return 0, fmt.Errorf("poller: only a receive queue can be drained: %w", netmap.ErrNotSupported)
	}
	ring := s.q.Ring()
	for n < budget {
		if err := s.q.Sync(); err != nil {
			return n, err
		}
		space := ring.Space()
		if space == 0 {
			break
		}
		if err := f(ring); err != nil {
			return n + space - ring.Space(), err
		}
		took := space - ring.Space()
		if took == 0 {
			break
		}
		n += took
	}
	return n, nil
}
