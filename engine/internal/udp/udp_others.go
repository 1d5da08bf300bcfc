//go:build !linux

package udp

import (
	"fmt"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// open fails: recvmmsg and sendmmsg, which the queues stand on, are used on
// Linux only.
func open(*spec, *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error) {
	return nil, nil, nil, fmt.Errorf("UDP ports work on Linux only: %w", netmap.ErrNotSupported)
}
