package conformance

import (
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// patience is how long a frame may take from one end to the other.
const patience = 3 * time.Second

// put writes a frame into the next free slots of a transmit ring, in fragments
// of at most frag bytes. It reports false if there is no room.
func put(q *netmap.Queue, frame []byte, frag int) bool {
	r := q.Ring()
	frag = min(frag, len(r.Buffer(r.Slot(r.Head())))) // less by the offset, where there are offsets
	n := (len(frame) + frag - 1) / frag
	if n > r.Space() {
		return false
	}
	i := r.Head()
	for ; len(frame) > 0; i = r.Next(i) {
		s := r.Slot(i)
		k := copy(r.Buffer(s)[:frag], frame)
		frame = frame[k:]
		s.Len, s.Flags = uint16(k), s.Flags&netmap.BufChanged
		if len(frame) > 0 {
			s.Flags |= netmap.MoreFrag
		} else {
			s.Flags |= netmap.Report
		}
	}
	r.Advance(n)
	return true
}

// take takes the next whole packet off a receive ring, appended to buf[:0]. It
// reports how many slots it had, 0 if there is no whole packet.
func take(q *netmap.Queue, buf []byte) (packet []byte, slots int) {
	r := q.Ring()
	i := r.Head()
	packet = buf[:0]
	for n := range r.Space() {
		s := r.Slot(i)
		packet = append(packet, r.Bytes(s)...)
		if s.Flags&netmap.MoreFrag == 0 {
			r.Advance(n + 1)
			return packet, n + 1
		}
		i = r.Next(i)
	}
	return packet, 0
}

// syncAll syncs queues and looks whether the kernel's indices are in the ring.
func syncAll(qs ...*netmap.Queue) error {
	for _, q := range qs {
		if err := q.Sync(); err != nil {
			return fmt.Errorf("%v ring %d: sync: %w", q.Dir(), q.Ring().Header().RingID, err)
		}
		if err := indices(q); err != nil {
			return err
		}
	}
	return nil
}

func indices(q *netmap.Queue) error {
	h := q.Ring().Header()
	if n := uint32(q.Ring().NumSlots()); h.NumSlots != n || h.Head >= n || h.Cur >= n || h.Tail >= n {
		return fmt.Errorf("%v ring %d of %d slots (num_slots %d) has head %d, cur %d, tail %d", q.Dir(), h.RingID, n, h.NumSlots, h.Head, h.Cur, h.Tail)
	}
	return nil
}

// A flow sends frames from some queues to others and compares them.
type flow struct {
	e      *env
	tx, rx []*netmap.Queue
	to     mac
	from   mac
	fill   func(buf []byte, dst, src mac, number uint32)
	frag   int // bytes of a fragment; 0: the buffers'
	next   uint32
	buf    []byte
	want   []byte
}

// newFlow is a flow from a to b, or what it takes for the other way.
func (e *env) newFlow(a, b *netmap.Port, from mac) *flow {
	return &flow{e: e, tx: a.TX(), rx: b.RX(), to: broadcast, from: from, fill: fill, frag: 1 << 16}
}

// window is how many slots may be on their way: no more than the smallest ring
// can hold, and half of it where what does not fit is lost.
func (f *flow) window() int {
	n := 1 << 20
	for _, qs := range [][]*netmap.Queue{f.tx, f.rx} {
		for _, q := range qs {
			n = min(n, q.Ring().NumSlots()-1)
		}
	}
	if f.e.t.Caps&Lossless == 0 {
		n = max(1, n/2)
	}
	return n
}

func (f *flow) slots(size int) int {
	frag := f.frag
	for _, q := range append(f.tx[:len(f.tx):len(f.tx)], f.rx...) {
		frag = min(frag, q.Ring().BufSize())
	}
	return (size + frag - 1) / frag
}

// run sends n frames, of size(i) bytes, in turn on all transmit queues, in
// batches of every size, and takes them from the receive queues. Each must
// arrive once, whole and as it was sent, and in order where there is one ring
// each and the target keeps it. It returns how many came in through each receive queue.
func (f *flow) run(n int, size func(i int) int) (perQueue []int, err error) {
	window := f.window()
	perQueue = make([]int, len(f.rx))
	seen := make([]bool, n)
	first := f.next
	f.next += uint32(n)
	sent, got, flying, batch := 0, 0, 0, 1
	last := time.Now()
	for got < n {
		if err := f.e.ctx.Err(); err != nil {
			return perQueue, fmt.Errorf("%d of %d frames had arrived, %d were sent: %w", got, n, sent, err)
		}
		batch = batch%window + 1
		for i := 0; i < batch && sent < n; i++ {
			l := size(sent)
			need := f.slots(l)
			if need > window {
				return perQueue, fmt.Errorf("a frame of %d bytes takes %d slots, more than the %d that the rings allow", l, need, window)
			}
			f.want = append(f.want[:0], make([]byte, l)...)
			f.fill(f.want, f.to, f.from, first+uint32(sent))
			if flying+need > window || !put(f.tx[sent%len(f.tx)], f.want, f.frag) {
				break
			}
			sent, flying = sent+1, flying+need
		}
		if err := syncAll(f.tx...); err != nil {
			return perQueue, err
		}
		idle := true
		for qi, q := range f.rx {
			if err := syncAll(q); err != nil {
				return perQueue, err
			}
			for {
				packet, slots := take(q, f.buf)
				f.buf = packet[:0]
				if slots == 0 {
					break
				}
				number, ok := ours(packet)
				if !ok {
					continue
				}
				idle = false
				i := int(number - first)
				switch {
				case i < 0 || i >= sent:
					return perQueue, fmt.Errorf("frame number %d arrived, those sent were %d to %d", number, first, first+uint32(sent)-1)
				case seen[i]:
					return perQueue, fmt.Errorf("frame %d of %d arrived twice", i, n)
				case len(f.tx) == 1 && len(f.rx) == 1 && i != got && !f.e.t.Unordered:
					return perQueue, fmt.Errorf("frame %d arrived where frame %d was due", i, got)
				}
				f.want = append(f.want[:0], make([]byte, size(i))...)
				f.fill(f.want, f.to, f.from, number)
				if err := same(packet, f.want); err != nil {
					return perQueue, fmt.Errorf("frame %d: %w", i, err)
				}
				seen[i] = true
				got, flying = got+1, flying-f.slots(size(i))
				perQueue[qi]++
			}
		}
		if !idle {
			last = time.Now()
			continue
		}
		if time.Since(last) > patience {
			return perQueue, fmt.Errorf("%d of %d frames arrived, %d were sent, nothing came for %v", got, n, sent, patience)
		}
		// Whatever came, the next round takes it.
		if err := f.rx[got%len(f.rx)].Wait(time.Millisecond); err != nil {
			return perQueue, err
		}
	}
	return perQueue, f.giveBack()
}

// giveBack lets the kernel have what was taken last.
func (f *flow) giveBack() error {
	if err := syncAll(f.rx...); err != nil {
		return err
	}
	return syncAll(f.tx...)
}

// settleTime is how long a link may take to come up.
const settleTime = 20 * time.Second

// settle waits until frames get through both ways, and drops what the rings
// still held.
func (e *env) settle(a, b *netmap.Port) error {
	for _, p := range []*netmap.Port{a, b} {
		for _, q := range p.RX() {
			if err := discard(q); err != nil {
				return err
			}
		}
	}
	if !e.t.Settles {
		return nil
	}
	for _, end := range [][2]*netmap.Port{{a, b}, {b, a}} {
		if len(end[0].TX()) == 0 || len(end[1].RX()) == 0 {
			continue
		}
		if err := e.eventually(settleTime, func() error { return e.probe(end[0], end[1]) }); err != nil {
			return fmt.Errorf("the link does not carry frames: %w", err)
		}
	}
	for _, p := range []*netmap.Port{a, b} {
		for _, q := range p.RX() {
			e.sleep(20 * time.Millisecond)
			if err := discard(q); err != nil {
				return err
			}
		}
	}
	return nil
}

// probe sends a frame and waits for it or for an earlier one.
func (e *env) probe(a, b *netmap.Port) error {
	frame := make([]byte, 64)
	fill(frame, broadcast, macA, 1<<31)
	put(a.TX()[0], frame, 1<<16) // a full ring holds earlier probes
	if err := syncAll(a.TX()[0]); err != nil {
		return err
	}
	deadline := time.Now().Add(50 * time.Millisecond)
	for time.Now().Before(deadline) {
		for _, q := range b.RX() {
			if err := q.Wait(5 * time.Millisecond); err != nil {
				return err
			}
			for {
				p, n := take(q, nil)
				if n == 0 {
					break
				}
				if _, ok := ours(p); ok {
					return nil
				}
			}
		}
	}
	return fmt.Errorf("a probe was lost")
}

// discard drops what a receive queue has.
func discard(q *netmap.Queue) error {
	for range 3 {
		if err := syncAll(q); err != nil {
			return err
		}
		q.Ring().Advance(q.Ring().Space())
	}
	return syncAll(q)
}

// size is a length for frames of which any does: the shortest the target takes.
func (e *env) size() int { return max(60, e.t.MinFrame) }
