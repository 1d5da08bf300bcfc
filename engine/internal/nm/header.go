package nm

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// openSpec opens the port, with the virtio-net header that it has if that is
// welcome. The kernel is asked for it only if it says that there is one.
func openSpec(sp netmap.Spec, o *backend.Options) (*netmap.Port, error) {
	c := &netmap.Config{Device: o.Device, AcceptVnetHdr: o.VnetHdr > 0}
	p, err := netmap.OpenSpec(sp, c)
	if o.VnetHdr == backend.AnyVnetHdr && errors.Is(err, syscall.EIO) {
		c.AcceptVnetHdr = true
		p, err = netmap.OpenSpec(sp, c)
	}
	return p, err
}

// setHeader gives the port the virtio-net header that was asked for, until it
// is closed.
func (s *shared) setHeader(name string, o *backend.Options) error {
	control, was := netmap.Control{Device: o.Device}, s.port.Info().VnetHdr
	if was == o.VnetHdr {
		return nil
	}
	if err := control.SetPortHdr(name, o.VnetHdr); err != nil {
		return fmt.Errorf("give frames a virtio-net header of %d bytes: %w", o.VnetHdr, err)
	}
	s.headed = true
	s.plain = func() error { return control.SetPortHdr(name, was) }
	return nil
}

// NewUserBufs is netmap.Port's, which knows no header that was set since.
func (q *queue) NewUserBufs(n, size int) (*netmap.UserBufs, error) {
	if q.shared.headed {
		return nil, fmt.Errorf("packets with a virtio-net header cannot lie in the process's own memory: %w", netmap.ErrNotSupported)
	}
	return q.shared.port.NewUserBufs(n, size)
}
