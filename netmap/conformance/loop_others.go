//go:build !linux

package conformance

import (
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
)

// loop is not tried here.
func loop(_ int, _ string, t netmap.OptType) error {
	if t == netmap.OptTypeOffsets {
		return syscall.EINVAL
	}
	return syscall.EMSGSIZE
}
