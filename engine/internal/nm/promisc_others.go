//go:build !linux

package nm

import (
	"fmt"

	"github.com/ringwalk/ringwalk/netmap"
)

// promiscuous leaves that to the user.
func promiscuous(name string, _ int) (end func(), err error) {
	return func() {}, fmt.Errorf("ifconfig %s promisc makes it so: %w", name, netmap.ErrNotSupported)
}
