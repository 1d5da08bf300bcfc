package engine

import "github.com/ringwalk/ringwalk/engine/internal/pcap"

// A Capture reads a capture file, pcap or pcapng, frame by frame with its
// times: for a stage that sends it again, say. (To process a capture as a port,
// without its times, open "pcap:FILE".)
//
// It holds 128 KiB of the file at a time, whatever that claims, and allocates
// nothing for a frame. It belongs to one goroutine at a time.
type Capture struct{ c *pcap.Capture }

// Skipped counts the packets of a file that were passed over.
type Skipped struct {
	Truncated uint64 // the capture holds only the beginning
	TooLong   uint64 // longer than the buffer
	OtherLink uint64 // not Ethernet frames, in a pcapng file of several interfaces
}

// ErrAgain says that a FIFO holds no whole frame for now, or that a great deal
// of a file was no packet: the same call may bring more later.
var ErrAgain = pcap.ErrAgain

// OpenCapture opens a capture file. What cannot be delivered (frames of which
// only the beginning was captured, frames longer than the buffer, and in a
// pcapng file packets of other link types than Ethernet) is passed over and
// counted, or with strict is an error. A classic file of another link type is
// always refused. Opening a FIFO waits for its other end.
func OpenCapture(name string, strict bool) (*Capture, error) {
	c, err := pcap.OpenCapture(name, strict)
	if err != nil {
		return nil, err
	}
	return &Capture{c}, nil
}

// Next copies the next frame into buf and returns its length in bytes and when
// it was captured, in ns since 1970. io.EOF is the file's end in order,
// ErrAgain that there is nothing for now; any other error is a sentence about
// the file, and final.
func (c *Capture) Next(buf []byte) (n int, ns int64, err error) { return c.c.Next(buf) }

// Rewind goes back to the first frame. A FIFO has no way back: an error that
// wraps ESPIPE.
func (c *Capture) Rewind() error { return c.c.Rewind() }

// Size returns the size of a regular file in bytes, 0 for a FIFO.
func (c *Capture) Size() int64 { return c.c.Size() }

// Skipped returns what was passed over since the file was opened.
func (c *Capture) Skipped() Skipped { return Skipped(c.c.Skipped) }

// Close closes the file.
func (c *Capture) Close() error { return c.c.Close() }
