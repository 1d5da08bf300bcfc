//go:build !linux && !freebsd

package nic

import "fmt"

// Prepared is an interface that was prepared; none can be here.
type Prepared struct{}

// Prepare fails: interfaces are not prepared on this system.
func Prepare(name string, _ *Options) (*Prepared, []string, error) {
	return nil, nil, fmt.Errorf("preparing interface %s: %w", name, ErrNotSupported)
}

// Restore does nothing.
func (p *Prepared) Restore() error { return nil }

// Recover fails: interfaces are not prepared on this system.
func Recover(string, func(string, error)) error { return ErrNotSupported }

// Offloads fails.
func Offloads(name string) ([]string, error) {
	return nil, fmt.Errorf("the offloads of %s: %w", name, ErrNotSupported)
}
