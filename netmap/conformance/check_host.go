package conformance

import (
	"fmt"
	"slices"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// A HostStack is the host's network stack on one interface, as a protocol of its
// own sees it that knows nothing of netmap. It receives frames of [EtherType];
// what looks at all frames, as a capture does, sees those of an emulated
// interface before netmap takes them.
type HostStack struct {
	Send    func(frame []byte) error                // transmits on the interface
	Receive func() (frame []byte, ok bool, _ error) // the next frame that came, ok false if none has; does not wait
	Close   func() error
}

// host opens the host's stack at A, and drops what waits there.
func (e *env) host() (*HostStack, error) {
	h, err := e.t.Host()
	if err != nil {
		return nil, fmt.Errorf("the host's stack: %w", err)
	}
	e.later(h.Close)
	for {
		if _, ok, err := h.Receive(); err != nil || !ok {
			return h, err
		}
	}
}

// heard waits until n frames of ours have come to the host, and a little more
// for one too many. It returns their numbers in ascending order.
func heard(h *HostStack, n int) (numbers []uint32, err error) {
	deadline := time.Now().Add(patience)
	if n == 0 {
		deadline = time.Now().Add(linger)
	}
	for {
		frame, ok, err := h.Receive()
		if err != nil {
			return nil, err
		}
		if !ok {
			if time.Now().After(deadline) {
				slices.Sort(numbers)
				return numbers, nil
			}
			time.Sleep(time.Millisecond)
			continue
		}
		i, is := ours(frame)
		if !is {
			continue
		}
		want := make([]byte, len(frame))
		fill(want, broadcast, mac(frame[6:12]), i)
		if err := same(frame, want); err != nil {
			return nil, fmt.Errorf("frame %d at the host: %w", i, err)
		}
		if numbers = append(numbers, i); len(numbers) == n {
			deadline = time.Now().Add(linger)
		}
	}
}

// linger is how long to wait for frames that should not come.
const linger = 50 * time.Millisecond

// frames makes the frames from one number up to another.
func (e *env) frames(from mac, first, end uint32) (all [][]byte) {
	for i := first; i < end; i++ {
		f := make([]byte, e.size()+int(i%40))
		fill(f, broadcast, from, i)
		all = append(all, f)
	}
	return all
}

// wantNumbers says how a list of frame numbers differs from the one expected.
func wantNumbers(what string, got []uint32, want ...uint32) error {
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s: frames %d, want %d", what, got, want)
	}
	return nil
}

// side returns a port's queues of one direction, the host's or the NIC's.
func side(qs []*netmap.Queue, host bool) (out []*netmap.Queue) {
	for _, q := range qs {
		if q.Host() == host {
			out = append(out, q)
		}
	}
	return out
}

// await waits until a queue holds n frames of ours, leaving them there, and
// returns their slots' indices.
func await(e *env, q *netmap.Queue, n int) (at []uint32, err error) {
	err = e.eventually(patience, func() error {
		if err := syncAll(q); err != nil {
			return err
		}
		r := q.Ring()
		at = at[:0]
		for i := r.Head(); i != r.Tail(); i = r.Next(i) {
			if _, ok := ours(r.Bytes(r.Slot(i))); ok {
				at = append(at, i)
			}
		}
		if len(at) < n {
			return fmt.Errorf("%d of %d frames came", len(at), n)
		}
		return nil
	})
	return at, err
}

// hostRings passes frames between the host's stack and its rings, with all rings
// on one descriptor, with one each, and with the host's rings alone.
func hostRings(e *env) error {
	h, err := e.host()
	if err != nil {
		return err
	}
	number := uint32(0)
	for _, c := range []struct {
		spec string
		cfg  netmap.Config
	}{{e.t.A + "*", netmap.Config{}}, {e.t.A + "*", netmap.Config{Single: true}}, {e.t.A + "^", netmap.Config{}}, {e.t.A + "^0", netmap.Config{}}} {
		what := fmt.Sprintf("%s (single %t)", c.spec, c.cfg.Single)
		// The NIC's rings are held by another descriptor, or the host's frames
		// would go past its rings.
		nic, err := e.open(e.t.A, nil)
		if err != nil {
			return err
		}
		p, err := e.open(c.spec, &c.cfg)
		if err != nil {
			return err
		}
		tx, rx := side(p.TX(), true), side(p.RX(), true)
		if len(tx) == 0 || len(rx) == 0 {
			return fmt.Errorf("%s has %d and %d queues of the host", what, len(tx), len(rx))
		}
		down := e.frames(macA, number, number+20)
		for _, f := range down {
			if err := h.Send(f); err != nil {
				return fmt.Errorf("%s: the host sends: %w", what, err)
			}
		}
		at, err := await(e, rx[0], len(down))
		if err != nil {
			return fmt.Errorf("%s: from the host: %w", what, err)
		}
		for i, k := range at {
			if err := same(rx[0].Ring().Bytes(rx[0].Ring().Slot(k)), down[i]); err != nil {
				return fmt.Errorf("%s: frame %d from the host: %w", what, i, err)
			}
		}
		if err := discard(rx[0]); err != nil {
			return err
		}
		number += 20
		var want []uint32
		for i, f := range e.frames(macB, number, number+20) {
			if !put(tx[0], f, 1<<16) {
				return fmt.Errorf("%s: no room for 20 frames to the host", what)
			}
			want = append(want, number+uint32(i))
		}
		if err := syncAll(tx[0]); err != nil {
			return err
		}
		if n := tx[0].Ring().Pending(); n != 0 {
			return fmt.Errorf("%s: %d slots to the host are pending after the sync", what, n)
		}
		got, err := heard(h, len(want))
		if err != nil {
			return err
		}
		if err := wantNumbers(what+": at the host", got, want...); err != nil {
			return err
		}
		number += 20
		if err := p.Close(); err != nil {
			return err
		}
		if err := nic.Close(); err != nil {
			return err
		}
	}
	return nil
}

// forwardUp gives back slots of the NIC's receive rings, some of them for the
// host's stack.
func forwardUp(e *env) error {
	h, err := e.host()
	if err != nil {
		return err
	}
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	for round, on := range []bool{true, false} {
		first := uint32(100 * round)
		for _, q := range a.RX() {
			q.Ring().Header().Flags = 0
			if on {
				q.Ring().Header().Flags = netmap.RingForward
			}
		}
		for _, f := range e.frames(macB, first, first+20) {
			if !put(b.TX()[0], f, 1<<16) {
				return fmt.Errorf("no room for 20 frames")
			}
		}
		if err := syncAll(b.TX()[0]); err != nil {
			return err
		}
		at, err := await(e, a.RX()[0], 20)
		if err != nil {
			return err
		}
		r := a.RX()[0].Ring()
		var want []uint32
		for _, k := range at {
			if i, _ := ours(r.Bytes(r.Slot(k))); i%3 == 0 {
				r.Slot(k).Flags |= netmap.Forward
				if on {
					want = append(want, i)
				}
			}
		}
		slices.Sort(want)
		r.Advance(r.Space())
		if err := syncAll(a.RX()[0]); err != nil {
			return err
		}
		got, err := heard(h, len(want))
		if err != nil {
			return err
		}
		if err := wantNumbers(fmt.Sprintf("with NR_FORWARD %t, every third frame marked, the host received", on), got, want...); err != nil {
			return err
		}
	}
	return nil
}

// forwardDown gives back slots of the host's receive ring, some of them for the
// NIC, which works on a single descriptor.
func forwardDown(e *env) error {
	h, err := e.host()
	if err != nil {
		return err
	}
	b, err := e.open(e.t.B, nil)
	if err != nil {
		return err
	}
	first := uint32(0)
	for _, c := range []struct{ single, wait bool }{{true, false}, {true, true}, {false, false}} {
		what := fmt.Sprintf("single %t, by wait %t", c.single, c.wait)
		a, err := e.open(e.t.A+"*", &netmap.Config{Single: c.single})
		if err != nil {
			return err
		}
		if err := e.settle(a, b); err != nil {
			return err
		}
		in := side(a.RX(), true)[0]
		r := in.Ring()
		r.Header().Flags |= netmap.RingForward
		for _, f := range e.frames(macA, first, first+20) {
			if err := h.Send(f); err != nil {
				return fmt.Errorf("the host sends: %w", err)
			}
		}
		at, err := await(e, in, 20)
		if err != nil {
			return fmt.Errorf("%s: from the host: %w", what, err)
		}
		var want []uint32
		for _, k := range at {
			if i, _ := ours(r.Bytes(r.Slot(k))); i%3 == 0 {
				r.Slot(k).Flags |= netmap.Forward
				if c.single {
					want = append(want, i)
				}
			}
		}
		r.Advance(r.Space())
		if c.wait {
			err = in.Wait(time.Millisecond)
		} else {
			err = syncAll(append([]*netmap.Queue{in}, a.TX()...)...)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		var got []uint32
		if len(want) > 0 {
			if got, err = received(b, len(want), patience); err != nil {
				return err
			}
		}
		more, err := received(b, 0, linger)
		if err != nil {
			return err
		}
		if err := wantNumbers(what+": every third frame of the host marked, the NIC's peer received", append(got, more...), want...); err != nil {
			return err
		}
		// The transmit rings are still in order, with their buffers apart.
		var out []*netmap.Ring
		for _, q := range side(a.TX(), false) {
			out = append(out, q.Ring())
		}
		if err := apart(append(out, r)...); err != nil {
			return err
		}
		if err := syncAll(append(a.TX(), a.RX()...)...); err != nil {
			return err
		}
		if err := a.Close(); err != nil {
			return err
		}
		first += 100
	}
	return nil
}
