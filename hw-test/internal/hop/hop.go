// Package hop is a small data plane to be tested: it forwards every frame
// between two ports, both ways, and loses on purpose.
//
//	             every Nth frame           its way out takes no more
//	                  ▼ lost                        ▼ lost
//	in ring ──▶ ──────┴────────── Move ──▶ out ring ┴──▶ sync
//
// It is what stands for a device where there is none: exact in what it loses,
// so that what a harness says about it can be checked. A Stage belongs to the
// Worker that runs it; its counts may be read after that.
package hop

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// Stage forwards from in[i] to out[1-i]: the worker has two receive and two
// transmit queues, in the order of their ports, one of each per port. Frames
// are of one slot, as those of sockets are.
type Stage struct {
	// Lose is N where every Nth frame of a way is lost; 0: none.
	Lose uint64

	Ways [2]Way // by the port that a frame came from
}

// Way is what happened to the frames of one direction.
type Way struct {
	Received  uint64 // frames taken in
	Forwarded uint64 // handed to the way out
	Lost      uint64 // lost on purpose
	TailDrops uint64 // lost because the way out took no more
}

// Process is of engine.Stage.
func (s *Stage) Process(in, out []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
	a, err := s.Ways[0].move(out[1], in[0], s.Lose)
	if err != nil {
		return a, false, err
	}
	b, err := s.Ways[1].move(out[0], in[1], s.Lose)
	return a + b, false, err
}

// move empties a ring. What finds no room waits for the next call, after the
// sync; if there is none even then, it is lost, as in any switch.
func (w *Way) move(dst, src *netmap.Ring, lose uint64) (n int, err error) {
	if dst.Space() == 0 {
		n = src.Space()
		src.Advance(n)
		w.Received += uint64(n)
		w.TailDrops += uint64(n)
		return n, nil
	}
	for src.Space() > 0 {
		burst := src.Space()
		if lose > 0 {
			left := lose - 1 - w.Received%lose // before the next that is lost
			if left == 0 {
				src.Advance(1)
				w.Received++
				w.Lost++
				n++
				continue
			}
			burst = min(burst, int(min(left, 1<<30)))
		}
		m, err := netmap.Move(dst, src, burst)
		n += m
		w.Received += uint64(m)
		w.Forwarded += uint64(m)
		if m == 0 || err != nil {
			return n, err
		}
	}
	return n, nil
}

// slots is the size of its rings: a way out that is blocked holds as many
// frames before the first is lost.
const slots = 64

// Run forwards between two ports until ctx ends, which is no error. To out go a
// line that begins with "hw-test: ready:" and one with the counts.
func Run(ctx context.Context, lose uint64, specs [2]string, out io.Writer) error {
	ports, err := engine.OpenAll(specs[:], &engine.Config{RX: 1, TX: 1, Slots: slots, Promisc: true, DropTooLong: true})
	defer func() {
		for _, p := range ports {
			p.Close()
		}
	}()
	if err != nil {
		return err
	}
	s := &Stage{Lose: lose}
	w := engine.Worker{Stage: s}
	for _, p := range ports {
		w.In, w.Out = append(w.In, p.RX()...), append(w.Out, p.TX()...)
	}
	fmt.Fprintf(out, "hw-test: ready: forwarding between %s and %s\n", specs[0], specs[1])
	err = w.Run(ctx)
	if ctx.Err() != nil && err == ctx.Err() {
		err = nil
	}
	for _, p := range ports {
		if _, e := p.Drain(time.Second); err == nil {
			err = e
		}
	}
	for i, way := range s.Ways {
		fmt.Fprintf(out, "hw-test: from %s: %d received, %d forwarded, %d lost on purpose, %d because the way out took no more\n",
			specs[i], way.Received, way.Forwarded, way.Lost, way.TailDrops)
	}
	return err
}
