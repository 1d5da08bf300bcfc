package conformance

import (
	"fmt"
	"slices"

	"github.com/ringwalk/ringwalk/netmap"
)

// watched takes what a monitor has seen since, and gives it back: the numbers
// of the frames of ours, and whether each was marked TxMon.
func watched(p *netmap.Port) (numbers []uint32, tx []bool, err error) {
	for _, q := range p.RX() {
		if err := syncAll(q); err != nil {
			return nil, nil, err
		}
		r := q.Ring()
		for i := r.Head(); i != r.Tail(); i = r.Next(i) {
			s := r.Slot(i)
			if n, ok := ours(r.Bytes(s)); ok {
				numbers, tx = append(numbers, n), append(tx, s.Flags&netmap.TxMon != 0)
			}
		}
		r.Advance(r.Space())
		if err := syncAll(q); err != nil {
			return nil, nil, err
		}
	}
	return numbers, tx, nil
}

// A spy is a monitor in the tap check and what it has seen.
type spy struct {
	suffix string // of the port spec
	atB    bool
	tx     bool // what it sees was sent by the port
	port   *netmap.Port
	seen   []uint32
}

func (s *spy) look() error {
	n, tx, err := watched(s.port)
	for i := range n {
		if tx[i] != s.tx {
			return fmt.Errorf("monitor %s saw frame %d with TxMon %t", s.suffix, n[i], tx[i])
		}
	}
	s.seen = append(s.seen, n...)
	return err
}

// tap has copy monitors watch a port pair under light traffic.
func tap(e *env) error {
	return spied(e, []*spy{{suffix: "/t", tx: true}, {suffix: "/r"}, {suffix: "/r", atB: true}, {suffix: "/t", tx: true, atB: true}})
}

// zeroCopyTap does the same with monitors that take the buffers, one at a time:
// on a pipe both ends have the same ones.
func zeroCopyTap(e *env) error {
	if err := spied(e, []*spy{{suffix: "/z", tx: true}}); err != nil {
		return err
	}
	if err := e.cleanup(); err != nil {
		return err
	}
	return spied(e, []*spy{{suffix: "/z", atB: true}})
}

// spied sends frames from A to B, one at a time, each of which every monitor of
// that direction must see once, sooner or later.
func spied(e *env, spies []*spy) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	for _, s := range spies {
		spec := e.t.A
		if s.atB {
			spec = e.t.B
		}
		if s.port, err = e.open(spec+s.suffix, nil); err != nil {
			return err
		}
	}
	look := func() error {
		for _, s := range spies {
			if err := s.look(); err != nil {
				return err
			}
		}
		return nil
	}
	const total = 300
	f := e.newFlow(a, b, macA)
	for i := range total {
		if _, err := f.run(1, func(int) int { return e.size() + i%40 }); err != nil {
			return err
		}
		if err := look(); err != nil {
			return err
		}
	}
	all := make([]uint32, total)
	for i := range all {
		all[i] = uint32(i)
	}
	return e.eventually(patience, func() error {
		// Buffers come when the sender has learned that they are free.
		if err := syncAll(slices.Concat(a.TX(), b.RX())...); err != nil {
			return err
		}
		if err := look(); err != nil {
			return err
		}
		for _, s := range spies {
			want := all
			if s.tx == s.atB { // A receives nothing, and B sends nothing
				want = nil
			}
			slices.Sort(s.seen)
			if !slices.Equal(s.seen, want) {
				return fmt.Errorf("monitor %s of %s saw %d frames, want %d, each once", s.suffix, s.port.Info().Spec.Name, len(s.seen), len(want))
			}
		}
		return nil
	})
}

// zeroCopyChain has three zero-copy monitors of one port, of which each sees
// what the one before it has given back, and leaves in the middle.
func zeroCopyChain(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	var m []*netmap.Port
	for range 3 {
		p, err := e.open(e.t.A+"/z", nil)
		if err != nil {
			return err
		}
		m = append(m, p)
	}
	number := uint32(0)
	through := func(first *netmap.Port, others ...*netmap.Port) error {
		sent, back := number, number+1
		number += 2
		for _, way := range []struct {
			from, to *netmap.Port
			number   uint32
		}{{a, b, sent}, {b, a, back}} {
			if err := sendOne(way.from, broadcast, macA, way.number, e.size()); err != nil {
				return err
			}
			got, err := received(way.to, 1, patience)
			if err != nil {
				return err
			}
			if err := wantNumbers("the port itself", got, way.number); err != nil {
				return err
			}
			if err := syncAll(way.to.RX()[0], way.from.TX()[0]); err != nil {
				return err
			}
		}
		for _, p := range others {
			got, _, err := watched(p)
			if err != nil {
				return err
			}
			if err := wantNumbers("a monitor before the one ahead of it has looked", got); err != nil {
				return err
			}
		}
		for _, p := range append([]*netmap.Port{first}, others...) {
			got, tx, err := watched(p)
			if err != nil {
				return err
			}
			// Further on, nobody knows any more that a frame was sent.
			for i, n := range got {
				if tx[i] != (p == first && n == sent) {
					return fmt.Errorf("monitor (first in the chain: %t) saw frame %d with TxMon %t", p == first, n-sent, tx[i])
				}
			}
			if err := wantNumbers("a monitor of the chain", got, sent, back); err != nil {
				return err
			}
		}
		return nil
	}
	if err := through(m[0], m[1], m[2]); err != nil {
		return err
	}
	if err := m[1].Close(); err != nil {
		return err
	}
	if err := through(m[0], m[2]); err != nil {
		return fmt.Errorf("after the second of three had left: %w", err)
	}
	if err := m[0].Close(); err != nil {
		return err
	}
	if err := through(m[2]); err != nil {
		return fmt.Errorf("after the first had left: %w", err)
	}
	return apart(a.TX()[0].Ring(), a.RX()[0].Ring(), m[2].RX()[0].Ring())
}
