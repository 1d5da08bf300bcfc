package qdisc

// Get looks at a device's qdiscs. It needs no rights. The error wraps
// unix.ENODEV for a device that is not there.
func Get(l Link) (*State, error) { return get(l) }

// Swap replaces a device's root qdisc, and what hangs on it, by what spec asks
// for, until Restore. It returns when that is in place; frames that the old
// qdisc held are lost with it (the kernel drops them). o may be nil.
//
// Nothing has been changed if there is an error: ErrNotExact for a tree that
// could not be put back as it is (classes, filters, settings that the kernel
// does not show), ErrNeedsQueue for a noqueue on a device that needs a queue,
// ErrNoKind for a kind this kernel lacks, ErrNetmap for a device in emulated
// netmap mode, unix.EPERM, unix.ENODEV, and for a device that another process
// has swapped a sentence that names it. What a process that was killed left is
// put back first.
func Swap(l Link, spec Spec, o *Options) (*Restorer, error) { return swap(l, spec, o) }

// Guard remembers a device's qdisc before a netmap port is opened on it.
// Emulated netmap replaces the root qdisc and leaves pfifo or mq behind, so
// Restore is to be called after the port's memory is unmapped and its file
// closed. A native port changes nothing, and then Restore does nothing. Guards
// of several processes on one device go together: the last one puts back. The
// errors are those of Swap; o may be nil, and with Force a tree that cannot be
// put back exactly is guarded as far as it can be.
func Guard(l Link, o *Options) (*Restorer, error) { return guard(l, o) }

// Restore puts back what was before, on any goroutine, in whatever namespace
// that is. It returns when that is in place and has been looked at. A second
// call does nothing; nil is nothing to restore.
//
// What somebody else has set in the meantime stays, and the error wraps
// ErrChanged. ErrGone: the device was removed. ErrNotExact: what is there now
// differs from what was, which Force allows to happen. After any other error
// the journal still knows, and Recover can try again.
func (r *Restorer) Restore() error {
	if r == nil {
		return nil
	}
	return r.restore()
}

// Set is a Swap that stays when the process ends, until RestoreSet. Over an
// earlier Set it keeps what was before that one.
func Set(l Link, spec Spec, o *Options) error { return set(l, spec, o) }

// RestoreSet puts back what was before Set, with the errors of Restore. It
// also takes what a killed Swap has left. The error is os.ErrNotExist if
// nothing is remembered of the device.
func RestoreSet(l Link) error { return restoreKept(l) }

// Recover puts back what processes that are dead left swapped or guarded: of
// only, or for nil of all devices in all namespaces that can be found. report,
// which may be nil, is called for each with what Restore would have returned;
// the error joins those. What Set set to stay is reported, and stays.
func Recover(only *Link, report func(Change, error)) error { return recoverAll(only, report) }
