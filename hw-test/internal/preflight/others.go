//go:build !linux

package preflight

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// A Machine is what the checks look at; here they are all skipped.
type Machine struct{}

// Fixed is what Fix changed: nothing here.
type Fixed struct{ Settings []Setting }

// Restore does nothing.
func (f *Fixed) Restore() error { return nil }

// Leave does nothing.
func (f *Fixed) Leave() error { return nil }

func run(_ context.Context, ports []Port, _ *Options) *Report {
	return &Report{Time: time.Now(), Ports: append([]Port{}, ports...), Checks: []Check{{
		Name: "host", Verdict: Skipped, Why: "the checks are Linux's, and this is " + runtime.GOOS,
	}}}
}

func fix(context.Context, *Report, *Options) (*Fixed, []string, error) { return &Fixed{}, nil, nil }
func restoreKept(string, func(string, error)) error                    { return errors.ErrUnsupported }
func recoverAll(string, func(string, bool, error)) error               { return errors.ErrUnsupported }
