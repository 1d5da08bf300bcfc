package engine

import (
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A bell is a descriptor that becomes readable once and stays so: polled beside
// a queue's own, it ends the wait when its port is stopped.
type bell struct {
	fds  [2]int // a pipe
	once sync.Once
}

func newBell() (*bell, error) {
	b := &bell{}
	if err := unix.Pipe(b.fds[:]); err != nil {
		return nil, os.NewSyscallError("pipe", err)
	}
	unix.CloseOnExec(b.fds[0])
	unix.CloseOnExec(b.fds[1])
	return b, nil
}

// ring makes the bell readable, for good. It may be called from anywhere, any
// number of times, but not after close.
func (b *bell) ring() {
	b.once.Do(func() {
		for {
			if _, err := unix.Write(b.fds[1], []byte{0}); err != unix.EINTR {
				return
			}
		}
	})
}

func (b *bell) pollFd() unix.PollFd {
	return unix.PollFd{Fd: int32(b.fds[0]), Events: unix.POLLIN}
}

func (b *bell) close() {
	unix.Close(b.fds[0])
	unix.Close(b.fds[1])
}
