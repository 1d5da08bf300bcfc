package netmap

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// newEventFDs makes the eventfds of n rings.
func newEventFDs(n int) (all []KloopEventFD, err error) {
	for range n {
		e := KloopEventFD{IOEvent: -1, IRQ: -1}
		for _, p := range []*int32{&e.IOEvent, &e.IRQ} {
			fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
			if err != nil {
				closeEventFDs(append(all, e))
				return nil, os.NewSyscallError("eventfd", err)
			}
			*p = int32(fd)
		}
		all = append(all, e)
	}
	return all, nil
}

func closeEventFDs(all []KloopEventFD) {
	for _, e := range all {
		for _, fd := range []int32{e.IOEvent, e.IRQ} {
			if fd >= 0 {
				unix.Close(int(fd))
			}
		}
	}
}

// one is what an eventfd is written, on machines of little endian; on others it
// is a large number, which wakes as well.
var one = []byte{1, 0, 0, 0, 0, 0, 0, 0}

// kick wakes who waits for an eventfd. One that is full wakes already.
func kick(fd int32) error {
	if _, err := unix.Write(int(fd), one); err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		return os.NewSyscallError("write", err)
	}
	return nil
}

// heard waits for an eventfd to be written, and takes it.
func heard(fd int32, d time.Duration) (bool, error) {
	fds := [1]unix.PollFd{{Fd: fd, Events: unix.POLLIN}}
	ts := unix.NsecToTimespec(int64(d))
	if n, err := unix.Ppoll(fds[:], &ts, nil); n <= 0 || err != nil {
		return false, os.NewSyscallError("poll", err)
	}
	var count [8]byte
	_, err := unix.Read(int(fd), count[:])
	if errors.Is(err, unix.EAGAIN) {
		err = nil
	}
	return true, os.NewSyscallError("read", err)
}
