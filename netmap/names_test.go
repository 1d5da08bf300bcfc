package netmap

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestNames holds the table of names.go against the header's names and against
// the package: every name is in it once, what it names in Go is there, and has
// the header's value if it is a constant.
func TestNames(t *testing.T) {
	header := headerNames(t)
	consts, others := declared(t)
	seen := map[string]bool{}
	for _, row := range table(t) {
		value, known := header[row.c]
		switch {
		case !known:
			t.Errorf("%s is not in the header", row.c)
		case seen[row.c]:
			t.Errorf("%s is there twice", row.c)
		}
		seen[row.c] = true
		if row.goName == "-" {
			if row.text == "" {
				t.Errorf("%s has no Go name, and no reason for that", row.c)
			}
		} else if v, ok := consts[row.goName]; ok {
			if v != value {
				t.Errorf("%s is %#x, %s is %#x", row.c, value, row.goName, v)
			}
		} else if !others[row.goName] {
			t.Errorf("%s is %s, which is not in the package", row.c, row.goName)
		}
		for _, name := range goName.FindAllString(row.text, -1) {
			if _, ok := consts[name]; !ok && !others[name] {
				t.Errorf("%s names %s, which is not in the package", row.c, name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if !seen[name] {
			t.Errorf("%s of the header is not in the table", name)
		}
	}
}

// goName is a name with a capital first and a small letter somewhere.
var goName = regexp.MustCompile(`\b[A-Z][A-Za-z]*[a-z][A-Za-z]*(\.[A-Z][A-Za-z]*)?`)

type tableRow struct{ c, goName, text string }

func table(t *testing.T) (rows []tableRow) {
	f, err := parser.ParseFile(token.NewFileSet(), "names.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(f.Doc.Text()) {
		if !strings.HasPrefix(line, "\t") {
			continue
		}
		words := strings.Fields(line)
		if len(words) < 2 {
			t.Fatalf("a row of one column: %q", line)
		}
		rows = append(rows, tableRow{words[0], words[1], strings.Join(words[2:], " ")})
	}
	return rows
}

func headerNames(t *testing.T) map[string]uint64 {
	text, err := os.ReadFile("testdata/netmap.h.names")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]uint64{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if all[name], err = strconv.ParseUint(value, 0, 64); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// declared returns the package's exported constants of a plain number, and all
// other exported names, with methods and fields as Type.Name.
func declared(t *testing.T) (consts map[string]uint64, others map[string]bool) {
	consts, others = map[string]uint64{}, map[string]bool{}
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				others[receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						others[s.Name.Name] = true
						members(s, others)
					case *ast.ValueSpec:
						for i, n := range s.Names {
							if i < len(s.Values) {
								if lit, ok := s.Values[i].(*ast.BasicLit); ok && lit.Kind == token.INT {
									if consts[n.Name], err = strconv.ParseUint(lit.Value, 0, 64); err != nil {
										t.Fatal(err)
									}
								}
							}
						}
					}
				}
			}
		}
	}
	return consts, others
}

// receiver is the type of a method's receiver with a dot, "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	typ := d.Recv.List[0].Type
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name + "."
	}
	return "?."
}

// members notes the fields of a struct and the methods of an interface.
func members(s *ast.TypeSpec, all map[string]bool) {
	var list *ast.FieldList
	switch x := s.Type.(type) {
	case *ast.StructType:
		list = x.Fields
	case *ast.InterfaceType:
		list = x.Methods
	default:
		return
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			all[s.Name.Name+"."+n.Name] = true
		}
	}
}
