package udp

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/engine/internal/mmsg"
	"github.com/ringwalk/ringwalk/netmap"
)

// An rxQueue receives datagrams.
type rxQueue struct {
	mmsg.Rx
	*socket
	counts bool   // the socket's drops are this queue's to count
	seen   uint32 // the kernel's drop count at the last Collect
}

func newRX(s *socket, ring *netmap.Ring, p *plan, counts bool) *rxQueue {
	q := &rxQueue{socket: s, counts: counts}
	q.Vector = p.o.Vector
	s.users.Add(1)
	q.Init(s.fd, ring, q.mapError)
	q.KeepPeers()
	if s.merged {
		q.Split()
	}
	// What was dropped while the socket was made ready is nobody's loss.
	var err error
	if q.seen, err = drops(s.fd); err != nil && len(p.f.Notes) == 0 {
		p.f.Notes = append(p.f.Notes, fmt.Sprintf("datagrams the kernel drops are not counted (needs Linux 4.12): %v", err))
	}
	return q
}

// stamp has the kernel stamp what is received. There is no one NIC here whose
// clock could be asked for.
func (q *rxQueue) stamp(p *plan) error {
	if p.o.Timestamps == backend.NoClock {
		return nil
	}
	p.f.Clock = backend.KernelClock
	return q.Ask(&mmsg.Wants{Clock: p.f.Clock})
}

// mapError ignores what became of datagrams sent: it is no end of receiving.
func (q *rxQueue) mapError(errno unix.Errno) error {
	if fromICMP(errno) {
		return nil
	}
	return fmt.Errorf("receive at UDP address %s: %w", q.local, errno)
}

// Collect adds what the kernel has dropped since the last time. Its counter is
// the socket's own and wraps at 2^32.
//
// SO_RXQ_OVFL would tell the same number, but with each datagram received and
// at a price for each: what is dropped after the last one stays unknown, and so
// does all where nobody receives.
func (q *rxQueue) Collect() {
	if !q.counts {
		return
	}
	if n, err := drops(q.fd); err == nil {
		backend.Add(&q.Counters().KernelDrops, uint64(n-q.seen))
		q.seen = n
	}
}

func (q *rxQueue) Close() error {
	q.Ring().Memory().FreeRing(q.Ring())
	return q.close()
}
