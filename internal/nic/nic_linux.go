package nic

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/journal"
)

// Prepared is an interface that was prepared, with the entry in the journal
// that says how it was.
type Prepared struct {
	name  string
	entry *journal.Entry
}

// Prepare makes an interface ready. What it cannot change is left as it is, and
// said in notes, one sentence each; an error means that the interface is not
// usable, and nothing has been changed.
//
// The caller must call Restore on every way out. What a process that was killed
// left of the interface is put back first.
func Prepare(name string, o *Options) (p *Prepared, notes []string, err error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, nil, fmt.Errorf("no interface %q here (ip link shows those there are): %w", name, err)
	}
	key, err := keyOf(link)
	if err != nil {
		return nil, nil, err
	}
	var rec record
	p = &Prepared{name: name}
	var joined bool
	p.entry, joined, err = journal.Take(key, true, undo, func() (any, error) {
		rec, notes, err = plan(name, &opt)
		return &rec, err
	})
	if err == nil && joined {
		rec, notes, err = p.join(&opt)
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("interface %s is not prepared: %w", name, err), p.Restore())
	}
	more, err := rec.apply(link)
	if err != nil {
		return nil, nil, errors.Join(err, p.Restore())
	}
	return p, append(notes, more...), nil
}

func keyOf(link netlink.Link) (journal.Key, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ns, err := journal.Namespace()
	return journal.Key{Netns: ns, Ifindex: link.Attrs().Index, What: what}, err
}

// plan looks what has to be changed.
func plan(name string, o *Options) (rec record, notes []string, err error) {
	link, err := netlink.LinkByName(name) // again: undo may have changed it
	if err != nil {
		return rec, nil, err
	}
	rec.Name = name
	rec.Up = !o.KeepDown && link.Attrs().RawFlags&unix.IFF_UP == 0
	rec.Promisc = !o.KeepPromisc && link.Attrs().Promisc == 0
	if o.KeepOffloads {
		return rec, nil, nil
	}
	if rec.Offloads, err = Offloads(name); err != nil {
		notes = append(notes, fmt.Sprintf("left as they were are %v", err))
	}
	return rec, notes, nil
}

// join is plan for an interface that another process has prepared. Only what
// that one has in the journal can be put back, and only that is changed.
func (p *Prepared) join(o *Options) (rec record, notes []string, err error) {
	var first record
	if err := p.entry.Decode(&first); err != nil {
		return rec, nil, err
	}
	if rec, notes, err = plan(p.name, o); err != nil {
		return rec, nil, err
	}
	missing := rec.Up && !first.Up || rec.Promisc && !first.Promisc
	rec.Up, rec.Promisc = rec.Up && first.Up, rec.Promisc && first.Promisc
	rec.Offloads = slices.DeleteFunc(rec.Offloads, func(f string) bool {
		other := !slices.Contains(first.Offloads, f)
		missing = missing || other
		return other
	})
	if missing {
		notes = append(notes, fmt.Sprintf("interface %s was prepared by %v and changed since; that is left so", p.name, p.entry.Holder))
	}
	return rec, notes, nil
}

// apply does what was planned.
func (rec *record) apply(link netlink.Link) (notes []string, err error) {
	if rec.Up {
		if err := netlink.LinkSetUp(link); err != nil {
			return nil, fmt.Errorf("interface %s cannot be set up (needs CAP_NET_ADMIN): %w", rec.Name, err)
		}
	}
	if rec.Promisc {
		if err := netlink.SetPromiscOn(link); err != nil {
			notes = append(notes, fmt.Sprintf("interface %s is not promiscuous, so frames for other addresses do not arrive: %v", rec.Name, err))
		}
	}
	if kept := rec.offloadsOff(); len(kept) > 0 {
		notes = append(notes, fmt.Sprintf("interface %s keeps the offloads %v", rec.Name, kept))
	}
	return notes, nil
}

// offloadsOff switches off what is on, one by one: a driver that refuses one
// still does the others. It returns those that are on all the same, for a
// driver may also take a change and not make it.
func (rec *record) offloadsOff() (kept []string) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return rec.Offloads
	}
	defer e.Close()
	for _, f := range rec.Offloads {
		_ = e.Change(rec.Name, map[string]bool{f: false}) // the look below tells
	}
	after, err := Features(e, rec.Name)
	for _, f := range rec.Offloads {
		if err != nil || after[f].Active {
			kept = append(kept, f)
		}
	}
	slices.Sort(kept)
	return kept
}

// Offloads returns those of an interface that are on and that Prepare would
// switch off, by the kernel's names.
func Offloads(name string) (on []string, err error) {
	now, err := features(name)
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

func features(name string) (map[string]ethtool.FeatureState, error) {
	e, err := ethtool.NewEthtool()
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return Features(e, name)
}
