package netmap

import (
	"errors"
	"fmt"
	"syscall"
)

// explain says what the kernel's answer to a registration means and what to do
// about it.
func (p *Port) explain(err error, dev Device, want *RegisterReq) error {
	name := p.info.Spec.Name
	ifc := device(name)
	var opt *OptionError
	switch {
	case tooOld(dev, err):
		return fmt.Errorf("%w: %w", ErrOldKernel, err)
	case errors.As(err, &opt):
		return explainOption(opt, name)
	case errors.Is(err, syscall.ENXIO) && ifc != "":
		return fmt.Errorf("no interface %q here that netmap can take (ip link shows those there are): %w", ifc, err)
	case errors.Is(err, syscall.ENXIO):
		return fmt.Errorf("no port %q, and none can be made: %w", name, err)
	case errors.Is(err, syscall.EBUSY):
		return fmt.Errorf("%s is in use: another program has these rings, or has them exclusively: %w", name, err)
	case errors.Is(err, syscall.EOPNOTSUPP):
		return fmt.Errorf("the driver of %s has no netmap support and emulation is off (echo 0 > /sys/module/netmap/parameters/admode): %w", name, err)
	case errors.Is(err, syscall.ENOMEM):
		return fmt.Errorf("netmap's memory is too small for %s%s: %w", name, noMemory(dev, name, want, p.wants), err)
	case errors.Is(err, syscall.EIO) && want.Flags&FlagAcceptVnetHdr == 0:
		return fmt.Errorf("frames of %s begin with a virtio-net header: open it with Config.AcceptVnetHdr, or set the header's length to 0 (PORT_HDR_SET): %w", name, err)
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("netmap refuses %s: no such ring, memory or combination (dmesg may tell more): %w", name, err)
	}
	return fmt.Errorf("register %s: %w", name, err)
}
