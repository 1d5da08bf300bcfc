//go:build !linux

package testbed

import (
	"context"
	"fmt"
)

func newLocal(context.Context, *LocalOptions) (Environment, error) {
	return nil, fmt.Errorf("suites run on Linux: %w", ErrMissing)
}

func linkBPS(string) float64 { return 0 }
