package manysockets

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// look is how often a receiver looks whether it is over.
const look = 20 * time.Millisecond

var modes = map[string]engine.Mode{"level": engine.Level, "edge": engine.Edge, "oneshot": engine.OneShot}

// run receives until it is over. It says on ready when the sender may begin.
func (r *receiver) run(method string, ready chan<- error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	loop, done, err := r.poller(method)
	if method == "poll" {
		loop, done, err = r.poll()
	}
	ready <- err
	if err != nil {
		return nil
	}
	defer done()
	start := cpu(unix.RUSAGE_THREAD)
	defer func() { r.cpu = cpu(unix.RUSAGE_THREAD) - start }()
	for !r.over.Load() {
		if err := loop(); err != nil {
			return err
		}
		r.waits++
	}
	return nil
}

func none() {}

// poll waits by poll(2) for all sockets.
func (r *receiver) poll() (loop func() error, done func(), err error) {
	fds := make([]unix.PollFd, len(r.queues))
	for i, q := range r.queues {
		fd, events, _, err := engine.WaitsFor(q)
		if err != nil || fd < 0 {
			return nil, nil, fmt.Errorf("socket %d has no descriptor to poll: %w", i, err)
		}
		fds[i] = unix.PollFd{Fd: int32(fd), Events: events}
	}
	return func() error {
		n, err := unix.Poll(fds, int(look/time.Millisecond))
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
		r.events += uint64(max(n, 0))
		for i := 0; n > 0; i++ {
			if fds[i].Revents == 0 {
				continue
			}
			n--
			if err := r.once(i); err != nil {
				return err
			}
		}
		return nil
	}, none, nil
}

// once takes what one Sync brings: if that is not all, poll and level tell
// again.
func (r *receiver) once(i int) error {
	q := r.queues[i]
	if err := q.Sync(); err != nil {
		return err
	}
	n := q.Ring().Space()
	q.Ring().Advance(n)
	r.count(i, n)
	return nil
}

func (r *receiver) count(i, n int) {
	r.got[i] += uint64(n)
	r.total.Store(r.total.Load() + uint64(n))
}

// poller waits by the engine's Poller.
func (r *receiver) poller(method string) (loop func() error, done func(), err error) {
	if method == "poll" {
		return nil, none, nil
	}
	mode := modes[method]
	p, err := engine.NewPoller(&engine.PollerConfig{Events: 1024})
	if err != nil {
		return nil, none, err
	}
	for i, q := range r.queues {
		s, err := p.Add(q, mode)
		if err != nil {
			_ = p.Close()
			return nil, none, err
		}
		s.Data = i
	}
	handle := func(e engine.Event) error {
		if err := r.once(e.Source.Data.(int)); err != nil {
			return err
		}
		return e.Source.Rearm() // with OneShot only
	}
	if mode == engine.Edge {
		handle = func(e engine.Event) error {
			n, err := e.Source.Drain(64, takeAll)
			r.count(e.Source.Data.(int), n)
			return err
		}
	}
	return func() error {
		events, err := p.Wait(look)
		if err != nil {
			return err
		}
		r.events += uint64(len(events))
		for _, e := range events {
			if e.Err != nil {
				return e.Err
			}
			if err := handle(e); err != nil {
				return err
			}
		}
		return nil
	}, func() { _ = p.Close() }, nil
}

func takeAll(r *netmap.Ring) error {
	r.Advance(r.Space())
	return nil
}
