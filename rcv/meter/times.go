package meter

import (
	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// A timing says where the times of a batch's packets come from.
type timing uint8

const (
	untimed timing = iota // nobody wants them
	clocked               // the program's clock, read once after the batch came
	stamped               // each packet's own, where it has one
)

// times says where the times of these packets are to come from. A port stamps
// all packets or none, but for the first few.
func (s *stage) times(ring *netmap.Ring, slots []netmap.Slot) timing {
	if !s.m.cfg.Delay {
		return untimed
	}
	if stamp(ring, &slots[0]) != 0 || stamp(ring, &slots[len(slots)-1]) != 0 {
		return stamped
	}
	return clocked
}

// received is when a packet came, in ns since 1970 by the senders' clock, as far
// as Config.ClockAhead tells.
func (s *stage) received(ring *netmap.Ring, slot *netmap.Slot, t timing, clk *engine.Clock) int64 {
	if t == stamped {
		if ns := stamp(ring, slot); ns != 0 {
			s.stamped++
			return ns - int64(s.m.cfg.ClockAhead)
		}
	}
	s.unstamped++
	return clk.Wall() - int64(s.m.cfg.ClockAhead)
}

// stamp is when the port says that a packet came, 0 if it does not.
func stamp(ring *netmap.Ring, slot *netmap.Slot) int64 {
	if m := ring.Meta(slot); m != nil {
		return m.Time
	}
	return 0
}
