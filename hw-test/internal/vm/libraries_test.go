package vm

import (
	"debug/elf"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestClosure(t *testing.T) {
	d := t.TempDir()
	lib := func(dir string, e elfFile, name string) string { return e.write(t, d, dir+"/"+name) }
	// A program by $ORIGIN/../lib; liba needs libb, which is only where the
	// system looks, after a foreign one of the same name; both need each other.
	prog := lib("bin", elfFile{interp: "/lib64/ld.so", needed: []string{"liba.so.1", "libb.so"}, runpath: "$ORIGIN/../lib:/nowhere"}, "prog")
	a := lib("lib", elfFile{needed: []string{"libb.so"}}, "liba.so.1")
	lib("foreign", elfFile{machine: elf.EM_AARCH64}, "libb.so")
	b := lib("system", elfFile{needed: []string{"liba.so.1"}}, "libb.so")
	c := newClosure()
	c.system = []string{d + "/foreign", d + "/system"}
	if err := c.add(prog); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(c.files)), []string{"/lib64/ld.so", a, b}; !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("the program needs %q, want %q", got, want)
	}
	if got, want := c.dirs(), []string{d + "/lib", d + "/system"}; !slices.Equal(got, want) {
		t.Errorf("the libraries are in %q, want %q", got, want)
	}
}

func TestClosurePaths(t *testing.T) {
	d := t.TempDir()
	(&elfFile{}).write(t, d, "deep/libz.so")
	// DT_RUNPATH is for a file's own needs, DT_RPATH also for those of its
	// libraries.
	for _, c := range []struct {
		e     elfFile
		found bool
	}{
		{elfFile{needed: []string{"liby.so"}, rpath: d + "/lib:" + d + "/deep"}, true},
		{elfFile{needed: []string{"liby.so"}, runpath: d + "/lib:" + d + "/deep"}, false},
		{elfFile{needed: []string{"liby.so"}, runpath: d + "/lib", rpath: d + "/deep"}, false},
		{elfFile{needed: []string{d + "/deep/libz.so"}}, true},
	} {
		(&elfFile{needed: []string{"libz.so"}}).write(t, d, "lib/liby.so")
		cl := newClosure()
		cl.system = nil
		err := cl.add(c.e.write(t, d, "prog"))
		if (err == nil) != c.found {
			t.Errorf("%+v: %v", c.e, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "liby.so needs the library libz.so") || !strings.Contains(err.Error(), "LD_LIBRARY_PATH")) {
			t.Errorf("the error does not say who needs what: %v", err)
		}
	}
}

func TestClosureOfNothing(t *testing.T) {
	d := t.TempDir()
	script := filepath.Join(d, "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	c := newClosure()
	for _, f := range []string{script, (&elfFile{}).write(t, d, "static")} {
		if err := c.add(f); err != nil || len(c.files) > 0 {
			t.Errorf("%s needs %q, error %v", f, slices.Sorted(maps.Keys(c.files)), err)
		}
	}
	if err := c.add(filepath.Join(d, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestConfDirs(t *testing.T) {
	d := t.TempDir()
	for name, text := range map[string]string{
		"ld.so.conf":     "include conf.d/*.conf # all\n/last\ninclude ld.so.conf\n",
		"conf.d/a.conf":  "# nothing\n\n/a\n relative\n",
		"conf.d/b.conf":  "/b   \n",
		"conf.d/c.other": "/c\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(d, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// It includes itself, which must end; the order of what is first counts.
	if got := confDirs(d+"/ld.so.conf", 0); len(got) < 3 || !slices.Equal(got[:3], []string{"/a", "/b", "/last"}) || slices.Contains(got, "/c") {
		t.Errorf("the directories are %q", got)
	}
}

// TestClosureAgainstLoader compares with what the system's own loader says.
func TestClosureAgainstLoader(t *testing.T) {
	lines := regexp.MustCompile(`(?m)(?:=> |^\s+)(/\S+) \(0x`)
	compared := 0
	for _, name := range []string{"bash", "ip", "gcc", "tcpdump", "qemu-system-x86_64", "python3"} {
		prog, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if f, err := elf.Open(prog); err != nil {
			continue // a script
		} else {
			f.Close()
		}
		cmd := exec.Command(prog)
		cmd.Env = append(os.Environ(), "LD_TRACE_LOADED_OBJECTS=1")
		out, err := cmd.Output()
		if err != nil || !strings.Contains(string(out), "=>") {
			continue // static
		}
		c := newClosure()
		if err := c.add(prog); err != nil {
			t.Error(err)
			continue
		}
		// The same files; which of their names is found first may differ.
		got, want := map[string]bool{}, map[string]bool{}
		for f := range c.files {
			got[resolved(t, f)] = true
		}
		for _, m := range lines.FindAllStringSubmatch(string(out), -1) {
			want[resolved(t, m[1])] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s needs\n%q, the loader says\n%q", prog, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		compared++
	}
	if compared == 0 {
		t.Skip("there is no program here that the loader would tell about")
	}
}

func resolved(t *testing.T, f string) string {
	t.Helper()
	f, err := filepath.EvalSymlinks(f)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
