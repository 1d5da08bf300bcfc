package qdisc

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/journal"
)

func recoverAll(only *Link, report func(Change, error)) error {
	var key journal.Key
	if only != nil {
		c, err := dial(*only)
		if err != nil {
			return opError("recover", *only, err)
		}
		key = c.key("")
		c.close()
	}
	return journal.Recover(func(e *journal.Entry) error {
		other := e.Key.What != whatSwap && e.Key.What != whatGuard
		if other || only != nil && (e.Key.Netns != key.Netns || e.Key.Ifindex != key.Ifindex) {
			return journal.ErrSkip
		}
		var rec record
		if err := e.Decode(&rec); err != nil {
			return err
		}
		change := newChange(e, &rec)
		var err error
		if !e.Kept {
			err = opError("put back", Link{Name: change.Dev}, undoAnywhere(e))
		}
		if report != nil {
			report(change, err)
		}
		if e.Kept {
			return journal.ErrSkip
		}
		return err
	})
}

func newChange(e *journal.Entry, rec *record) Change {
	return Change{
		Dev: rec.Original.Name, Index: e.Key.Ifindex, Netns: e.Key.Netns, What: e.Key.What, To: rec.To,
		By: e.Holder.Program, PID: e.Holder.PID, Since: e.Holder.Since, Kept: e.Kept,
	}
}

// undoAnywhere is undo in the namespace of the entry, wherever that is.
func undoAnywhere(e *journal.Entry) error {
	err := e.In(func() error {
		c, err := dial(Link{Index: e.Key.Ifindex})
		if errors.Is(err, unix.ENODEV) {
			return journal.Done(fmt.Errorf("%w (removed, or moved to another namespace): %w", ErrGone, err))
		}
		if err != nil {
			return err
		}
		defer c.close()
		return c.undo(e)
	})
	if errors.Is(err, journal.ErrGone) {
		return journal.Done(err)
	}
	return err
}

func set(l Link, spec Spec, o *Options) error {
	err := restoreKept(l)
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, ErrChanged) {
		return err
	}
	r, err := swap(l, spec, o)
	if err != nil {
		return err
	}
	return r.keep()
}

func restoreKept(l Link) error {
	c, err := dial(l)
	if err != nil {
		return opError("put back", l, err)
	}
	defer c.close()
	err = journal.Release(c.key(whatSwap), c.undo)
	if errors.Is(err, os.ErrNotExist) {
		err = fmt.Errorf("nothing is remembered of it that could be put back: %w", os.ErrNotExist)
	}
	return opError("put back", l, err)
}
