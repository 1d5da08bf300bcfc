package lab

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// A file is one of this host that key ssh names.
type file struct {
	what string // the key
	path string
	at   position
}

// CheckFiles looks whether the files of this host that key ssh names, such as
// private keys, are there and may be read. Parse does not: a lab file is right
// or wrong by itself. The error joins *Error.
func (l *Lab) CheckFiles() error {
	if l.SSH == nil {
		return nil
	}
	var errs []error
	for _, f := range l.SSH.files {
		if err := f.check(); err != nil {
			r := &reader{file: l.File}
			r.fail(f.at, "%s: the file %.200s of this host cannot be read: %w", f.what, f.path, err)
			errs = append(errs, r.errs...)
		}
	}
	return errors.Join(errs...)
}

// check is the kernel's word where the file cannot be read.
func (f *file) check() error {
	st, err := os.Stat(f.path)
	switch {
	case err == nil && st.IsDir():
		return syscall.EISDIR
	case err == nil && st.Mode().IsRegular(): // to open a pipe would wait
		var opened *os.File
		if opened, err = os.Open(f.path); err == nil {
			err = opened.Close()
		}
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err // the path is told already
	}
	return err
}
