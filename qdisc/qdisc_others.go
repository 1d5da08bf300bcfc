//go:build !linux

package qdisc

// Restorer has nothing to put back on this system.
type Restorer struct{}

func get(Link) (*State, error)                        { return nil, ErrNotSupported }
func swap(Link, Spec, *Options) (*Restorer, error)    { return nil, ErrNotSupported }
func guard(Link, *Options) (*Restorer, error)         { return nil, ErrNotSupported }
func set(Link, Spec, *Options) error                  { return ErrNotSupported }
func restoreKept(Link) error                          { return ErrNotSupported }
func recoverAll(_ *Link, _ func(Change, error)) error { return ErrNotSupported }
func (r *Restorer) restore() error                    { return nil }
