package sockets

import (
	"errors"
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/netmap"
)

var errStuck = errors.New("the kernel took no packet for a second")

// An engineSender sends by the engine's ports, one for each flow.
type engineSender struct {
	ports  []*engine.Port
	txs    []engine.TxQueue
	packet []byte
}

func openEngineSender(l *bench.Lab, s *side, packet []byte) (sender, error) {
	e := &engineSender{packet: packet}
	spec := fmt.Sprintf("udp:%v:%d", l.AddrB, port)
	if s.packet {
		spec = "packet:" + bench.NameA
	}
	c := engine.Config{TX: max(1, s.flows), Vector: s.vector, NoGSO: !s.gso}
	err := l.A.NS.Do(func() error {
		p, err := engine.Open(spec, &c)
		if err == nil {
			e.ports, e.txs = append(e.ports, p), p.TX()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, q := range e.txs {
		// Slots keep their buffers, so each needs its bytes but once.
		r := q.Ring()
		for i := range r.NumSlots() {
			copy(r.Buffer(r.Slot(uint32(i))), packet)
		}
	}
	return e, nil
}

func (e *engineSender) send(n int) error {
	for i, q := range e.txs {
		share := n / len(e.txs)
		if i < n%len(e.txs) {
			share++
		}
		if err := e.sendOn(q, share); err != nil {
			return err
		}
	}
	return nil
}

func (e *engineSender) sendOn(q engine.TxQueue, n int) error {
	r, size := q.Ring(), uint16(len(e.packet))
	for n > 0 || r.Pending() > 0 {
		k := min(n, r.Space())
		a, b := r.Burst(k)
		for i := range a {
			a[i].Len, a[i].Flags = size, 0
		}
		for i := range b {
			b[i].Len, b[i].Flags = size, 0
		}
		r.Advance(k)
		n -= k
		if err := q.Sync(); err != nil {
			return err
		}
		if r.Pending() > 0 {
			left, err := q.Drain(time.Second)
			if err == nil && left > 0 {
				err = errStuck
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *engineSender) counts() (c counts, err error) {
	for _, q := range e.txs {
		st := q.Stats()
		// What the kernel refuses, the engine offers again.
		c.add(counts{packets: st.Packets, calls: st.Syncs})
	}
	return c, nil
}

func (e *engineSender) close() (err error) {
	for _, p := range e.ports {
		err = errors.Join(err, p.Close())
	}
	return err
}

// An engineReceiver receives by one of a port's queues.
type engineReceiver struct {
	rx    engine.RxQueue
	bytes uint64
}

func openEngineReceivers(l *bench.Lab, s *side) (r receivers, err error) {
	spec := fmt.Sprintf("udp:@%v:%d", l.AddrB, port)
	if s.packet {
		spec = "packet:" + bench.NameB
	}
	c := engine.Config{RX: max(1, s.queues), Vector: s.vector, NoGRO: !s.gro, RecvBuf: s.recvBuf()}
	if s.byCPU {
		c.Steer = engine.SteerCPU
	}
	var p *engine.Port
	if err := l.B.NS.Do(func() (err error) { p, err = engine.Open(spec, &c); return err }); err != nil {
		return r, err
	}
	for _, q := range p.RX() {
		r.queues = append(r.queues, &engineReceiver{rx: q})
	}
	r.close = p.Close
	return r, nil
}

func (e *engineReceiver) receive(n int) (got int, err error) {
	r := e.rx.Ring()
	for {
		k := e.take(r)
		if got += k; got >= n {
			return got, nil
		}
		if err := e.rx.Sync(); err != nil {
			return got, err
		}
		if r.Space() == 0 {
			return got, nil
		}
	}
}

// take looks at the packets in the ring and gives them back.
func (e *engineReceiver) take(r *netmap.Ring) int {
	a, b := r.Runs()
	for i := range a {
		e.bytes += uint64(a[i].Len)
	}
	for i := range b {
		e.bytes += uint64(b[i].Len)
	}
	r.Advance(len(a) + len(b))
	return len(a) + len(b)
}

func (e *engineReceiver) wait() error { return e.rx.Wait(waitMillis * time.Millisecond) }

func (e *engineReceiver) counts() (counts, error) {
	st := e.rx.Stats()
	return counts{packets: st.Packets + st.Truncated, calls: st.Syncs, drops: st.KernelDrops}, nil
}
