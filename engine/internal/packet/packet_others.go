//go:build !linux

package packet

import (
	"fmt"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// Open fails: packet sockets are Linux's.
func Open(string, *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error) {
	return nil, nil, nil, fmt.Errorf("packet sockets (AF_PACKET) are Linux's own, netmap:IFACE may do: %w", netmap.ErrNotSupported)
}
