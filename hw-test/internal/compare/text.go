package compare

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// print is the report for people.
func (r *Report) print(w io.Writer) {
	for _, g := range r.Groups {
		g.print(w)
	}
	for _, c := range r.Comparisons {
		fmt.Fprintln(w)
		c.print(w, r)
	}
}

func (g *Group) print(w io.Writer) {
	first, last := g.Runs[0].Start, g.Runs[0].Start
	for _, run := range g.Runs {
		if run.Start.Before(first) {
			first = run.Start
		}
		if run.Start.After(last) {
			last = run.Start
		}
	}
	when := first.UTC().Format(time.DateTime)
	if !last.Equal(first) {
		when += " to " + last.UTC().Format(time.DateTime)
	}
	fmt.Fprintf(w, "%s  %s: %s, %s UTC\n", g.Name, strings.Join(g.Arguments, " "), runs(len(g.Runs)), when)
	for _, v := range g.Varies {
		fmt.Fprintf(w, "   varies within %s: %s\n", g.Name, v)
	}
	if len(g.Passed) > 0 {
		fmt.Fprintf(w, "   no results in: %s\n", strings.Join(g.Passed, " "))
	}
}

func (c *Comparison) print(w io.Writer, r *Report) {
	if len(c.Differences) == 0 {
		fmt.Fprintf(w, "%s against %s: preflight, host, build and settings are the same\n", c.New, c.Base)
	} else {
		fmt.Fprintf(w, "%s against %s differs also in:\n", c.New, c.Base)
		for _, d := range c.Differences {
			unfair := ""
			if d.Unfair {
				unfair = " (measured in another way)"
			}
			fmt.Fprintf(w, "  %s: %s -> %s%s\n", d.What, or(d.Base), or(d.New), unfair)
		}
	}
	for _, n := range c.Notes {
		fmt.Fprintf(w, "Note: %s\n", n)
	}
	if len(c.Figures) > 0 {
		fmt.Fprintln(w)
		c.printFigures(w)
	}
	fmt.Fprintln(w)
	for _, ch := range c.Cases {
		fmt.Fprintf(w, "%s %s: %s: %s\n", ch.Suite, ch.Case, ch.word(), ch.Sentence)
	}
	for _, only := range []struct {
		group string
		names []string
	}{{c.Base, c.OnlyBase}, {c.New, c.OnlyNew}} {
		if len(only.names) > 0 {
			fmt.Fprintf(w, "only in %s: %s\n", only.group, strings.Join(only.names, ", "))
		}
	}
	for _, f := range c.Figures {
		if f.Verdict == Regression {
			fmt.Fprintf(w, "%s: regression: %s -> %s (%s), confidence %s\n", f, f.value(f.Base.Median), f.value(f.New.Median), f.change(), percent(f.Confidence))
		}
	}
	fmt.Fprintf(w, "%s against %s: regressions: %d, improvements: %d, the same: %d, unclear: %d (threshold %.4g %%, confidence %.4g %% over %d figures)\n",
		c.New, c.Base, c.count(Regression), c.count(Improvement), c.count(Same), c.count(Unclear), 100*r.Threshold, 100*r.Confidence, r.Figures)
}

// word is a case's verdict in the text.
func (c *CaseChange) word() string {
	if c.Verdict == Same {
		return "as before"
	}
	return string(c.Verdict)
}

// printFigures is the table. MAD is in percent of the median.
func (c *Comparison) printFigures(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "figure\t%s\tMAD\truns\t%s\tMAD\truns\tchange\tverdict\tconfidence\n", c.Base, c.New)
	for _, f := range c.Figures {
		why := ""
		if f.Why != "" {
			why = "  " + f.Why
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%d\t%s\t%s\t%s%s\n", f, f.value(f.Base.Median), f.Base.spread(), f.Base.N,
			f.value(f.New.Median), f.New.spread(), f.New.N, f.change(), f.Verdict, percent(f.Confidence), why)
	}
	t.Flush()
}

func (f *FigureChange) value(v float64) string {
	if f.Unit == "pps" || f.Unit == "bit/s" {
		return cli.Norm(v) + f.Unit
	}
	return fmt.Sprintf("%.5g %s", v, f.Unit)
}

func (f *FigureChange) change() string {
	switch {
	case f.Change != nil:
		return fmt.Sprintf("%+.1f %%", 100**f.Change)
	case f.New.Median == 0:
		return "none"
	}
	return "from 0"
}

func (s *Sample) spread() string {
	if s.Median == 0 {
		return fmt.Sprintf("%.3g", s.MAD)
	}
	return fmt.Sprintf("%.1f %%", 100*s.MAD/math.Abs(s.Median))
}

// percent never rounds up: nothing is certain.
func percent(confidence float64) string {
	return fmt.Sprintf("%.2f %%", math.Floor(1e4*confidence)/100)
}
