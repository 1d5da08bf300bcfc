package conformance

import (
	"errors"
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// indirect sends from the process's own memory on a VALE port, and finds that
// no other port says it could.
func indirect(e *env) error {
	a, err := e.open(e.t.A, nil)
	if err != nil {
		return err
	}
	size := a.Info().BufSize
	u, err := a.NewUserBufs(8, size)
	if e.t.Caps&Switches == 0 {
		return wantErr("sending from the process's memory on a port that is none of a VALE switch", err, netmap.ErrNotSupported)
	}
	if err != nil {
		return err
	}
	b, err := e.open(e.t.B, nil)
	if err != nil {
		return err
	}
	tx, rx := a.TX()[0], b.RX()[0]
	for n := uint32(0); n < 100; n++ {
		i, l := int(n)%u.Len(), min(size, headSize+int(n)*21)
		fill(u.Bytes(i)[:l], broadcast, macA, n)
		s := tx.Ring().Slot(tx.Ring().Head())
		clear(tx.Ring().Buffer(s)) // the slot's own buffer is not what is sent
		u.Put(s, i, l)
		tx.Ring().Advance(1)
		if err := syncAll(tx); err != nil {
			return err
		}
		clear(u.Bytes(i)) // it is the caller's again
		if err := syncAll(rx); err != nil {
			return err
		}
		got, slots := take(rx, nil)
		want := make([]byte, l)
		fill(want, broadcast, macA, n)
		if err := same(got, want); err != nil || slots != 1 {
			return fmt.Errorf("frame %d from the process's memory arrived in %d slots: %w", n, slots, err)
		}
	}
	// As one part of a packet, the other in the slot's buffer.
	want := make([]byte, 300)
	fill(want, broadcast, macA, 1000)
	r := tx.Ring()
	one := r.Slot(r.Head())
	u.Put(one, 0, copy(u.Bytes(0), want[:100]))
	one.Flags |= netmap.MoreFrag
	two := r.Slot(r.Next(r.Head()))
	two.Len, two.Flags = uint16(copy(r.Buffer(two), want[100:])), 0
	r.Advance(2)
	if err := syncAll(tx, rx); err != nil {
		return err
	}
	got, slots := take(rx, nil)
	if err := same(got, want); err != nil || slots != 2 {
		return fmt.Errorf("a packet of both memories arrived in %d slots: %w", slots, err)
	}
	// Where there is no memory there is no packet.
	s := r.Slot(r.Head())
	s.Len, s.Flags, s.Ptr = 100, netmap.Indirect, 0
	r.Advance(1)
	s = r.Slot(r.Head())
	s.Len, s.Flags, s.Ptr = 100, netmap.Indirect, 4096
	r.Advance(1)
	if err := syncAll(tx, rx); err != nil {
		return err
	}
	if n := rx.Ring().Space(); n != 0 {
		return fmt.Errorf("from addresses where nothing is, %d packets arrived", n)
	}
	return a.Close()
}

// ignored sends with NS_NO_LEARN and with a port index, which the kernel's own
// switch does not read.
func ignored(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	c, err := e.open(e.t.C, nil)
	if err != nil {
		return err
	}
	send := func(p *netmap.Port, dst, src mac, number uint32, flags netmap.SlotFlags) error {
		frame := make([]byte, e.size())
		fill(frame, dst, src, number)
		r := p.TX()[0].Ring()
		s := r.Slot(r.Head())
		s.Len, s.Flags = uint16(copy(r.Buffer(s), frame)), flags
		r.Advance(1)
		return syncAll(p.TX()[0])
	}
	reach := func(what string, number uint32, want ...*netmap.Port) error {
		for _, p := range []*netmap.Port{a, b, c} {
			n := 0
			for _, w := range want {
				if p == w {
					n = 1
				}
			}
			got, err := received(p, 0, 0)
			if err != nil {
				return err
			}
			if len(got) != n || n == 1 && got[0] != number {
				return fmt.Errorf("%s: %s received %d, want %d frames", what, p.Info().Spec, got, n)
			}
		}
		return nil
	}
	if err := errors.Join(send(a, broadcast, macA, 1, netmap.NoLearn), reach("a broadcast with NS_NO_LEARN", 1, b, c)); err != nil {
		return err
	}
	if err := errors.Join(send(b, macA, macB, 2, 0), reach("a frame to an address that was sent with NS_NO_LEARN", 2, a)); err != nil {
		return err
	}
	for index := range uint8(3) {
		flags := netmap.SlotFlags(0).WithPort(index + 1)
		if err := errors.Join(send(c, macB, macC, 3, flags), reach(fmt.Sprintf("a frame to B marked for port %d", flags.Port()), 3, b)); err != nil {
			return err
		}
	}
	return nil
}

// fragmentCount looks at the number of fragments in slots that VALE delivers.
func fragmentCount(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	frame := make([]byte, 1000)
	fill(frame, broadcast, macA, 1)
	for _, frag := range []int{1000, 500, 100} {
		if !put(a.TX()[0], frame, frag) {
			return fmt.Errorf("no room for a packet in fragments of %d", frag)
		}
		if err := syncAll(a.TX()[0], b.RX()[0]); err != nil {
			return err
		}
		r, n := b.RX()[0].Ring(), 1000/frag
		if r.Space() != n {
			return fmt.Errorf("a packet of %d slots arrived in %d", n, r.Space())
		}
		x, y := r.Runs()
		for i, s := range append(x[:len(x):len(x)], y...) {
			if s.Flags.Fragments() != n || (s.Flags&netmap.MoreFrag != 0) != (i < n-1) {
				return fmt.Errorf("slot %d of %d says %d fragments, flags %#x", i, n, s.Flags.Fragments(), s.Flags)
			}
		}
		r.Advance(n)
	}
	return nil
}

// report fills a transmit ring with one NS_REPORT, on its last slot, and waits
// for the interrupt.
func report(e *env) error {
	a, err := e.open(e.t.A, nil)
	if err != nil {
		return err
	}
	if e.t.B != "" {
		b, err := e.open(e.t.B, nil)
		if err != nil {
			return err
		}
		if err := e.settle(a, b); err != nil {
			return err
		}
	}
	q := a.TX()[0]
	r := q.Ring()
	frame := make([]byte, e.size())
	fill(frame, broadcast, macA, 1)
	for round := range 3 {
		if left, err := drained(e, q, patience); err != nil || left != 0 {
			return fmt.Errorf("%d slots were left: %w", left, err)
		}
		n := r.Space()
		for i := range n {
			s := r.Slot(r.Head())
			s.Len, s.Flags = uint16(copy(r.Buffer(s), frame)), s.Flags&netmap.BufChanged
			if i == n-1 {
				s.Flags |= netmap.Report
			}
			r.Advance(1)
		}
		// As POLLOUT does: push, and sleep until there is room.
		begin := time.Now()
		if err := q.Wait(patience); err != nil {
			return err
		}
		if r.Space() == 0 {
			return fmt.Errorf("round %d: %d slots, the last with NS_REPORT, and no room after %v", round, n, time.Since(begin))
		}
	}
	return nil
}

// timestamp compares a receive ring's time with the system's.
func timestamp(e *env) error {
	a, err := e.open(e.t.A, nil)
	if err != nil {
		return err
	}
	q := a.RX()[0]
	r := q.Ring()
	r.Header().Flags |= netmap.RingTimestamp
	for i, f := range []func() error{q.Sync, func() error { return q.Wait(0) }, q.Sync} {
		e.sleep(2 * time.Millisecond)
		begin := time.Now().Truncate(time.Microsecond)
		if err := f(); err != nil {
			return err
		}
		end := time.Now()
		if ts := r.Timestamp(); ts.Before(begin) || ts.After(end) {
			return fmt.Errorf("sync %d between %v and %v has time %v", i, begin, end, ts)
		}
	}
	tx := a.TX()[0]
	before := [2]time.Time{r.Timestamp(), tx.Ring().Timestamp()}
	if err := syncAll(tx); err != nil {
		return err
	}
	if after := [2]time.Time{r.Timestamp(), tx.Ring().Timestamp()}; after != before {
		return fmt.Errorf("a transmit sync set times of rings: %v, before it %v", after, before)
	}
	return nil
}
