package conformance

import (
	"cmp"
	"fmt"

	"github.com/ringwalk/ringwalk/netmap"
)

// single carries traffic between two ports of one descriptor each, where a sync
// of one queue is a sync of all.
func single(e *env) error {
	options := ""
	if e.t.Caps&(Conf|Queues) == Conf|Queues {
		options = fmt.Sprintf("@conf:rings=%d", cmp.Or(e.t.Rings, 4))
	}
	a, b, err := e.pair(options, &netmap.Config{Single: true})
	if err != nil {
		return err
	}
	if _, err := e.newFlow(a, b, macA).run(1, func(int) int { return e.size() }); err != nil {
		return err
	}
	// A switch that knows the way keeps the number of the ring.
	if _, err := e.newFlow(b, a, macB).run(1, func(int) int { return e.size() }); err != nil {
		return err
	}
	f := e.newFlow(a, b, macA)
	f.fill = fillIP
	if e.t.Caps&Switches != 0 { // a NIC would drop what is not for its own address
		f.to = macB
	}
	size := func(i int) int { return e.size() + i%5 }
	n := 20 * f.window() * len(f.tx) // around every ring several times
	if _, err := f.run(min(n, 20000), size); err != nil {
		return err
	}
	// With what only the first transmit ring sends, a wait of any receive queue
	// ends.
	for _, q := range b.RX() {
		if err := sendOne(a, f.to, macA, 1, e.size()); err != nil {
			return err
		}
		if err := e.eventually(patience, func() error {
			if err := q.Wait(e.until(patience)); err != nil {
				return err
			}
			got, err := b.RX()[0].Ring().Space(), error(nil)
			for _, o := range b.RX()[1:] {
				got += o.Ring().Space()
			}
			if got == 0 {
				err = fmt.Errorf("a wait of receive queue %d ended without packets", q.Ring().Header().RingID)
			}
			return err
		}); err != nil {
			return err
		}
		for _, o := range b.RX() {
			o.Ring().Advance(o.Ring().Space())
		}
		if err := syncAll(b.RX()[0]); err != nil {
			return err
		}
	}
	// An illegal head of any ring is found by the sync of any other.
	last := a.TX()[len(a.TX())-1].Ring()
	head := last.Head()
	last.SetHead(uint32(last.NumSlots()))
	err = wantErr("a sync of the first ring while the last one's head is out of it", a.TX()[0].Sync(), netmap.ErrRing)
	last.SetHead(head)
	last.SetCur(head)
	return cmp.Or(err, a.TX()[0].Sync())
}

// loose makes a persistent VALE port in a region and opens it. It stays off any
// switch: the module cannot detach a persistent port that was opened since.
func (e *env) loose(name string, mem uint16) (*netmap.Port, error) {
	c := netmap.Control{Device: e.t.device()}
	got, err := c.VALENewIf(name, &netmap.VALENewIfReq{TxSlots: 64, RxSlots: 64, TxRings: 1, RxRings: 1, MemID: mem})
	if err != nil {
		return nil, err
	}
	e.later(func() error { return c.VALEDelIf(name) })
	if got.MemID != mem {
		return nil, fmt.Errorf("NEWIF in memory %d made a port in memory %d", mem, got.MemID)
	}
	return e.open("netmap:"+name, nil)
}

// share gives VALE ports the memory of A, so that what A receives is swapped on
// to the switch, whose other port has memory of its own.
func share(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	const slots = "@conf:slots=64"
	id := a.Info().MemID
	t, err := e.open("valerws:t"+slots, nil)
	if err != nil {
		return err
	}
	number := uint32(0)
	for _, c := range []struct {
		what string
		open func() (*netmap.Port, error)
	}{
		{"a port opened with the memory's id", func() (*netmap.Port, error) { return e.open(fmt.Sprintf("valerws:s@%d%s", id, slots), nil) }},
		{"a port opened with @share", func() (*netmap.Port, error) { return e.open("valerws:s@share="+e.t.A+slots, nil) }},
		{"a persistent port", func() (*netmap.Port, error) { return e.loose("rwcps", id) }},
	} {
		s, err := c.open()
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		if s.Info().MemID != id {
			return fmt.Errorf("%s has memory %d, %s %d", c.what, s.Info().MemID, e.t.A, id)
		}
		end := t
		if s.Info().Spec.Name == "rwcps" {
			end = nil
		}
		if err := e.swapOver(a, b, s, end, number); err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		number += 100
		if err := s.Close(); err != nil {
			return err
		}
	}
	return e.copyOver(a, b, t)
}

// swapOver has B send frames to A, which are moved to S, whose switch, if it has
// one, delivers them to T.
func (e *env) swapOver(a, b, s, t *netmap.Port, first uint32) error {
	in, out := a.RX()[0].Ring(), s.TX()[0].Ring()
	// An earlier ring in the place of one of them may have had offsets.
	if !in.CanSwap(out) && in.Header().OffsetMask == out.Header().OffsetMask {
		return fmt.Errorf("rings in one memory cannot swap")
	}
	for n := first; n < first+100; n++ {
		size := e.size() + int(n%100)
		if err := sendOne(b, broadcast, macB, n, size); err != nil {
			return err
		}
		at, err := await(e, a.RX()[0], 1)
		if err != nil {
			return err
		}
		// Strangers ahead of it stay where they are.
		in.SetHead(at[0])
		in.SetCur(at[0])
		buf, to := in.Slot(in.Head()).BufIdx, out.Head()
		if moved, err := netmap.Move(out, in, 1); err != nil || moved != 1 {
			return fmt.Errorf("frame %d: %d slots were moved: %w", n, moved, err)
		}
		if got := out.Slot(to); got.BufIdx != buf {
			return fmt.Errorf("frame %d was in buffer %d and is sent from %d: it was copied", n, buf, got.BufIdx)
		}
		if err := syncAll(s.TX()[0], a.RX()[0]); err != nil {
			return err
		}
		if t == nil {
			continue
		}
		if err := syncAll(t.RX()[0]); err != nil {
			return err
		}
		want := make([]byte, size)
		fill(want, broadcast, macB, n)
		got, _ := take(t.RX()[0], nil)
		if err := same(got, want); err != nil {
			return fmt.Errorf("frame %d at the end: %w", n, err)
		}
		if err := syncAll(t.RX()[0]); err != nil {
			return err
		}
	}
	return apart(in, out)
}

// copyOver moves a frame from A's memory to T's, where each ring keeps its
// buffers.
func (e *env) copyOver(a, b, t *netmap.Port) error {
	in, far := a.RX()[0].Ring(), t.TX()[0].Ring()
	if in.CanSwap(far) {
		return fmt.Errorf("rings in two memories can swap")
	}
	if err := sendOne(b, broadcast, macB, 1, e.size()); err != nil {
		return err
	}
	at, err := await(e, a.RX()[0], 1)
	if err != nil {
		return err
	}
	in.SetHead(at[0])
	in.SetCur(at[0])
	from, to := in.Slot(in.Head()), far.Slot(far.Head())
	bufs := [2]uint32{from.BufIdx, to.BufIdx}
	want := make([]byte, e.size())
	fill(want, broadcast, macB, 1)
	if n, err := netmap.Move(far, in, 1); n != 1 || err != nil {
		return fmt.Errorf("between two memories %d slots were moved: %w", n, err)
	}
	if from.BufIdx != bufs[0] || to.BufIdx != bufs[1] {
		return fmt.Errorf("between two memories buffers %d and %d became %d and %d", bufs[0], bufs[1], from.BufIdx, to.BufIdx)
	}
	return same(far.Bytes(to), want)
}
