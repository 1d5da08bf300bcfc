package pcap

import (
	"errors"
	"io"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

// errAgain says that there is nothing to read for now.
var errAgain = errors.New("nothing to read for now")

// patience is how many reads one Sync may do, each of up to a window: a file or
// FIFO with endless junk must not keep the queue's owner from being stopped.
const patience = 256

// A source reads a descriptor.
type source struct {
	fd    int
	left  int  // reads it may still do; below 0: no limit
	empty bool // the last read found a FIFO empty
	reads *atomic.Uint64
}

// Read returns errAgain when the FIFO is empty or patience is at its end, and
// otherwise the kernel's errno as it is.
func (s *source) Read(p []byte) (int, error) {
	for {
		if s.left == 0 {
			return 0, errAgain
		}
		s.left--
		n, err := unix.Read(s.fd, p)
		backend.Add(s.reads, 1)
		s.empty = err == unix.EAGAIN
		switch {
		case err == unix.EINTR:
			continue
		case s.empty:
			return 0, errAgain
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
