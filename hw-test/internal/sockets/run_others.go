//go:build !linux

package sockets

import (
	"context"
	"errors"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
)

// No lab gets here.

func nullCall(int) (float64, error) { return 0, errors.ErrUnsupported }

func lacks(*row) error { return errors.ErrUnsupported }

func try(context.Context, *bench.Lab, *row, []byte, int) (trial, error) {
	return trial{}, errors.ErrUnsupported
}
