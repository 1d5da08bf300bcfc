package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// longest is the longest frame that the target carries through these rings.
func (e *env) longest(f *flow) int {
	n := 10049
	if e.t.Caps&Frags == 0 {
		n = f.tx[0].Ring().BufSize()
	}
	if e.t.MaxFrame != 0 {
		n = min(n, e.t.MaxFrame)
	}
	if most := f.window() * f.tx[0].Ring().BufSize(); e.t.Caps&Frags != 0 {
		n = min(n, most)
	}
	return n
}

func transfer(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	there, back := e.newFlow(a, b, macA), e.newFlow(b, a, macB)
	for _, f := range []*flow{there, back} {
		short, long := max(50, e.t.MinFrame), e.longest(f)
		size := func(i int) int { return short + i%(long-short+1) }
		for n := 1; n <= 100; n += 9 {
			if _, err := f.run(n, size); err != nil {
				return err
			}
		}
		// Every length from the shortest to the longest once, if they are few,
		// else 400 of them.
		step := max(1, (long-short)/400)
		total := (long-short)/step + 1
		if _, err := f.run(total, func(i int) int { return min(short+i*step, long) }); err != nil {
			return err
		}
		if _, err := f.run(100, func(int) int { return long }); err != nil {
			return err
		}
		e.log("%d to %d bytes", short, long)
	}
	return nil
}

func extraBuffers(e *env) error {
	const extra = 12
	a, err := e.open(e.t.A, &netmap.Config{ExtraBufs: extra})
	if err != nil {
		return err
	}
	pool := a.Pool()
	if pool.Len() != extra {
		return fmt.Errorf("%d extra buffers were granted of %d", pool.Len(), extra)
	}
	used := map[uint32]bool{}
	for _, q := range append(a.TX(), a.RX()...) {
		for _, s := range q.Ring().Slots() {
			used[s.BufIdx] = true
		}
	}
	var got []uint32
	for {
		i, ok := pool.Get()
		if !ok {
			break
		}
		if i < 2 || used[i] {
			return fmt.Errorf("the extra buffer %d is reserved, in a ring, or given twice", i)
		}
		used[i] = true
		clear(pool.Bytes(i))
		got = append(got, i)
	}
	if len(got) != extra {
		return fmt.Errorf("the list of extra buffers has %d, want %d", len(got), extra)
	}
	for _, i := range got {
		pool.Put(i)
	}
	if e.t.Caps&Ends == 0 {
		return nil
	}
	b, err := e.open(e.t.B, &netmap.Config{ExtraBufs: extra})
	if err != nil {
		return err
	}
	if err := e.settle(a, b); err != nil {
		return err
	}
	f := e.newFlow(a, b, macA)
	for range 5 {
		// Each transmit ring's next slots get buffers of the pool, theirs go there.
		for _, end := range []struct {
			q    *netmap.Queue
			pool *netmap.Pool
		}{{a.TX()[0], pool}} {
			r := end.q.Ring()
			i := r.Head()
			for range min(extra, r.Space()) {
				s := r.Slot(i)
				spare, ok := end.pool.Get()
				if !ok {
					return fmt.Errorf("the pool ran out of buffers")
				}
				end.pool.Put(s.BufIdx)
				s.BufIdx, s.Flags = spare, s.Flags|netmap.BufChanged
				i = r.Next(i)
			}
		}
		if _, err := f.run(3*extra, func(i int) int { return e.size() + i }); err != nil {
			return err
		}
	}
	if pool.Len() != extra {
		return fmt.Errorf("the pool has %d buffers at the end, had %d", pool.Len(), extra)
	}
	return nil
}

func wrap(e *env) error {
	n := e.opt.Packets
	if e.t.Packets != 0 {
		n = e.t.Packets
	}
	options := map[string]int{"": 0}
	if e.t.Caps&Conf != 0 {
		options = map[string]int{"@conf:slots=256": 256, "@conf:slots=1024": 1024, "@conf:slots=7": 7, "@conf:slots=333": 333}
	}
	for o, slots := range options {
		err := func() error {
			a, b, err := e.pair(o, nil)
			if err != nil {
				return err
			}
			defer a.Close()
			defer b.Close()
			for _, q := range []*netmap.Queue{a.TX()[0], b.RX()[0]} {
				if slots != 0 && q.Ring().NumSlots() != slots {
					return fmt.Errorf("%d slots were asked for, the %v ring has %d", slots, q.Dir(), q.Ring().NumSlots())
				}
			}
			count := n
			if slots == 7 {
				count = n / 10 // each sync moves few
			}
			begin := time.Now()
			f := e.newFlow(a, b, macA)
			f.tx = f.tx[:1]
			_, err = f.run(count, func(int) int { return e.size() })
			e.log("%d slots: %d packets in %v", f.rx[0].Ring().NumSlots(), count, time.Since(begin))
			return err
		}()
		if err != nil {
			return fmt.Errorf("%q: %w", o, err)
		}
	}
	return nil
}

func queues(e *env) error {
	options, rings := "", cmp.Or(e.t.Rings, 4)
	if e.t.Caps&Conf != 0 {
		options = fmt.Sprintf("@conf:rings=%d", rings)
	}
	a, b, err := e.pair(options, nil)
	if err != nil {
		return err
	}
	if len(a.TX()) < 2 || options != "" && (len(a.TX()) != rings || len(b.RX()) != rings) {
		return fmt.Errorf("%s has %d transmit rings, %s %d receive rings", e.t.A, len(a.TX()), e.t.B, len(b.RX()))
	}
	// A switch sends a frame to ring 0 unless it knows where it goes.
	for _, way := range []struct {
		a, b *netmap.Port
		from mac
	}{{a, b, macA}, {b, a, macB}} {
		if _, err := e.newFlow(way.a, way.b, way.from).run(1, func(int) int { return e.size() }); err != nil {
			return err
		}
	}
	for _, way := range []struct {
		a, b     *netmap.Port
		from, to mac
	}{{a, b, macA, macB}, {b, a, macB, macA}} {
		f := e.newFlow(way.a, way.b, way.from)
		f.to, f.fill = way.to, fillIP
		for i := range way.a.TX() {
			one := *f
			one.tx = f.tx[i : i+1]
			if _, err := one.run(500, func(i int) int { return e.size() + i%5 }); err != nil {
				return fmt.Errorf("from transmit ring %d: %w", i, err)
			}
		}
		per, err := f.run(5000, func(i int) int { return e.size() + i%5 })
		if err != nil {
			return err
		}
		e.log("receive queues had %d", per)
		if slices.Contains(per, 0) {
			return fmt.Errorf("of 5000 frames of 64 flows the receive queues had %d", per)
		}
	}
	return nil
}

func fragments(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	f := e.newFlow(a, b, macA)
	for _, frag := range []int{64, 200, 1000, f.tx[0].Ring().BufSize()} {
		f.frag = frag
		for n := 1; n <= min(64, f.window(), (e.longest(f)+frag-1)/frag); n += 1 + n/4 {
			l := max(e.size(), (n-1)*frag+1) // the last fragment has one byte
			if _, err := f.run(20, func(int) int { return l }); err != nil {
				return fmt.Errorf("%d bytes in fragments of %d: %w", l, frag, err)
			}
		}
	}
	return nil
}

func withhold(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	tx, rx := a.TX()[0], b.RX()[0]
	r := tx.Ring()
	frame := make([]byte, 300)
	fill(frame, broadcast, macA, 1)
	if !put(tx, frame, 100) {
		return fmt.Errorf("no room for three fragments")
	}
	end := r.Head()
	// Two of the three are handed over.
	start := end
	for range 3 {
		start = (start + uint32(r.NumSlots()) - 1) % uint32(r.NumSlots())
	}
	two := r.Next(r.Next(start))
	r.SetHead(two)
	r.SetCur(two)
	if err := syncAll(tx, rx); err != nil {
		return err
	}
	if n := rx.Ring().Space(); n != 0 {
		return fmt.Errorf("%d slots of a packet arrived whose end was not sent", n)
	}
	r.SetHead(end)
	r.SetCur(end)
	if err := syncAll(tx, rx); err != nil {
		return err
	}
	packet, n := take(rx, nil)
	if n != 3 {
		return fmt.Errorf("a packet of three fragments arrived in %d, with %d slots received", n, rx.Ring().Space())
	}
	return same(packet, frame)
}
