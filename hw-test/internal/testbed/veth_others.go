//go:build !linux

package testbed

import "fmt"

func newVeth(Options) (Environment, error) {
	return nil, fmt.Errorf("network namespaces are Linux's: %w", ErrMissing)
}
