// Package pcap is capture files as a backend: a receive queue reads one, a
// transmit queue writes one.
//
//	reading, classic pcap or pcapng            writing, classic pcap
//
//	FILE ── read(2) ──▶ 128 KiB window         ring, head … ──▶ slots' buffers
//	                      │ parsed in place      │ gathered, header in front of each
//	                      ▼                      ▼
//	                 slots' buffers ──▶ ring   256 KiB of records ── write(2) ──▶ FILE
//
// Each byte is copied once in each direction, nothing is allocated for a
// packet, and no length found in a file is ever the size of an allocation:
// both windows have a fixed size, whatever comes.
//
// What is read: classic pcap with µs or ns timestamps and pcapng, in both byte
// orders, Ethernet only, one record a slot. A frame that is longer than a
// buffer, or of which the capture holds only the beginning (a snap length), is
// counted as truncated and not delivered. Frames come as they are in the file,
// with their CRC if it was captured, as fast as they are taken, with the time of
// each in its buffer's Meta. Who wants to keep to these times takes a [Capture]
// instead of a queue. (Formats: draft-ietf-opsawg-pcap,
// draft-ietf-opsawg-pcapng, pcap-savefile(5).)
//
// What is written: classic pcap with ns timestamps, little-endian, snap length
// 262144, each packet with the time of the Sync that took it. An existing file
// is overwritten, as tcpdump does.
//
// A [Writer] is no queue: it lays out frames that have times of their own, and
// writes pcapng as well.
//
// FILE may be a FIFO, also by way of /dev/stdin or /dev/stdout. Opening one
// waits for the other end, as ever; reading and writing it then do not wait.
package pcap

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// maxCapture is the longest packet in a capture file, in bytes: libpcap's
// MAXIMUM_SNAPLEN for Ethernet.
const maxCapture = 262144

// defaultBufSize takes jumbo frames. Of 1024 such buffers only those that are
// used become memory.
const defaultBufSize = 16384

// maxSlotLen is the most that Slot.Len can say.
const maxSlotLen = 1<<16 - 1

// linkEthernet is LINKTYPE_ETHERNET.
const linkEthernet = 1

// Open opens the capture file name for its one queue: o asks for one receive
// queue to read it or for one transmit queue to write it. An error is one
// sentence that names the file and wraps the kernel's errno, if that was the
// cause.
func Open(name string, o *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error) {
	if o.RX+o.TX != 1 || o.RX < 0 || o.TX < 0 {
		return nil, nil, nil, fmt.Errorf("a capture file is either read or written, and by one queue: "+
			"ask for one receive queue (Config{RX: 1}) or for one transmit queue (Config{TX: 1}), not for %d and %d", o.RX, o.TX)
	}
	if name == "" {
		return nil, nil, nil, errors.New("the file's name is missing: want pcap:FILE")
	}
	opt := *o
	if opt.BufSize == 0 {
		opt.BufSize = defaultBufSize
	}
	rxRings, txRings, err := backend.Rings(&opt)
	if err != nil {
		return nil, nil, nil, err
	}
	ring := append(rxRings, txRings...)[0]
	f = &backend.Facts{MaxFrame: min(ring.BufSize(), maxSlotLen)}
	if o.RX == 1 {
		var q *rxQueue
		q, err = openRX(name, ring)
		rx = []backend.Queue{q}
	} else {
		var q *txQueue
		q, err = openTX(name, ring)
		tx = []backend.Queue{q}
	}
	if err != nil {
		ring.Memory().FreeRing(ring)
		return nil, nil, nil, err
	}
	return rx, tx, f, nil
}

// open is open(2), and says whether the file is a FIFO.
func open(name string, flags int) (fd int, fifo bool, err error) {
	for {
		fd, err = unix.Open(name, flags|unix.O_CLOEXEC, 0o666)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return -1, false, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		err = unix.EISDIR
	}
	if err != nil {
		unix.Close(fd)
		return -1, false, err
	}
	return fd, st.Mode&unix.S_IFMT == unix.S_IFIFO, nil
}

// closeFile gives back what a queue holds.
func closeFile(name string, fd int, ring *netmap.Ring) error {
	ring.Memory().FreeRing(ring)
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close capture file %s: %w", name, err)
	}
	return nil
}
