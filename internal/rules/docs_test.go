package rules

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A block is a fenced code block of a Markdown file.
type block struct {
	line   int      // of its fence
	before string   // the line above the fence
	info   []string // the words behind the fence
	text   []string
}

// blocks takes a Markdown file apart into its code blocks and its prose, whose
// lines keep their numbers.
func blocks(text string) (list []block, prose []string) {
	var open *block
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		switch fence, isFence := strings.CutPrefix(line, "```"); {
		case isFence && open == nil:
			open = &block{line: i + 1, info: strings.Fields(fence)}
			if i > 0 {
				open.before = lines[i-1]
			}
		case isFence:
			list = append(list, *open)
			open = nil
		case open != nil:
			open.text = append(open.text, line)
		default:
			prose = append(prose, line)
			continue
		}
		prose = append(prose, "")
	}
	return list, prose
}

// region returns the lines of a Go file from "//docs:begin NAME" to the next
// "//docs:end", without what they are all indented by and without blank lines
// around them.
func region(text, name string) ([]string, bool) {
	_, rest, found := strings.Cut(text, "//docs:begin "+name+"\n")
	body, _, ended := strings.Cut(rest, "//docs:end\n")
	if !found || !ended {
		return nil, false
	}
	lines := strings.Split(strings.Trim(strings.TrimRight(body, "\t\n"), "\n"), "\n")
	for slices.ContainsFunc(lines, func(s string) bool { return s != "" }) &&
		!slices.ContainsFunc(lines, func(s string) bool { return s != "" && s[0] != '\t' }) {
		for i := range lines {
			lines[i] = strings.TrimPrefix(lines[i], "\t")
		}
	}
	return lines, true
}

// quoting names what a block of Go is quoted from: a file and its regions.
var quoting = regexp.MustCompile(`^<!-- ([\w./-]+): (\w+(?:, \w+)*) -->$`)

// quoteFaults finds Go in Markdown files that is not word for word in a file
// that compiles.
func quoteFaults(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var faults []string
	markdown(t, fsys, func(name, text string) {
		list, _ := blocks(text)
		for _, b := range list {
			if len(b.info) == 0 || b.info[0] != "go" {
				continue
			}
			at := fmt.Sprintf("%s:%d: ", name, b.line)
			m := quoting.FindStringSubmatch(b.before)
			if m == nil {
				faults = append(faults, at+"Go without a line <!-- FILE.go: REGION --> above it, that says where it compiles")
				continue
			}
			source, err := fs.ReadFile(fsys, m[1])
			if err != nil {
				faults = append(faults, at+err.Error())
				continue
			}
			var want []string
			for i, r := range strings.Split(m[2], ", ") {
				lines, ok := region(string(source), r)
				if !ok {
					faults = append(faults, fmt.Sprintf("%s%s has no region %s", at, m[1], r))
				}
				if i > 0 {
					want = append(want, "")
				}
				want = append(want, lines...)
			}
			if !slices.Equal(b.text, want) {
				faults = append(faults, fmt.Sprintf("%snot what %s has in %s, which is\n%s", at, m[1], m[2], strings.Join(want, "\n")))
			}
		}
	})
	return faults
}

// linked finds links to other places than the web.
var linked = regexp.MustCompile(`\]\(([^):]+)\)`)

// linkFaults finds links between files that lead nowhere.
func linkFaults(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var faults []string
	markdown(t, fsys, func(name, text string) {
		_, prose := blocks(text)
		for i, line := range prose {
			for _, m := range linked.FindAllStringSubmatch(line, -1) {
				file, anchor, anchored := strings.Cut(m[1], "#")
				target := name
				if file != "" {
					target = path.Join(path.Dir(name), file)
				}
				if _, err := fs.Stat(fsys, target); errors.Is(err, fs.ErrNotExist) {
					faults = append(faults, fmt.Sprintf("%s:%d: there is no %s", name, i+1, target))
					continue
				}
				if !anchored {
					continue
				}
				there, err := fs.ReadFile(fsys, target)
				if err != nil || !slices.Contains(anchors(string(there)), anchor) {
					faults = append(faults, fmt.Sprintf("%s:%d: %s has no heading for #%s", name, i+1, target, anchor))
				}
			}
		}
	})
	return faults
}

var (
	notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	heading      = regexp.MustCompile(`^#+ +(.*)$`)
)

// anchors are those that GitHub makes of a file's headings.
func anchors(text string) (list []string) {
	_, prose := blocks(text)
	for _, line := range prose {
		if m := heading.FindStringSubmatch(line); m != nil {
			a := notInAnchors.ReplaceAllString(strings.ToLower(m[1]), "")
			list = append(list, strings.ReplaceAll(a, " ", "-"))
		}
	}
	return list
}

func markdown(t *testing.T, fsys fs.FS, do func(name, text string)) {
	t.Helper()
	texts(t, fsys, func(name string, text []byte) {
		if path.Ext(name) == ".md" {
			do(name, string(text))
		}
	})
}

// TestDocs holds that what the documentation quotes and refers to is there.
func TestDocs(t *testing.T) {
	report(t, quoteFaults(t, repository()))
	report(t, linkFaults(t, repository()))
}

func TestQuoteFaults(t *testing.T) {
	const source = "package p\n\n//docs:begin one\n\n// F is.\nfunc F() {\n\tg()\n\n\t//docs:begin body\n\th()\n\tif x {\n\t\ti()\n\t}\n\t//docs:end\n}\n"
	quote := func(from, text string) string { return from + "\n```go\n" + text + "\n```\n" }
	expect(t, quoteFaults(t, tree(
		"p/p.go", source,
		"good.md", "```sh\ngo\n```\n"+quote("<!-- p/p.go: body -->", "h()\nif x {\n\ti()\n}"),
		"two.md", quote("<!-- p/p.go: body, body -->", "h()\nif x {\n\ti()\n}\n\nh()\nif x {\n\ti()\n}"),
		"changed.md", quote("<!-- p/p.go: body -->", "h()\nif y {\n\ti()\n}"),
		"short.md", quote("<!-- p/p.go: body -->", "h()"),
		"bare.md", quote("", "h()"),
		"nofile.md", quote("<!-- p/q.go: body -->", "h()"),
		"noregion.md", quote("<!-- p/p.go: two -->", ""),
	)), "changed.md:2: not what", "short.md:2: not what", "bare.md:2: Go without", "nofile.md:2: ", "noregion.md:2: p/p.go has no region two", "noregion.md:2: not what")
}

func TestLinkFaults(t *testing.T) {
	expect(t, linkFaults(t, tree(
		"README.md", "# A `go` thing: one, two\n[a](docs/a.md) [b](docs/a.md#the-2nd-one) [web](https://x/y#z)\n[c](#a-go-thing-one-two)\n"+
			"```\n[d](nowhere)\n# no heading\n```\n[e](docs/b.md)\n[f](#no-heading) [g](docs/a.md#first)\n",
		"docs/a.md", "## The 2nd one\n[up](../README.md) [down](c.md)\n",
	)), "README.md:8: there is no docs/b.md", "README.md:9: README.md has no heading for #no-heading",
		"README.md:9: docs/a.md has no heading for #first", "docs/a.md:2: there is no docs/c.md")
}
