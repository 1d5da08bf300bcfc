package udp

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/mmsg"
	"github.com/ringwalk/ringwalk/netmap"
)

// A txQueue sends datagrams: to its remotes, or each to its peer. That nobody
// listens there (ECONNREFUSED) is no error: datagrams leave all the same.
type txQueue struct {
	mmsg.Tx
	*socket
	remotes []netip.AddrPort // none: to peers
}

func newTX(s *socket, ring *netmap.Ring, p *plan, dests []mmsg.Addr) *txQueue {
	q := &txQueue{socket: s, remotes: p.remotes}
	s.users.Add(1)
	q.Stale, q.DropTooLong, q.Vector = fromICMP, p.o.DropTooLong, p.o.Vector
	q.Dests, q.Peers = dests, p.peers()
	if !p.o.NoGSO && p.o.Vector == 0 && s.merges() {
		q.MaxSegment = s.maxSegment()
	}
	q.Init(s.fd, ring, q.mapError)
	return q
}

func (q *txQueue) mapError(errno unix.Errno) error {
	if len(q.remotes) == 0 {
		return fmt.Errorf("send from UDP address %s: %w", q.local, errno)
	}
	to := q.remotes[q.Dest()]
	return fmt.Errorf("send to UDP address %s: %w", to, explain(errno, to.Addr()))
}

func (q *txQueue) Collect() {}

func (q *txQueue) Close() error {
	q.Ring().Memory().FreeRing(q.Ring())
	return q.close()
}
