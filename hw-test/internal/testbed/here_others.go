//go:build !linux

package testbed

import (
	"fmt"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// Here is this host, whose ports suites cannot run over.
type Here struct{}

func (*Here) Name() string { return "" }

func (*Here) Clock() (Clock, error) { return Clock{}, nil }

func (*Here) Launcher() program.Launcher { return program.Process(netlab.Start) }

var errNotLinux = fmt.Errorf("suites run over ports of Linux: %w", ErrMissing)

func (*Here) Take(string, Role) (*Taken, error) { return nil, errNotLinux }

func (*Here) HasLink(string) (bool, error) { return false, errNotLinux }

func (*Here) LinkBPS(string) (float64, error) { return 0, errNotLinux }

func (*Here) Flush(string) error { return errNotLinux }

func (*Here) Counters(string) (Counters, error) { return Counters{}, errNotLinux }

func (*Here) Release() error { return nil }
