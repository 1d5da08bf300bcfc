//go:build !linux

package sockets

import (
	"context"
	"errors"
	"io"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
)

func (o *options) run(context.Context, *bench.Lab, io.Writer, io.Writer) (int, error) {
	return 0, errors.ErrUnsupported // no lab gets here
}
