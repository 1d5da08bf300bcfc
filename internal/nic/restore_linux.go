package nic

import (
	"errors"
	"fmt"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/journal"
)

// Restore puts back what Prepare changed and nobody has changed since, unless
// another process still has the interface prepared. It may be called again, and
// then does nothing. An interface that is gone needs nothing.
func (p *Prepared) Restore() error {
	if p == nil || p.entry == nil {
		return nil
	}
	entry := p.entry
	p.entry = nil
	return entry.Finish(undo)
}

// Recover puts back what processes that are dead left prepared: the interface
// only of the calling thread's namespace, or for "" all interfaces in all
// namespaces that can be found. report, which may be nil, is called for each
// with its name and what went wrong; the error joins those.
func Recover(only string, report func(name string, err error)) error {
	var key journal.Key
	if only != "" {
		link, err := netlink.LinkByName(only)
		if err != nil {
			return fmt.Errorf("no interface %q here (ip link shows those there are): %w", only, err)
		}
		if key, err = keyOf(link); err != nil {
			return err
		}
	}
	return journal.Recover(func(e *journal.Entry) error {
		if e.Key.What != what || only != "" && e.Key != key {
			return journal.ErrSkip
		}
		var rec record
		if err := e.Decode(&rec); err != nil {
			return err
		}
		err := e.In(func() error { return undo(e) })
		if errors.Is(err, journal.ErrGone) {
			err = nil // nothing is left to put back
		}
		if report != nil {
			report(rec.Name, err)
		}
		return err
	})
}

// undo puts back what an entry remembers and is still as it was set. All of it
// is tried; what failed stays in the journal.
func undo(e *journal.Entry) error {
	var rec record
	if err := e.Decode(&rec); err != nil {
		return err
	}
	link, err := netlink.LinkByIndex(e.Key.Ifindex)
	if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
		return nil
	} else if err != nil {
		return fmt.Errorf("interface %s is not put back: %w", rec.Name, err)
	}
	name := link.Attrs().Name // it may have another now
	var errs []error
	if len(rec.Offloads) > 0 {
		errs = append(errs, restoreOffloads(name, rec.Offloads))
	}
	if rec.Promisc && link.Attrs().RawFlags&unix.IFF_PROMISC != 0 {
		errs = append(errs, wrap(name, "promiscuous mode", netlink.SetPromiscOff(link)))
	}
	if rec.Up && link.Attrs().RawFlags&unix.IFF_UP != 0 {
		errs = append(errs, wrap(name, "link", netlink.LinkSetDown(link)))
	}
	return errors.Join(errs...)
}

func restoreOffloads(name string, were []string) error {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return wrap(name, "offloads", err)
	}
	defer e.Close()
	now, err := Features(e, name)
	if err != nil {
		return wrap(name, "offloads", err)
	}
	var errs []error
	for _, f := range were {
		if !now[f].Active {
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
