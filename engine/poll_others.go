//go:build !linux

package engine

import (
	"time"

	"golang.org/x/sys/unix"
)

// poll is poll(2), whose timeout is in milliseconds: it is rounded up.
func poll(fds []unix.PollFd, timeout time.Duration) (int, error) {
	return unix.Poll(fds, int((timeout+time.Millisecond-1)/time.Millisecond))
}

// rawPoll is poll: there are no raw system calls here.
func rawPoll(fds []unix.PollFd, timeout time.Duration) (int, error) { return poll(fds, timeout) }
