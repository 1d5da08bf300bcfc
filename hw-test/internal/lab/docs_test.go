package lab

import (
	"os"
	"strings"
	"testing"
)

// TestDocs: the lab files that the documentation shows are right.
func TestDocs(t *testing.T) {
	n := 0
	for _, file := range []string{"README.md", "docs/lab.md", "docs/hosts.md", "docs/troubleshooting.md"} {
		text, err := os.ReadFile("../../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(text), "```yaml\n") {
			if i == 0 {
				continue
			}
			block, _, ended := strings.Cut(part, "\n```")
			l, err := Parse(file, []byte(block))
			if err != nil || !ended {
				t.Errorf("%v in\n%s", err, block)
				continue
			}
			if len(l.Paths()) == 0 {
				t.Errorf("%s has no path", block)
			}
			n++
		}
	}
	if n == 0 {
		t.Error("there is none")
	}
}
