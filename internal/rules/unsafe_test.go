package rules

import (
	"slices"
	"strings"
	"testing"
)

// unsafeFaults finds cgo anywhere, and unsafe and linkname in files whose name
// does not say so.
func unsafeFaults(files []goFile) []string {
	var faults []string
	for _, f := range files {
		if slices.Contains(f.imports, "C") {
			faults = append(faults, f.path+` imports "C": there is no cgo here`)
		}
		if strings.HasSuffix(f.path, "_unsafe.go") || strings.Contains(f.path[len(f.dir):], "_unsafe_") {
			continue
		}
		if slices.Contains(f.imports, "unsafe") {
			faults = append(faults, f.path+" imports unsafe, which belongs in a file named …_unsafe.go or …_unsafe_….go")
		}
		for _, group := range f.syntax.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, "//go:linkname") {
					faults = append(faults, f.path+" uses go:linkname, which belongs in a file named …_unsafe.go")
				}
			}
		}
	}
	return faults
}

// TestUnsafe holds that a reader finds everything unsafe by the files' names.
func TestUnsafe(t *testing.T) {
	report(t, unsafeFaults(goFiles(t, repository())))
}

func TestUnsafeFaults(t *testing.T) {
	const (
		imports = "package p\nimport _ \"unsafe\"\n"
		linked  = imports + "//go:linkname nanotime runtime.nanotime\nfunc nanotime() int64\n"
	)
	expect(t, unsafeFaults(goFiles(t, tree(
		"p/a_unsafe.go", linked,
		"p/a_unsafe_linux.go", imports,
		"p/a_unsafe_test.go", imports,
		"p/says.go", "package p\n// It is not safe: see //go:linkname and \"unsafe\".\nvar x int\n",
		"p/plain.go", imports,
		"p/plain_test.go", imports,
		"p/unsafe.go", imports,
		"p/links.go", linked,
		"q_unsafe_r/plain.go", imports,
		"p/c_unsafe.go", "package p\nimport \"C\"\n",
	))),
		"p/plain.go imports unsafe", "p/plain_test.go imports unsafe", "p/unsafe.go imports unsafe",
		"p/links.go imports unsafe", "p/links.go uses go:linkname",
		"q_unsafe_r/plain.go imports unsafe", `p/c_unsafe.go imports "C"`,
	)
}
