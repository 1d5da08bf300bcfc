package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// poll is ppoll(2) with a timeout to the nanosecond.
func poll(fds []unix.PollFd, timeout time.Duration) (int, error) {
	ts := unix.NsecToTimespec(int64(timeout))
	return unix.Ppoll(fds, &ts, nil)
}
