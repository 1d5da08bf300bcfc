package engine

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// exchange hands over what the stage has put into the outputs and takes the
// next packets of the inputs, for queues that a poll syncs: all of it in one
// system call, which also is the wait if an input has nothing or an output no
// room, and the stage has named no moment of its own.
//
//	Process ─▶ poll {in: POLLIN, in: POLLIN, out: nothing, full out: POLLOUT} ─▶ Process
//
// It reports whether an input has more packets now, or an output more room. An
// input's error is left in inErr for after the next Process.
func (w *Worker) exchange(burst int, moved, idled bool) (gained bool, failed error) {
	w.waitFor = w.waitFor[:0]
	d := maxRaw
	if !moved && w.clk.wake != 0 {
		d = 0
	}
	for i, q := range w.In {
		space := w.in[i].Space()
		if space > 0 && moved {
			d = 0
		}
		if space < burst {
			w.waitFor = append(w.waitFor, q.(*queue))
		}
	}
	ins := len(w.waitFor)
	for i, q := range w.Out {
		r := w.out[i]
		if r.Head() == w.heads[i] && r.Space() >= burst {
			// The kernel goes on sending by itself, and only while idle is there
			// time to ask what has left. A poll would not tell: drivers look
			// for that in a poll only when the ring is full.
			if idled && r.Pending() > 0 {
				keep(q.Sync(), false, nil, &failed)
			}
			continue
		}
		w.heads[i] = r.Head()
		w.waitFor = append(w.waitFor, q.(*queue))
	}
	before := w.space()
	switch {
	case len(w.waitFor) == 0 || failed != nil:
		return false, failed
	case len(w.waitFor) == 1 && before > 0:
		// Nothing to wait for and nothing to join: the cheaper call.
		if failed = w.waitFor[0].Sync(); ins == 1 {
			w.inErr, failed = failed, nil
		}
	default:
		w.inErr, failed = w.wait.exchange(d, w.waitFor, ins, burst)
	}
	return w.space() > before, failed
}

// space sums up the space of the rings that are synced together.
func (w *Worker) space() (n int) {
	for _, q := range w.waitFor {
		n += q.Ring().Space()
	}
	return n
}

// exchange is one poll of queues whose poll is their sync, the first ins of
// them inputs, as a raw system call. It is so short that nothing needs to end
// it: no bell is polled, for each costs the kernel another look.
func (w *waiter) exchange(d time.Duration, queues []*queue, ins, burst int) (inErr, outErr error) {
	w.fds = w.fds[:0]
	for i, q := range queues {
		fd := unix.PollFd{Fd: -1}
		err := q.enter("wait")
		if err == nil {
			if err = q.check("wait"); err != nil {
				q.gate.leave()
			}
		}
		if err == nil {
			n, events := q.polling.BeginPoll()
			fd.Fd = int32(n)
			// An output with room is ready at once and would end the wait; with
			// no event asked for, it is synced all the same.
			if i < ins || q.Ring().Space() < burst {
				fd.Events = events
			}
		} else {
			d = 0 // the others are synced, but nothing is waited for
			keep(err, i < ins, &inErr, &outErr)
		}
		w.fds = append(w.fds, fd)
	}
	_, err := rawPoll(w.fds, d)
	if err != nil && err != unix.EINTR {
		outErr = os.NewSyscallError("poll", err)
	}
	for i, q := range queues {
		if w.fds[i].Fd < 0 {
			continue
		}
		err := q.fail("wait", q.polling.EndPoll(w.fds[i].Revents))
		q.gate.leave()
		keep(err, i < ins, &inErr, &outErr)
	}
	return inErr, outErr
}

// keep keeps the first error of either kind.
func keep(err error, in bool, inErr, outErr *error) {
	if in {
		outErr = inErr
	}
	if err != nil && *outErr == nil {
		*outErr = err
	}
}
