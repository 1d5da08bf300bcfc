package engine

import (
	"time"

	"github.com/ringwalk/ringwalk/engine/internal/pcap"
)

// A CaptureFile is a capture file that is written beside the data path: what is
// received is laid out in memory by Append, and written by Write when there is
// time. (A port "pcap:FILE" writes one in the place of a NIC, and waits for the
// file.)
//
//	received frames ── Append ──▶ bytes ── Write ──▶ FILE
//
// The format is pcapng with one interface and ns times, or classic pcap with ns
// times if the name ends in ".pcap". An existing file is overwritten.
type CaptureFile struct{ w *pcap.Writer }

// CaptureTotals are what the end of a pcapng file says of the interface
// (draft-ietf-opsawg-pcapng, Interface Statistics Block).
type CaptureTotals struct {
	Received uint64 // isb_ifrecv: packets that came, with those that the kernel dropped
	OSDrops  uint64 // isb_osdrop: packets the kernel dropped
	Written  uint64 // isb_usrdeliv: packets in the file
	Comment  string // what else is to be said; "": nothing
}

// CreateCapture makes a capture file for what the port receives. Opening a FIFO
// waits for its other end. The payloads of a UDP port are written as
// LINKTYPE_USER0, since they are no frames.
func CreateCapture(name string, from Info) (*CaptureFile, error) {
	iface := from.Interface
	if iface == "" {
		iface = from.Spec
	}
	w, err := pcap.Create(name, iface, from.Link == Payload)
	if err != nil {
		return nil, err
	}
	return &CaptureFile{w}, nil
}

// Size returns how many bytes Append appends for a frame of n bytes; 0 if it is
// longer than any capture file can hold, 262144 bytes. It may be called from
// any goroutine, as Append may.
func (c *CaptureFile) Size(n int) int { return c.w.Size(n) }

// Append appends the record of a frame that came at ns since 1970. It allocates
// nothing if dst has room.
func (c *CaptureFile) Append(dst []byte, ns int64, frame []byte) []byte {
	return c.w.Append(dst, ns, frame)
}

// Write writes records that Append has made; one goroutine at a time. It returns
// how many of them are in the file, all unless there is an error, which says so
// with the kernel's errno. The file ends with a whole record in any case.
func (c *CaptureFile) Write(records []byte) (whole int, err error) { return c.w.Write(records) }

// Records returns how many records of Append's there are in b.
func (c *CaptureFile) Records(b []byte) int { return c.w.Records(b) }

// Taken returns how many bytes the file has taken so far. It may be called from
// any goroutine.
func (c *CaptureFile) Taken() uint64 { return c.w.Taken() }

// SetDeadline bounds how long a Write, also one under way, waits for the other
// end of a FIFO; then it fails with os.ErrDeadlineExceeded. A regular file is
// not waited for.
func (c *CaptureFile) SetDeadline(t time.Time) { c.w.SetDeadline(t) }

// Close writes the totals, if there are any and the format has a place for them,
// and closes the file.
func (c *CaptureFile) Close(t *CaptureTotals) error { return c.w.Close((*pcap.Totals)(t)) }
