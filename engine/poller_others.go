//go:build !linux && !freebsd && !darwin

package engine

import (
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// selector is not to be had here.
type selector struct{}

func (*selector) open(int) error {
	return fmt.Errorf("neither epoll nor kqueue: %w", netmap.ErrNotSupported)
}
func (*selector) close() error                       { return nil }
func (*selector) add(int, int16, Mode, uint64) error { return netmap.ErrNotSupported }
func (*selector) mod(int, int16, Mode, uint64) error { return netmap.ErrNotSupported }
func (*selector) del(int)                            {}
func (*selector) wake()                              {}
func (*selector) wait(time.Duration) (int, error)    { return 0, netmap.ErrNotSupported }
func (*selector) at(int) (uint64, int16, error)      { return 0, 0, nil }
