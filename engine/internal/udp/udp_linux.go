package udp

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/engine/internal/mmsg"
	"github.com/ringwalk/ringwalk/netmap"
)

// defaultRecvBuf is asked of the kernel for each receive socket: a small
// datagram takes about 800 bytes of it, so this is 100 ms at 800 kpps.
const defaultRecvBuf = 64 << 20

func open(s *spec, o *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error) {
	var all []*socket // of the queues with the same numbers; one for all of a pair's
	defer func() {
		if err != nil {
			for _, s := range all {
				unix.Close(s.fd)
			}
		}
	}()
	family := s.local.Addr()
	switch {
	case len(s.remotes) == 0:
		all, err = receivers(s.local, o.RX)
	case s.local.IsValid():
		family = s.remotes[0].Addr()
		all, err = pair(s.local, s.remotes[0])
	default:
		family = s.remotes[0].Addr()
		all, err = senders(s.remotes[0], o.TX)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	f = &backend.Facts{Payload: true, MaxFrame: maxPayload(family)}
	if err := buffers(all, o, f); err != nil {
		return nil, nil, nil, err
	}
	rxRings, txRings, err := backend.Rings(o)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, ring := range rxRings {
		f.MaxFrame = min(f.MaxFrame, ring.BufSize())
		rx = append(rx, newRX(all[i], ring, f, o.Vector))
	}
	for i, ring := range txRings {
		f.MaxFrame = min(f.MaxFrame, ring.BufSize())
		tx = append(tx, newTX(all[i%len(all)], ring, o.Vector))
	}
	return rx, tx, f, nil
}

// buffers sizes the sockets' buffers.
func buffers(all []*socket, o *backend.Options, f *backend.Facts) error {
	size := o.RecvBuf
	if size == 0 {
		size = defaultRecvBuf
	}
	for _, s := range all {
		if o.RX > 0 {
			got, err := mmsg.SetBuffer(s.fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, size)
			if err != nil {
				return err
			}
			f.RecvBuf = got
		}
		if o.TX > 0 && o.SendBuf > 0 {
			if _, err := mmsg.SetBuffer(s.fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, o.SendBuf); err != nil {
				return err
			}
		}
	}
	return nil
}

// fromICMP says whether an errno may be the ICMP answer to a datagram sent
// earlier through the same socket (icmp_err_convert in net/ipv4/icmp.c,
// tab_unreach in net/ipv6/icmp.c). The kernel tells it once, by whatever call
// comes next, and does nothing else in that call.
func fromICMP(errno unix.Errno) bool {
	switch errno {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET,
		unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.EPROTO, unix.EACCES, unix.EMSGSIZE:
		return true
	}
	return false
}

// An rxQueue receives datagrams.
type rxQueue struct {
	mmsg.Rx
	*socket
	seen uint32 // the kernel's drop count at the last Collect
}

func newRX(s *socket, ring *netmap.Ring, f *backend.Facts, vector int) *rxQueue {
	q := &rxQueue{socket: s}
	q.Vector = vector
	s.users.Add(1)
	q.Init(s.fd, ring, q.mapError)
	// What was dropped while the socket was made ready is nobody's loss.
	var err error
	if q.seen, err = drops(s.fd); err != nil && len(f.Notes) == 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("datagrams the kernel drops are not counted (needs Linux 4.12): %v", err))
	}
	return q
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
func (q *rxQueue) Collect() {
	if n, err := drops(q.fd); err == nil {
		backend.Add(&q.Counters().KernelDrops, uint64(n-q.seen))
		q.seen = n
	}
}

func (q *rxQueue) Close() error {
	q.Ring().Memory().FreeRing(q.Ring())
	return q.close()
}

// A txQueue sends datagrams to one address.
type txQueue struct {
	mmsg.Tx
	*socket
	errno unix.Errno // the errno that ended the last call, for settle
}

func newTX(s *socket, ring *netmap.Ring, vector int) *txQueue {
	q := &txQueue{socket: s}
	q.Vector = vector
	s.users.Add(1)
	q.Init(s.fd, ring, func(errno unix.Errno) error {
		q.errno = errno
		return nil
	})
	return q
}

// Sync sends. That nobody listens at the address (ECONNREFUSED) is no error:
// datagrams leave all the same.
func (q *txQueue) Sync() error { return q.settle(q.Tx.Sync()) }

// Polled sends again.
func (q *txQueue) Polled(revents int16) error { return q.settle(q.Tx.Polled(revents)) }

// settle goes on after an errno that may be about an earlier datagram. Telling
// it has cleared it, so the datagram that it stopped can go now; only if the
// same errno stops the same datagram again, it is that one's own.
func (q *txQueue) settle(err error) error {
	var last unix.Errno
	for q.errno != 0 {
		errno := q.errno
		q.errno = 0
		if errno == last || !fromICMP(errno) {
			return fmt.Errorf("send to UDP address %s: %w", q.remote, q.explain(errno))
		}
		if last = errno; errno == unix.ECONNREFUSED {
			last = 0 // never a datagram's own
		}
		sent := q.Counters().Packets.Load()
		err = q.Tx.Sync()
		if q.Counters().Packets.Load() != sent {
			last = 0
		}
	}
	return err
}

func (q *txQueue) Collect() {}

func (q *txQueue) Close() error {
	q.Ring().Memory().FreeRing(q.Ring())
	return q.close()
}
