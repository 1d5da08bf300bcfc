package rtt

import (
	"sync/atomic"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cputime"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

// reflectStage is one thread of a Reflector.
type reflectStage struct {
	r     *Reflector
	rx    []engine.RxQueue
	tx    engine.TxQueue
	base  engine.Stats // of tx, before Run
	ether bool
	head  int      // bytes of the virtio-net header in front of a frame, which goes back as it came
	own   *[6]byte // MAC address; nil: none
	until int64    // ns of engine.Clock; 0: no end
	cpu   cputime.Meter

	dropping []bool // by receive queue: its first slots are the rest of a packet that is dropped

	tooLong   atomic.Uint64
	undrained uint64
}

// Process moves what there is room for from the receive rings to the transmit
// ring.
func (s *reflectStage) Process(in, out []*netmap.Ring, clk *engine.Clock) (n int, done bool, err error) {
	if s.until != 0 {
		if clk.Now() >= s.until {
			return 0, true, nil
		}
		clk.WakeAt(s.until)
	}
	for i, ring := range in {
		n += s.reflect(out[0], ring, &s.dropping[i])
	}
	return n, s.r.cfg.Count > 0 && s.r.left.Load() <= 0, nil
}

// reflect moves whole packets only, and changes only those that it moves: what
// stays would be changed a second time when its turn comes.
func (s *reflectStage) reflect(out, in *netmap.Ring, dropping *bool) int {
	if *dropping {
		return drop(in, dropping)
	}
	slots, packets := whole(in, min(in.Space(), out.Space()))
	if slots == 0 {
		// No room, not all there yet, or never to be had whole: Move tells.
		if _, err := netmap.Move(out, in, 1); err == nil {
			return 0
		}
		s.tooLong.Add(1)
		return drop(in, dropping)
	}
	if s.r.cfg.Count > 0 {
		if slots = s.within(in, slots, packets); slots == 0 {
			return 0
		}
	}
	if s.ether {
		a, b := in.Burst(slots)
		inside := false // the slot before was not its packet's last
		for _, run := range [...][]netmap.Slot{a, b} {
			for i := range run {
				if !inside {
					b := in.Bytes(&run[i])
					frame.Reverse(b[min(s.head, len(b)):], s.own)
				}
				// Some NICs put an empty fragment before the first bytes.
				inside = run[i].Flags&netmap.MoreFrag != 0 && (inside || run[i].Len > 0)
			}
		}
	}
	// Both rings are one port's, so no fragment is too long for the other.
	n, _ := netmap.Move(out, in, slots)
	return n
}

// whole returns how many of the ring's first limit slots hold whole packets,
// and how many packets.
func whole(ring *netmap.Ring, limit int) (slots, packets int) {
	a, b := ring.Burst(limit)
	n := 0
	for _, run := range [...][]netmap.Slot{a, b} {
		for i := range run {
			n++
			if run[i].Flags&netmap.MoreFrag == 0 {
				slots = n
				packets++
			}
		}
	}
	return slots, packets
}

// within takes packets off Count and returns how many slots hold those that may
// still go back.
func (s *reflectStage) within(in *netmap.Ring, slots, packets int) int {
	left := s.r.left.Add(-int64(packets))
	if left >= 0 {
		return slots
	}
	may := max(0, packets+int(left))
	n := 0
	a, b := in.Burst(slots)
	for _, run := range [...][]netmap.Slot{a, b} {
		for i := range run {
			if may == 0 {
				return n
			}
			n++
			if run[i].Flags&netmap.MoreFrag == 0 {
				may--
			}
		}
	}
	return n
}

// drop drops the ring's first packet, as far as it has come; dropping says that
// there is more of it.
func drop(in *netmap.Ring, dropping *bool) int {
	a, b := in.Runs()
	n := 0
	for _, run := range [...][]netmap.Slot{a, b} {
		for i := range run {
			n++
			if *dropping = run[i].Flags&netmap.MoreFrag != 0; !*dropping {
				in.Advance(n)
				return n
			}
		}
	}
	in.Advance(n)
	return n
}
