package vm

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/cavaliergopher/cpio"
)

// archive writes an initramfs: a cpio archive in the format newc, see
// Documentation/driver-api/early-userspace/buffer-format.rst of the kernel.
// Names are absolute paths in the guest; directories above are made as needed.
// A path that is there already is left as it is.
type archive struct {
	w    *cpio.Writer
	made map[string]bool
}

func newArchive(w io.Writer) *archive {
	return &archive{cpio.NewWriter(w), map[string]bool{"/": true}}
}

// dir makes a directory.
func (a *archive) dir(name string) error {
	_, err := a.begin(name, cpio.TypeDir|0o755, 0)
	return err
}

// bytes makes a file of the given content.
func (a *archive) bytes(name string, mode os.FileMode, content []byte) error {
	return a.file(name, mode, int64(len(content)), bytes.NewReader(content))
}

// link makes a symbolic link.
func (a *archive) link(name, target string) error {
	begun, err := a.begin(name, cpio.TypeSymlink|0o777, int64(len(target)))
	if err != nil || !begun {
		return err
	}
	_, err = io.WriteString(a.w, target)
	return err
}

// copy makes a file of the content and the permissions of one on the host,
// which may be named through a symbolic link.
func (a *archive) copy(name, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("put %s into the guest: %w", from, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("put %s into the guest: %w", from, err)
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("put %s into the guest: it is not a regular file", from)
	}
	return a.file(name, st.Mode(), st.Size(), f)
}

func (a *archive) file(name string, mode os.FileMode, size int64, r io.Reader) error {
	if size > 1<<32-1 { // c_filesize is 8 hexadecimal digits
		return fmt.Errorf("put %s into the guest: it has %d bytes, and 4 GiB are the most", name, size)
	}
	begun, err := a.begin(name, cpio.TypeReg|cpio.FileMode(mode.Perm()), size)
	if err != nil || !begun {
		return err
	}
	if _, err := io.CopyN(a.w, r, size); err != nil {
		return fmt.Errorf("put %s into the guest: %w", name, err)
	}
	return nil
}

// begin writes the header of an entry that is new, after the directories above
// it: the kernel does not make those.
func (a *archive) begin(name string, mode cpio.FileMode, size int64) (begun bool, err error) {
	name = path.Clean("/" + name)
	if a.made[name] {
		return false, nil
	}
	if err := a.dir(path.Dir(name)); err != nil {
		return false, err
	}
	a.made[name] = true
	h := &cpio.Header{Name: strings.TrimPrefix(name, "/"), Mode: mode, Size: size, Links: 1}
	if err := a.w.WriteHeader(h); err != nil {
		return false, fmt.Errorf("write the initramfs: %w", err)
	}
	return true, nil
}

// close ends the archive.
func (a *archive) close() error {
	if err := a.w.Close(); err != nil {
		return fmt.Errorf("write the initramfs: %w", err)
	}
	return nil
}
