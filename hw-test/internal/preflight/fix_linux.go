package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/journal"
)

// The journal's words for entries of this package: what is changed for a run,
// and what is to stay. They are apart, so that a run on a port that was set up
// to stay changes the rest and puts only that back.
const (
	whatRun  = "preflight"
	whatKept = "preflight-kept"
)

// wholeHost stands for the network namespace in keys of what the host has once.
const wholeHost = "host"

// record is what the journal remembers of a port, or of the host.
type record struct {
	Name     string    `json:"name"` // of the interface; "" for the host
	Settings []Setting `json:"settings"`
}

// Fixed is what Fix changed.
type Fixed struct {
	Settings []Setting
	entries  []*journal.Entry
	machine  *Machine
}

// Links may take so long to come up again, after Fix and after it is put back;
// that while the journal is locked, for which others wait 20 s.
const (
	linkPatience = 10 * time.Second
	backPatience = 5 * time.Second
)

func fix(ctx context.Context, r *Report, o *Options) (*Fixed, []string, error) {
	var opt Options
	if o != nil {
		opt = *o
	}
	f := &Fixed{machine: opt.Machine.here()}
	var notes []string
	var names []string // ports first, each once; "" is the host
	wanted := map[string][]Setting{}
	for _, c := range r.Checks {
		if len(c.fix) > 0 && !slices.Contains(names, c.Port) {
			names = append(names, c.Port)
		}
		wanted[c.Port] = append(wanted[c.Port], c.fix...)
	}
	for _, name := range names {
		more, err := f.take(ctx, name, wanted[name], opt.Keep)
		notes = append(notes, more...)
		if err != nil {
			return f, notes, err
		}
	}
	return f, notes, nil
}

// take remembers and changes what is wanted of one port, or of the host.
func (f *Fixed) take(ctx context.Context, name string, wanted []Setting, keep bool) (notes []string, err error) {
	key, a, err := f.open(name, keep)
	if err != nil {
		return nil, err
	}
	if a.e != nil {
		defer a.e.Close()
	}
	// Nothing is remembered of what is as it should be, or cannot be read.
	rec := record{Name: name}
	for _, s := range wanted {
		if s.Was, err = a.get(&s); err != nil {
			notes = append(notes, fmt.Sprintf("%s is left as it is: %v", s.label(), err))
		} else if s.Was != s.Set {
			rec.Settings = append(rec.Settings, s)
		}
	}
	if len(rec.Settings) == 0 {
		return notes, nil
	}
	e, first, err := remember(key, &rec, keep)
	if err != nil {
		return notes, fmt.Errorf("the settings of %s are not changed: %w", cmp.Or(name, "this host"), err)
	}
	f.entries = append(f.entries, e)
	carrier := a.carrier()
	for i := first; i < len(rec.Settings); i++ {
		s := &rec.Settings[i]
		if err := a.set(s, s.Set); err != nil {
			notes = append(notes, fmt.Sprintf("%s stays %s: %v", s.label(), s.Was, err))
			continue
		}
		// A driver may round, or take a change and not make it.
		if now, err := a.get(s); err == nil && now != s.Set {
			notes = append(notes, fmt.Sprintf("%s is %s, and was to be %s", s.label(), now, s.Set))
			s.Set = now
			if err := e.Update(&rec); err != nil {
				return notes, err
			}
		}
		if s.Set != s.Was {
			f.Settings = append(f.Settings, *s)
		}
	}
	if carrier && !a.waitCarrier(ctx, linkPatience) {
		notes = append(notes, fmt.Sprintf("the link of %s has not come up again within %v", name, linkPatience))
	}
	return notes, nil
}

// remember puts the record into the journal before anything is changed. With
// keep it is added to what was set to stay before; first is where it begins.
func remember(key journal.Key, rec *record, keep bool) (e *journal.Entry, first int, err error) {
	if keep {
		e, err = journal.Resume(key)
		if err == nil {
			var old record
			if err = e.Decode(&old); err == nil {
				first = len(old.Settings)
				rec.Settings = append(old.Settings, rec.Settings...)
				err = e.Update(rec)
			}
			return e, first, err
		}
		if !errors.Is(err, os.ErrNotExist) {
			return nil, 0, err
		}
	}
	e, _, err = journal.Take(key, false, undo, func() (any, error) { return rec, nil })
	return e, 0, err
}

// open finds the key of a port, or of the host, and what reaches its settings.
func (f *Fixed) open(name string, keep bool) (key journal.Key, a *at, err error) {
	key.What = whatRun
	if keep {
		key.What = whatKept
	}
	a = &at{m: f.machine, port: name}
	if name == "" {
		key.Netns = wholeHost
		return key, a, nil
	}
	if key, err = portKey(f.machine, name, key.What); err != nil {
		return key, nil, err
	}
	a.e, err = f.machine.Ethtool()
	return key, a, err
}

// portKey is called on the thread that is in the port's namespace.
func portKey(m *Machine, name, what string) (journal.Key, error) {
	link, err := m.Link(name)
	if err != nil {
		return journal.Key{}, err
	}
	ns, err := journal.Namespace()
	return journal.Key{Netns: ns, Ifindex: link.Index, What: what}, err
}

func (a *at) carrier() bool {
	if a.port == "" {
		return false
	}
	l, err := a.m.Link(a.port)
	return err == nil && l.Carrier
}

func (a *at) waitCarrier(ctx context.Context, patience time.Duration) bool {
	for end := time.Now().Add(patience); !a.carrier(); {
		if time.Now().After(end) || ctx.Err() != nil {
			return false
		}
		time.Sleep(50 * time.Millisecond)
	}
	return true
}

func (s *Setting) label() string {
	l := s.What
	if s.Name != "" {
		l += " " + s.Name
	}
	if s.Port != "" {
		l += " of " + s.Port
	}
	return l
}

// Restore puts back what Fix changed and nobody has changed since, the last
// first. It may be called again, and then does nothing; so after Leave.
func (f *Fixed) Restore() error {
	if f == nil {
		return nil
	}
	var errs []error
	for _, e := range slices.Backward(f.entries) {
		errs = append(errs, e.Finish(func(e *journal.Entry) error { return undoOn(f.machine, e) }))
	}
	f.entries = nil
	return errors.Join(errs...)
}

// Leave ends this process's care for what Fix changed with Options.Keep: it
// stays until RestoreKept.
func (f *Fixed) Leave() error {
	var errs []error
	for _, e := range f.entries {
		errs = append(errs, e.Leave())
	}
	f.entries = nil
	return errors.Join(errs...)
}

// undo puts back on this host what an entry remembers.
func undo(e *journal.Entry) error { return undoOn((*Machine)(nil).here(), e) }

func undoOn(m *Machine, e *journal.Entry) error {
	if e.Key.Netns == wholeHost {
		return undoHere(e, &at{m: m})
	}
	err := e.In(func() error {
		name, err := m.NameOf(e.Key.Ifindex)
		if err != nil || name == "" {
			return err
		}
		a := &at{m: m, port: name}
		if a.e, err = m.Ethtool(); err != nil {
			return err
		}
		defer a.e.Close()
		return undoHere(e, a)
	})
	if errors.Is(err, journal.ErrGone) {
		return nil // and the interface, or its settings, with it
	}
	return err
}

// undoHere tries all settings; what failed stays in the journal. It waits for
// the link, so that the next test does not find it down.
func undoHere(e *journal.Entry, a *at) error {
	var rec record
	if err := e.Decode(&rec); err != nil {
		return err
	}
	carrier := a.carrier()
	var errs []error
	for _, s := range slices.Backward(rec.Settings) {
		now, err := a.get(&s)
		if err == nil && now != s.Set {
			continue // not changed yet, or somebody else's since
		}
		if err == nil {
			err = a.set(&s, s.Was)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.EOPNOTSUPP) {
			errs = append(errs, fmt.Errorf("%s is not put back to %s: %w", s.label(), s.Was, err))
		}
	}
	if carrier {
		a.waitCarrier(context.Background(), backPatience)
	}
	return errors.Join(errs...)
}
