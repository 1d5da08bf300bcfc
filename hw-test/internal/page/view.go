package page

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// A view is what the page shows of a session.
type view struct {
	*results.Session
	Headline string
	Command  string
	Counts   []count
	Files    []link
	Suites   []suite
	// Checks are those of the preflight to be seen, Passed and Skipped those to
	// be looked up.
	Checks, Passed, Skipped []preflight.Check
}

// A count is how many cases have a verdict.
type count struct {
	Verdict results.Verdict
	N       int
}

// A link leads to another file of the session's directory.
type link struct{ Href, Name string }

// href is the reference to a file, from the page beside it; "" for a name
// that is no file's there.
func href(name string) string {
	if !fs.ValidPath(name) {
		return ""
	}
	return "./" + name // so that no part of it is taken for a scheme
}

// A suite is what is shown of one.
type suite struct {
	*results.Suite
	ID       string
	Outcome  string
	Worst    results.Verdict
	Settings string
	File     link
	Columns  []column // of figures
	Listed   bool     // there are too many for columns: each is written with its name
	Rows     []line
	Plots    []plotView
	// Pictures are the plots of the cases.
	Pictures []plotView
	Fold     bool // too many to be looked at unasked
}

// A column is a figure that cases have.
type column struct {
	Name   string
	Better results.Better
}

// A line is a case in a table.
type line struct {
	*results.Case
	Cells  []string // one for each column, with "" where the case has no such figure
	Trials []link
}

// A plotView is a picture and what stands below it.
type plotView struct {
	Title string
	SVG   template.HTML // "" if there is nothing to see
	Notes []string
}

const (
	mostColumns  = 7
	mostPictures = 16 // of cases, before they are folded
)

func newView(s *results.Session) *view {
	v := &view{Session: s, Headline: headline(s), Command: cli.Shell(append([]string{s.Tool}, s.Command...)...)}
	names := []string{"results.json", "results.csv", "junit.xml"}
	if s.Preflight != nil {
		names = append(names, "preflight.json")
		for _, c := range s.Preflight.Checks {
			switch c.Verdict {
			case preflight.Pass:
				v.Passed = append(v.Passed, c)
			case preflight.Skipped:
				v.Skipped = append(v.Skipped, c)
			default:
				v.Checks = append(v.Checks, c)
			}
		}
		slices.SortStableFunc(v.Checks, func(a, b preflight.Check) int { return rank(a) - rank(b) })
	}
	if s.Lab != nil {
		names = append(names, "lab.yaml")
	}
	for _, n := range names {
		v.Files = append(v.Files, link{href(n), n})
	}
	n := map[results.Verdict]int{}
	for i, from := range s.Suites {
		v.Suites = append(v.Suites, newSuite(from, fmt.Sprintf("suite-%d", i+1)))
		for _, c := range from.Cases {
			n[c.Verdict]++
		}
	}
	for _, verdict := range slices.Backward(results.Order) {
		if n[verdict] > 0 {
			v.Counts = append(v.Counts, count{verdict, n[verdict]})
		}
	}
	return v
}

// rank puts failures before warnings.
func rank(c preflight.Check) int {
	if c.Verdict == preflight.Fail {
		return 0
	}
	return 1
}

func newSuite(from *results.Suite, id string) suite {
	file := "suites/" + from.Name + ".json"
	s := suite{Suite: from, ID: id, Outcome: strings.Join(outcome(from.Cases), "; "), Worst: worst(from.Cases), File: link{href(file), file}}
	if from.Settings != nil {
		b, err := json.MarshalIndent(from.Settings, "", "  ")
		if err != nil {
			b = []byte(err.Error())
		}
		s.Settings = string(b)
	}
	for _, c := range from.Cases {
		for _, f := range c.Figures {
			if !slices.ContainsFunc(s.Columns, func(c column) bool { return c.Name == f.Name }) {
				s.Columns = append(s.Columns, column{f.Name, f.Better})
			}
		}
	}
	if s.Listed = len(s.Columns) > mostColumns; s.Listed {
		s.Columns = nil
	}
	for _, c := range from.Cases {
		s.Rows = append(s.Rows, newLine(c, s.Columns))
		for i := range c.Plots {
			p := newPlotView(&c.Plots[i])
			if !strings.HasPrefix(p.Title, c.Name+": ") {
				p.Title = c.Name + ": " + p.Title
			}
			s.Pictures = append(s.Pictures, p)
		}
	}
	s.Fold = len(s.Pictures) > mostPictures
	for i := range from.Plots {
		s.Plots = append(s.Plots, newPlotView(&from.Plots[i]))
	}
	return s
}

// worst is that of the cases' verdicts.
func worst(cases []*results.Case) results.Verdict {
	var verdicts []results.Verdict
	for _, c := range cases {
		verdicts = append(verdicts, c.Verdict)
	}
	return results.Worst(verdicts...)
}

func newLine(c *results.Case, columns []column) line {
	l := line{Case: c}
	for _, col := range columns {
		cell := ""
		for _, f := range c.Figures {
			if f.Name == col.Name {
				cell = value(f.Value, f.Unit)
			}
		}
		l.Cells = append(l.Cells, cell)
	}
	for _, t := range c.Trials {
		if h := href(t); h != "" {
			l.Trials = append(l.Trials, link{h, path.Base(t)})
		}
	}
	return l
}

func newPlotView(p *results.Plot) plotView {
	svg, left, err := picture(p)
	v := plotView{Title: p.Title, SVG: svg}
	switch {
	case err != nil:
		v.Notes = append(v.Notes, err.Error())
	case svg == "":
		v.Notes = append(v.Notes, "nothing to draw")
	}
	if left == 1 {
		v.Notes = append(v.Notes, "1 point is left out: it has no place on these axes")
	} else if left > 1 {
		v.Notes = append(v.Notes, fmt.Sprintf("%d points are left out: they have no place on these axes", left))
	}
	return v
}
