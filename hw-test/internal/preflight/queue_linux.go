package preflight

import (
	"fmt"
	"slices"
)

// wantSlots is what a ring should hold: at 14.88 Mpps 1024 frames last 69 µs,
// about as long as a thread is away for an interrupt or two.
const wantSlots = 1024

func (l *portLook) checkRings(c Check) Check {
	r, err := l.e.GetRing(l.Interface)
	if err != nil {
		return c.skip("%s", notTold(err))
	}
	if r.RxMaxPending == 0 {
		return c.skip("the driver has no rings that can be set")
	}
	found := fmt.Sprintf("receive %d of %d, transmit %d of %d", r.RxPending, r.RxMaxPending, r.TxPending, r.TxMaxPending)
	rx := max(r.RxPending, min(wantSlots, r.RxMaxPending))
	tx := max(r.TxPending, min(wantSlots, r.TxMaxPending))
	if rx == r.RxPending && tx == r.TxPending {
		return c.pass("%s", found)
	}
	c = c.warn(found, fmt.Sprintf("receive %d, transmit %d", rx, tx), "a thread that is away for a moment loses frames that a longer ring would have held",
		fmt.Sprintf("ethtool -G %s rx %d tx %d", l.Interface, rx, tx))
	c.fix = []Setting{{What: "rings", Port: l.Interface, Set: fmt.Sprintf("%d,%d", rx, tx)}}
	return c
}

// queues are how many receive queues there are; 0 if the driver does not tell.
func (l *portLook) queues() (n, most int, err error) {
	ch, err := l.e.GetChannels(l.Interface)
	return int(ch.CombinedCount + ch.RxCount), int(ch.MaxCombined + ch.MaxRx), err
}

func (l *portLook) checkChannels(c Check) Check {
	n, most, err := l.queues()
	if err != nil {
		return c.skip("%s", notTold(err))
	}
	if n == 0 {
		return c.skip("the driver has no channels")
	}
	found := fmt.Sprintf("%d of %d", n, most)
	want := min(len(l.CPUs), most)
	if len(l.CPUs) == 0 || n == want {
		return c.pass("%s", found)
	}
	return c.warn(found, fmt.Sprintf("%d, one for each CPU", want), "queues and threads do not go together: a thread has several queues, or none",
		fmt.Sprintf("ethtool -L %s combined %d", l.Interface, want))
}

// checkRSS looks whether the indirection table spreads flows evenly.
func (l *portLook) checkRSS(c Check) Check {
	n, _, err := l.queues()
	if err != nil || n < 2 {
		return c.skip("there is one queue")
	}
	t, err := l.e.GetIndir(l.Interface)
	if err != nil {
		return c.skip("%s", notTold(err))
	}
	size := min(int(t.Size), len(t.RingIndex))
	if size == 0 {
		return c.skip("the driver has no indirection table")
	}
	count := make([]int, n)
	for _, ring := range t.RingIndex[:size] {
		if int(ring) < n {
			count[ring]++
		}
	}
	// A driver spreads 128 entries over 6 queues as 22 and 21.
	least, most := slices.Min(count), slices.Max(count)
	if most-least > 1 {
		return c.warn(fmt.Sprintf("%d entries, from %d to %d for each of %d queues", size, least, most, n), "as many for each",
			"some queues get more flows than others, or none", fmt.Sprintf("ethtool -X %s equal %d", l.Interface, n))
	}
	// Which header fields are hashed the ioctl library does not tell.
	c = c.pass("%d entries over %d queues, evenly", size, n)
	c.Do = []string{fmt.Sprintf("ethtool -n %s rx-flow-hash udp4   # without ports one pair of hosts is one queue", l.Interface)}
	return c
}
