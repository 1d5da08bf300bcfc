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
		return fmt.Errorf("netmap's memory is too small for %s%s: %w", name, ringSize(dev, name, want), err)
	case errors.Is(err, syscall.EIO) && want.Flags&FlagAcceptVnetHdr == 0:
		return fmt.Errorf("%s has virtio-net headers, which must be accepted: %w", name, err)
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("netmap refuses %s: no such ring, memory or combination (dmesg may tell more): %w", name, err)
	}
	return fmt.Errorf("register %s: %w", name, err)
}

// ringSize says how large a ring's memory must be, where the port's slots can
// be found out.
func ringSize(dev Device, name string, want *RegisterReq) string {
	sizes := PortInfoReq{MemID: want.MemID}
	slots := max(want.TxSlots, want.RxSlots)
	if request(dev, &Request{Type: ReqPortInfoGet, Name: name, Body: &sizes}) == nil {
		slots = max(slots, sizes.TxSlots, sizes.RxSlots)
	}
	if slots == 0 {
		return " (see ring_size, ring_num, buf_num and if_num in /sys/module/netmap/parameters)"
	}
	return fmt.Sprintf(": its rings of %d slots need %d bytes each (echo %d > /sys/module/netmap/parameters/ring_size; also see ring_num, buf_num and if_num)",
		slots, ringHeaderSize+int(slots)*slotSize, ringHeaderSize+int(slots)*slotSize)
}
