//go:build !linux

package engine

import (
	"fmt"

	"github.com/ringwalk/ringwalk/netmap"
)

// setThread cannot bind threads here.
func setThread(cpus []int) (restore func(), err error) {
	if len(cpus) > 0 {
		return nil, fmt.Errorf("binding a thread to CPUs %v: %w", cpus, netmap.ErrNotSupported)
	}
	return func() {}, nil
}
