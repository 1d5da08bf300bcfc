package nic

import (
	"errors"
	"fmt"
	"slices"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Prepared is an interface as Prepare left it and as it was.
type Prepared struct {
	name     string
	index    int
	up       bool            // set up by Prepare
	promisc  bool            // made promiscuous by Prepare
	offloads map[string]bool // switched off by Prepare
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
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, nil, fmt.Errorf("no interface %q here (ip link shows those there are): %w", name, err)
	}
	attrs := link.Attrs()
	p = &Prepared{name: name, index: attrs.Index}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Restore())
			p = nil
		}
	}()
	if !opt.KeepDown && attrs.RawFlags&unix.IFF_UP == 0 {
		if err := netlink.LinkSetUp(link); err != nil {
			return p, notes, fmt.Errorf("interface %s cannot be set up (needs CAP_NET_ADMIN): %w", name, err)
		}
		p.up = true
	}
	if !opt.KeepPromisc && attrs.Promisc == 0 {
		if err := netlink.SetPromiscOn(link); err != nil {
			notes = append(notes, fmt.Sprintf("interface %s is not promiscuous, so frames for other addresses do not arrive: %v", name, err))
		} else {
			p.promisc = true
		}
	}
	if !opt.KeepOffloads {
		notes = append(notes, p.offloadsOff()...)
	}
	return p, notes, nil
}

// offloadsOff switches off what is on, one by one: a driver that refuses one
// still does the others.
func (p *Prepared) offloadsOff() (notes []string) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return []string{fmt.Sprintf("the offloads of %s are as they were: %v", p.name, err)}
	}
	defer e.Close()
	now, err := e.FeaturesWithState(p.name)
	if err != nil {
		return []string{fmt.Sprintf("the offloads of %s are not to be found out: %v", p.name, err)}
	}
	p.offloads = map[string]bool{}
	var kept []string
	for _, f := range offloads {
		s, ok := now[f]
		if !ok || !s.Active {
			continue
		}
		if err := e.Change(p.name, map[string]bool{f: false}); err != nil {
			kept = append(kept, f)
			continue
		}
		p.offloads[f] = true
	}
	// A driver may take a change and not make it.
	if after, err := e.FeaturesWithState(p.name); err == nil {
		for f := range p.offloads {
			if after[f].Active {
				kept = append(kept, f)
				delete(p.offloads, f)
			}
		}
	}
	if len(kept) > 0 {
		slices.Sort(kept)
		notes = append(notes, fmt.Sprintf("interface %s keeps the offloads %v", p.name, kept))
	}
	return notes
}

// Offloads returns those of an interface that are on and that Prepare would
// switch off, by the kernel's names.
func Offloads(name string) (on []string, err error) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return nil, fmt.Errorf("the offloads of %s: %w", name, err)
	}
	defer e.Close()
	now, err := e.FeaturesWithState(name)
	if err != nil {
		return nil, fmt.Errorf("the offloads of %s: %w", name, err)
	}
	for _, f := range offloads {
		if now[f].Active {
			on = append(on, f)
		}
	}
	return on, nil
}

// Restore puts back what Prepare changed and nobody has changed since. It may
// be called again, and then does nothing. An interface that is gone needs
// nothing.
func (p *Prepared) Restore() error {
	if p == nil {
		return nil
	}
	was := *p
	p.up, p.promisc, p.offloads = false, false, nil
	link, err := netlink.LinkByIndex(was.index)
	if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
		return nil
	} else if err != nil {
		return fmt.Errorf("interface %s is not put back: %w", was.name, err)
	}
	var errs []error
	if len(was.offloads) > 0 {
		errs = append(errs, restoreOffloads(link.Attrs().Name, was.offloads))
	}
	if was.promisc {
		errs = append(errs, wrap(was.name, "promiscuous mode", netlink.SetPromiscOff(link)))
	}
	if was.up && link.Attrs().RawFlags&unix.IFF_UP != 0 {
		errs = append(errs, wrap(was.name, "link", netlink.LinkSetDown(link)))
	}
	return errors.Join(errs...)
}

func restoreOffloads(name string, off map[string]bool) error {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return wrap(name, "offloads", err)
	}
	defer e.Close()
	var errs []error
	for _, f := range offloads {
		if off[f] {
			errs = append(errs, wrap(name, "offload "+f, e.Change(name, map[string]bool{f: true})))
		}
	}
	return errors.Join(errs...)
}

func wrap(name, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s of interface %s is not put back: %w", what, name, err)
}
