// Package udp is UDP as a backend: a packet is a datagram's payload, without
// any header, received and sent through udp(7) sockets.
//
//	udp:@LOCAL         datagrams to LOCAL ── flow hash ──┬─▶ socket 0 ──▶ receive ring 0
//	                                                     └─▶ socket 1 ──▶ receive ring 1
//
//	udp:REMOTE         REMOTE ◀──┬── socket 0 (a port of its own) ◀── transmit ring 0
//	                             └── socket 1 (another port)      ◀── transmit ring 1
//
//	udp:@LOCAL,REMOTE  REMOTE ◀──▶ one socket at LOCAL ──▶ receive ring 0
//	                                                   ◀── transmit rings 0, 1 …
//
// Receive sockets share one address by SO_REUSEPORT; the kernel's hash of
// addresses and ports chooses among them, so that a flow stays in one queue.
// Transmit sockets have a source port each, and so are several flows to a
// receiver that spreads by that hash. With both addresses there is one flow
// and hence one socket, at most one receive queue, and from REMOTE only; the
// transmit queues share it.
package udp

import (
	"errors"
	"fmt"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// Open opens a port by what follows "udp:" in its spec; the design's grammar
// is at parseSpec. Nothing is sent by opening.
//
// Not built yet, and refused with netmap.ErrNotSupported: several remotes,
// multicast, and the keys.
func Open(arg string, o *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error) {
	s, err := parseSpec(arg)
	if err == nil {
		err = s.fits(prefix+arg, o)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return open(&s, o)
}

// lacks is the refusal of a spec that does not say what is needed.
func lacks(text, format string, args ...any) error {
	return &netmap.SpecError{Spec: text, Pos: len(text), Reason: "it does not say " + fmt.Sprintf(format, args...)}
}

// fits refuses what the spec does not allow or this version cannot do.
func (s *spec) fits(text string, o *backend.Options) error {
	send := len(s.remotes) > 0
	multicast := s.local.Addr().IsMulticast()
	for _, r := range s.remotes {
		multicast = multicast || r.Addr().IsMulticast()
	}
	switch {
	case len(s.remotes) > 1:
		return fmt.Errorf("this version sends to one address, not to %d: open a port for each: %w", len(s.remotes), netmap.ErrNotSupported)
	case s.iface != "" || s.source.IsValid() || s.ttl != 0:
		return fmt.Errorf("this version has none of the keys iface, source and ttl: leave them out: %w", netmap.ErrNotSupported)
	case multicast:
		return fmt.Errorf("this version neither receives nor sends multicast: use unicast addresses: %w", netmap.ErrNotSupported)
	case o.RX > 0 && !s.local.IsValid():
		return lacks(text, "where to receive (@LOCAL:PORT): add it, or open the port only to send, with Config{TX: %d}", max(o.TX, 1))
	case o.TX > 0 && !send:
		return lacks(text, "where to send (REMOTE:PORT): add it, or open the port only to receive, with Config{RX: %d}", max(o.RX, 1))
	case o.RX > 1 && send:
		return fmt.Errorf("%d receive queues for one remote address: its datagrams are one flow, which fills one queue: want Config{RX: 1}, or no REMOTE", o.RX)
	case o.RX == 0 && o.TX == 0:
		return errors.New("no queues: want Config{RX: 1} or Config{TX: 1}")
	}
	return nil
}
