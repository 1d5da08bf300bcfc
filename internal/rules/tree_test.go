package rules

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// repository is the tree the tests of this package hold to the rules.
func repository() fs.FS { return os.DirFS("../..") }

// A goFile is one Go source file, whatever system it is for.
type goFile struct {
	path    string // from the root, with slashes
	dir     string
	test    bool // its name ends in _test.go
	imports []string
	lines   int
	syntax  *ast.File
}

// main says whether the file belongs to a program.
func (f *goFile) main() bool { return !f.test && f.syntax.Name.Name == "main" }

// goFiles reads the files that ./... stands for: none in testdata, nor in a
// directory whose name begins with a dot or an underscore.
func goFiles(t *testing.T, fsys fs.FS) []goFile {
	t.Helper()
	var files []goFile
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (base == "testdata" || base[0] == '.' || base[0] == '_'):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := goFile{
			path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: bytes.Count(text, []byte("\n")), syntax: syntax,
		}
		for _, s := range syntax.Imports {
			p, err := strconv.Unquote(s.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, p)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// texts calls do for every text file of the project: not for what git keeps
// for itself, nor for other hidden directories but .ci, nor for files that
// hold a zero byte, such as built programs.
func texts(t *testing.T, fsys fs.FS, do func(name string, text []byte)) {
	t.Helper()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch base := path.Base(name); {
		case err != nil:
			return err
		case d.IsDir() && name != "." && base[0] == '.' && base != ".ci":
			return fs.SkipDir
		case name == ".git" || !d.Type().IsRegular(): // in a linked work tree .git is a file
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err == nil && !bytes.Contains(text, []byte{0}) {
			do(name, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// report makes each fault an error of its own.
func report(t *testing.T, faults []string) {
	t.Helper()
	for _, f := range faults {
		t.Error(f)
	}
}

// tree is an invented repository; each pair of arguments is a file's path and
// its text.
func tree(pathsAndTexts ...string) fs.FS {
	m := fstest.MapFS{}
	for p := range slices.Chunk(pathsAndTexts, 2) {
		m[p[0]] = &fstest.MapFile{Data: []byte(p[1])}
	}
	return m
}

// expect wants exactly these faults, in any order, each known by a part of it.
func expect(t *testing.T, faults []string, wants ...string) {
	t.Helper()
	left := slices.Clone(faults)
	for _, w := range wants {
		i := slices.IndexFunc(left, func(f string) bool { return strings.Contains(f, w) })
		if i < 0 {
			t.Errorf("no fault says %q", w)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	for _, f := range left {
		t.Errorf("not a fault: %s", f)
	}
}
