package gen

import (
	"errors"
	"fmt"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// fragments send a frame from several slots of a netmap ring.
//
//	frame   ├── piece ──┼── piece ──┼── piece ──┤   made as ever, in memory of the thread
//	             │           │           │          copied
//	slots    MoreFrag    MoreFrag        0
//
// A frame is put into the ring whole or not at all: what a sync finds of a part
// of one, drivers refuse, pipes withhold and VALE switches cut off.
type fragments struct {
	n     int    // of a frame, where they are not too long so
	most  int    // bytes of one
	slots int    // of the longest frame
	frame []byte // the frame that is being sent
	len   int    // its bytes
	empty bool   // nothing is copied: buffers are sent as they are
}

const (
	maxFrags = netmap.MaxFrags - 1 // pkt-gen's
	maxFrame = 65535               // bytes of a frame in fragments
	// soon is when to look again for room for a whole frame, in ns: nothing
	// wakes up who has room for a part of one.
	soon = 20e3
)

// fragmented reports whether frames may be of several slots.
func (c *Config) fragmented() bool { return c.Frags > 1 || c.FragSize > 0 }

// checkFrags refuses what cannot be had in fragments.
func (g *Generator) checkFrags() error {
	c, info := &g.cfg, &g.info
	if c.Frags < 0 || c.Frags > maxFrags {
		return fmt.Errorf("%d fragments of a frame: want 1 to %d", c.Frags, maxFrags)
	}
	if c.FragSize < 0 {
		return fmt.Errorf("fragments of %d bytes at most: want a positive number", c.FragSize)
	}
	if !c.fragmented() {
		return nil
	}
	switch {
	case info.Backend != "netmap":
		return fmt.Errorf("fragments are slots of a netmap port, and %s sends a frame in one piece: leave them out", info.Spec)
	case c.Replay != nil:
		return errors.New("frames of a capture file are read into one slot: leave fragments out")
	case c.Probe == Seq:
		return errors.New("txseq numbers slots, of which a frame has one here: leave fragments out")
	}
	if sp, err := netmap.ParseSpec(info.Spec); err == nil && (sp.Mode == netmap.ModeSW || sp.Mode == netmap.ModeOneSW) {
		return fmt.Errorf("%s leads to the host's stack, for which each slot is a frame: leave fragments out", info.Spec)
	}
	if info.Interface != "" {
		if native, why := engine.NetmapNative(info.Interface); !native {
			return fmt.Errorf("netmap emulates %s and sends each slot as a frame there (%s): leave fragments out", info.Interface, why)
		}
	}
	return nil
}

// fragment has thread i's frames sent in fragments.
func (g *Generator) fragment(s *sender) error {
	c, ring := &g.cfg, s.queue.Ring()
	image := s.writer.Image()
	f := &fragments{
		n: max(c.Frags, 1), most: len(ring.Buffer(ring.Slot(ring.Head()))),
		frame: append([]byte(nil), image...), len: len(image), empty: c.Rubbish,
	}
	if c.FragSize > 0 {
		f.most = min(f.most, c.FragSize)
	}
	f.slots = f.pieces(f.len)
	shortest := s.writer.Shortest()
	first := f.end(0, f.pieces(shortest), shortest)
	switch {
	case f.slots > maxFrags:
		return fmt.Errorf("a frame of %d bytes in fragments of %d at most makes %d: want at most %d", f.len, f.most, f.slots, maxFrags)
	case f.slots > ring.NumSlots()-1:
		return fmt.Errorf("a frame of %d slots does not fit into a ring of %d", f.slots, ring.NumSlots())
	case first < etherHeader+s.head:
		return fmt.Errorf("a frame of %d bytes in %d fragments begins with one of %d: the first must hold the headers' %d, up to Ethernet's", shortest, f.pieces(shortest), first, etherHeader+s.head)
	}
	if g.notice == "" && s.writer.Probing() && first < s.writer.Marked() {
		g.notice = fmt.Sprintf("a frame's first fragment of %d bytes does not hold its probe, up to byte %d: rcv on the other end of a pipe or VALE port sees none", first, s.writer.Marked())
	}
	s.frags = f
	return nil
}

// pieces returns in how many fragments a frame of so many bytes goes.
func (f *fragments) pieces(length int) int {
	if length > f.n*f.most {
		return (length + f.most - 1) / f.most
	}
	return f.n
}

// end returns where fragment i of k ends in a frame. They are as long as each
// other, to the byte, or as long as they may be and the last one shorter.
func (f *fragments) end(i, k, length int) int {
	if k > f.n {
		return min((i+1)*f.most, length)
	}
	return (i + 1) * length / k
}

// fill puts n frames into the ring, which has room for them, and returns how
// many slots they took.
func (f *fragments) fill(s *sender, ring *netmap.Ring, n int) (slots int) {
	at := ring.Head()
	for range n {
		if s.writes {
			f.len = s.writer.Next(f.frame)
		}
		var k int
		at, k = f.put(ring, at)
		slots += k
	}
	s.placed += uint64(n)
	return slots
}

// put puts the frame into the k slots from the one at on, and returns the index
// after them.
func (f *fragments) put(ring *netmap.Ring, at uint32) (next uint32, k int) {
	k = f.pieces(f.len)
	from := 0
	for i := range k {
		slot, to := ring.Slot(at), f.end(i, k, f.len)
		if !f.empty {
			copy(ring.Buffer(slot), f.frame[from:to])
		}
		slot.Len, slot.Flags = uint16(to-from), netmap.MoreFrag
		if i == k-1 {
			slot.Flags = 0
		}
		from, at = to, ring.Next(at)
	}
	return at, k
}
