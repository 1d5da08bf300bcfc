package qdisc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/journal"
)

// Entries of the journal.
const (
	whatSwap  = "qdisc"
	whatGuard = "guard"
)

// kernelTxQueueLen is what the kernel gives a device for whose txqueuelen of 0
// it sees a qdisc attached (DEFAULT_TX_QUEUE_LEN).
const kernelTxQueueLen = 1000

// record is what the journal remembers.
type record struct {
	Original *State `json:"original"`
	// To is what is set, "" for a guard: then that is netmap's business.
	To string `json:"to,omitempty"`
	// Handle is that of the root qdisc that is set, our mark on it.
	Handle Handle `json:"handle,omitempty"`
	// ToDefault says that the root is the kernel's default when all is done.
	ToDefault bool `json:"to_default,omitempty"`
	// TxQueueLen is the txqueuelen when all is done.
	TxQueueLen int `json:"txqueuelen"`
	// Root is the root as it was when all was done; nil before.
	Root *Qdisc `json:"root,omitempty"`
	// Restoring is set when putting back has begun.
	Restoring bool `json:"restoring,omitempty"`
	// Foreign says that somebody else's netmap program had the device when the
	// guard came: what was before is not known.
	Foreign bool `json:"foreign,omitempty"`
}

// Restorer puts back what Swap has replaced, or what netmap leaves behind a
// Guard. It holds the device's namespace.
type Restorer struct {
	c     *client
	entry *journal.Entry
	mu    sync.Mutex
	rec   record // of a guard that joined another, that one's
}

func get(l Link) (*State, error) {
	c, err := dial(l)
	if err != nil {
		return nil, opError("look at", l, err)
	}
	defer c.close()
	s, err := c.state()
	if err != nil {
		return nil, opError("look at", l, err)
	}
	return s, nil
}

func opError(op string, l Link, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENODEV) && !errors.Is(err, ErrGone) {
		err = fmt.Errorf("there is no such device in this namespace (ip link shows those there are): %w", err)
	}
	return &OpError{op, l.String(), err}
}

func swap(l Link, spec Spec, o *Options) (*Restorer, error) {
	if err := spec.check(); err != nil {
		return nil, err
	}
	if o == nil {
		o = new(Options)
	}
	c, err := dial(l)
	if err != nil {
		return nil, opError("swap", l, err)
	}
	r, err := c.swap(spec, o)
	if err != nil {
		c.close()
		return nil, opError("swap", l, err)
	}
	return r, nil
}

func (c *client) key(what string) journal.Key {
	return journal.Key{Netns: c.netns, Ifindex: c.index, What: what}
}

func (c *client) swap(spec Spec, o *Options) (*Restorer, error) {
	r := &Restorer{c: c}
	var err error
	r.entry, _, err = journal.Take(c.key(whatSwap), false, c.undoDead, func() (any, error) {
		held, err := journal.Held(c.key(whatGuard), c.undoOther)
		if err != nil {
			return nil, err
		}
		if held != nil {
			return nil, fmt.Errorf("a netmap port is open on it: %w", held)
		}
		was, err := c.state()
		if err != nil {
			return nil, err
		}
		r.rec, err = c.plan(was, spec, o)
		return &r.rec, err
	})
	if err != nil {
		return nil, err
	}
	if err := c.apply(spec, &r.rec); err != nil {
		return nil, errors.Join(err, r.entry.Finish(c.undo))
	}
	now, err := c.state()
	if err == nil {
		r.rec.Root = now.root()
		err = r.entry.Update(&r.rec)
	}
	if err != nil {
		return nil, errors.Join(err, r.entry.Finish(c.undo))
	}
	return r, nil
}

// plan refuses what must not be done to the device, or says what will be.
func (c *client) plan(was *State, spec Spec, o *Options) (record, error) {
	rec := record{Original: was, To: spec.String(), TxQueueLen: was.TxQueueLen, ToDefault: spec.Kind == Default}
	if spec.TxQueueLen != nil {
		rec.TxQueueLen = *spec.TxQueueLen
	}
	if was.netmap() {
		return rec, fmt.Errorf("%w; close the netmap port first: %w", ErrNetmap, unix.EBUSY)
	}
	if spec.Kind == FastPFIFO && rec.TxQueueLen == 0 {
		return rec, fmt.Errorf("pfifo_fast makes rings of the size of the txqueuelen, which is 0; give it another: %w", unix.EINVAL)
	}
	if !o.Force {
		if err := was.exact(c.filters); err != nil {
			return rec, err
		}
		noqueue := spec.Kind == NoQueue || spec.Kind == Default && rec.TxQueueLen == 0
		if noqueue && was.needsQueue {
			return rec, fmt.Errorf("%w; take pfifo: %w", ErrNeedsQueue, unix.EINVAL)
		}
	}
	// An own handle, in the half of the numbers that the kernel does not give
	// by itself.
	for rec.Handle == 0 || slices.ContainsFunc(was.Qdiscs, func(q Qdisc) bool { return q.Handle == rec.Handle }) {
		rec.Handle = Handle(0x1000+rand.Uint32N(0x7000)) << 16
	}
	return rec, nil
}

// apply does what was planned.
func (c *client) apply(spec Spec, rec *record) error {
	was := rec.Original
	if rec.ToDefault {
		if was.Default() && rec.TxQueueLen == was.TxQueueLen {
			return nil
		}
		return c.toDefault(was.root(), rec.Handle, rec.TxQueueLen)
	}
	// Before the qdisc, for pfifo_fast makes its rings of that size.
	if err := c.txQueueLen(rec.TxQueueLen); err != nil {
		return err
	}
	limit := spec.Limit
	if limit == 0 {
		limit = uint32(rec.TxQueueLen)
		if limit == 0 {
			limit = kernelTxQueueLen
		}
		if spec.Kind == BFIFO {
			l, err := c.link(Link{Index: c.index})
			if err != nil {
				return err
			}
			const ethernet = 14 // bytes of header
			limit *= uint32(l.Attrs().MTU) + ethernet
		}
	}
	var options []byte
	if spec.Kind == PFIFO || spec.Kind == BFIFO {
		options = binary.NativeEndian.AppendUint32(nil, limit)
	}
	if err := c.create(spec.Kind, rec.Handle, Root, options); err != nil {
		return err
	}
	// The kernel may have changed it, see kernelTxQueueLen.
	return c.txQueueLen(rec.TxQueueLen)
}

// toDefault makes the kernel attach its default anew, with the txqueuelen that
// is asked for. Only a qdisc that was set can be deleted, so one is set first
// where there is none.
func (c *client) toDefault(root *Qdisc, own Handle, txQueueLen int) error {
	handle := own
	if root != nil && root.Handle != 0 {
		handle = root.Handle
	} else if err := c.create(PFIFO, own, Root, nil); err != nil {
		return err
	}
	if err := c.txQueueLen(txQueueLen); err != nil {
		return err
	}
	return c.remove(handle)
}

// txQueueLen sets it if it is another.
func (c *client) txQueueLen(n int) error {
	l, err := c.link(Link{Index: c.index})
	if err != nil || l.Attrs().TxQLen == n {
		return err
	}
	if err := c.setTxQueueLen(n); err != nil {
		return fmt.Errorf("set the txqueuelen to %d: %w", n, err)
	}
	return nil
}

func (r *Restorer) restore() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entry == nil {
		return nil
	}
	entry := r.entry
	r.entry = nil
	defer r.c.close()
	return opError("put back", Link{Name: r.c.name}, entry.Finish(r.c.undo))
}

func (r *Restorer) keep() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entry == nil {
		return nil
	}
	entry := r.entry
	r.entry = nil
	r.c.close()
	return opError("keep", Link{Name: r.c.name}, entry.Leave())
}
