package manysockets

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// A sender sends one payload to all sockets in turn, from one socket. Each
// socket has its message, made once; all share the payload.
type sender struct {
	fd      int
	payload []byte
	iov     unix.Iovec
	addrs   []unix.RawSockaddrInet4
	msgs    []message
	to      []uint64 // by socket: sent in the latest run
}

// vector is how many messages one call takes at most.
const vector = 256

// tick is how often it sends: to a hundred sockets at a time, if there are
// 10,000 with 10 messages a second.
const tick = time.Millisecond

func newSender(addrs []netip.AddrPort, size int) (*sender, error) {
	s := &sender{payload: make([]byte, size), to: make([]uint64, len(addrs))}
	var err error
	if s.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s.lay(addrs)
	return s, nil
}

func (s *sender) close() { unix.Close(s.fd) }

// run sends rate messages a second to each socket for d, or until ctx ends. It
// keeps to the times that follow from its start: after a standstill it sends
// what is due, in one go.
func (s *sender) run(ctx context.Context, rate int, d time.Duration, row *Row) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	clear(s.to)
	used, start := cpu(unix.RUSAGE_THREAD), time.Now()
	perSecond := float64(rate) * float64(len(s.msgs))
	total := uint64(perSecond * d.Seconds())
	next := 0 // socket
	for row.Sent < total && ctx.Err() == nil {
		due := min(total, uint64(perSecond*time.Since(start).Seconds()))
		for row.Sent < due {
			n := min(int(due-row.Sent), len(s.msgs)-next, vector)
			k, err := sendmmsg(s.fd, s.msgs[next:next+n])
			if err != nil && !errors.Is(err, unix.EINTR) {
				return os.NewSyscallError("sendmmsg", err)
			}
			for i := next; i < next+k; i++ {
				s.to[i]++
			}
			row.Sent += uint64(k)
			if next += k; next == len(s.msgs) {
				next = 0
			}
		}
		// Not time.Sleep, which would have another thread take over.
		_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(tick)}, nil)
	}
	row.Seconds = time.Since(start).Seconds()
	row.SendCPU = (cpu(unix.RUSAGE_THREAD) - used).Seconds()
	return nil
}
