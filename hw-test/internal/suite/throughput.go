package suite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// throughput searches (RFC 2544, 26.1, by RFC 9971).
func throughput(ctx context.Context, b *job, row *Row) error {
	if err := b.highest(ctx, row); err != nil {
		return err
	}
	c := b.search(&row.Profile, row.MaxPPS, b.runner.Overhead)
	row.MinPPS = c.Min
	c.Progress = func(p search.Progress) { b.progress.trial(p.Goal, p.Load, p.Duration, p.Left) }
	var err error
	row.Search, err = search.Run(ctx, c, b.runner.Measure)
	row.judgeSearch()
	return err
}

func (b *job) planThroughput(row *Row, overhead time.Duration) (steps []step) {
	// How many trials there are does not depend on the rates' size.
	rounds, _, err := search.Estimate(b.search(&row.Profile, 1e6, func() time.Duration { return overhead }))
	if err != nil {
		return nil
	}
	for i, r := range rounds {
		what := "where to look"
		if i == len(rounds)-1 {
			what = "full length, bounds to the width"
		}
		steps = append(steps, step{what, r.Trials, true, r.Duration, overhead})
	}
	return steps
}

// verdictOf is what a goal's result means for the row: the highest rate tried
// is no throughput of the device where it is just as far as pktgen gets.
func (row *Row) verdictOf(g *search.GoalResult) results.Verdict {
	if g.Verdict == search.AtLeast && row.MaxWhy == "generator" {
		return results.Limited
	}
	return map[search.Verdict]results.Verdict{
		search.Found: results.Passed, search.AtLeast: results.Passed, search.None: results.None, search.Limited: results.Limited,
		search.Unsure: results.Invalid, search.Unfinished: results.Unfinished,
	}[g.Verdict]
}

// judgeSearch makes the row's verdict of its search: the worst of its goals'.
// What is to be said of several goals is said once.
func (row *Row) judgeSearch() {
	row.Verdict = results.Passed
	var parts []string
	goals := row.Search.Goals
	for i, j := 0, 0; i < len(goals); i = j {
		v, name := row.verdictOf(&goals[i]), goalName(&goals[i])
		for j = i + 1; j < len(goals) && v != results.Passed && same(&goals[i], &goals[j]); j++ {
			name += " and " + goalName(&goals[j])
		}
		row.Verdict = results.Worst(row.Verdict, v)
		parts = append(parts, row.sentence(name, &goals[i], v))
	}
	row.Sentence = row.together(strings.Join(append(parts, row.Search.Notes...), "; "))
}

// together says of a sentence that it is of several generators' sum.
func (row *Row) together(sentence string) string {
	if row.Generators < 2 {
		return sentence
	}
	return fmt.Sprintf("%d generators together: %s", row.Generators, sentence)
}

func goalName(g *search.GoalResult) string {
	if g.LossRatio == 0 {
		return g.Name
	}
	return fmt.Sprintf("%s (%.3g %%)", g.Name, 100*g.LossRatio)
}

// same tells whether two goals ended alike.
func same(a, b *search.GoalResult) bool {
	return a.Verdict == b.Verdict && a.Lower == b.Lower && a.Upper == b.Upper && a.Why == b.Why
}

// sentence says what was found for a goal.
func (row *Row) sentence(name string, g *search.GoalResult, v results.Verdict) string {
	far := "not met at any rate"
	if g.Lower > 0 {
		far = "met up to " + row.rate(g.Lower)
	}
	switch {
	case g.Verdict == search.Found:
		return fmt.Sprintf("%s %s", name, row.rate(g.Lower))
	case v == results.Limited && g.Verdict == search.AtLeast:
		return fmt.Sprintf("%s %s, and %s", name, far, row.Generator)
	case g.Verdict == search.AtLeast:
		return fmt.Sprintf("%s at least %s, the highest rate tried (%s)", name, row.rate(g.Lower), row.MaxWhy)
	case v == results.None:
		return fmt.Sprintf("no %s from %spps to %spps: %s", name, cli.Norm(row.MinPPS), cli.Norm(row.MaxPPS), g.Why)
	case v == results.Invalid && g.Lower == 0:
		return fmt.Sprintf("nothing is known of %s: %s", name, g.Why)
	case v == results.Limited || v == results.Invalid:
		return fmt.Sprintf("%s %s; above that, %s", name, far, g.Why)
	}
	return fmt.Sprintf("%s %s; %s", name, far, g.Why)
}
