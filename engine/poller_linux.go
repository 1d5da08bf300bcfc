package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// selector is epoll(7). A source is known to the kernel by 64 bits of ours,
// which come back with its events.
type selector struct {
	fd, bell int
	events   []unix.EpollEvent
	coarse   bool // the kernel has no epoll_pwait2 (before Linux 5.11)
}

// bellData is no source's: the table never has as many.
const bellData = ^uint64(0)

func (e *selector) open(max int) (err error) {
	e.events = make([]unix.EpollEvent, max)
	if e.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if e.bell, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		unix.Close(e.fd)
		return os.NewSyscallError("eventfd", err)
	}
	// Each write is an edge of its own, so nobody has to read it.
	if err = e.ctl(unix.EPOLL_CTL_ADD, e.bell, unix.EPOLLIN|unix.EPOLLET, bellData); err != nil {
		_ = e.close()
	}
	return err
}

func (e *selector) close() error {
	unix.Close(e.bell)
	return os.NewSyscallError("close", unix.Close(e.fd))
}

func (e *selector) ctl(op, fd int, events uint32, data uint64) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(uint32(data)), Pad: int32(uint32(data >> 32))}
	err := unix.EpollCtl(e.fd, op, fd, &ev)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC):
		return fmt.Errorf("this user watches as many descriptors as it may (sysctl fs.epoll.max_user_watches): %w", err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("it cannot be waited for, as a regular file or a directory cannot: it is always ready: %w", err)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("it is in this Poller already: %w", err)
	}
	return os.NewSyscallError("epoll_ctl", err)
}

// interest is epoll's for what poll(2) would be asked; EPOLLERR and EPOLLHUP
// come unasked.
func interest(events int16, mode Mode) uint32 {
	ev := uint32(events)
	if events&unix.POLLIN != 0 {
		ev |= unix.EPOLLRDHUP
	}
	switch mode {
	case Edge:
		ev |= unix.EPOLLET
	case OneShot:
		ev |= unix.EPOLLONESHOT
	}
	return ev
}

func (e *selector) add(fd int, events int16, mode Mode, data uint64) error {
	return e.ctl(unix.EPOLL_CTL_ADD, fd, interest(events, mode), data)
}

func (e *selector) mod(fd int, events int16, mode Mode, data uint64) error {
	return e.ctl(unix.EPOLL_CTL_MOD, fd, interest(events, mode), data)
}

// del has the kernel forget a descriptor; one that was closed it has forgotten.
func (e *selector) del(fd int) { _ = unix.EpollCtl(e.fd, unix.EPOLL_CTL_DEL, fd, nil) }

// wake ends a wait, or the next one.
func (e *selector) wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(e.bell, one[:])
}

// wait waits at most d (negative: without limit) and returns how many events
// there are.
func (e *selector) wait(d time.Duration) (int, error) {
	if !e.coarse {
		n, err := epollPwait2(e.fd, e.events, d)
		if err != unix.ENOSYS {
			return n, err
		}
		e.coarse = true
	}
	ms := -1
	if d >= 0 {
		ms = int(min((d+time.Millisecond-1)/time.Millisecond, 1<<30))
	}
	n, err := unix.EpollWait(e.fd, e.events, ms)
	return max(n, 0), err
}

// at returns event i: epoll's bits are those of poll(2), but for EPOLLRDHUP.
func (e *selector) at(i int) (data uint64, revents int16, err error) {
	ev := &e.events[i]
	revents = int16(ev.Events & (unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLERR | unix.EPOLLHUP))
	if ev.Events&unix.EPOLLRDHUP != 0 {
		revents |= unix.POLLHUP
	}
	return uint64(uint32(ev.Pad))<<32 | uint64(uint32(ev.Fd)), revents, nil
}
