package qdisc

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/journal"
)

// undoDead is undo for the entry of a process that is dead, found by one that
// wants the device. An entry that was to stay is not undone.
func (c *client) undoDead(e *journal.Entry) error {
	if e.Kept {
		return fmt.Errorf("%w by %v; hw-test qdisc restore %s puts it back: %w", ErrKept, e.Holder, c.name, unix.EBUSY)
	}
	if err := c.undo(e); err != nil && !errors.Is(err, ErrChanged) {
		return err
	}
	return nil
}

// undoOther is undoDead for the other of the device's two entries. What was set
// to stay is what a guard then finds and keeps.
func (c *client) undoOther(e *journal.Entry) error {
	if e.Kept {
		return journal.ErrSkip
	}
	return c.undoDead(e)
}

// undo puts back what an entry remembers, as far as it is still as the entry
// says it was set. On return without an error, or with ErrChanged or ErrGone,
// there is nothing more to do for the entry.
func (c *client) undo(e *journal.Entry) error {
	var rec record
	if err := e.Decode(&rec); err != nil {
		return err
	}
	err := c.putBack(e, &rec)
	if errors.Is(err, unix.ENODEV) {
		return journal.Done(fmt.Errorf("%w (removed, or moved to another namespace): %w", ErrGone, err))
	}
	return err
}

func (c *client) putBack(e *journal.Entry, rec *record) error {
	now, err := c.state()
	if err != nil {
		return err
	}
	if rec.To == "" {
		if now, err = c.withoutNetmap(now); err != nil || rec.Foreign {
			return err
		}
	}
	was := rec.Original
	if now.sameTree(was) && now.TxQueueLen == was.TxQueueLen {
		return nil
	}
	if now.netmap() {
		return fmt.Errorf("%w; close the netmap port and run hw-test qdisc recover: %w", ErrNetmap, unix.EBUSY)
	}
	txql := now.TxQueueLen
	if rec.oursTxQueueLen(txql) {
		txql = was.TxQueueLen
	}
	ours := rec.ours(now) && !now.sameTree(was)
	var changed error
	switch {
	case !ours && !now.sameTree(was):
		changed = journal.Done(fmt.Errorf("%w: it is %s (%s was to come back)", ErrChanged, now.brief(), was.brief()))
	case txql != was.TxQueueLen:
		changed = journal.Done(fmt.Errorf("%w: the txqueuelen is %d (%d was to come back)", ErrChanged, txql, was.TxQueueLen))
	}
	if !rec.Restoring {
		rec.Restoring = true
		if err := e.Update(rec); err != nil {
			return err
		}
	}
	if err := c.build(now, was, rec, ours, txql); err != nil {
		return err
	}
	if !ours {
		return changed
	}
	after, err := c.state()
	if err != nil {
		return err
	}
	if !after.sameTree(was) {
		return journal.Done(fmt.Errorf("it is %s now and was %s: %w", after.brief(), was.brief(), ErrNotExact))
	}
	return changed
}

// build makes the tree of was, if the one there is ours to replace, and sets
// the txqueuelen: before, for pfifo_fast's rings, and after, as the kernel may
// change it when it attaches a qdisc.
func (c *client) build(now, was *State, rec *record, ours bool, txql int) error {
	if ours && was.Default() {
		return c.toDefault(now.root(), rec.Handle, txql)
	}
	if err := c.txQueueLen(txql); err != nil {
		return err
	}
	if !ours {
		return nil
	}
	var errs []error
	for i, q := range was.egress() {
		if q.Handle == 0 {
			continue // its parent brings it
		}
		if i == 0 && now.root() != nil && now.root().same(&q) {
			continue // as far as it came before
		}
		err := c.create(q.Kind, q.Handle, q.Parent, restorable(q.Kind, q.Raw))
		switch what := fmt.Sprintf("%s %v", q.Kind, q.Handle); {
		case err == nil:
		case errors.Is(err, unix.ENODEV), errors.Is(err, unix.EPERM):
			return err
		case q.Parent == Root:
			// Forced: the kernel does not take back what it showed.
			err = fmt.Errorf("%w: %s cannot be made again, so the device has its default now: %w", ErrNotExact, what, err)
			return journal.Done(errors.Join(err, c.toDefault(now.root(), rec.Handle, txql)))
		default:
			errs = append(errs, journal.Done(fmt.Errorf("%w: %s cannot be made again: %w", ErrNotExact, what, err)))
		}
	}
	return errors.Join(append(errs, c.txQueueLen(txql))...)
}

// ours tells whether the tree is what the record says was set, or a step on
// the way there or back.
func (rec *record) ours(now *State) bool {
	root := now.root()
	if rec.To == "" {
		return netmapLeft(now, rec.Original)
	}
	switch {
	case root == nil || root.Handle == 0:
		return rec.ToDefault || rec.Restoring
	case root.Handle == rec.Handle:
		// The same handle, but somebody may have changed its options.
		return rec.Root == nil || rec.Root.Handle != rec.Handle || rec.Restoring || rec.Root.same(root)
	}
	was := rec.Original.root()
	return rec.Restoring && was != nil && was.same(root)
}

// oursTxQueueLen is the same for the txqueuelen.
func (rec *record) oursTxQueueLen(n int) bool {
	return n == rec.TxQueueLen || n == kernelTxQueueLen && (rec.TxQueueLen == 0 || rec.Original.TxQueueLen == 0)
}

// netmapLeft tells whether the tree is what emulated netmap leaves behind: a
// pfifo with the limit and a handle that the kernel gives, or an mq with
// default children and a handle that netmap counts up from 0x12.
func netmapLeft(now, was *State) bool {
	root := now.root()
	if root == nil {
		return false
	}
	switch q := now.egress(); root.Kind {
	case PFIFO:
		limit := uint32(now.TxQueueLen)
		return len(q) == 1 && root.Handle >= 1<<31 && (u32(root.Raw) == limit || u32(root.Raw) == kernelTxQueueLen)
	case "mq":
		for _, child := range q[1:] {
			if child.Handle != 0 {
				return false
			}
		}
		const first = 0x12
		return root.Handle>>16 >= first && root.Handle < 1<<31
	}
	return false
}

// withoutNetmap waits until a device has left emulated netmap mode: the last
// program may be dying.
func (c *client) withoutNetmap(now *State) (*State, error) {
	for end := time.Now().Add(2 * time.Second); now.netmap(); {
		if time.Now().After(end) {
			return nil, fmt.Errorf("%w, in some program still; end that, then run hw-test qdisc recover: %w", ErrNetmap, unix.EBUSY)
		}
		time.Sleep(5 * time.Millisecond)
		var err error
		if now, err = c.state(); err != nil {
			return nil, err
		}
	}
	return now, nil
}
