package qdisc

import (
	"fmt"

	"github.com/ringwalk/ringwalk/internal/journal"
)

func guard(l Link, o *Options) (*Restorer, error) {
	c, err := dial(l)
	if err != nil {
		return nil, opError("guard", l, err)
	}
	r := &Restorer{c: c}
	// Several programs may open queues of one device: the last one to close
	// puts back what was before the first.
	r.entry, _, err = journal.Take(c.key(whatGuard), true, c.undoDead, func() (any, error) {
		held, err := journal.Held(c.key(whatSwap), c.undoOther)
		if err != nil {
			return nil, err
		}
		if held != nil {
			return nil, fmt.Errorf("it has been swapped: %w", held)
		}
		was, err := c.state()
		if err != nil {
			return nil, err
		}
		r.rec = record{Original: was, TxQueueLen: was.TxQueueLen, Foreign: was.netmap()}
		if (o == nil || !o.Force) && !r.rec.Foreign {
			if err := was.exact(c.filters); err != nil {
				return nil, fmt.Errorf("%w, and emulated netmap would replace it; delete it before (tc qdisc del dev %s root)", err, was.Name)
			}
		}
		return &r.rec, nil
	})
	if err != nil {
		c.close()
		return nil, opError("guard", l, err)
	}
	return r, nil
}
