package conformance

import (
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// sendOne sends one frame of ours from a port's ring 0.
func sendOne(p *netmap.Port, dst, src mac, number uint32, size int) error {
	frame := make([]byte, size)
	fill(frame, dst, src, number)
	if !put(p.TX()[0], frame, 1<<16) {
		return fmt.Errorf("no room for a frame: %d of %d slots free", p.TX()[0].Ring().Space(), p.TX()[0].Ring().NumSlots()-1)
	}
	return syncAll(p.TX()[0])
}

// received waits up to d for frames of ours at a port and returns their
// numbers; it returns early when there are n.
func received(p *netmap.Port, n int, d time.Duration) (numbers []uint32, err error) {
	deadline := time.Now().Add(d)
	for {
		for _, q := range p.RX() {
			if err := syncAll(q); err != nil {
				return nil, err
			}
			for {
				packet, slots := take(q, nil)
				if slots == 0 {
					break
				}
				if i, ok := ours(packet); ok {
					numbers = append(numbers, i)
				}
			}
		}
		left := time.Until(deadline)
		if len(numbers) >= n && n > 0 || left <= 0 {
			return numbers, nil
		}
		if err := p.RX()[0].Wait(min(left, 5*time.Millisecond)); err != nil {
			return nil, err
		}
	}
}

func learn(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	c, err := e.open(e.t.C, nil)
	if err != nil {
		return err
	}
	ports := map[string]*netmap.Port{"A": a, "B": b, "C": c}
	for i, s := range []struct {
		what     string
		from     string
		dst, src mac
		to       string
	}{
		{"a broadcast", "A", broadcast, macA, "BC"},
		{"a frame to an address nobody has", "A", mac{2, 0, 0, 0, 0, 0x99}, macA, "BC"},
		{"a frame to A, learned from its broadcast", "B", macA, macB, "A"},
		{"a frame to B, learned from its reply", "A", macB, macA, "B"},
		{"a frame to B from the third", "C", macB, macC, "B"},
		{"a frame to the third", "B", macC, macB, "C"},
		{"a frame to A, that moved to the third", "C", broadcast, macA, "AB"},
		{"a frame to A at its new place", "B", macA, macB, "C"},
		{"a frame to the sender itself", "B", macB, macB, ""},
	} {
		number := uint32(i + 1)
		if err := sendOne(ports[s.from], s.dst, s.src, number, e.size()); err != nil {
			return err
		}
		reached := ""
		for _, name := range []string{"A", "B", "C"} {
			got, err := received(ports[name], 0, 0)
			if err != nil {
				return err
			}
			if len(got) > 1 || len(got) == 1 && got[0] != number {
				return fmt.Errorf("%s: port %s received %d, want at most number %d", s.what, name, got, number)
			}
			if len(got) == 1 {
				reached += name
			}
		}
		if reached != s.to {
			return fmt.Errorf("%s, from port %s, reached %q, want %q", s.what, s.from, reached, s.to)
		}
	}
	return nil
}

// monitored sends total frames from a to b, read at b, and returns what each
// stage showed a monitor: after sending, after b's sync, after b gave the slots
// back.
func monitored(e *env, mon, a, b *netmap.Port, total int) (sent, read, given []netmap.Slot, err error) {
	look := func() (all []netmap.Slot, err error) {
		for _, q := range mon.RX() {
			if err := syncAll(q); err != nil {
				return nil, err
			}
			x, y := q.Ring().Runs()
			all = append(append(all, x...), y...)
			for _, s := range all {
				if _, ok := ours(q.Ring().Bytes(&s)); !ok {
					return nil, fmt.Errorf("the monitor saw a frame that nobody sent")
				}
			}
			q.Ring().Advance(q.Ring().Space())
			if err := syncAll(q); err != nil {
				return nil, err
			}
		}
		return all, nil
	}
	for i := range total {
		frame := make([]byte, e.size()+i)
		fill(frame, broadcast, macA, uint32(i))
		if !put(a.TX()[0], frame, 1<<16) {
			return nil, nil, nil, fmt.Errorf("no room for %d frames", total)
		}
	}
	if err := syncAll(a.TX()[0]); err != nil {
		return nil, nil, nil, err
	}
	if sent, err = look(); err != nil {
		return nil, nil, nil, err
	}
	rx := b.RX()[0]
	if err := e.eventually(patience, func() error {
		if err := syncAll(rx); err != nil {
			return err
		}
		if n := rx.Ring().Space(); n < total {
			return fmt.Errorf("%d of %d frames arrived", n, total)
		}
		return nil
	}); err != nil {
		return nil, nil, nil, err
	}
	if read, err = look(); err != nil {
		return nil, nil, nil, err
	}
	rx.Ring().Advance(total)
	if err := syncAll(rx, a.TX()[0]); err != nil {
		return nil, nil, nil, err
	}
	given, err = look()
	return sent, read, given, err
}

func monitor(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	const total = 10
	for _, c := range []struct {
		spec       string
		sent, read int
		flag       netmap.SlotFlags
	}{
		{e.t.A + "/t", total, 0, netmap.TxMon}, // what A sends, before B reads it
		{e.t.A + "/r", 0, 0, 0},
		{e.t.B + "/r", total, 0, 0}, // what B is about to receive, as it is told of it
		{e.t.B + "/t", 0, 0, netmap.TxMon},
	} {
		mon, err := e.open(c.spec, nil)
		if err != nil {
			return err
		}
		sent, read, given, err := monitored(e, mon, a, b, total)
		if err != nil {
			return fmt.Errorf("%s: %w", c.spec, err)
		}
		if len(sent) != c.sent || len(read) != c.read || len(given) != 0 {
			return fmt.Errorf("%s saw %d frames of %d after they were sent, %d after they were read, %d after that; want %d, %d, 0",
				c.spec, len(sent), total, len(read), len(given), c.sent, c.read)
		}
		for i, s := range append(sent, read...) {
			if s.Flags&netmap.TxMon != c.flag || int(s.Len) != e.size()+i {
				return fmt.Errorf("%s saw frame %d with flags %#x, %d bytes; want TxMon %#x, %d bytes", c.spec, i, s.Flags, s.Len, c.flag, e.size()+i)
			}
		}
		if err := mon.Close(); err != nil {
			return err
		}
	}
	return nil
}

func zcMonitor(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	const total = 10
	mon, err := e.open(e.t.B+"/zr", nil)
	if err != nil {
		return err
	}
	if mon.Info().MemID != b.Info().MemID {
		return fmt.Errorf("the zero-copy monitor of %s has memory %d, the port %d", e.t.B, mon.Info().MemID, b.Info().MemID)
	}
	sent, read, given, err := monitored(e, mon, a, b, total)
	if err != nil {
		return err
	}
	if len(sent) != 0 || len(read) != 0 || len(given) != total {
		return fmt.Errorf("it saw %d frames after they were sent, %d after they were read, %d after they were given back; want 0, 0, %d", len(sent), len(read), len(given), total)
	}
	return nil
}
