package pcap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// linkPayload is LINKTYPE_USER0: what a UDP socket hands out is no frame of any
// link.
const linkPayload = 147

// A Writer writes a capture file, pcapng or, if its name ends in .pcap, classic
// pcap, both with ns times. What it writes is laid out by Append, which does no
// I/O and may be called beside Write.
type Writer struct {
	name  string
	f     *os.File
	ng    bool
	bytes int64 // in the file, whole records all
	taken atomic.Uint64
	start time.Time
}

// Totals are what the end of a pcapng file says of the interface.
type Totals struct {
	Received uint64 // by the interface, with those that the kernel dropped
	OSDrops  uint64
	Written  uint64
	Comment  string
}

// le writes a file of either kind.
var le = binary.LittleEndian

// Create makes the file, over an existing one, and writes its header. Opening a
// FIFO waits for its other end.
func Create(name, iface string, payload bool) (*Writer, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, fmt.Errorf("open capture file %s to write it: %w", name, cause(err))
	}
	w := &Writer{name: name, f: f, ng: filepath.Ext(name) != ".pcap", start: time.Now()}
	link := uint32(linkEthernet)
	if payload {
		link = linkPayload
	}
	head := classicHeader(link)
	if w.ng {
		head = ngHeader(link, iface)
	}
	if _, err := w.Write(head); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

// cause is what is in a PathError, whose path the sentence has already.
func cause(err error) error {
	if p, ok := errors.AsType[*os.PathError](err); ok {
		return p.Err
	}
	return err
}

func classicHeader(link uint32) []byte {
	b := make([]byte, fileHeader)
	le.PutUint32(b[0:], 0xa1b23c4d) // nanoseconds
	le.PutUint16(b[4:], 2)
	le.PutUint16(b[6:], 4)
	le.PutUint32(b[16:], maxCapture)
	le.PutUint32(b[20:], link)
	return b
}

// ngHeader is a section header and the description of its one interface
// (draft-ietf-opsawg-pcapng, 4.1 and 4.2).
func ngHeader(link uint32, iface string) []byte {
	b := begin(nil, blockSection)
	b = le.AppendUint32(b, 0x1a2b3c4d)
	b = le.AppendUint16(b, 1)
	b = le.AppendUint16(b, 0)
	b = le.AppendUint64(b, 1<<64-1) // the section's length is not known
	b = option(b, 4, []byte("ringwalk"))
	b = end(option(b, optEnd, nil), 0)
	at := len(b)
	b = begin(b, blockInterface)
	b = le.AppendUint16(b, uint16(link))
	b = le.AppendUint16(b, 0)
	b = le.AppendUint32(b, maxCapture)
	if iface != "" {
		b = option(b, 2, []byte(iface))
	}
	b = option(b, optTSResol, []byte{9}) // ns
	return end(option(b, optEnd, nil), at)
}

// begin begins a block, whose length end writes.
func begin(b []byte, typ uint32) []byte {
	return append(le.AppendUint32(b, typ), 0, 0, 0, 0)
}

// end ends the block that begins at at.
func end(b []byte, at int) []byte {
	n := uint32(len(b) - at + 4)
	le.PutUint32(b[at+4:], n)
	return le.AppendUint32(b, n)
}

func option(b []byte, code uint16, value []byte) []byte {
	b = le.AppendUint16(b, code)
	b = le.AppendUint16(b, uint16(len(value)))
	return pad(append(b, value...))
}

func pad(b []byte) []byte { return append(b, make([]byte, -len(b)&3)...) }

// ngOverhead is what an Enhanced Packet Block has beyond its packet and its
// padding.
const ngOverhead = 32

// Size returns how many bytes Append appends for a frame of n bytes, 0 if no
// file can hold it.
func (w *Writer) Size(n int) int {
	switch {
	case n > maxCapture:
		return 0
	case w.ng:
		return ngOverhead + (n+3)&^3
	}
	return recordHeader + n
}

// Append lays out a frame that was received at ns since 1970. It allocates
// nothing if dst has room.
func (w *Writer) Append(dst []byte, ns int64, frame []byte) []byte {
	n := uint32(len(frame))
	if !w.ng {
		dst = le.AppendUint32(dst, uint32(ns/1e9))
		dst = le.AppendUint32(dst, uint32(ns%1e9))
		dst = le.AppendUint32(dst, n)
		dst = le.AppendUint32(dst, n)
		return append(dst, frame...)
	}
	total := ngOverhead + (n+3)&^3
	dst = le.AppendUint32(dst, blockEnhanced)
	dst = le.AppendUint32(dst, total)
	dst = le.AppendUint32(dst, 0) // the interface
	dst = le.AppendUint32(dst, uint32(uint64(ns)>>32))
	dst = le.AppendUint32(dst, uint32(uint64(ns)))
	dst = le.AppendUint32(dst, n)
	dst = le.AppendUint32(dst, n)
	dst = append(dst, frame...)
	for range -n & 3 {
		dst = append(dst, 0)
	}
	return le.AppendUint32(dst, total)
}

// gulp is the most bytes that are written at once, so that one can see a slow
// FIFO take some.
const gulp = 64 << 10

// Taken is how many bytes the file has taken. Any goroutine may ask.
func (w *Writer) Taken() uint64 { return w.taken.Load() }

// Write writes what Append has laid out and returns how many of its records are
// wholly in the file; of one that is there in part, the part is cut off again. A
// FIFO is waited for until the deadline.
func (w *Writer) Write(records []byte) (whole int, err error) {
	n := 0
	for n < len(records) && err == nil {
		var k int
		k, err = w.f.Write(records[n:min(n+gulp, len(records))])
		n += k
		w.taken.Add(uint64(k))
	}
	good := 0
	for b := records[:n]; len(b) > 0; whole++ {
		size := w.recordSize(b)
		if size > len(b) {
			break
		}
		b = b[size:]
		good += size
	}
	w.bytes += int64(good)
	if err == nil {
		return whole, nil
	}
	if good < n {
		if terr := w.f.Truncate(w.bytes); terr == nil { // a FIFO or device cannot
			_, _ = w.f.Seek(w.bytes, io.SeekStart)
		}
	}
	return whole, fmt.Errorf("write capture file %s, which has %d bytes: %w", w.name, w.bytes, cause(err))
}

// Records returns how many records Append has laid out in b.
func (w *Writer) Records(b []byte) (n int) {
	for ; len(b) > 0; n++ {
		b = b[min(len(b), w.recordSize(b)):]
	}
	return n
}

// recordSize is the size of the record, or of the file header, that b begins
// with; more than b has if it is not all there.
func (w *Writer) recordSize(b []byte) int {
	switch {
	case w.ng && len(b) >= 8:
		return int(le.Uint32(b[4:]))
	case w.ng:
	case w.bytes == 0:
		return fileHeader
	case len(b) >= recordHeader:
		return recordHeader + int(le.Uint32(b[8:]))
	}
	return len(b) + 1
}

// SetDeadline bounds how long a FIFO is waited for. A file needs no waiting.
func (w *Writer) SetDeadline(t time.Time) { _ = w.f.SetWriteDeadline(t) }

// Close writes what a pcapng file says at its end (an Interface Statistics
// Block), unless totals is nil, and closes the file.
func (w *Writer) Close(totals *Totals) error {
	var err error
	if w.ng && totals != nil {
		_, err = w.Write(w.statistics(totals))
	}
	if cerr := w.f.Close(); cerr != nil {
		err = errors.Join(err, fmt.Errorf("close capture file %s: %w", w.name, cause(cerr)))
	}
	return err
}

func (w *Writer) statistics(t *Totals) []byte {
	now := time.Now()
	stamp := func(t time.Time) []byte {
		ns := uint64(t.UnixNano())
		return le.AppendUint32(le.AppendUint32(nil, uint32(ns>>32)), uint32(ns))
	}
	count := func(n uint64) []byte { return le.AppendUint64(nil, n) }
	b := begin(nil, blockStatistics)
	b = le.AppendUint32(b, 0) // the interface
	b = append(b, stamp(now)...)
	if t.Comment != "" {
		b = option(b, 1, []byte(t.Comment))
	}
	b = option(b, 2, stamp(w.start)) // isb_starttime
	b = option(b, 3, stamp(now))     // isb_endtime
	b = option(b, 4, count(t.Received))
	b = option(b, 7, count(t.OSDrops))
	b = option(b, 8, count(t.Written)) // isb_usrdeliv
	return end(option(b, optEnd, nil), 0)
}
