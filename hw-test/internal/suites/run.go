package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
)

// job is a run of several suites.
type job struct {
	runners []session.Runner
	force   bool
}

// estimate is about how long the suites from number i on take.
func (j *job) estimate(i int) (d time.Duration) {
	for _, r := range j.runners[i:] {
		d += r.Estimate()
	}
	return d
}

// run runs the suites in turn. All of them are in the session, those too that
// ^C keeps from beginning.
func (j *job) run(ctx context.Context, s *session.Session, human, progress io.Writer) (err error) {
	s.PrintStart(human)
	for i, r := range j.runners {
		to := human
		if ctx.Err() != nil {
			to = io.Discard // that nothing was begun is in the summary
		} else {
			fmt.Fprintf(human, "[%d/%d] %s; all ends about %s\n", i+1, len(j.runners), r.Name(), time.Now().Add(j.estimate(i)).Format("15:04:05"))
		}
		s.Later = j.estimate(i + 1)
		err = errors.Join(err, r.Run(ctx, s, to, progress))
		if ctx.Err() == nil {
			fmt.Fprintln(human)
		}
		if r.Name() == "self" {
			j.gate(s, human)
		}
	}
	printSummary(human, s.Suites)
	return err
}

// gate has nothing be measured where packets get lost on the way, or nobody
// knows.
func (j *job) gate(s *session.Session, human io.Writer) {
	if len(s.Suites) == 0 {
		return
	}
	why := ""
	for _, c := range s.Suites[len(s.Suites)-1].Cases {
		switch {
		case c.Verdict == results.Failed:
			why = fmt.Sprintf("the self-test fails: %s: %s", c.Name, c.Sentence)
		case c.Verdict == results.Invalid && why == "":
			why = fmt.Sprintf("the self-test is invalid: %s: %s", c.Name, c.Sentence)
			continue
		default:
			continue
		}
		break
	}
	switch {
	case why == "":
	case j.force:
		s.Notes = append(s.Notes, why+"; measured all the same (--force)")
		fmt.Fprintf(human, "Going on, though %s.\n\n", why)
	default:
		s.Stop(results.Invalid, why+" (--force measures all the same)")
	}
}

// printSummary prints a line for each suite.
func printSummary(w io.Writer, suites []*results.Suite) {
	for _, u := range suites {
		n := map[results.Verdict]int{}
		for _, c := range u.Cases {
			n[c.Verdict]++
		}
		var parts []string
		add := func(v results.Verdict) {
			if n[v] > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n[v], v))
			}
		}
		add(results.Passed)
		for _, v := range results.Order[:len(results.Order)-1] { // those that are not
			add(v)
		}
		fmt.Fprintf(w, "%-12s %s\n", u.Name, strings.Join(parts, ", "))
	}
}
