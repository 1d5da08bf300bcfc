package nic

import (
	"errors"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// Offloads, IFCAP_* of net/if.h: checksums, segmentation, merging, VLAN tags.
const capOffloads = 0x1 | 0x2 | 0x10 | 0x80 | 0x100 | 0x200 | 0x400 | 0x40000 | 0x200000 | 0x400000

// Prepared is an interface as Prepare left it and as it was.
type Prepared struct {
	name    string
	index   int
	flags   uint32 // IFF_* set by Prepare
	enabled uint32 // IFCAP_* switched off by Prepare
}

// Prepare makes an interface ready. What it cannot change is left as it is, and
// said in notes, one sentence each; an error means that the interface is not
// usable, and nothing has been changed.
//
// The caller must call Restore on every way out.
func Prepare(name string, o *Options) (p *Prepared, notes []string, err error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		return nil, nil, fmt.Errorf("no interface %q here (ifconfig -l shows those there are): %w", name, unix.ENXIO)
	}
	p = &Prepared{name: name, index: ifc.Index}
	s, err := openSocket()
	if err != nil {
		return nil, nil, err
	}
	defer s.close()
	was, err := s.flags(name)
	if err != nil {
		return nil, nil, fmt.Errorf("the flags of interface %s are not to be found out: %w", name, err)
	}
	want := was
	if !opt.KeepDown {
		want |= unix.IFF_UP
	}
	if !opt.KeepPromisc {
		want |= unix.IFF_PPROMISC
	}
	if want != was {
		if err := s.setFlags(name, want); err != nil {
			return nil, nil, fmt.Errorf("interface %s cannot be set up and promiscuous (needs root): %w", name, err)
		}
		p.flags = want &^ was
	}
	if opt.KeepOffloads {
		return p, nil, nil
	}
	on, err := s.caps(name)
	if err == nil && on&capOffloads != 0 {
		err = s.setCaps(name, on&^capOffloads)
	}
	if err != nil {
		return p, []string{fmt.Sprintf("the offloads of %s are as they were: %v", name, err)}, nil
	}
	p.enabled = on & capOffloads
	if left, err := s.caps(name); err == nil && left&capOffloads != 0 {
		p.enabled &^= left
		notes = append(notes, fmt.Sprintf("interface %s keeps offloads (ifconfig %s shows them)", name, name))
	}
	return p, notes, nil
}

// Recover does nothing: there is no journal here, and what a killed program
// has changed stays.
func Recover(string, func(string, error)) error { return nil }

// Restore puts back what Prepare changed. It may be called again, and then does
// nothing. An interface that is gone needs nothing.
func (p *Prepared) Restore() error {
	if p == nil {
		return nil
	}
	was := *p
	p.flags, p.enabled = 0, 0
	if ifc, err := net.InterfaceByIndex(was.index); err != nil || ifc.Name != was.name || was.flags|was.enabled == 0 {
		return nil
	}
	s, err := openSocket()
	if err != nil {
		return fmt.Errorf("interface %s is not put back: %w", was.name, err)
	}
	defer s.close()
	var errs []error
	if was.enabled != 0 {
		on, err := s.caps(was.name)
		if err == nil {
			err = s.setCaps(was.name, on|was.enabled)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("offloads of interface %s are not put back: %w", was.name, err))
		}
	}
	if was.flags != 0 {
		now, err := s.flags(was.name)
		if err == nil {
			err = s.setFlags(was.name, now&^was.flags)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("flags of interface %s are not put back: %w", was.name, err))
		}
	}
	return errors.Join(errs...)
}

// Offloads fails: their names are not known here.
func Offloads(name string) ([]string, error) {
	return nil, fmt.Errorf("the offloads of %s (ifconfig %s shows them): %w", name, name, ErrNotSupported)
}
