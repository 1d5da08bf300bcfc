package meter

import (
	"math/bits"
	"sync/atomic"

	"github.com/ringwalk/ringwalk/internal/frame"
)

// SizeBins are the lengths, in bytes without CRC, up to which each bin of a
// frame-size distribution reaches; the last one has all that are longer. With
// the CRC they are RMON's (RFC 2819, etherStatsPkts64Octets and on): below 64,
// 64, to 127, 255, 511, 1023, 1518.
var SizeBins = [...]int{59, 60, 123, 251, 507, 1019, 1514}

// Sizes counts frames by length: Sizes[i] is those up to SizeBins[i] and above
// the one before.
type Sizes [len(SizeBins) + 1]uint64

// binOf is the bin of each length up to the last limit.
var binOf = func() (bin [2048]uint8) {
	for n := range bin {
		for bin[n] < uint8(len(SizeBins)) && n > SizeBins[bin[n]] {
			bin[n]++
		}
	}
	return bin
}()

func sizeBin(n int) uint {
	return uint(binOf[min(uint(n), uint(len(binOf)-1))])
}

// Protocols counts frames by their outermost headers. A frame that is neither
// empty nor malformed is one of the first four, and one of IPv4 or IPv6 is also
// one of the rest but VLAN.
type Protocols struct {
	ARP, IPv4, IPv6, Other      uint64
	VLAN                        uint64 // with a tag, whatever is behind it
	UDP, TCP, ICMP, OtherIP     uint64 // ICMP of either version
	Fragments                   uint64 // IP fragments, the first one of a packet too: nothing is said of what is in them
	Short, BadIP, BadLen, BadL4 uint64 // malformed, see frame.Kind
	Empty                       uint64
}

// Malformed is the frames whose headers contradict each other, or the bytes
// there are.
func (p *Protocols) Malformed() uint64 { return p.Short + p.BadIP + p.BadLen + p.BadL4 }

// A tally counts frames of one queue by kind and size. The stage writes it and
// publishes, once per batch, what has changed.
type tally struct {
	kinds    [frame.Kinds]uint64
	sizes    Sizes
	longest  int                           // bytes that the interface's MTU allows
	oversize uint64                        // packets with more
	dirty    struct{ kinds, sizes uint64 } // bit by bit

	pub struct {
		kinds    [frame.Kinds]atomic.Uint64
		sizes    [len(Sizes{})]atomic.Uint64
		oversize atomic.Uint64
	}
}

// kind counts a frame, and returns the bit of dirty.
func (t *tally) kind(k frame.Kind) uint64 {
	k %= frame.Kinds
	t.kinds[k]++
	return 1 << k
}

// size counts a frame, and returns the bit of dirty.
func (t *tally) size(n int) uint64 {
	i := sizeBin(n) % uint(len(t.sizes))
	t.sizes[i]++
	if n > t.longest {
		t.oversize++
	}
	return 1 << i
}

func (t *tally) publish() {
	for d := t.dirty.kinds; d != 0; d &= d - 1 {
		i := bits.TrailingZeros64(d)
		t.pub.kinds[i].Store(t.kinds[i])
	}
	for d := t.dirty.sizes; d != 0; d &= d - 1 {
		i := bits.TrailingZeros64(d)
		t.pub.sizes[i].Store(t.sizes[i])
	}
	if t.pub.oversize.Load() != t.oversize {
		t.pub.oversize.Store(t.oversize)
	}
	t.dirty.kinds, t.dirty.sizes = 0, 0
}

// addTo adds what is published.
func (t *tally) addTo(sizes *Sizes, p *Protocols) {
	for i := range sizes {
		sizes[i] += t.pub.sizes[i].Load()
	}
	for i := range t.pub.kinds {
		n := t.pub.kinds[i].Load()
		if n == 0 {
			continue
		}
		k := frame.Kind(i)
		if k&frame.KindTagged != 0 {
			p.VLAN += n
			k &^= frame.KindTagged
		}
		*p.of(k) += n
		if k >= frame.KindIPv4 {
			*p.inside(k % 8) += n
		}
	}
}

// of is the counter of a kind without a tag.
func (p *Protocols) of(k frame.Kind) *uint64 {
	switch k {
	case frame.KindEmpty:
		return &p.Empty
	case frame.KindShort:
		return &p.Short
	case frame.KindBadIP:
		return &p.BadIP
	case frame.KindBadLength:
		return &p.BadLen
	case frame.KindBadL4:
		return &p.BadL4
	case frame.KindARP:
		return &p.ARP
	case frame.KindOther:
		return &p.Other
	}
	if k >= frame.KindIPv6 {
		return &p.IPv6
	}
	return &p.IPv4
}

// inside is the counter of what is in an IP packet.
func (p *Protocols) inside(in frame.Kind) *uint64 {
	switch in {
	case frame.InUDP:
		return &p.UDP
	case frame.InTCP:
		return &p.TCP
	case frame.InICMP:
		return &p.ICMP
	case frame.InFragment:
		return &p.Fragments
	}
	return &p.OtherIP
}
