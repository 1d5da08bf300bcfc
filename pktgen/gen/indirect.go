package gen

import (
	"errors"
	"fmt"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// users send frames from memory of the process, of which the ring's slots hold
// the address: slot i of a thread that of its buffer i. The kernel reads a
// buffer within the sync that sends it, and it is the thread's again when the
// slot is.
type users struct {
	bufs  *netmap.UserBufs
	first int // the thread's first buffer
	made  int // slots whose buffer holds a frame, which come in order
}

// checkIndirect refuses what cannot be had from memory of the process.
func (g *Generator) checkIndirect() error {
	c, info := &g.cfg, &g.info
	sp, err := netmap.ParseSpec(info.Spec)
	switch {
	case !c.Indirect:
	case info.Backend != "netmap" || err != nil || !sp.VALE():
		return fmt.Errorf("only ports of VALE switches send from memory of the process (NS_INDIRECT), and %s is none: leave indirect buffers out", info.Spec)
	case info.VnetHdr > 0:
		return fmt.Errorf("frames of %s begin with a virtio-net header, which the kernel would read from memory of the process as from its own, and panic: leave out either indirect buffers or the header", info.Spec)
	case c.fragmented():
		return errors.New("frames in fragments are sent from the ring's buffers: leave out either indirect buffers or fragments")
	case c.Replay != nil:
		return errors.New("frames of a capture file are read into the ring's buffers: leave indirect buffers out")
	case c.Rubbish:
		return errors.New("rubbish is what the ring's buffers hold: leave out either indirect buffers or rubbish")
	}
	return nil
}

// indirect gives the threads their buffers.
func (g *Generator) indirect(port *engine.Port) error {
	n := 0
	for _, s := range g.senders {
		s.users = &users{first: n}
		n += s.queue.Ring().NumSlots()
	}
	bufs, err := port.NewUserBufs(n, len(g.senders[0].writer.Image()))
	for _, s := range g.senders {
		s.users.bufs = bufs
	}
	return err
}

// fill makes frames for the slots, of which the first is number at of the ring.
func (u *users) fill(s *sender, slots []netmap.Slot, at int) {
	image := s.writer.Image()
	n := len(image)
	for i := range slots {
		k := u.first + at + i
		b := u.bufs.Bytes(k)
		if u.made < s.queue.Ring().NumSlots() {
			u.made++
			copy(b, image)
		}
		if s.writes {
			n = s.writer.Next(b)
		}
		u.bufs.Put(&slots[i], k, n)
	}
	s.placed += uint64(len(slots))
}
