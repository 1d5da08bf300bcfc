// Package nm is netmap as a backend: a port's queues are the kernel's own rings,
// and a sync is one ioctl.
//
//	engine queue ── Sync ──▶ netmap.Queue ── NIOCRXSYNC, NIOCTXSYNC ──▶ kernel
//	     │                        │
//	     └──── walks ───▶ netmap.Ring, mapped from the kernel
//
// A received packet is counted when a sync brings it. A sent packet is counted
// when the kernel gives its slot back: what is still in the ring has not left.
package nm

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// Open opens a port by its whole spec, with all the rings it binds or the
// first of each direction as asked.
func Open(spec string, o *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error) {
	sp, err := netmap.ParseSpec(spec)
	if err != nil {
		return nil, nil, nil, err
	}
	if o.RX == 0 {
		sp.Flags |= netmap.FlagTxRingsOnly
	}
	if o.TX == 0 {
		sp.Flags |= netmap.FlagRxRingsOnly
	}
	const both = netmap.FlagTxRingsOnly | netmap.FlagRxRingsOnly
	if sp.Flags&both == both {
		return nil, nil, nil, errors.New("the spec has rings of one direction only (/R or /T), and queues of the other were asked for")
	}
	p, err := openSpec(sp, o)
	if err != nil {
		return nil, nil, nil, err
	}
	s := &shared{port: p, quiet: func() {}, plain: func() error { return nil }}
	head := p.Info().VnetHdr
	if o.VnetHdr > 0 {
		if head, err = o.VnetHdr, s.setHeader(sp.Name, o); err != nil {
			return nil, nil, nil, errors.Join(err, p.Close())
		}
	}
	f = facts(p, o.Device == nil, head)
	if host := sp.Mode == netmap.ModeSW || sp.Mode == netmap.ModeOneSW; o.Promisc && f.Interface != "" && !host {
		if s.quiet, err = promiscuous(f.Interface, f.Index); err != nil {
			f.Notes = append(f.Notes, fmt.Sprintf("interface %s is not promiscuous, so frames for other addresses do not arrive: %v", f.Interface, err))
		}
	}
	for i, q := range p.RX() {
		if o.RX == backend.All || i < o.RX {
			rx = append(rx, s.queue(q))
		}
	}
	for i, q := range p.TX() {
		if o.TX == backend.All || i < o.TX {
			tx = append(tx, s.queue(q))
		}
	}
	if len(rx) < o.RX || len(tx) < o.TX {
		s.quiet()
		_ = s.plain()
		p.Close()
		return nil, nil, nil, fmt.Errorf("%d receive and %d transmit queues were asked for, %s has %d and %d",
			max(o.RX, 0), max(o.TX, 0), sp.Name, len(p.RX()), len(p.TX()))
	}
	if o.RX > 0 && o.RX < len(p.RX()) {
		f.Notes = append(f.Notes, fmt.Sprintf("%d of %d receive rings are read; what the NIC puts into the others is lost", o.RX, len(p.RX())))
	}
	return rx, tx, f, nil
}

// facts says what is known of the port; of its interface too, if it is the
// kernel's.
func facts(p *netmap.Port, kernel bool, head int) *backend.Facts {
	info := p.Info()
	f := &backend.Facts{MaxFrame: info.BufSize - head, VnetHdr: head}
	if !kernel {
		return f
	}
	if ifc, err := net.InterfaceByName(info.Spec.Name); err == nil {
		f.Interface, f.Index, f.MAC, f.MTU = ifc.Name, ifc.Index, ifc.HardwareAddr, ifc.MTU
		f.MaxFrame = min(f.MaxFrame, ifc.MTU+etherHeader)
	}
	return f
}

// etherHeader is what a frame has beyond the interface's MTU.
const etherHeader = 14

// shared closes the port with its last queue.
type shared struct {
	port   *netmap.Port
	quiet  func()       // ends promiscuous mode
	plain  func() error // gives the port back the virtio-net header it had
	open   int
	headed bool // has been given a virtio-net header
}

func (s *shared) queue(q *netmap.Queue) *queue {
	s.open++
	n := &queue{Queue: q, shared: s, seen: q.Ring().Tail(), given: q.Ring().Head()}
	if q.Dir() == netmap.TX {
		n.marks = make([]mark, q.Ring().NumSlots())
	}
	return n
}

// A queue is one ring of the port.
type queue struct {
	*netmap.Queue
	shared   *shared
	counters backend.Counters
	seen     uint32 // tail as of the last sync
	given    uint32 // transmit: head as of the last sync

	// Transmit: what has been handed over up to and with each slot, so that
	// the tail tells what has left.
	marks []mark
	total mark
}

type mark struct{ packets, bytes uint64 }

// Left is how many packets have been handed over by a sync and not left.
func (q *queue) Left() int { return int(q.total.packets - q.counters.Packets.Load()) }

func (q *queue) Counters() *backend.Counters { return &q.counters }
func (q *queue) Collect()                    {}

func (q *queue) Sync() error {
	q.note()
	backend.Add(&q.counters.Syncs, 1)
	err := q.Queue.Sync()
	q.count()
	return err
}

// note writes down what the user has handed over for sending.
func (q *queue) note() {
	if q.marks == nil {
		return
	}
	ring := q.Ring()
	head, slots := ring.Head(), ring.Slots()
	i, t := q.given, q.total
	for i != head {
		end := head
		if end < i {
			end = uint32(len(slots))
		}
		run, marks := slots[i:end], q.marks[i:end]
		for k := range run {
			t.bytes += uint64(run[k].Len)
			if run[k].Flags&netmap.MoreFrag == 0 {
				t.packets++
			}
			marks[k] = t
		}
		if i = end; int(i) == len(slots) {
			i = 0
		}
	}
	q.given, q.total = head, t
}

// count counts what the last sync brought or sent.
func (q *queue) count() {
	ring := q.Ring()
	tail := ring.Tail()
	if tail == q.seen {
		return
	}
	var now mark
	if q.marks != nil {
		// The slots up to the tail have left.
		last := q.marks[tail]
		now = mark{last.packets - q.counters.Packets.Load(), last.bytes - q.counters.Bytes.Load()}
	} else {
		slots := ring.Slots()
		for i := q.seen; i != tail; {
			end := tail
			if end < i {
				end = uint32(len(slots))
			}
			run := slots[i:end]
			for k := range run {
				s := &run[k]
				now.bytes += uint64(s.Len)
				if s.Flags&netmap.MoreFrag == 0 {
					now.packets++
				} else if s.Len == 0 {
					// A descriptor without an address, which the NIC skips:
					// netmap's e1000 leaves the last one of a ring so until
					// its slot comes back with another buffer.
					s.Flags |= netmap.BufChanged
				}
			}
			if i = end; int(i) == len(slots) {
				i = 0
			}
		}
	}
	q.seen = tail
	if now.packets > 0 {
		backend.Add(&q.counters.Batches, 1)
	}
	backend.Add(&q.counters.Packets, now.packets)
	backend.Add(&q.counters.Bytes, now.bytes)
}

// look is how often a waiting queue looks after its interface, whose removal
// wakes nobody.
const look = 200 * time.Millisecond

func (q *queue) Poll() backend.Wait {
	q.note() // before the poll, for it syncs
	switch {
	case q.Ring().Space() == 0:
		if q.Dir() == netmap.TX {
			backend.Add(&q.counters.Backpressure, 1)
		}
		return backend.Wait{FD: q.FD(), Events: q.Events(), After: look, Syncs: q.Queue.Polls()}
	case q.Dir() == netmap.RX:
		return backend.Now
	}
	return backend.Never
}

// Polls is the backend's: netmap.Queue.Polls and Pushes.
func (q *queue) Polls() bool {
	return q.Queue.Polls() && (q.Dir() == netmap.RX || q.Pushes())
}

// BeginPoll is Poll for a poll that is a sync, whatever the ring holds.
func (q *queue) BeginPoll() (fd int, events int16) {
	q.note()
	return q.FD(), q.Events()
}

// EndPoll is Polled, but that time which ran out is no reason to look after the
// interface.
func (q *queue) EndPoll(revents int16) error {
	if revents != 0 {
		return q.Polled(revents)
	}
	backend.Add(&q.counters.Syncs, 1)
	q.Queue.Synced()
	q.count()
	return nil
}

func (q *queue) Polled(revents int16) error {
	backend.Add(&q.counters.Syncs, 1)
	err := q.Queue.Polled(revents)
	q.count()
	return err
}

func (q *queue) Close() error {
	if q.shared.open--; q.shared.open > 0 {
		return nil
	}
	q.shared.quiet()
	return errors.Join(q.shared.plain(), q.shared.port.Close())
}
