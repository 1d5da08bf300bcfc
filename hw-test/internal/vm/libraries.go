package vm

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// closure is the files that programs need to run elsewhere: their interpreters
// and the shared libraries, theirs and those of the libraries. What a program
// loads by itself later (dlopen) is not among them.
//
// The search is ld.so(8)'s, but that it reads /etc/ld.so.conf instead of the
// cache made from it.
type closure struct {
	system []string          // where ld.so looks without being told
	files  map[string]bool   // absolute paths, as ld.so would open them
	names  map[string]string // what DT_NEEDED says: the path of it
}

func newClosure() *closure {
	c := &closure{files: map[string]bool{}, names: map[string]string{}}
	c.system = filepath.SplitList(os.Getenv("LD_LIBRARY_PATH"))
	c.system = append(c.system, confDirs("/etc/ld.so.conf", 0)...)
	for _, d := range []string{"lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu", "lib64", "lib"} {
		c.system = append(c.system, "/"+d, "/usr/"+d)
	}
	return c
}

// confDirs reads an ld.so.conf; what cannot be read says nothing.
func confDirs(name string, depth int) (dirs []string) {
	f, err := os.Open(name)
	if err != nil || depth > 8 {
		return nil
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line, _, _ := strings.Cut(sc.Text(), "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0:
		case fields[0] == "include":
			for _, pattern := range fields[1:] {
				if !filepath.IsAbs(pattern) {
					pattern = filepath.Join(filepath.Dir(name), pattern)
				}
				matches, _ := filepath.Glob(pattern) // fails for bad patterns only
				for _, m := range matches {
					dirs = append(dirs, confDirs(m, depth+1)...)
				}
			}
		case filepath.IsAbs(fields[0]):
			dirs = append(dirs, fields[0])
		}
	}
	return dirs
}

// add adds what the program or library at name needs. A file that is not ELF,
// such as a script or a capture, needs nothing.
func (c *closure) add(name string) error { return c.addFor(name, nil) }

// addFor does it for one that was found by another's need; rpath is what the
// others' DT_RPATH say.
func (c *closure) addFor(name string, rpath []string) error {
	f, err := elf.Open(name)
	if _, notELF := errors.AsType[*elf.FormatError](err); notELF || err == io.EOF { // EOF: shorter than its magic number
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the libraries that %s needs: %w", name, err)
	}
	defer f.Close()
	if interpreter, err := interp(f); err != nil {
		return fmt.Errorf("look for the libraries that %s needs: %w", name, err)
	} else if interpreter != "" {
		c.files[interpreter] = true
	}
	needed, err := f.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("look for the libraries that %s needs: %w", name, err)
	}
	runpath := origin(f, elf.DT_RUNPATH, name)
	if len(runpath) == 0 { // else ld.so ignores DT_RPATH
		rpath = append(origin(f, elf.DT_RPATH, name), rpath...)
	}
	for _, n := range needed {
		if _, found := c.names[n]; found {
			continue
		}
		p, err := c.find(f, n, slices.Concat(rpath, runpath, c.system))
		if err != nil {
			return fmt.Errorf("%s needs the library %s: %w", name, n, err)
		}
		c.names[n], c.files[p] = p, true
		if err := c.addFor(p, rpath); err != nil {
			return err
		}
	}
	return nil
}

// find looks for a library of the same kind as f.
func (c *closure) find(f *elf.File, name string, dirs []string) (string, error) {
	candidates := []string{name}
	if !strings.Contains(name, "/") {
		candidates = candidates[:0]
		for _, d := range dirs {
			if filepath.IsAbs(d) {
				candidates = append(candidates, filepath.Join(d, name))
			}
		}
	}
	for _, p := range candidates {
		lib, err := elf.Open(p)
		if err != nil {
			continue
		}
		same := lib.Class == f.Class && lib.Machine == f.Machine
		lib.Close()
		if same {
			return p, nil
		}
	}
	return "", fmt.Errorf("it is in none of %s: set LD_LIBRARY_PATH to where it is", strings.Join(dirs, ", "))
}

// dirs are the directories of the libraries, for the guest's LD_LIBRARY_PATH:
// it has no cache.
func (c *closure) dirs() []string {
	dirs := map[string]bool{}
	for _, p := range c.names {
		dirs[filepath.Dir(p)] = true
	}
	return slices.Sorted(maps.Keys(dirs))
}

// interp is the program's interpreter, empty for a static one and for a
// library.
func interp(f *elf.File) (string, error) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b := make([]byte, min(p.Filesz, 4096))
			_, err := p.ReadAt(b, 0)
			return strings.TrimRight(string(b), "\x00"), err
		}
	}
	return "", nil
}

// origin is a search path of the file called name.
func origin(f *elf.File, tag elf.DynTag, name string) (dirs []string) {
	values, _ := f.DynString(tag) // none in a static program
	here, err := filepath.EvalSymlinks(name)
	if err != nil {
		here = name
	}
	if abs, err := filepath.Abs(here); err == nil {
		here = abs
	}
	replace := strings.NewReplacer("$ORIGIN", filepath.Dir(here), "${ORIGIN}", filepath.Dir(here))
	for _, v := range values {
		for _, d := range filepath.SplitList(v) {
			dirs = append(dirs, replace.Replace(d))
		}
	}
	return dirs
}
