package cli

import (
	"errors"
	"io"
	"os"
	"testing"
)

func TestJoin(t *testing.T) {
	if err := Join(nil, nil); err != nil {
		t.Error(err)
	}
	if err := Join(nil, io.EOF); err != io.EOF {
		t.Error(err)
	}
	err := Join(io.EOF, nil, os.ErrClosed, os.ErrExist)
	if err.Error() != "EOF; file already closed; file already exists" || !errors.Is(err, io.EOF) || !errors.Is(err, os.ErrClosed) || !errors.Is(err, os.ErrExist) {
		t.Error(err)
	}
}
