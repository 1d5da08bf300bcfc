package vm

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestArchive has cpio(1) read what was written.
func TestArchive(t *testing.T) {
	if _, err := exec.LookPath("cpio"); err != nil {
		t.Skipf("this test needs cpio: %v", err)
	}
	d := t.TempDir()
	source := filepath.Join(d, "source")
	if err := os.WriteFile(source, bytes.Repeat([]byte("0123456789"), 1001), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(source, source+"-link"); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	a := newArchive(&b)
	for _, err := range []error{
		a.dir("/dev"),
		a.bytes("/etc/x/a", 0o644, []byte("a")),
		a.bytes("etc/x/empty", 0o600, nil),
		a.bytes("/etc/../etc/x/a", 0o600, []byte("not again")),
		a.copy("/lib/copy", source+"-link"),
		a.link("/bin/hw-test", "/init"),
		a.dir("/etc/x"),
		a.close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cpio := func(args ...string) string {
		cmd := exec.Command("cpio", append(args, "--quiet")...)
		cmd.Stdin, cmd.Dir, cmd.Stderr = bytes.NewReader(b.Bytes()), d, os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("cpio %q: %v", args, err)
		}
		return string(out)
	}
	want := []string{"dev", "etc", "etc/x", "etc/x/a", "etc/x/empty", "lib", "lib/copy", "bin", "bin/hw-test"}
	if got := strings.Fields(cpio("-t")); !slices.Equal(got, want) {
		t.Errorf("cpio -t lists %q, want %q", got, want)
	}
	cpio("-i", "-d")
	for name, want := range map[string]string{"etc/x/a": "a", "etc/x/empty": "", "lib/copy": strings.Repeat("0123456789", 1001)} {
		got, err := os.ReadFile(filepath.Join(d, name))
		if err != nil || string(got) != want {
			t.Errorf("%s has %d bytes, error %v", name, len(got), err)
		}
	}
	for name, want := range map[string]os.FileMode{
		"dev": os.ModeDir | 0o755, "etc/x/a": 0o644, "etc/x/empty": 0o600, "lib/copy": 0o640, "bin/hw-test": os.ModeSymlink | 0o777,
	} {
		if st, err := os.Lstat(filepath.Join(d, name)); err != nil || st.Mode() != want {
			t.Errorf("%s: %v, want mode %v", name, err, want)
		}
	}
	if to, err := os.Readlink(filepath.Join(d, "bin/hw-test")); to != "/init" || err != nil {
		t.Errorf("the link goes to %q, error %v", to, err)
	}
}

func TestArchiveErrors(t *testing.T) {
	a := newArchive(&bytes.Buffer{})
	if err := a.copy("/x", t.TempDir()); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("copying a directory: %v", err)
	}
	if err := a.copy("/x", "/nonexistent"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("copying nothing: %v", err)
	}
	if err := a.file("/x", 0o644, 1<<32, nil); err == nil || !strings.Contains(err.Error(), "4 GiB") {
		t.Errorf("a file that the format cannot hold: %v", err)
	}
	if err := a.file("/y", 0o644, 10, strings.NewReader("short")); err == nil {
		t.Error("a file that is shorter than it was said to be is no error")
	}
}
