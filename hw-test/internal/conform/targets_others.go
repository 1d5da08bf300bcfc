//go:build !linux

package conform

import (
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/conformance"
)

// discover is called where there is a /dev/netmap.
func discover(_ *config, only []string) (found []*conformance.Target, missing []absent, cleanup func() error) {
	for _, kind := range only {
		missing = append(missing, absent{kind, netmap.ErrNotSupported})
	}
	return nil, missing, func() error { return nil }
}
