package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

var (
	//go:embed page.html
	document string
	//go:embed page.css
	css string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"css":    func() template.CSS { return template.CSS(css) },
		"lasted": lasted,
		"mark":   markOf,
		"status": status,
		"value":  value,
		"add":    func(a, b int) int { return a + b },
	}).Parse(document))
)

// Write writes the report on s. Its links are relative to the directory of s.
func Write(w io.Writer, s *results.Session) error {
	if err := page.Execute(w, newView(s)); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// A mark tells verdicts apart, on paper and by eyes that see no colours too.
type mark struct{ Class, Sign string }

// markOf is the mark of a verdict, be it a case's or a check's.
func markOf(verdict any) mark {
	switch verdict {
	case results.Passed, preflight.Pass:
		return mark{"good", "✓"}
	case results.Failed, preflight.Fail:
		return mark{"bad", "✗"}
	case results.None:
		return mark{"bad", "∅"}
	case results.Limited:
		return mark{"odd", "◐"}
	case preflight.Warn:
		return mark{"odd", "!"}
	case results.Skipped, preflight.Skipped:
		return mark{"dull", "–"}
	case results.Unfinished:
		return mark{"dull", "…"}
	}
	return mark{"odd", "?"}
}
