//go:build !linux

package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

func (o *Options) run(context.Context, io.Reader, io.Writer, io.Writer) (int, error) {
	if err := o.check(); err != nil {
		return 0, err
	}
	return 0, fmt.Errorf("hw-test vm needs Linux, for it is the guest's init, too: %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func initMain() int { return 1 }
