package suite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// throughput searches (RFC 2544, 26.1, by RFC 9971).
func throughput(ctx context.Context, b *job, row *Row) error {
	if err := b.highest(ctx, row); err != nil {
		return err
	}
	c := b.search(&row.Profile, row.MaxPPS, b.runner.Overhead())
	row.MinPPS = c.Min
	c.Progress = func(p search.Progress) { b.progress.trial(p.Goal, p.Load, p.Duration, p.Left) }
	var err error
	row.Search, err = search.Run(ctx, c, b.runner.Measure)
	row.judgeSearch()
	return err
}

func (b *job) planThroughput(row *Row, overhead time.Duration) (steps []step) {
	// How many trials there are does not depend on the rates' size.
	rounds, _, err := search.Estimate(b.search(&row.Profile, 1e6, overhead))
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

// judgeSearch makes the row's verdict of its search.
func (row *Row) judgeSearch() {
	verdicts := map[search.Verdict]Verdict{
		search.Found: Passed, search.AtLeast: Passed, search.None: None, search.Limited: Limited,
		search.Unsure: Invalid, search.Unfinished: Unfinished,
	}
	// What stands for the row, from worst to best.
	order := []Verdict{Unfinished, Invalid, Limited, None, Passed}
	worst := len(order) - 1
	var parts []string
	for i := range row.Search.Goals {
		g := &row.Search.Goals[i]
		v := verdicts[g.Verdict]
		if g.Verdict == search.AtLeast && row.MaxWhy == "generator" {
			v = Limited
		}
		for k, o := range order {
			if o == v {
				worst = min(worst, k)
			}
		}
		parts = append(parts, row.sentence(g, v))
	}
	row.Verdict = order[worst]
	row.Sentence = strings.Join(append(parts, row.Search.Notes...), "; ")
}

// sentence says what was found for a goal.
func (row *Row) sentence(g *search.GoalResult, v Verdict) string {
	name := g.Name
	if g.LossRatio > 0 {
		name = fmt.Sprintf("%s (%.3g %%)", g.Name, 100*g.LossRatio)
	}
	far := "it was not met at any rate"
	if g.Lower > 0 {
		far = "it was met up to " + row.rate(g.Lower)
	}
	switch {
	case g.Verdict == search.Found:
		return fmt.Sprintf("%s %s", name, row.rate(g.Lower))
	case v == Limited && g.Verdict == search.AtLeast:
		return fmt.Sprintf("%s generator-limited: %s, and pktgen gets no further here", name, far)
	case g.Verdict == search.AtLeast:
		return fmt.Sprintf("%s at least %s, the highest rate tried (%s)", name, row.rate(g.Lower), row.MaxWhy)
	case v == None:
		return fmt.Sprintf("no %s: %s, from %spps to %spps", name, g.Why, cli.Norm(row.MinPPS), cli.Norm(row.MaxPPS))
	case v == Limited:
		return fmt.Sprintf("%s generator-limited: %s; above, %s", name, far, g.Why)
	case v == Invalid:
		return fmt.Sprintf("%s invalid: %s; above, %s", name, far, g.Why)
	}
	return fmt.Sprintf("%s unfinished: %s; %s", name, far, g.Why)
}
