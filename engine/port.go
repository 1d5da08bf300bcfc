package engine

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// Link is the kind of packets a port carries.
type Link uint8

// Kinds of link.
const (
	Ethernet Link = iota // frames with their Ethernet header, without CRC
	Payload              // payloads of a transport protocol, without any header
)

// Info is what is known of an open port.
type Info struct {
	Spec    string // as given to Open
	Backend string // "packet", "udp", "pcap", "netmap"
	Why     string // why this backend, where the spec left the choice

	Interface    string           // name; "" where there is none
	Index        int              // the kernel's number of it
	MAC          net.HardwareAddr // nil where there is none
	MTU          int              // bytes of layer 3; 0 where there is none
	MaxFrame     int              // longest packet that can be sent, in bytes without CRC
	VnetHdr      int              // bytes of the virtio-net header in front of each packet in the rings, which neither length counts; 0: none
	Link         Link
	DefaultRoute bool       // the interface carries a default route: the host's own traffic
	Timestamps   Timestamps // who stamps the packets received (netmap.Meta.Time)

	Copies  int      // addresses that each packet is sent to: a udp: port's remotes; else 1
	Peers   bool     // each packet is sent to the address in its netmap.Meta, and dropped if it has none: udp:@LOCAL with transmit queues
	RecvBuf int      // bytes of each receive socket's buffer, as the kernel reports it; 0 where there is none
	Notes   []string // what was asked for and not had, one sentence each
}

// A Port is an open source or sink of packets with its queues.
//
// RX, TX and Info return the same for the port's whole life. Stop and Close
// may be called from any goroutine.
type Port struct {
	spec string
	info Info
	rx   []RxQueue
	tx   []TxQueue
	all  []*queue
	bell bell

	mu     sync.Mutex
	closed bool
	err    error
}

// RX returns the receive queues.
func (p *Port) RX() []RxQueue { return p.rx }

// TX returns the transmit queues.
func (p *Port) TX() []TxQueue { return p.tx }

// Info returns what is known of the port.
func (p *Port) Info() Info { return p.info }

// NewUserBufs makes n buffers of size bytes of the process's own memory, which
// slots of the port's transmit queues may send from in place of their own: see
// [netmap.UserBufs]. The error wraps netmap.ErrNotSupported on a port that is
// none of a VALE switch. It is not for a port that is being closed.
func (p *Port) NewUserBufs(n, size int) (*netmap.UserBufs, error) {
	for _, q := range p.all {
		if u, ok := q.Queue.(backend.Users); ok {
			return u.NewUserBufs(n, size)
		}
	}
	return nil, &netmap.OpError{Op: "user buffers", Port: p.spec,
		Err: fmt.Errorf("only ports of VALE switches send from the process's own memory: %w", netmap.ErrNotSupported)}
}

// Stats returns the figures of all receive queues together and of all transmit
// queues. It may be called from any goroutine, also after Close.
func (p *Port) Stats() (rx, tx Stats) {
	for _, q := range p.rx {
		rx.Add(q.Stats())
	}
	for _, q := range p.tx {
		tx.Add(q.Stats())
	}
	return rx, tx
}

// Drain drains all transmit queues, at most for d together, and returns how
// many packets have not left. The caller owns the queues: it comes after the
// run of the Workers that had them.
func (p *Port) Drain(d time.Duration) (left int, err error) {
	deadline := time.Now().Add(d)
	var errs []error
	for _, q := range p.tx {
		n, err := q.Drain(max(0, time.Until(deadline)))
		left, errs = left+n, append(errs, err)
	}
	return left, errors.Join(errs...)
}

// Stop ends the port's use from outside: it returns at once, a Wait of any
// queue returns, and from then on the owners' calls return netmap.ErrClosed.
// Close must follow.
func (p *Port) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.stop()
	}
}

func (p *Port) stop() {
	for _, q := range p.all {
		q.gate.close()
		if s := q.source.Load(); s != nil {
			s.p.stopped(s)
		}
	}
	p.bell.ring()
}

// Close stops the port, waits for the owners' calls to return, and releases
// what the port holds. Transmit queues are not drained: see TxQueue.Drain.
// Further calls return what the first did.
func (p *Port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return p.err
	}
	p.stop()
	var errs []error
	for _, q := range p.all {
		errs = append(errs, q.release())
	}
	p.bell.close()
	p.closed, p.err = true, errors.Join(errs...)
	return p.err
}
