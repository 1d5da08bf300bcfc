package vm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The kinds of frames on the channel, see the package's comment.
const (
	frameInit   = 'i'
	frameShell  = 's'
	frameStdout = 'o'
	frameStderr = 'e'
	frameExit   = 'x'
	frameFailed = 'f'
)

// interruptByte is all that the host says on the channel: interrupt the
// command.
const interruptByte = 3

const (
	frameHeader = 5
	// maxPayload is what a writer puts in one frame at most. A longer one is
	// a garbled channel.
	maxPayload = 1 << 16
)

// frameWriter is the guest's end of the channel. Its methods may be called
// from several goroutines.
type frameWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// send writes one frame. The payload is at most maxPayload bytes.
func (f *frameWriter) send(kind byte, payload []byte) error {
	b := make([]byte, 0, frameHeader+len(payload))
	b = append(b, kind)
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, payload...)
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.w.Write(b)
	return err
}

// stream copies r to the channel until its end.
func (f *frameWriter) stream(kind byte, r io.Reader) error {
	buf := make([]byte, maxPayload)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if err := f.send(kind, buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// guestError is what the guest's init says of its own failure.
type guestError struct{ why string }

func (e *guestError) Error() string { return "in the guest: " + e.why }

// errNoStatus is a channel that ended before an exit status.
var errNoStatus = errors.New("the guest ended without an exit status")

// relay passes the guest's output on until it says its exit status. It calls
// event for frameInit and frameShell; an error of that ends it. The error is a *guestError if init failed,
// or wraps errNoStatus if the channel ended before.
func relay(r io.Reader, stdout, stderr io.Writer, event func(kind byte) error) (status int, err error) {
	head, payload := make([]byte, frameHeader), make([]byte, maxPayload)
	for {
		if _, err := io.ReadFull(r, head); err != nil {
			return 0, fmt.Errorf("%w (%w)", errNoStatus, err)
		}
		kind, n := head[0], binary.BigEndian.Uint32(head[1:])
		if n > maxPayload {
			return 0, fmt.Errorf("the guest's channel is garbled: a frame %q of %d bytes", kind, n)
		}
		b := payload[:n]
		if _, err := io.ReadFull(r, b); err != nil {
			return 0, fmt.Errorf("%w (%w)", errNoStatus, err)
		}
		switch {
		case kind == frameInit || kind == frameShell:
			err = event(kind)
		case kind == frameStdout:
			_, err = stdout.Write(b)
		case kind == frameStderr:
			_, err = stderr.Write(b)
		case kind == frameFailed:
			return 0, &guestError{string(b)}
		case kind == frameExit && n == 1:
			return int(b[0]), nil
		default:
			err = fmt.Errorf("the guest's channel is garbled: a frame %q of %d bytes", kind, n)
		}
		if err != nil {
			return 0, err
		}
	}
}
