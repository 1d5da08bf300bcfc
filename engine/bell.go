package engine

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A bell is a descriptor that becomes readable once and stays so: polled beside
// a queue's own, it ends the wait when its port is stopped. The zero bell is
// ready; its descriptors are made when it is first polled, so that a port whose
// queues only a [Poller] waits for costs none.
type bell struct {
	mu   sync.Mutex
	fds  [2]int // a pipe
	made bool
	rung bool
}

// ring makes the bell readable, for good. It may be called from anywhere, any
// number of times, also before anybody polls it and after close.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.rung && b.made {
		b.write()
	}
	b.rung = true
}

func (b *bell) write() {
	for {
		if _, err := unix.Write(b.fds[1], []byte{0}); err != unix.EINTR {
			return
		}
	}
}

// pollFd is what to poll. It must not be called after close.
func (b *bell) pollFd() (unix.PollFd, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.made {
		if err := unix.Pipe(b.fds[:]); err != nil {
			return unix.PollFd{}, noDescriptors(os.NewSyscallError("pipe", err))
		}
		unix.CloseOnExec(b.fds[0])
		unix.CloseOnExec(b.fds[1])
		if b.made = true; b.rung {
			b.write()
		}
	}
	return unix.PollFd{Fd: int32(b.fds[0]), Events: unix.POLLIN}, nil
}

func (b *bell) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.made {
		unix.Close(b.fds[0])
		unix.Close(b.fds[1])
		b.made, b.rung = false, true
	}
}

// noDescriptors says what to do where the process or the system has no
// descriptors left. Other errors stay as they are.
func noDescriptors(err error) error {
	switch {
	case errors.Is(err, unix.EMFILE):
		return fmt.Errorf("this process has as many descriptors open as it may (ulimit -n; a program raises it with setrlimit RLIMIT_NOFILE): %w", err)
	case errors.Is(err, unix.ENFILE):
		return fmt.Errorf("the system has as many files open as it may (sysctl fs.file-max): %w", err)
	}
	return err
}
