package engine

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A waiter waits for any of several queues. It keeps poll's vector, so that
// waiting allocates nothing.
type waiter struct {
	fds []unix.PollFd
	who []*queue
}

// init makes room for n queues, each with its port's bell, and one bell more.
func (w *waiter) init(n int) {
	w.fds = make([]unix.PollFd, 0, 2*n+1)
	w.who = make([]*queue, 0, n)
}

// maxSlice is the longest single poll: a backend whose descriptor is not woken
// by the removal of its interface is looked at again after it.
const maxSlice = 200 * time.Millisecond

// maxRaw is the longest poll as a raw system call. A short wait then costs no
// handing over of the processor, and the garbage collector waits no longer.
const maxRaw = time.Millisecond

// run waits at most d (negative: without limit) until one of the queues is
// ready, has the ready ones synced, and returns the first error. A queue with
// nothing to wait for is not waited for. The extra bell, if any, ends the wait
// too.
func (w *waiter) run(d time.Duration, extra *bell, queues ...*queue) error {
	var deadline time.Time
	if d > 0 {
		deadline = time.Now().Add(d)
	}
	for {
		ended, err := w.slice(d, extra, queues)
		if ended || err != nil || d == 0 {
			return err
		}
		if d > 0 {
			if d = time.Until(deadline); d <= 0 {
				return nil
			}
		}
	}
}

// slice is one poll; ended says that the wait is over.
func (w *waiter) slice(d time.Duration, extra *bell, queues []*queue) (ended bool, err error) {
	w.fds, w.who = w.fds[:0], w.who[:0]
	timeout := maxSlice
	if d >= 0 {
		timeout = min(timeout, d)
	}
	after := time.Duration(-1) // the shortest After
	raw := false
	for _, q := range queues {
		// A queue is inside its gate for as long as its descriptor is polled.
		if err := q.enter("wait"); err != nil {
			w.leave()
			return true, err
		}
		w.who = append(w.who, q)
		if err := q.check("wait"); err != nil {
			w.leave()
			return true, err
		}
		bell, err := q.port.bell.pollFd()
		if err != nil {
			w.leave()
			return true, q.fail("wait", err)
		}
		want := q.Poll()
		raw = raw || want.Syncs
		w.fds = append(w.fds, unix.PollFd{Fd: int32(want.FD), Events: want.Events}, bell)
		if want.After >= 0 && (after < 0 || want.After < after) {
			after = want.After
		}
	}
	if extra != nil {
		bell, err := extra.pollFd()
		if err != nil {
			w.leave()
			return true, err
		}
		w.fds = append(w.fds, bell)
	}
	if after >= 0 {
		timeout = min(timeout, after)
	}
	slice := timeout
	n, err := 0, error(nil)
	if raw {
		n, err = rawPoll(w.fds, min(timeout, maxRaw))
		timeout -= min(timeout, maxRaw)
	}
	if n == 0 && err == nil && (!raw || timeout > 0) {
		n, err = poll(w.fds, timeout)
	}
	w.leave()
	switch {
	case err == unix.EINTR:
		return false, nil
	case err != nil:
		return true, os.NewSyscallError("poll", err)
	case extra != nil && w.fds[len(w.fds)-1].Revents != 0:
		ended = true
	}
	if n == 0 && (after < 0 || slice < after) {
		return ended, nil
	}
	for i, q := range w.who {
		revents := w.fds[2*i].Revents
		if revents == 0 && w.fds[2*i+1].Revents == 0 && q.Poll().After < 0 {
			continue
		}
		ended = true
		if e := q.polled(revents); e != nil && err == nil {
			err = e
		}
	}
	return ended, err
}

func (w *waiter) leave() {
	for _, q := range w.who {
		q.gate.leave()
	}
}
