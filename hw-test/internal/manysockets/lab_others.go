//go:build !linux

package manysockets

import (
	"context"
	"fmt"

	"github.com/ringwalk/ringwalk/netmap"
)

// lab is not to be had here.
type lab struct{}

func open(*options, *Report) (*lab, error) {
	return nil, fmt.Errorf("poll needs Linux, whose UDP ports it measures: %w", netmap.ErrNotSupported)
}

func (*lab) measure(context.Context, string, *options) (Row, error) {
	return Row{}, netmap.ErrNotSupported
}
func (*lab) close() {}
