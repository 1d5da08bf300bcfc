package pcap

import (
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ErrAgain says that a FIFO holds no whole frame for now.
var ErrAgain = errAgain

// A Capture reads a capture file frame by frame, with its times, for those who
// send them again. What cannot be sent is passed over and counted.
type Capture struct {
	Skipped Skipped

	name   string
	strict bool
	size   int64
	src    source
	reads  atomic.Uint64
	in     *reader
}

// Skipped counts what is passed over.
type Skipped struct {
	Truncated uint64 // the capture holds only the beginning
	TooLong   uint64 // longer than the buffer
	OtherLink uint64 // not an Ethernet frame, in a pcapng file of several interfaces
}

// OpenCapture opens a file. With strict, what would be passed over is an error.
// A file that holds no Ethernet frames at all is refused in any case.
func OpenCapture(name string, strict bool) (*Capture, error) {
	fd, fifo, err := open(name, unix.O_RDONLY)
	if errors.Is(err, unix.EISDIR) {
		return nil, fmt.Errorf("%s is no capture file: %w", name, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open capture file %s to read it: %w", name, err)
	}
	c := &Capture{name: name, strict: strict}
	c.src = source{fd: fd, left: -1, reads: &c.reads}
	c.in, err = newLenient(name, &c.src)
	if err == nil && fifo {
		err = unix.SetNonblock(fd, true)
	}
	var st unix.Stat_t
	if err == nil && !fifo && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG {
		c.size = st.Size
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return c, nil
}

// Size returns the bytes of a regular file, 0 for anything else.
func (c *Capture) Size() int64 { return c.size }

// Next copies the next frame into buf and returns its length and its time in ns
// since 1970. io.EOF is the end of the file, ErrAgain that there is nothing for
// now: a FIFO is empty, or a great deal of the file was no packet.
func (c *Capture) Next(buf []byte) (n int, ns int64, err error) {
	c.src.left = patience
	for {
		n, err := c.in.read(buf)
		if err == nil {
			return n, c.in.time(), nil
		}
		switch err {
		case errTruncated:
			c.Skipped.Truncated++
		case errTooLong:
			c.Skipped.TooLong++
		case errOtherLink:
			c.Skipped.OtherLink++
		default:
			return 0, 0, err
		}
		if c.strict {
			return 0, 0, c.refuse(err, len(buf))
		}
	}
}

// refuse says why the packet that was read last is not to be had.
func (c *Capture) refuse(why error, room int) error {
	rec := &c.in.last
	switch why {
	case errTruncated:
		why = fmt.Errorf("the capture holds only %d of its %d bytes", rec.caplen, rec.length)
	case errTooLong:
		why = fmt.Errorf("it has %d bytes, and %d is the most", rec.caplen, room)
	case errOtherLink:
		why = fmt.Errorf("it is of link type %s", linkName(c.in.known[rec.iface].link))
	}
	return fmt.Errorf("packet %d of capture file %s cannot be sent: %w", c.in.packets, c.name, why)
}

// Rewind goes back to the beginning. A FIFO has none.
func (c *Capture) Rewind() error {
	_, err := unix.Seek(c.src.fd, 0, unix.SEEK_SET)
	if err != nil {
		return fmt.Errorf("capture file %s cannot be read a second time: %w", c.name, err)
	}
	c.src.left, c.src.empty = -1, false
	return c.in.restart(&c.src)
}

// Close closes the file.
func (c *Capture) Close() error {
	if err := unix.Close(c.src.fd); err != nil {
		return fmt.Errorf("close capture file %s: %w", c.name, err)
	}
	return nil
}
