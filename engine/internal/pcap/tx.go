package pcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

const (
	fileHeader   = 24
	recordHeader = 16
)

// A txQueue empties a transmit ring into a capture file.
//
//	slots  unsent ─────────── laid ───────── head
//	         │ in out, and        │ not yet
//	         ▼ not all written    ▼ looked at
//	out    [:written] [written:]
//
// A packet counts as sent when its last byte is in the file.
type txQueue struct {
	name     string
	fd       int
	ring     *netmap.Ring
	counters backend.Counters

	out     []byte // records on their way, of a fixed capacity
	written int    // bytes of out that are in the file
	partial int    // bytes in the file of the packet at unsent; below 0 while the file header is not
	unsent  uint32
	laid    uint32
	full    bool // the FIFO takes no more for now
}

func openTX(name string, ring *netmap.Ring) (*txQueue, error) {
	fd, fifo, err := open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	if err != nil {
		return nil, fmt.Errorf("open capture file %s to write it: %w", name, err)
	}
	q := &txQueue{
		name: name, fd: fd, ring: ring,
		out:     make([]byte, fileHeader, recordHeader+maxCapture),
		partial: -fileHeader,
		unsent:  ring.Head(), laid: ring.Head(),
	}
	le := binary.LittleEndian
	le.PutUint32(q.out[0:], 0xa1b23c4d) // nanoseconds
	le.PutUint16(q.out[4:], 2)
	le.PutUint16(q.out[6:], 4)
	le.PutUint32(q.out[16:], maxCapture)
	le.PutUint32(q.out[20:], linkEthernet)
	if fifo {
		err = unix.SetNonblock(fd, true)
	}
	if err == nil {
		err = q.write()
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return q, nil
}

func (q *txQueue) Ring() *netmap.Ring          { return q.ring }
func (q *txQueue) Counters() *backend.Counters { return &q.counters }
func (q *txQueue) Collect()                    {}

// Sync writes the packets before head. After an error those that are not
// wholly in the file stay in the ring, and the next Sync goes on at the very
// byte where this one stopped.
func (q *txQueue) Sync() error {
	before := q.counters.Packets.Load()
	q.full = false
	var now time.Time
	var err error
	for err == nil && !q.full {
		if q.written == len(q.out) {
			if q.laid == q.ring.Head() {
				break
			}
			if now.IsZero() {
				now = time.Now()
			}
			err = q.lay(now)
			if len(q.out) == 0 {
				break
			}
		}
		// An error about the next packet waits until those before it are written.
		if werr := q.write(); werr != nil {
			err = werr
		}
	}
	h := q.ring.Header()
	if h.Tail = q.unsent; h.Tail == 0 {
		h.Tail = uint32(q.ring.NumSlots())
	}
	h.Tail--
	if q.counters.Packets.Load() != before {
		backend.Add(&q.counters.Batches, 1)
	}
	return err
}

// lay gathers as many whole packets as there are, or as fit. It fails on a
// packet that no file can hold.
func (q *txQueue) lay(now time.Time) error {
	q.out, q.written = q.out[:0], 0
	start := 0 // of this packet's record
	head := q.ring.Head()
	for i := q.laid; i != head; i = q.ring.Next(i) {
		s := q.ring.Slot(i)
		b := q.ring.Buffer(s)
		if int(s.Len) > len(b) {
			q.out = q.out[:start]
			return fmt.Errorf("write capture file %s: a packet of %d bytes in a buffer of %d: %w", q.name, s.Len, len(b), netmap.ErrTooLong)
		}
		need := int(s.Len)
		if len(q.out) == start {
			need += recordHeader
		}
		if need > cap(q.out)-len(q.out) {
			over := start == 0 // it does not fit an empty file either
			q.out = q.out[:start]
			if over {
				return fmt.Errorf("write capture file %s: a packet of more than %d bytes: %w", q.name, maxCapture, netmap.ErrTooLong)
			}
			return nil
		}
		if len(q.out) == start {
			q.out = q.out[:start+recordHeader]
		}
		q.out = append(q.out, b[:s.Len]...)
		if s.Flags&netmap.MoreFrag != 0 {
			continue
		}
		le, rec, size := binary.LittleEndian, q.out[start:], uint32(len(q.out)-start-recordHeader)
		le.PutUint32(rec[0:], uint32(now.Unix()))
		le.PutUint32(rec[4:], uint32(now.Nanosecond()))
		le.PutUint32(rec[8:], size)
		le.PutUint32(rec[12:], size)
		start = len(q.out)
		q.laid = q.ring.Next(i)
	}
	q.out = q.out[:start]
	if start == 0 && q.ring.Next(head) == q.laid {
		// The ring is full of a packet whose rest can never come.
		return fmt.Errorf("write capture file %s: a packet of more than the ring's %d slots: %w", q.name, q.ring.NumSlots()-1, netmap.ErrTooLong)
	}
	return nil
}

// write writes what is laid out, as far as the file takes it, and counts the
// packets that it has wholly taken.
func (q *txQueue) write() error {
	for q.written < len(q.out) {
		n, err := unix.Write(q.fd, q.out[q.written:])
		backend.Add(&q.counters.Syncs, 1)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			q.full = true
			backend.Add(&q.counters.Backpressure, 1)
			return nil
		case err != nil:
			return fmt.Errorf("write capture file %s, which has %d packets: %w", q.name, q.counters.Packets.Load(), err)
		default:
			q.written += n
			q.partial += n
			q.count()
		}
	}
	return nil
}

// count moves unsent past the packets that are in the file.
func (q *txQueue) count() {
	var packets, bytes uint64
	for q.unsent != q.laid {
		size, i := recordHeader, q.unsent
		for more := true; more; i = q.ring.Next(i) {
			s := q.ring.Slot(i)
			size += int(s.Len)
			more = s.Flags&netmap.MoreFrag != 0
		}
		if q.partial < size {
			break
		}
		q.partial -= size
		q.unsent = i
		packets, bytes = packets+1, bytes+uint64(size-recordHeader)
	}
	backend.Add(&q.counters.Packets, packets)
	backend.Add(&q.counters.Bytes, bytes)
}

// Poll: a FIFO that was full is waited for; a file takes all or fails.
func (q *txQueue) Poll() backend.Wait {
	if q.full {
		return backend.Wait{FD: q.fd, Events: unix.POLLOUT, After: -1}
	}
	return backend.Never
}

// Polled writes.
func (q *txQueue) Polled(int16) error { return q.Sync() }

// Close cuts off the part of a packet that a full disk has left at the file's
// end, so that the file is whole, and closes it.
func (q *txQueue) Close() error {
	if q.partial > 0 {
		if end, err := unix.Seek(q.fd, 0, io.SeekCurrent); err == nil {
			_ = unix.Ftruncate(q.fd, end-int64(q.partial)) // a FIFO or device cannot
		}
	}
	return closeFile(q.name, q.fd, q.ring)
}
