// Package journal remembers on disk what a process changed on a network
// interface and how it was before, so that another process can put it back
// when the first one is killed.
//
//	Take ──▶ a file with what was, and a lock on it ──▶ the change
//	                     │
//	                     ├─ Finish: put back, file removed
//	                     ├─ Leave: the file stays, on purpose (Kept)
//	                     └─ kill -9: the kernel drops the lock, the file stays
//	                                      │
//	                   Recover, or the next Take: no lock, so its process is
//	                   dead ──▶ put back, file removed
//
// A file is an entry: it appears, changes and disappears as a whole (written
// under another name, synced, renamed), so whoever finds one finds all of it. A
// flock(2) on it tells whether a process still answers for it: exclusive where
// one alone may change the interface, shared where several may, and then the
// last one puts back. One more lock, on the file "lock", is held by whoever
// looks through the directory, creates an entry or puts something back, so that
// these do not overlap.
//
// Entries lie in /run/ringwalk, or XDG_RUNTIME_DIR/ringwalk for a user that
// may not write there; the environment variable RINGWALK_RUN names another
// directory. They mean nothing after a reboot and are removed then.
package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrNotSupported is wrapped where the system has no network namespaces.
var ErrNotSupported = fmt.Errorf("a journal of changed interfaces: %w on this system", errors.ErrUnsupported)

// ErrNoPlace is for a user who is not root and has no directory for a journal.
var ErrNoPlace = errors.New("there is no place for the journal of changed interfaces")

// ErrGone says that no process and no name holds a namespace any more: with it
// went its interfaces.
var ErrGone = errors.New("it is gone, and its interfaces with it")

// Key says of what an entry is.
type Key struct {
	// Netns is the network namespace, as Namespace names it.
	Netns string `json:"netns"`
	// Ifindex is the interface's index there, which no other gets until the
	// next boot.
	Ifindex int `json:"ifindex"`
	// What tells entries of one interface apart: a word without dots.
	What string `json:"what"`
}

// Holder is the process that made an entry.
type Holder struct {
	PID     int       `json:"pid"`
	Program string    `json:"program"`
	Since   time.Time `json:"since"`
}

func (h Holder) String() string {
	return fmt.Sprintf("%s (pid %d, since %s)", h.Program, h.PID, h.Since.Format("2006-01-02 15:04:05"))
}

// HeldError says that a process that is alive holds what was asked for.
type HeldError struct{ Holder }

func (e *HeldError) Error() string {
	return fmt.Sprintf("%v holds it; wait for its end, or end it", e.Holder)
}

// Entry is an entry of the journal, locked by this process. It has no lock of
// its own against several goroutines.
type Entry struct {
	Key    Key    `json:"key"`
	Holder Holder `json:"holder"`
	// Kept says that the process left the change in place and ended on
	// purpose.
	Kept bool `json:"kept,omitempty"`
	// Record is what the maker of the entry has to remember.
	Record json.RawMessage `json:"record"`

	path   string
	file   *os.File // with the lock
	shared bool
}

// Decode reads the record into v.
func (e *Entry) Decode(v any) error {
	if err := json.Unmarshal(e.Record, v); err != nil {
		return fmt.Errorf("journal entry %s cannot be read (remove it if nothing is to be put back): %w", e.path, err)
	}
	return nil
}

// Path is the entry's file, for messages.
func (e *Entry) Path() string { return e.path }

// Take makes this process answer for key. What a dead process left there is
// given to undo first, and removed if that succeeds; then record says what is
// to be remembered, and is called while nobody else can begin to change it. An
// error of either is Take's. With shared several processes may hold the entry:
// then those that come later get the first one's, with joined set, and record is
// not called. A live holder that does not share gives a *HeldError.
func Take(key Key, shared bool, undo func(*Entry) error, record func() (any, error)) (e *Entry, joined bool, err error) {
	d, err := lockDir()
	if err != nil {
		return nil, false, err
	}
	defer d.unlock()
	path, err := d.path(key)
	if err != nil {
		return nil, false, err
	}
	e, err = open(path)
	switch held := (*HeldError)(nil); {
	case errors.Is(err, os.ErrNotExist):
	case errors.As(err, &held):
		if !shared {
			return nil, false, err
		}
		if e, err = join(path); err != nil {
			return nil, false, err
		}
		return e, true, nil
	case err != nil:
		return nil, false, err
	default:
		if err := e.end(undo); err != nil {
			return nil, false, err
		}
	}
	v, err := record()
	if err != nil {
		return nil, false, err
	}
	e = &Entry{Key: key, Holder: self(), path: path, shared: shared}
	if e.Record, err = json.Marshal(v); err != nil {
		return nil, false, err
	}
	if err := e.write(); err != nil {
		return nil, false, err
	}
	return e, false, nil
}

// Resume makes this process answer for the entry of one that has ended, kept or
// not, with what that one recorded: to Update it, and to Leave or Finish it
// again. Without one it returns os.ErrNotExist, and a *HeldError if its process
// lives. Killed before it leaves, this process leaves it as it was: kept or not.
func Resume(key Key) (*Entry, error) {
	d, err := lockDir()
	if err != nil {
		return nil, err
	}
	defer d.unlock()
	path, err := d.path(key)
	if err != nil {
		return nil, err
	}
	e, err := open(path)
	if err != nil {
		return nil, err
	}
	e.Holder = self()
	return e, nil
}

// Held tells who holds key's entry at this moment, nil if nobody does; what a
// dead process left there is given to undo as Take does, and stays where that
// returns ErrSkip. It is for Take's record to call, of another key of the same
// interface, and its answer holds until Take returns.
func Held(key Key, undo func(*Entry) error) (*HeldError, error) {
	d, err := directory()
	if err != nil {
		return nil, err
	}
	path, err := d.path(key)
	if err != nil {
		return nil, err
	}
	e, err := open(path)
	if held, ok := errors.AsType[*HeldError](err); ok {
		return held, nil
	}
	if err == nil {
		err = e.end(undo)
	}
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrSkip) {
		return nil, nil
	}
	return nil, err
}

// Update replaces the record of an entry that is not shared.
func (e *Entry) Update(record any) (err error) {
	if e.Record, err = json.Marshal(record); err != nil {
		return err
	}
	return e.write()
}

// Finish puts back by undo what the entry remembers, and removes the entry if
// that succeeds; either way this process does not answer for it any more. Of a
// shared entry only the last holder does that.
func (e *Entry) Finish(undo func(*Entry) error) error {
	d, err := lockDir()
	if err != nil {
		return errors.Join(err, e.file.Close())
	}
	defer d.unlock()
	if e.shared {
		if last, err := e.last(); err != nil || !last {
			return errors.Join(err, e.file.Close())
		}
	}
	return e.end(undo)
}

// Leave keeps the entry for later: the change stays when this process ends.
func (e *Entry) Leave() error {
	e.Kept = true
	return errors.Join(e.write(), e.file.Close())
}

// end is Finish for the only holder of the lock.
func (e *Entry) end(undo func(*Entry) error) error {
	defer func() { e.file.Close() }() // undo may have updated the entry
	err := undo(e)
	if _, done := errors.AsType[*doneError](err); err != nil && !done {
		return err
	}
	return errors.Join(err, os.Remove(e.path))
}

// ErrSkip is for an undo to return of an entry that is to stay; it is no error
// to those who called.
var ErrSkip = errors.New("this entry stays")

// Done makes an error of undo one after which nothing is left to do: it is
// returned, and the entry is removed all the same.
func Done(err error) error { return &doneError{err} }

type doneError struct{ error }

func (e *doneError) Unwrap() error { return e.error }

// Release is Finish for the entry of a process that has ended, kept or not.
// Without one it returns os.ErrNotExist, and a *HeldError if its process lives.
func Release(key Key, undo func(*Entry) error) error {
	d, err := lockDir()
	if err != nil {
		return err
	}
	defer d.unlock()
	path, err := d.path(key)
	if err != nil {
		return err
	}
	e, err := open(path)
	if err != nil {
		return err
	}
	return e.end(undo)
}

// Recover gives undo the entries that no live process answers for, in order of
// their names, and removes those where it succeeds. The error joins those of
// undo. Entries of an earlier boot are removed unseen. Where there is no place for
// a journal there are none.
func Recover(undo func(*Entry) error) error {
	d, err := lockDir()
	if errors.Is(err, ErrNoPlace) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.unlock()
	paths, err := d.entries()
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		e, err := open(path)
		if held := (*HeldError)(nil); errors.As(err, &held) || errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = e.end(undo)
		}
		if !errors.Is(err, ErrSkip) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
