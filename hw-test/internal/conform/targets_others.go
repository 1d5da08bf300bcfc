//go:build !linux

package conform

import (
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/conformance"
)

func discover(*config, []string) ([]*conformance.Target, []string, func() error, error) {
	return nil, nil, func() error { return nil }, netmap.ErrNotSupported
}
