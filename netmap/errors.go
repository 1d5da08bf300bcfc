package netmap

import (
	"errors"
	"fmt"
	"os"
)

// Sentinel errors. Every error of this package and of package engine that is
// about one of these conditions wraps it.
var (
	// ErrClosed is returned by calls on a port that is stopped or closed. It
	// is os.ErrClosed to errors.Is.
	ErrClosed error = closedError{}
	// ErrNoModule says that the kernel has no netmap.
	ErrNoModule = errors.New("netmap is not in this kernel: build and load its module")
	// ErrOldKernel says that the kernel's netmap does not take the requests of
	// this package.
	ErrOldKernel = errors.New("this kernel's netmap is older than version 14 of its API (2018): build a newer one (scripts/build-netmap.sh)")
	// ErrNotSupported says that this system or backend cannot do what was
	// asked. It is errors.ErrUnsupported to errors.Is.
	ErrNotSupported error = unsupportedError{}
	// ErrRing says that head or cur were set outside [head,tail].
	ErrRing = errors.New("ring indices are out of order")
	// ErrTooLong says that a packet fits no buffer or no ring of its
	// destination.
	ErrTooLong = errors.New("packet is longer than the ring or its buffers can take")
)

type closedError struct{}

func (closedError) Error() string        { return "port is closed" }
func (closedError) Is(target error) bool { return target == os.ErrClosed }

type unsupportedError struct{}

func (unsupportedError) Error() string        { return "not supported here" }
func (unsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// An OpError is a failure of one operation on one port. Err wraps the
// kernel's errno where there is one.
type OpError struct {
	Op   string // what was tried: "open", "sync", "wait", …
	Port string // on what: the port's spec
	Err  error
}

func (e *OpError) Error() string { return fmt.Sprintf("%s %s: %v", e.Op, e.Port, e.Err) }

// Unwrap returns Err.
func (e *OpError) Unwrap() error { return e.Err }
