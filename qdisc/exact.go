package qdisc

import (
	"bytes"
	"fmt"
	"slices"
)

// netmapKind is the qdisc by which netmap's emulated mode transmits, one per
// queue. It is no qdisc of anybody else's.
const netmapKind = "netmapemu"

func (s *State) netmap() bool {
	return slices.ContainsFunc(s.egress(), func(q Qdisc) bool { return q.Kind == netmapKind })
}

// exactKinds are the kinds that come back whole from what the kernel shows of
// them. Not htb, hfsc and the like, whose classes are made one by one; not
// netem, red and gred, which keep tables that nobody can read.
var exactKinds = []string{NoQueue, PFIFO, BFIFO, "pfifo_head_drop", FastPFIFO, "mq", "tbf", "fq", "fq_codel", "codel", "sfq"}

// exact says what of the state could not be put back, nil if it all could.
// filters tells whether filters hang on a qdisc.
func (s *State) exact(filters func(Handle) (bool, error)) error {
	for _, q := range s.egress() {
		what := fmt.Sprintf("%s %v", q.Kind, q.Handle)
		switch {
		case q.Handle == 0 && q.Parent == Root && !s.Up:
			continue // the kernel attaches its default when the device goes up
		case !slices.Contains(exactKinds, q.Kind):
			return fmt.Errorf("%s has classes or settings that the kernel does not show or take back: %w", what, ErrNotExact)
		case q.hidden != "":
			return fmt.Errorf("%s: %s: %w", what, q.hidden, ErrNotExact)
		case q.Handle == 0 && s.DefaultKind != "" && !slices.Contains([]string{NoQueue, "mq", s.DefaultKind}, q.Kind):
			return fmt.Errorf("%s was attached when net.core.default_qdisc was another than %s now: %w", what, s.DefaultKind, ErrNotExact)
		case q.Handle == 0 && q.Kind == FastPFIFO && s.TxQueueLen == 0:
			return fmt.Errorf("%s was attached before the txqueuelen was set to 0, which makes it a noqueue now: %w", what, ErrNotExact)
		case q.Handle == 0:
			continue // without a handle nothing can be attached to it
		}
		found, err := filters(q.Handle)
		if err != nil {
			return fmt.Errorf("the filters of %s are not to be found out: %w", what, err)
		}
		if found {
			return fmt.Errorf("%s has filters: %w", what, ErrNotExact)
		}
	}
	return nil
}

// same tells whether two qdiscs are the same but for their counters.
func (q *Qdisc) same(o *Qdisc) bool {
	return q.Kind == o.Kind && q.Handle == o.Handle && q.Parent == o.Parent && bytes.Equal(q.Raw, o.Raw)
}

// sameTree tells whether o has the same qdiscs on the way out. A device that
// is down may show noop until it is up: that is the default, as any other
// without a handle.
func (s *State) sameTree(o *State) bool {
	if !o.Up && s.Default() && o.Default() {
		return true
	}
	return slices.EqualFunc(s.egress(), o.egress(), func(a, b Qdisc) bool { return a.same(&b) })
}

// brief names the root for a sentence.
func (s *State) brief() string {
	r := s.root()
	switch {
	case r == nil:
		return "nothing"
	case r.Handle == 0:
		return r.Kind + " by default"
	}
	return fmt.Sprintf("%s %v", r.Kind, r.Handle)
}
