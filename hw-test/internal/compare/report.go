package compare

import (
	"fmt"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Report is what --json prints. Lists are never null.
type Report struct {
	Tool    string `json:"tool"` // "hw-test"
	Version string `json:"version"`
	Limit
	// Figures is how many were judged together, and Needed how many runs each
	// group needs so that a change of one of so many can be certain.
	Figures int      `json:"figures"`
	Needed  int      `json:"runs_needed"`
	Groups  []*Group `json:"groups"`
	// Comparisons are of each later group with the first.
	Comparisons []*Comparison `json:"comparisons"`
	// Regressions are those of figures and of cases.
	Regressions int `json:"regressions"`
	ExitStatus  int `json:"exit_status"`
}

// Comparison holds one group against the baseline.
type Comparison struct {
	Base string `json:"base"`
	New  string `json:"new"`
	// Differences are those besides the figures, and Notes sentences on what
	// makes them doubtful.
	Differences []Difference    `json:"differences"`
	Notes       []string        `json:"notes"`
	Cases       []*CaseChange   `json:"cases"`
	Figures     []*FigureChange `json:"figures"`
	// OnlyBase and OnlyNew are cases and figures that one group has none of.
	OnlyBase []string `json:"only_base"`
	OnlyNew  []string `json:"only_new"`
}

// FigureChange is one figure in two groups.
type FigureChange struct {
	Suite  string         `json:"suite"`
	Case   string         `json:"case"`
	Figure string         `json:"figure"`
	Unit   string         `json:"unit"`
	Better results.Better `json:"better"`
	Base   Sample         `json:"base"`
	New    Sample         `json:"new"`
	// Change is that of the medians, as a share of the baseline's; null if that
	// is zero.
	Change  *float64 `json:"change"`
	Verdict Verdict  `json:"verdict"`
	// Confidence is that of the verdict: that there is a difference at all, or
	// with "same" that there is none above the threshold. The first is
	// corrected for the number of figures, the second is of this one alone.
	Confidence float64 `json:"confidence"`
	// Why is what makes it unclear.
	Why string `json:"why,omitempty"`

	differs float64 // the confidence that there is a difference
	tooFew  bool    // runs for any
}

// String is the figure's name as it is printed.
func (f *FigureChange) String() string {
	return figureKey{suite: f.Suite, name: f.Case, figure: f.Figure}.String()
}

// compare makes the report of groups, the first of which is the baseline. The
// error is one of groups that cannot be compared; force lets other settings
// pass.
func compare(groups []*Group, l Limit, force bool) (*Report, error) {
	r := &Report{Tool: "hw-test", Version: cli.Version(), Limit: l, Groups: groups, Comparisons: []*Comparison{}}
	base, baseIs := collect(groups[0]), paint(groups[0])
	mixed := baseIs.mixed
	var all []*FigureChange
	for _, g := range groups[1:] {
		is := paint(g)
		c := &Comparison{
			Base: groups[0].Name, New: g.Name, Differences: differences(baseIs, is),
			Notes: []string{}, Cases: []*CaseChange{}, Figures: []*FigureChange{}, OnlyBase: []string{}, OnlyNew: []string{},
		}
		mixed = append(mixed, is.mixed...)
		for _, d := range c.Differences {
			if d.Unfair {
				mixed = append(mixed, fmt.Sprintf("%s is %s in %s and %s in %s", d.What, or(d.Base), c.Base, or(d.New), c.New))
			}
		}
		c.fill(base, collect(g))
		if len(c.Figures) == 0 && len(c.Cases) == 0 {
			return nil, cli.Usagef("nothing in %s is also in %s: there is nothing to compare", c.New, c.Base)
		}
		all = append(all, c.Figures...)
		r.Comparisons = append(r.Comparisons, c)
	}
	if len(mixed) > 0 && !force {
		more := ""
		if n := len(mixed); n > 3 {
			mixed, more = mixed[:3], fmt.Sprintf(", and %d more", n-3)
		}
		return nil, cli.Usagef("the figures were not measured in the same way (%s%s): --force compares them all the same", strings.Join(mixed, "; "), more)
	}
	judge(all, l)
	r.Figures, r.Needed = len(all), needed(max(1, len(all)), l)
	for _, c := range r.Comparisons {
		c.note(r)
		r.Regressions += c.count(Regression)
	}
	if r.Regressions > 0 {
		r.ExitStatus = cli.ExitShort
	}
	return r, nil
}

// fill pairs what both groups found.
func (c *Comparison) fill(base, new *found) {
	gone := map[figureKey]bool{} // cases that one group alone has, whose figures go without saying
	for _, k := range base.cases {
		if new.verdict[k] == nil {
			c.OnlyBase, gone[k] = append(c.OnlyBase, k.String()), true
		} else if ch := change(k, base.verdict[k], new.verdict[k], c.Base, c.New); ch != nil {
			c.Cases = append(c.Cases, ch)
		}
	}
	for _, k := range new.cases {
		if base.verdict[k] == nil {
			c.OnlyNew, gone[k] = append(c.OnlyNew, k.String()), true
		}
	}
	for _, k := range base.figures {
		a, b := base.values[k], new.values[k]
		switch {
		case b != nil:
			c.Figures = append(c.Figures, &FigureChange{
				Suite: k.suite, Case: k.name, Figure: k.figure, Unit: k.unit, Better: k.better, Base: newSample(a), New: newSample(b),
			})
		case !gone[figureKey{suite: k.suite, name: k.name}]:
			c.OnlyBase = append(c.OnlyBase, k.String())
		}
	}
	for _, k := range new.figures {
		if base.values[k] == nil && !gone[figureKey{suite: k.suite, name: k.name}] {
			c.OnlyNew = append(c.OnlyNew, k.String())
		}
	}
}

// note says what makes the comparison doubtful.
func (c *Comparison) note(r *Report) {
	few := 0
	for _, f := range c.Figures {
		if f.tooFew {
			few++
		}
	}
	a, b := r.group(c.Base), r.group(c.New)
	switch {
	case few == 0:
	case len(a.Runs) == 1 && len(b.Runs) == 1:
		c.Notes = append(c.Notes, fmt.Sprintf(
			"one run against one run shows a difference, not whether it is noise: no figure can be called a regression before %d runs each", r.Needed))
	default:
		c.Notes = append(c.Notes, fmt.Sprintf(
			"%d of %d figures have too few runs for a regression to be certain: %d figures at a confidence of %.4g %% take %d runs each",
			few, len(c.Figures), r.Figures, 100*r.Confidence, r.Needed))
	}
	for _, g := range []*Group{a, b} {
		n := 0
		for _, run := range g.Runs {
			if run.Interrupted {
				n++
			}
		}
		if n > 0 {
			c.Notes = append(c.Notes, fmt.Sprintf("%d of %s of %s were interrupted: their cases count as far as they came", n, runs(len(g.Runs)), g.Name))
		}
	}
}

func (r *Report) group(name string) *Group { return r.Groups[name[0]-'A'] }

// count is how many figures and cases have a verdict.
func (c *Comparison) count(v Verdict) (n int) {
	for _, f := range c.Figures {
		if f.Verdict == v {
			n++
		}
	}
	for _, ch := range c.Cases {
		if ch.Verdict == v {
			n++
		}
	}
	return n
}
