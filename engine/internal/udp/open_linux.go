package udp

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/engine/internal/mmsg"
)

// A plan says how a port's sockets are made and used.
type plan struct {
	*spec
	o *backend.Options
	f *backend.Facts

	connect bool // to the one remote
	sockets int
}

func newPlan(s *spec, o *backend.Options) (*plan, error) {
	p := &plan{spec: s, o: o}
	if s.local.IsValid() {
		p.f = &backend.Facts{MaxFrame: maxPayload(s.local.Addr())}
	}
	if !s.peers() {
		p.f = &backend.Facts{MaxFrame: maxPayload(s.remotes[0].Addr()), Copies: len(s.remotes)}
	}
	p.f.Payload, p.f.Peers = true, o.TX > 0 && s.peers()
	if len(s.remotes) == 1 {
		many, err := broadcasts(s.remotes[0])
		if err != nil {
			return nil, err
		}
		// A connected socket receives from that address only, which a group
		// or a broadcast address never sends from.
		p.connect = o.RX == 0 || !many && !s.remotes[0].Addr().IsMulticast()
	}
	shared, err := broadcasts(s.local)
	if err != nil {
		return nil, err
	}
	shared = shared || s.local.Addr().IsMulticast()
	switch {
	case o.RX > 1 && p.connect:
		return nil, fmt.Errorf("%d receive queues for one remote address: its datagrams are one flow, which fills one queue: want Config{RX: 1}, or no REMOTE", o.RX)
	case o.RX > 1 && shared && o.Steer != backend.SteerHash:
		return nil, errors.New("what comes to a group or a broadcast address cannot be steered, as the receive queues share one socket: leave Steer out, or have one queue")
	case o.RX == 0 && !s.local.IsValid():
		p.sockets = o.TX
	case o.RX == 0 || p.connect || shared:
		p.sockets = 1
	default:
		p.sockets = o.RX
	}
	if o.RX > 1 && shared {
		p.f.Notes = append(p.f.Notes, fmt.Sprintf("the kernel gives what comes to %s to every socket there, so the receive queues share one: a flow is spread over them", s.local.Addr()))
	}
	return p, nil
}

func open(s *spec, o *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error) {
	p, err := newPlan(s, o)
	if err != nil {
		return nil, nil, nil, err
	}
	all, err := p.open()
	defer func() {
		if err != nil {
			for _, s := range all {
				unix.Close(s.fd)
			}
		}
	}()
	if err != nil {
		return nil, nil, nil, err
	}
	var dests []mmsg.Addr
	if !p.connect {
		for _, r := range s.remotes {
			raw, err := rawSockaddr(p.scoped(r))
			if err != nil {
				return nil, nil, nil, err
			}
			dests = append(dests, raw)
		}
	}
	rxRings, txRings, err := backend.Rings(o)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, ring := range rxRings {
		p.f.MaxFrame = min(p.f.MaxFrame, ring.BufSize())
		q := newRX(all[i%len(all)], ring, p, i < len(all))
		if err = q.stamp(p); err != nil {
			for _, r := range append(rxRings, txRings...) {
				r.Memory().FreeRing(r)
			}
			return nil, nil, nil, err
		}
		rx = append(rx, q)
	}
	for i, ring := range txRings {
		p.f.MaxFrame = min(p.f.MaxFrame, ring.BufSize())
		tx = append(tx, newTX(all[i%len(all)], ring, p, dests))
	}
	return rx, tx, p.f, nil
}

// open makes the sockets and starts them. On an error it returns those there
// are.
func (p *plan) open() (all []*socket, err error) {
	for i := range p.sockets {
		s, err := p.socket(i)
		if s != nil {
			all = append(all, s)
		}
		if err != nil {
			return all, err
		}
	}
	if len(all) > 1 && p.o.RX > 0 {
		if err := all[0].steer(p.o); err != nil {
			return all, err
		}
	}
	if !p.deaf() || p.o.RX == 0 {
		return all, nil
	}
	// A datagram may have been given to a socket before it was connected, or
	// before all were there, and not yet have met the filter. That ends with
	// an RCU grace period, which this call waits for
	// (kernel/sched/membarrier.c); where it is not to be had, the gap stays,
	// some microseconds long.
	_, _, _ = unix.Syscall(unix.SYS_MEMBARRIER, membarrierGlobal, 0, 0)
	for _, s := range all {
		if err := s.listen(); err != nil {
			return all, err
		}
	}
	return all, nil
}

const membarrierGlobal = 1 // MEMBARRIER_CMD_GLOBAL of linux/membarrier.h

// deaf reports whether sockets begin, or remain, closed to what comes: where
// nobody receives, until a socket is connected, and until all that share an
// address are there, so that no datagram is received by the wrong one.
func (p *plan) deaf() bool { return p.o.RX == 0 || p.connect || p.sockets > 1 }

// socket makes socket i.
func (p *plan) socket(i int) (s *socket, err error) {
	var first netip.AddrPort
	if !p.peers() {
		first = p.remotes[0]
	}
	s, err = newSocket(p.scoped(p.local), first)
	if err != nil {
		return nil, err
	}
	if err := s.configure(p.spec, p.o, p.f); err != nil {
		return s, err
	}
	if p.deaf() {
		if err := s.deafen(); err != nil {
			return s, err
		}
	}
	if p.local.IsValid() {
		if err := p.bind(s, i); err != nil {
			return s, err
		}
	}
	if p.connect {
		return s, s.connect(p.scoped(first))
	}
	return s, nil
}

// bind gives socket i the local address. The first binds alone, so that it
// fails where another program has the address; only then it lets the others of
// this port join. With the option set first it would take a share of that
// program's datagrams instead. The others' order is that in which a steering
// program numbers them.
func (p *plan) bind(s *socket, i int) error {
	if i > 0 {
		if err := s.reusePort(); err != nil {
			return err
		}
	}
	if err := s.bind(); err != nil {
		return err
	}
	if i == 0 && p.sockets > 1 {
		if err := s.reusePort(); err != nil {
			return err
		}
	}
	if p.o.RX == 0 {
		return nil
	}
	return s.join(p.spec)
}

// scoped gives a group of IPv6 the spec's interface, which binding and sending
// to one that is there on every interface needs.
func (p *plan) scoped(a netip.AddrPort) netip.AddrPort {
	ip := a.Addr()
	if p.iface == "" || !ip.Is6() || !ip.IsMulticast() || ip.Zone() != "" {
		return a
	}
	return netip.AddrPortFrom(ip.WithZone(p.iface), a.Port())
}
