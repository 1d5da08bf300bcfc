package results

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTemporary: who has no home has a directory among everybody's temporary
// ones, and what somebody else laid there is not used.
func TestTemporary(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, name := range []string{"HOME", "XDG_STATE_HOME", Env} {
		t.Setenv(name, "")
	}
	base, own := Base(), temporary()
	if filepath.Dir(base) != own || filepath.Dir(own) != os.TempDir() {
		t.Fatalf("results go to %s, want one below %s", base, own)
	}
	for range 2 { // made, and found
		d, err := Create(base, "x", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(d.Path(), own+"/results/") {
			t.Error(d.Path())
		}
	}
	if st, err := os.Stat(own); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	elsewhere := t.TempDir()
	for name, lay := range map[string]func() error{
		"a link":                  func() error { return os.Symlink(elsewhere, own) },
		"a file":                  func() error { return os.WriteFile(own, nil, 0o600) },
		"one that others write":   func() error { return errors.Join(os.Mkdir(own, 0o700), os.Chmod(own, 0o777)) },
		"somebody else's of 0755": func() error { return errors.Join(os.Mkdir(own, 0o755), os.Chown(own, 12345, 12345)) },
	} {
		if err := os.RemoveAll(own); err != nil {
			t.Fatal(err)
		}
		if err := lay(); errors.Is(err, fs.ErrPermission) {
			continue // only root gives something away
		} else if err != nil {
			t.Fatal(err)
		}
		if d, err := Create(base, "x", time.Now()); err == nil || !strings.Contains(err.Error(), "--results DIR") || !strings.Contains(err.Error(), own) {
			t.Errorf("%s: %v, %v", name, d, err)
		}
	}
	if got := files(t, elsewhere); len(got) > 0 {
		t.Errorf("%q were made through a link", got)
	}
}

// TestWithoutLinks is on a file system like FAT.
func TestWithoutLinks(t *testing.T) {
	defer func() { link = os.Link }()
	for _, no := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		link = func(a, b string) error { return &os.LinkError{Op: "link", Old: a, New: b, Err: no} }
		d := newDir(t)
		if err := d.File("a/b", []byte("text")); err != nil {
			t.Fatalf("%v: %v", no, err)
		}
		if err := d.File("a/b", []byte("more")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%v, and twice: %v", no, err)
		}
		if got := files(t, d.Path()); len(got) != 1 || got["a/b"] != "text" {
			t.Errorf("%v: %q", no, got)
		}
	}
	link = func(a, b string) error { return &os.LinkError{Op: "link", Old: a, New: b, Err: syscall.EACCES} }
	d := newDir(t)
	if err := d.File("a", nil); !errors.Is(err, syscall.EACCES) {
		t.Error(err)
	}
	if got := files(t, d.Path()); len(got) != 0 {
		t.Errorf("left %q", got)
	}
}
