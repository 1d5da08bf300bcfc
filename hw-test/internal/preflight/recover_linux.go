package preflight

import "github.com/ringwalk/ringwalk/internal/journal"

// mine tells whether an entry is of this package, of what or of either.
func mine(e *journal.Entry, only string, key journal.Key, what ...string) bool {
	for _, w := range what {
		if e.Key.What == w {
			return only == "" || e.Key.Netns == key.Netns && e.Key.Ifindex == key.Ifindex
		}
	}
	return false
}

func recoverAll(only string, report func(name string, kept bool, err error)) error {
	return each(only, []string{whatRun, whatKept}, false, report)
}

// each undoes what the journal has of the kinds, of one port or of all; what
// was set to stay only if kept says so.
func each(only string, kinds []string, kept bool, report func(name string, kept bool, err error)) error {
	var key journal.Key
	if only != "" {
		var err error
		if key, err = portKey((*Machine)(nil).here(), only, ""); err != nil {
			return err
		}
	}
	return journal.Recover(func(e *journal.Entry) error {
		if !mine(e, only, key, kinds...) {
			return journal.ErrSkip
		}
		return reported(e, kept || !e.Kept, func(name string, err error) {
			if report != nil {
				report(name, e.Kept, err)
			}
		})
	})
}

func restoreKept(only string, report func(name string, err error)) error {
	return each(only, []string{whatKept}, true, func(name string, _ bool, err error) {
		if report != nil {
			report(name, err)
		}
	})
}

// reported undoes an entry, or leaves it, and tells.
func reported(e *journal.Entry, put bool, report func(name string, err error)) error {
	var rec record
	if err := e.Decode(&rec); err != nil {
		return err
	}
	if !put {
		report(rec.Name, nil)
		return journal.ErrSkip
	}
	err := undo(e)
	report(rec.Name, err)
	return err
}
