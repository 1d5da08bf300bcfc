package remote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestPlaces: where hw-test cannot be put, and what is said of it.
func TestPlaces(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	s := l.Serve("a", `
for d in full readonly noexec; do mkdir "$HOME/$d"; done
mount -t tmpfs -o size=1m tmpfs "$HOME/full"
mount -t tmpfs -o noexec tmpfs "$HOME/noexec"
mount -t tmpfs tmpfs "$HOME/readonly"
mount -o remount,ro "$HOME/readonly"
mkdir "$HOME/foreign" "$HOME/foreign/ringwalk-0" "$HOME/trap"
chown 65534 "$HOME/foreign/ringwalk-0"
ln -s /tmp "$HOME/trap/ringwalk-0"
touch "$HOME/file"
`)
	for dir, want := range map[string]struct {
		errno error
		says  []string
	}{
		"full":     {syscall.ENOSPC, []string{"could not write the copy: no space left on device", "make room there"}},
		"readonly": {syscall.EROFS, []string{"could not make the copy: read-only file system", "choose a directory"}},
		"noexec":   {syscall.EACCES, []string{"programs may not be started there", "noexec", "choose another directory"}},
		"foreign":  {nil, []string{"it belongs to somebody else", "remove it, or choose another"}},
		"trap":     {nil, []string{"it is a symbolic link", "remove it, or choose another"}},
		"file":     {syscall.ENOTDIR, []string{"could not make the copy: not a directory", "a file is in the way"}},
	} {
		t.Run(dir, func(t *testing.T) {
			c := l.config(s)
			c.CacheDir = filepath.Join(s.Home, dir)
			before := tree(s.Path(c.CacheDir))
			_, err := l.dial(Target{Host: s.Address}, c)
			wants(t, err, append(want.says, "copy hw-test to root@10.9.1.2: "+c.CacheDir+"/ringwalk-0")...)
			if want.errno != nil && !errors.Is(err, want.errno) {
				t.Errorf("%v is not %v", err, want.errno)
			}
			if after := tree(s.Path(c.CacheDir)); after != before {
				t.Errorf("left behind: %q, where %q was", after, before)
			}
		})
	}
	t.Run("missing permission", func(t *testing.T) {
		c := l.config(s)
		c.CacheDir = filepath.Join(s.Home, "foreign")
		_, err := l.dial(Target{Host: s.Address, User: "tester"}, c)
		wants(t, err, "could not make the copy: permission denied", "choose a directory that the user may write to")
		if !errors.Is(err, syscall.EACCES) {
			t.Error(err)
		}
		c.CacheDir = ""
		h := l.mustDial(Target{Host: s.Address, User: "tester"}, c)
		if f := h.facts; f.UID != 1000 || f.NetRaw || f.NetAdmin || filepath.Dir(h.path) != filepath.Join(s.Tmp, "ringwalk-1000") {
			t.Errorf("%+v, at %s", f, h.path)
		}
		if _, err := h.Clean(context.Background(), false, nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("fallback", func(t *testing.T) {
		write(t, filepath.Join(s.Home, ".cache"), "") // a file in the way
		h := l.mustDial(Target{Host: s.Address}, l.config(s))
		if dir := filepath.Dir(h.path); dir != filepath.Join(s.Tmp, "ringwalk-0") {
			t.Errorf("it is in %s", dir)
		}
		first, err := os.Stat(h.path)
		if err != nil {
			t.Fatal(err)
		}
		again := l.mustDial(Target{Host: s.Address}, l.config(s))
		if second, err := os.Stat(again.path); err != nil || !os.SameFile(first, second) {
			t.Errorf("copied again: %v", err)
		}
		if _, err := h.Clean(context.Background(), false, nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("full everywhere", func(t *testing.T) {
		full := l.Serve("full", `
mkdir "$HOME/.cache"
mount -t tmpfs -o size=1m tmpfs "$HOME/.cache"
mount -t tmpfs -o size=1m tmpfs "$TMPDIR"
`)
		_, err := l.dial(Target{Host: full.Address}, l.config(full))
		wants(t, err, filepath.Join(full.Home, ".cache/ringwalk: could not write"), "; "+filepath.Join(full.Tmp, "ringwalk-0: could not write"))
		if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is not ENOSPC, or not one line", err)
		}
	})
	t.Run("full of old copies", func(t *testing.T) {
		self, err := os.Stat("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		const old, used = "hw-test-0123456789abcdef", "hw-test-fedcba9876543210"
		full := l.Serve("old", fmt.Sprintf(`
mkdir "$HOME/own"
mount -t tmpfs -o size=%d tmpfs "$HOME/own"
mkdir -m 700 "$HOME/own/ringwalk-0"
cd "$HOME/own/ringwalk-0"
head -c %d /dev/zero >%s
cp /bin/sleep %s
"$PWD/%[4]s" 600 2>/dev/null &
`, self.Size()*3/2, self.Size()*3/4, old, used))
		c := l.config(full)
		c.CacheDir = filepath.Join(full.Home, "own")
		dir := filepath.Join(c.CacheDir, "ringwalk-0")
		h := l.mustDial(Target{Host: full.Address}, c)
		if left := tree(full.Path(dir)); strings.Contains(left, old) || !strings.Contains(left, used) {
			t.Errorf("there are %s", left)
		}
		got, err := h.Clean(context.Background(), true, nil)
		if want := []string{filepath.Join(dir, old), filepath.Join(dir, used), dir}; err != nil || !slices.Equal(got.Removed, want) {
			t.Errorf("%+v, %v, want %q to be removed", got, err, want)
		}
	})
	t.Run("half", func(t *testing.T) {
		c := l.config(s)
		c.CacheDir = filepath.Join(s.Home, "half")
		h := l.mustDial(Target{Host: s.Address}, c)
		b, err := c.imageFor(h.facts)
		if _, failed := h.Clean(context.Background(), false, nil); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		// What a broken connection leaves of a copy.
		lines, err := h.script(context.Background(), putScript, b.bytes[:len(b.bytes)/2], b.sum, b.name(), c.CacheDir)
		if err != nil {
			t.Fatal(err)
		}
		wants(t, putError(lines), "could not verify the copy: the sha256 there is")
		if list, err := os.ReadDir(c.CacheDir); err != nil || len(list) > 0 {
			t.Errorf("left behind: %v, %v", list, err)
		}
	})
	t.Run("other hosts", func(t *testing.T) {
		h := l.mustDial(Target{Host: s.Address}, l.config(s))
		defer h.Clean(context.Background(), false, nil)
		_, err := h.config.imageFor(Facts{OS: "linux", Arch: "riscv64"})
		wants(t, err, "the host is linux/riscv64", "GOOS=linux GOARCH=riscv64 go build -o hw-test-linux-riscv64 ./hw-test")
		h.config.Binaries = map[string]string{h.facts.OS + "/" + h.facts.Arch: l.Identity}
		wants(t, h.deploy(context.Background()), "the copy does not start there", "CGO_ENABLED=0")
	})
}

// tree lists all files below dir.
func tree(dir string) string {
	var names []string
	filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		names = append(names, path)
		return nil
	})
	return strings.Join(names, " ")
}
