package engine

import (
	"container/heap"
	"errors"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/netmap"
)

// What is here runs under Poller.mu.

// settle finds out what a queue waits for, and has it waited for: by the
// kernel, by a timer, or not at all.
func (p *Poller) settle(s *Source) error {
	q := s.q
	if !s.live.Load() || s.closed || s.mode == OneShot && !s.armed || !q.gate.enter() {
		return nil
	}
	defer q.gate.leave()
	if q.polling != nil {
		// Any wait in the kernel may sync the ring.
		if err := q.check("poll"); err != nil {
			return err
		}
	}
	w := q.Poll()
	if w.After == 0 || s.hot {
		p.push(s)
		return nil
	}
	if w.After > 0 {
		s.expires = Monotonic() + int64(w.After)
		p.timers.set(s)
	} else if s.timed > 0 {
		p.timers.remove(s)
	}
	if w.FD < 0 {
		return nil
	}
	return p.watch(s, w.FD, w.Events)
}

// watch has the kernel tell of a queue's descriptor. A transmit queue wants
// that once each time it is full: a socket is writable nearly always.
func (p *Poller) watch(s *Source, fd int, events int16) error {
	mode := s.mode
	if s.tx {
		mode = OneShot
	}
	if s.fd >= 0 {
		if mode != OneShot {
			return nil
		}
		return p.sys.mod(s.fd, events, mode, s.data())
	}
	if s.shares(fd) {
		// The kernel knows a descriptor once only.
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return noDescriptors(err)
		}
		fd, s.dup = n, true
	}
	s.fd = fd
	err := p.sys.add(fd, events, mode, s.data())
	if err != nil {
		p.release(s)
	}
	return err
}

// shares reports whether another queue of the port has its descriptor watched.
func (s *Source) shares(fd int) bool {
	for _, q := range s.q.port.all {
		if o := q.source.Load(); o != nil && o != s && o.p == s.p && o.fd == fd && !o.dup {
			return true
		}
	}
	return false
}

func (p *Poller) unwatch(s *Source) {
	if s.timed > 0 {
		p.timers.remove(s)
	}
	if s.fd >= 0 {
		p.sys.del(s.fd)
		p.release(s)
	}
}

// release forgets a queue's descriptor.
func (p *Poller) release(s *Source) {
	if s.dup {
		unix.Close(s.fd)
		s.dup = false
	}
	if s.q != nil {
		s.fd = -1
	}
}

// push has a source told of by the next collect.
func (p *Poller) push(s *Source) {
	if !s.queued {
		s.queued = true
		p.ready.push(s)
	}
}

// stir ends a Wait under way if there is something for it that the kernel does
// not know of.
func (p *Poller) stir() {
	if p.waiting && (p.ready.n > 0 || len(p.timers) > 0 && p.timers[0].expires < p.until) {
		p.waiting = false
		p.sys.wake()
	}
}

// failed has the next collect tell of an error.
func (p *Poller) failed(s *Source, err error) {
	s.err = s.q.fail("poll", err)
	p.push(s)
}

// stopped is called by the port as it stops, before it closes any descriptor.
func (p *Poller) stopped(s *Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !s.live.Load() || s.closed {
		return
	}
	p.unwatch(s)
	s.closed = true
	if s.mode != OneShot || s.armed {
		p.push(s)
		p.stir()
	}
}

// told makes an event of a source that needs no asking.
func (p *Poller) told(s *Source) {
	s.queued = false
	if !s.live.Load() || s.mode == OneShot && !s.armed {
		return
	}
	e := p.event(s)
	switch {
	case s.closed:
		*e = Event{Source: s, Closed: true, Err: s.q.fail("poll", netmap.ErrClosed)}
		p.drop(s)
	case s.err != nil:
		e.Err, s.err = s.err, nil
	default:
		e.Readable = e.Readable || s.reads()
		e.Writable = e.Writable || s.tx || s.want&unix.POLLOUT != 0
	}
}

// fired is an event of the kernel: revents is as poll(2) has it, and err what
// the kernel has said of the error by itself.
func (p *Poller) fired(s *Source, revents int16, err error) {
	if s.closed || s.mode == OneShot && !s.armed {
		return
	}
	if s.q != nil && (s.q.polling != nil || revents&unix.POLLERR != 0) {
		p.sync(s, revents)
		return
	}
	e := p.event(s)
	e.Hangup = e.Hangup || revents&unix.POLLHUP != 0
	e.Readable = e.Readable || revents&unix.POLLIN != 0 || e.Hangup && s.reads()
	e.Writable = e.Writable || revents&unix.POLLOUT != 0
	if revents&unix.POLLERR != 0 && e.Err == nil {
		if e.Err = err; err == nil {
			e.Err = pending(s.fd)
		}
	}
}

// sync ends the wait of a queue whose ring the kernel has synced by polling, or
// whose error only its own Sync understands: the kernel tells it once.
func (p *Poller) sync(s *Source, revents int16) {
	var err error
	if s.q.polling != nil {
		err = s.q.polled(revents)
	} else {
		err = s.q.Sync()
	}
	switch {
	case err != nil && s.q.gate.closed():
		return // its port tells
	case err != nil:
		p.event(s).Err = err
	case s.q.Ring().Space() == 0:
		// Nothing to tell: the error was none, or the time for a look was
		// over. What it waits for now prepare finds out.
		if s.mode != OneShot {
			return
		}
		if err := p.settle(s); err != nil {
			p.failed(s, err)
		}
	case s.tx:
		p.event(s).Writable = true
	default:
		p.event(s).Readable = true
	}
}

// reads reports whether the source is one to read from.
func (s *Source) reads() bool {
	if s.q != nil {
		return !s.tx
	}
	return s.want&unix.POLLIN != 0
}

// expired is the end of a queue's own time.
func (p *Poller) expired(s *Source) {
	if s.q.polling != nil {
		p.sync(s, 0)
		return
	}
	p.push(s)
}

// errUnnamed is the error of a descriptor that has no SO_ERROR, or none set.
var errUnnamed = errors.New("the descriptor is in error (POLLERR), which for a pipe is that its reader is gone")

// pending takes a socket's error.
func pending(fd int) error {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil || n == 0 {
		return errUnnamed
	}
	return unix.Errno(n)
}

// synced tells the Poller that a queue was synced, by its owner.
func (s *Source) synced() {
	if s.mode == OneShot {
		return
	}
	s.hot = s.hot && s.q.Ring().Space() > 0
	s.p.touch(s)
}

// fifo is the sources to tell of, in the order they came.
type fifo struct {
	first, last *Source
	n           int
}

func (f *fifo) push(s *Source) {
	if f.n++; f.n == 1 {
		f.first = s
	} else {
		f.last.next = s
	}
	f.last = s
}

func (f *fifo) pop() *Source {
	s := f.first
	f.first, s.next = s.next, nil
	f.n--
	return s
}

// timers is a heap by the time at which each source's is over.
type timers []*Source

func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].expires < t[j].expires }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].timed, t[j].timed = i+1, j+1
}

// Push and Pop are container/heap's.
func (t *timers) Push(x any) {
	s := x.(*Source)
	*t = append(*t, s)
	s.timed = len(*t)
}

func (t *timers) Pop() any {
	n := len(*t) - 1
	s := (*t)[n]
	(*t)[n], *t = nil, (*t)[:n]
	s.timed = 0
	return s
}

func (t *timers) set(s *Source) {
	if s.timed > 0 {
		heap.Fix(t, s.timed-1)
	} else {
		heap.Push(t, s)
	}
}

func (t *timers) remove(s *Source) { heap.Remove(t, s.timed-1) }
func (t *timers) pop() *Source     { return heap.Pop(t).(*Source) }
