// Package udp is UDP as a backend: a packet is a datagram's payload, without
// any header, received and sent through udp(7) sockets.
//
//	udp:@LOCAL         datagrams to LOCAL ── flow hash ──┬─▶ socket 0 ──▶ receive ring 0
//	                                                     │          ◀── transmit ring 0: each packet to its peer
//	                                                     └─▶ socket 1 ──▶ receive ring 1
//
//	udp:REMOTE         REMOTE ◀──┬── socket 0 (a port of its own) ◀── transmit ring 0
//	                             └── socket 1 (another port)      ◀── transmit ring 1
//
//	udp:@LOCAL,REMOTE  REMOTE ◀──▶ one socket at LOCAL ──▶ receive ring 0
//	                                                   ◀── transmit rings 0, 1 …
//
//	udp:REMOTE,REMOTE  as udp:REMOTE, each packet to all of them
//
// Receive sockets share one address by SO_REUSEPORT; the kernel's hash of
// addresses and ports chooses among them, so that a flow stays in one queue, or
// a program does (backend.Options.Steer). Transmit sockets have a source port
// each, and so are several flows to a receiver that spreads by that hash. With
// LOCAL and one unicast REMOTE there is one flow and hence one socket, at most
// one receive queue, and from REMOTE only; the transmit queues share it.
//
// # Peers
//
// A received packet's sender is in the netmap.Meta of its buffer; the kernel
// writes it there. A port with LOCAL and no REMOTE sends each packet to the
// address in that place: exchange buffers between its rings, and it answers.
// SetPeer puts another there. A packet that has none, or one that the kernel
// refuses (port 0, another family, a broadcast address, no route), is dropped
// and counted as NoPeer: who can send here must not be able to stop the queue.
// Where LOCAL is any address, an answer comes from the one that the route back
// has, on a host with several perhaps not the one that was asked.
//
// # Several remotes
//
// Each packet goes to every REMOTE, in the order of the spec, by messages that
// point at the same bytes. It counts as sent, once, when it has gone to the
// last. A call that ends in the middle is resumed there: no remote misses a
// packet or gets one twice.
//
// # Multicast and broadcast
//
// A LOCAL that is a group is joined, on the interface of the key iface and, if
// there is the key source, for that sender only (RFC 4607); nothing else is
// received, not even groups that other programs joined (IP_MULTICAST_ALL). The
// kernel gives a datagram to a group, or to a broadcast address, to every
// socket there. Receive queues at such a LOCAL therefore share one socket: each
// takes what it finds, and a flow is spread over them. To any address (@:PORT)
// with several queues, a broadcast comes to each of them.
//
// What is sent to a group leaves by iface, or by the route's interface, with a
// time to live of 1, or the key ttl's; this host's own members receive it too
// (IP_MULTICAST_LOOP). A REMOTE that is a broadcast address has SO_BROADCAST
// set; a peer never has.
//
// Where several answer (more than one REMOTE, a group, a broadcast address),
// a port with LOCAL receives from anyone.
//
// # Waiting
//
// recvmmsg(2) is called with MSG_DONTWAIT and takes what there is. Its timeout
// is no use: the kernel looks at it only after each datagram, so that a call
// waits for the first without limit, and with one datagram more than it had
// time for returns when that comes. MSG_WAITFORONE, which waits for the first
// and then takes what there is, cannot be ended by Port.Stop, and the thread
// would be asleep in the kernel with packets of the other queues waiting.
// So a queue that found nothing waits by poll(2), together with its port's
// bell, and then takes all there is.
//
// # Merging
//
// Packets of one length that follow each other to one address go to the kernel
// as one datagram to be cut up there (UDP_SEGMENT), at most 64 and 65,507
// bytes. Packet sockets on this host, and at the other end of a veth pair, see
// it in one piece. When the kernel refuses (the packets are longer than the
// path's MTU allows, or the device cannot), they are sent one by one, as is
// what is like them from then on.
//
// Likewise the kernel may hand over in one piece what comes in quickly and is
// of one flow and length (UDP_GRO). It goes into buffers of the queue's own and
// from there into the slots; package mmsg has the picture. A socket that has
// datagrams queued must not have UDP_GRO taken off: they would come unsplit.
package udp

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// maxRemotes is the most addresses a packet is sent to.
const maxRemotes = 256

// Open opens a port by what follows "udp:" in its spec; the design's grammar
// is at parseSpec. Nothing is sent by opening but what joins a group.
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

// peers reports whether packets are sent to their own peers.
func (s *spec) peers() bool { return len(s.remotes) == 0 }

// fits refuses what the spec does not allow.
func (s *spec) fits(text string, o *backend.Options) error {
	switch {
	case o.RX > 0 && !s.local.IsValid():
		return lacks(text, "where to receive (@LOCAL:PORT): add it, or open the port only to send, with Config{TX: %d}", max(o.TX, 1))
	case o.RX == 0 && o.TX == 0:
		return errors.New("no queues: want Config{RX: 1} or Config{TX: 1}")
	case len(s.remotes) > maxRemotes:
		return fmt.Errorf("%d remote addresses: want %d at most, the others on a port of their own", len(s.remotes), maxRemotes)
	case s.ttl != 0 && s.peers() && o.TX == 0:
		return errors.New("ttl is for what is sent, and this port only receives: leave it out")
	case o.Steer == backend.SteerRoundRobin:
		return fmt.Errorf("UDP sockets cannot be fed in turn, for which the kernel would have to count (steer at random, which spreads as evenly, or use a packet: port): %w", netmap.ErrNotSupported)
	}
	return s.multicastFits()
}

// multicastFits refuses keys that say nothing, and groups without what they
// need.
func (s *spec) multicastFits() error {
	var groups []netip.Addr
	if s.local.Addr().IsMulticast() {
		groups = append(groups, s.local.Addr())
	}
	for _, r := range s.remotes {
		if r.Addr().IsMulticast() {
			groups = append(groups, r.Addr())
		}
	}
	for _, g := range groups {
		switch zone := g.Zone(); {
		case zone != "" && s.iface != "" && zone != s.iface:
			return fmt.Errorf("group %s is on interface %s, and iface is %s: leave one out", g, zone, s.iface)
		case zone == "" && s.iface == "" && g.Is6() && (g.IsLinkLocalMulticast() || g.IsInterfaceLocalMulticast()):
			return fmt.Errorf("group %s is there on every interface: say which one (iface=eth0)", g)
		}
	}
	switch {
	case s.iface != "" && len(groups) == 0:
		return fmt.Errorf("iface=%s is for multicast, and no address here is a group: leave it out, the route chooses the interface", s.iface)
	case !s.source.IsValid():
	case !s.local.Addr().IsMulticast():
		return fmt.Errorf("source=%s is for a group to receive from, and LOCAL is none: leave it out, or have a REMOTE to receive from that only", s.source)
	case s.source.Is4() != s.local.Addr().Is4():
		return fmt.Errorf("source=%s is not of the family of group %s (IPv4 or IPv6, not both)", s.source, s.local.Addr())
	case s.source.IsMulticast(), s.source.IsUnspecified():
		return fmt.Errorf("source=%s sends nothing: want the address of a host", s.source)
	}
	return nil
}
