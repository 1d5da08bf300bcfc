//go:build freebsd || darwin

package engine

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// selector is kqueue(2). A source has a filter for reading, one for writing, or
// both; udata comes back with the events.
type selector struct {
	fd      int
	events  []unix.Kevent_t
	changes []unix.Kevent_t // two, under Poller.mu
	bell    []unix.Kevent_t // one, which triggers an event of our own; never changed
}

// bellData is no source's: the table never has as many.
const bellData = ^uint64(0)

// A filter is a way of being ready, with the bit that poll(2) has for it.
var filters = [...]struct {
	filter int16
	event  int16
}{{unix.EVFILT_READ, unix.POLLIN}, {unix.EVFILT_WRITE, unix.POLLOUT}}

func (k *selector) open(max int) (err error) {
	k.events, k.changes = kevents(max), kevents(len(filters))
	if k.fd, err = unix.Kqueue(); err != nil {
		return os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(k.fd)
	k.bell = kevents(1)
	k.bell[0].Filter, k.bell[0].Flags = unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR
	setUdata(&k.bell[0], bellData)
	if err = k.apply(k.bell); err != nil {
		_ = k.close()
	}
	k.bell[0].Flags, k.bell[0].Fflags = 0, unix.NOTE_TRIGGER
	return err
}

func (k *selector) close() error { return os.NewSyscallError("close", unix.Close(k.fd)) }

func (k *selector) apply(changes []unix.Kevent_t) error {
	_, err := unix.Kevent(k.fd, changes, nil, nil)
	return os.NewSyscallError("kevent", err)
}

func (k *selector) add(fd int, events int16, mode Mode, data uint64) error {
	flags := uint16(unix.EV_ADD | unix.EV_ENABLE)
	switch mode {
	case Edge:
		flags |= unix.EV_CLEAR
	case OneShot:
		flags |= unix.EV_DISPATCH
	}
	n := 0
	for _, f := range filters {
		if events&f.event == 0 {
			continue
		}
		c := &k.changes[n]
		c.Ident, c.Filter, c.Flags = uint64(fd), f.filter, flags
		setUdata(c, data)
		n++
	}
	return k.apply(k.changes[:n])
}

// mod is add: the kernel takes a second one for a change.
func (k *selector) mod(fd int, events int16, mode Mode, data uint64) error {
	return k.add(fd, events, mode, data)
}

// del has the kernel forget a descriptor; one that was closed it has forgotten.
func (k *selector) del(fd int) {
	for _, f := range filters {
		c := &k.changes[0]
		c.Ident, c.Filter, c.Flags = uint64(fd), f.filter, unix.EV_DELETE
		_ = k.apply(k.changes[:1])
	}
}

// wake ends a wait, or the next one. It may be called from anywhere.
func (k *selector) wake() { _ = k.apply(k.bell) }

// wait waits at most d (negative: without limit) and returns how many events
// there are.
func (k *selector) wait(d time.Duration) (int, error) {
	var ts *unix.Timespec
	if d >= 0 {
		t := unix.NsecToTimespec(int64(d))
		ts = &t
	}
	n, err := unix.Kevent(k.fd, nil, k.events, ts)
	return max(n, 0), err
}

// at returns event i. The end of the file comes with the socket's error in
// fflags, if there is one.
func (k *selector) at(i int) (data uint64, revents int16, err error) {
	ev := &k.events[i]
	for _, f := range filters {
		if ev.Filter == f.filter {
			revents = f.event
		}
	}
	var errno unix.Errno
	switch {
	case ev.Flags&unix.EV_ERROR != 0:
		errno = unix.Errno(ev.Data)
	case ev.Flags&unix.EV_EOF != 0:
		revents |= unix.POLLHUP
		errno = unix.Errno(ev.Fflags)
	}
	if errno != 0 {
		revents |= unix.POLLERR
		err = errno
	}
	return udata(ev), revents, err
}
