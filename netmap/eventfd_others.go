//go:build !linux

package netmap

import (
	"fmt"
	"time"
)

func newEventFDs(int) ([]KloopEventFD, error) {
	return nil, fmt.Errorf("eventfds of the kernel's loop on this system: %w", ErrNotSupported)
}

func closeEventFDs([]KloopEventFD) {}

func kick(int32) error { return ErrNotSupported }

func heard(int32, time.Duration) (bool, error) { return false, ErrNotSupported }
