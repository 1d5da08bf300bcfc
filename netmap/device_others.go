//go:build !linux && !freebsd

package netmap

import "fmt"

type kernelDevice struct{}

func (kernelDevice) Open() (File, error) {
	return nil, fmt.Errorf("/dev/netmap on this system: %w", ErrNotSupported)
}
