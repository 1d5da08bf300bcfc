package rules

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxLines is how long a file may get that is read in one go.
const maxLines = 400

// sizeFaults finds Go files, other than tests, that are too long.
func sizeFaults(files []goFile) []string {
	var faults []string
	for _, f := range files {
		if !f.test && f.lines > maxLines {
			faults = append(faults, fmt.Sprintf("%s has %d lines, and %d are too many to read in one go: split it", f.path, f.lines, maxLines))
		}
	}
	return faults
}

// docFaults finds packages without a comment that introduces them.
func docFaults(files []goFile) []string {
	documented := map[string]bool{}
	for _, f := range files {
		if f.test {
			continue
		}
		text, name := f.syntax.Doc.Text(), f.syntax.Name.Name
		documented[f.dir] = documented[f.dir] || strings.HasPrefix(text, "Package "+name+" ") || name == "main" && text != ""
	}
	var faults []string
	for _, dir := range slices.Sorted(maps.Keys(documented)) {
		if !documented[dir] {
			faults = append(faults, dir+" has no package comment that begins with Package and its name")
		}
	}
	return faults
}

// foreign is what has no place in a project that anyone may clone. A letter in
// brackets keeps a pattern from finding itself.
var foreign = []struct {
	what string
	text *regexp.Regexp
}{
	{"a path of one machine", regexp.MustCompile(`(?:^|[^\w.])/(?:roo[t]|hom[e]|wor[k])/`)},
	{"a package registry", regexp.MustCompile(`\b(?:prox[y]|su[m])\.golang\.org|\bgopro[x]y\.|\bde[b]\.debian\.org|artifactor[y]`)},
	{"notes that are not in the repository", regexp.MustCompile(`\b(?:desig[n]|styl[e]|helpe[r])\.md\b|\bissues? sho[w]\b`)},
	{"how the text came to be", regexp.MustCompile(`\bA[I]\b|\bLL[M]s?\b|(?i:\blanguage mode[l]|\bco-authored-b[y]|\bassistan[t]\b|working agreemen[t])`)},
}

// textFaults finds what is foreign in a project's text. A go.sum holds only
// checksums, which may spell anything.
func textFaults(t *testing.T, fsys fs.FS) []string {
	var faults []string
	texts(t, fsys, func(name string, text []byte) {
		if name == "go.sum" {
			return
		}
		line := 0
		for s := range bytes.Lines(text) {
			line++
			for _, f := range foreign {
				if m := f.text.Find(s); m != nil {
					faults = append(faults, fmt.Sprintf("%s:%d: %q is %s", name, line, m, f.what))
				}
			}
		}
	})
	return faults
}

// TestFiles holds what every file owes its reader.
func TestFiles(t *testing.T) {
	files := goFiles(t, repository())
	report(t, sizeFaults(files))
	report(t, docFaults(files))
	report(t, textFaults(t, repository()))
}

func TestSizeFaults(t *testing.T) {
	long := "package p\n" + strings.Repeat("\n", maxLines-1)
	expect(t, sizeFaults(goFiles(t, tree(
		"p/long.go", long,
		"p/longer_test.go", long+"\n",
		"p/longer.go", long+"\n",
	))), "p/longer.go has 401 lines")
}

func TestDocFaults(t *testing.T) {
	expect(t, docFaults(goFiles(t, tree(
		"good/doc.go", "// Package good is.\npackage good\n",
		"good/good.go", "package good\n",
		"prog/main.go", "// Prog runs.\npackage main\n",
		"tests/only_test.go", "package tests\n",
		"silent/silent.go", "package silent\n",
		"misnamed/doc.go", "// Package good is.\npackage misnamed\n",
		"apart/doc.go", "// Package apart is.\n\npackage apart\n",
		"directive/doc.go", "//go:build linux\n\npackage directive\n",
		"mute/main.go", "package main\n",
		"tested/tested.go", "package tested\n",
		"tested/doc_test.go", "// Package tested is.\npackage tested\n",
	))), "silent has no", "misnamed has no", "apart has no", "directive has no", "mute has no", "tested has no")
}

func TestTextFaults(t *testing.T) {
	// A mark where the pattern would otherwise find this file.
	bad := func(s string) string { return strings.ReplaceAll(s, "~", "") }
	expect(t, textFaults(t, tree(
		"good.go", "/proc/self/"+"root/x, ../home/x, /homes/x, a session of TCP, MAIN, AI_PASSIVE, a helper, golang.org\n",
		"go.sum", bad("h1:/ro~ot/A~I\n"),
		".git", bad("gitdir: /ro~ot/x\n"),
		".cache/notes", bad("/ro~ot/x\n"),
		"prog", bad("\x00/ro~ot/x\n"),
		"a.go", bad("package a\n// See /ho~me/me/x.\n"),
		".ci/run", bad("cd \"/wo~rk/x\"\n/ro~ot/x\n"),
		"p/testdata/x.txt", bad("https://pro~xy.golang.org/\n"),
		"README.md", bad("Ask an A~I.\nIt is in desi~gn.md.\n"),
	)),
		`a.go:2: " /ho`, `.ci/run:1: "\"/wo`, `.ci/run:2: "/ro`, "testdata/x.txt:1:", "README.md:1:", "README.md:2:",
	)
}
