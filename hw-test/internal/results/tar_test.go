package results

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func newDir(t testing.TB) *Dir {
	t.Helper()
	d, err := Create(t.TempDir(), "x", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// files are the contents of a directory by name.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if !e.Type().IsRegular() {
			t.Errorf("%s is %v", p, e.Type())
		}
		b, err := os.ReadFile(p)
		name, _ := filepath.Rel(dir, p)
		all[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTar(t *testing.T) {
	d := newDir(t)
	if err := d.File("report.html", []byte("<p>")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := d.Trial("loss", map[string]int{"a": 1}); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := d.Tar(&b); err != nil {
		t.Fatal(err)
	}
	back := newDir(t)
	if err := Untar(&b, back); err != nil {
		t.Fatal(err)
	}
	want, got := files(t, d.Path()), files(t, back.Path())
	if !maps.Equal(want, got) || len(want) != 3 {
		t.Errorf("%q, want %q", got, want)
	}
}

// archive is a tar archive of these entries with a few bytes each.
func archive(t testing.TB, entries ...tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		h.Mode = 0o4777
		if h.Typeflag == tar.TypeReg {
			h.Size = 4
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte("text")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// TestUntarHostile: what no session writes is refused, and nothing of it is
// made outside.
func TestUntarHostile(t *testing.T) {
	for _, h := range []tar.Header{
		{Name: "/etc/passwd", Typeflag: tar.TypeReg},
		{Name: "../up", Typeflag: tar.TypeReg},
		{Name: "a/../../up", Typeflag: tar.TypeReg},
		{Name: "a/./b", Typeflag: tar.TypeReg},
		{Name: "a//b", Typeflag: tar.TypeReg},
		{Name: ".", Typeflag: tar.TypeReg},
		{Name: "..", Typeflag: tar.TypeDir},
		{Name: `a\b`, Typeflag: tar.TypeReg},
		{Name: strings.Repeat("n", 300), Typeflag: tar.TypeReg},
		{Name: "link", Linkname: "/etc", Typeflag: tar.TypeSymlink},
		{Name: "link", Linkname: "ok", Typeflag: tar.TypeLink},
		{Name: "pipe", Typeflag: tar.TypeFifo},
		{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3},
	} {
		d := newDir(t)
		err := Untar(archive(t, tar.Header{Name: "ok", Typeflag: tar.TypeReg}, h), d)
		if !errors.Is(err, errArchive) {
			t.Errorf("%q of type %c: %v", h.Name, h.Typeflag, err)
		}
		if got := slices.Collect(maps.Keys(files(t, filepath.Dir(d.Path())))); len(got) != 1 {
			t.Errorf("%q of type %c: made %q", h.Name, h.Typeflag, got)
		}
	}
	d := newDir(t)
	twice := tar.Header{Name: "ok", Typeflag: tar.TypeReg}
	if err := Untar(archive(t, twice, twice), d); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file twice: %v", err)
	}
	if st, err := os.Stat(filepath.Join(d.Path(), "ok")); err != nil || st.Mode() != 0o644 {
		t.Errorf("%v, %v", st, err)
	}
	if err := Untar(strings.NewReader(strings.Repeat("x", 1024)), newDir(t)); !errors.Is(err, errArchive) {
		t.Errorf("garbage: %v", err)
	}
	if err := Untar(bytes.NewReader(archive(t, twice).Bytes()[:514]), newDir(t)); !errors.Is(err, errArchive) {
		t.Errorf("cut: %v", err)
	}
	for key, want := range map[string]bool{"GNU.sparse.major": true, "comment": false} {
		if h := (&tar.Header{PAXRecords: map[string]string{key: "1"}}); sparse(h) != want {
			t.Errorf("%s: sparse is %v", key, !want)
		}
	}
	// A size that is claimed is not reserved.
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 1 << 40}); err != nil {
		t.Fatal(err)
	}
	if err := Untar(&b, newDir(t)); !errors.Is(err, errArchive) {
		t.Errorf("a claim: %v", err)
	}
}

func FuzzUntar(f *testing.F) {
	f.Add(archive(f, tar.Header{Name: "trials/", Typeflag: tar.TypeDir}, tar.Header{Name: "trials/a", Typeflag: tar.TypeReg}).Bytes())
	f.Add(archive(f, tar.Header{Name: "../a", Typeflag: tar.TypeReg}).Bytes())
	f.Add(archive(f, tar.Header{Name: "l", Linkname: "..", Typeflag: tar.TypeSymlink}, tar.Header{Name: "l/a", Typeflag: tar.TypeReg}).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		_ = untar(tar.NewReader(bytes.NewReader(b)), func(name string, text []byte) error {
			if !filepath.IsLocal(name) || filepath.Clean(name) != name || name == "." {
				t.Errorf("a file %q", name)
			}
			total += len(text)
			return nil
		})
		if total > len(b) {
			t.Errorf("%d bytes out of %d", total, len(b))
		}
	})
}
