package pcap

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// An rxQueue fills a receive ring from a capture file.
type rxQueue struct {
	name     string
	ring     *netmap.Ring
	src      source
	in       *reader
	err      error // latched: io.EOF, or what is wrong with the file
	counters backend.Counters
}

func openRX(name string, ring *netmap.Ring) (*rxQueue, error) {
	fd, fifo, err := open(name, unix.O_RDONLY)
	if errors.Is(err, unix.EISDIR) {
		return nil, fmt.Errorf("%s is no capture file: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open capture file %s to read it: %w", name, err)
	}
	q := &rxQueue{name: name, ring: ring}
	q.src = source{fd: fd, left: -1, reads: &q.counters.Syncs}
	if q.in, err = newReader(name, &q.src); err == nil && fifo {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return q, nil
}

func (q *rxQueue) Ring() *netmap.Ring          { return q.ring }
func (q *rxQueue) Counters() *backend.Counters { return &q.counters }
func (q *rxQueue) Collect()                    {}
func (q *rxQueue) Close() error                { return closeFile(q.name, q.src.fd, q.ring) }

// Sync reads packets into all free slots, as far as its patience goes. What ends the file is said when the
// user has given back all packets before it.
func (q *rxQueue) Sync() error {
	r, h := q.ring, q.ring.Header()
	q.src.left, q.src.empty = patience, false
	var packets, bytes uint64
	for free := r.NumSlots() - 1 - r.Space(); free > 0 && q.err == nil; {
		s := r.Slot(h.Tail)
		s.Ptr = 0
		b := r.Buffer(s)
		n, err := q.in.read(b[:min(len(b), maxSlotLen)])
		switch err {
		case nil:
			s.Len, s.Flags = uint16(n), 0
			if m := r.Meta(s); m != nil {
				m.Time = q.in.time()
			}
			h.Tail = r.Next(h.Tail)
			free--
			packets, bytes = packets+1, bytes+uint64(n)
			continue
		case errTruncated, errTooLong:
			backend.Add(&q.counters.Truncated, 1)
			continue
		case errAgain:
		default:
			q.err = err
		}
		break
	}
	if packets > 0 {
		backend.Add(&q.counters.Packets, packets)
		backend.Add(&q.counters.Bytes, bytes)
		backend.Add(&q.counters.Batches, 1)
	}
	if r.Space() > 0 {
		return nil
	}
	return q.err
}

// Poll: a file is ready at any time, a FIFO when it is not empty. A queue that
// can bring nothing before its user has taken something waits for nothing.
func (q *rxQueue) Poll() backend.Wait {
	space := q.ring.Space()
	switch {
	case space == q.ring.NumSlots()-1, space > 0 && q.err != nil:
		return backend.Never
	case q.src.empty && q.err == nil:
		return backend.Wait{FD: q.src.fd, Events: unix.POLLIN, After: -1}
	}
	return backend.Now
}

// Polled reads.
func (q *rxQueue) Polled(int16) error { return q.Sync() }
