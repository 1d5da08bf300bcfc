package mmsg

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
)

// An Addr is an address in the kernel's form, struct sockaddr_in or
// sockaddr_in6: the first Len bytes.
type Addr struct {
	Sockaddr [28]byte
	Len      uint8
}

// Dest returns which of Dests MapError is asked about.
func (t *Tx) Dest() int { return int(t.parts[0].dest) }

// A refusal is the kernel's answer to a merged message, whose packets had so
// many bytes. Whether they may not be merged or not be sent at all shows when
// they are sent one by one.
type refusal struct {
	errno   unix.Errno
	segment int
}

// maxSegment returns how long packets may be to go merged now; 0: none may.
func (t *Tx) maxSegment() int {
	if t.suspect.errno != 0 {
		return 0
	}
	return t.MaxSegment
}

// anyMTU is what every path takes in one piece with room for headers: a
// refusal of segments that are no longer is not about their length.
const anyMTU = 500

// convict blames merging for a refusal, since the packets have left one by one.
// A segment that does not fit the path's MTU is EMSGSIZE, before Linux 6.x
// EINVAL: then only shorter ones are merged. EIO says that the way out cannot
// (udp_send_skb in net/ipv4/udp.c), and nothing is merged any more.
func (t *Tx) convict() {
	r := t.suspect
	if r.errno == 0 {
		return
	}
	t.suspect = refusal{}
	backend.Add(&t.counters.GSORefused, 1)
	if (r.errno == unix.EMSGSIZE || r.errno == unix.EINVAL) && r.segment > anyMTU {
		t.MaxSegment = min(t.MaxSegment, r.segment-1)
	} else {
		t.MaxSegment = 0
	}
}

// peersFault says whether an errno may be due to the address a packet is sent
// to: a port 0, a broadcast address, one of another family, or one that no
// route leads to or a firewall keeps off.
func peersFault(errno unix.Errno) bool {
	switch errno {
	case unix.EINVAL, unix.EACCES, unix.EPERM, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ENETDOWN,
		unix.EADDRNOTAVAIL, unix.EAFNOSUPPORT, unix.EDESTADDRREQ:
		return true
	}
	return false
}

// drop gives up what the vector's first message is of.
func (t *Tx) drop(c *atomic.Uint64) {
	n, i, packets := int(t.parts[0].block), t.unsent, uint64(0)
	for done := 0; done < n; packets++ {
		done += packetAt(t.ring, i, done)
	}
	backend.Add(c, packets)
	t.left(n)
	t.begun, t.last = part{}, 0
}
