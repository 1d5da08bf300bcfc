package conform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap/conformance"
)

// runner is the suite.
type runner struct {
	*options
	rep     conformance.Report
	absent  []absent // of the targets asked for, those that are not checked
	named   bool     // the user named the targets
	seconds float64

	// here says whether this kernel has netmap, and discover what to check.
	here     func() error
	discover func(cfg *config, only []string) (found []*conformance.Target, absent []absent, cleanup func() error)
}

// An absent target is one that cannot be checked, and why.
type absent struct {
	kind string
	err  error
}

// New makes the suite with the defaults of its flags.
func New() (session.Runner, error) { return newRunner(new(options)) }

func newRunner(o *options) (*runner, error) {
	named := len(o.targets) > 0
	if err := o.complete(); err != nil {
		return nil, err
	}
	r := &runner{options: o, named: named, here: here, discover: discover}
	r.rep = conformance.Report{Checks: []string{}, Targets: []string{}, Results: []conformance.Result{}}
	for _, c := range o.run.Checks {
		r.rep.Checks = append(r.rep.Checks, c.Name)
	}
	return r, nil
}

// here says why there is no netmap to be checked. What it wraps tells whether
// it is not there, or this user may not use it.
func here() error {
	f, err := os.OpenFile("/dev/netmap", os.O_RDWR, 0)
	switch {
	case err == nil:
		return f.Close()
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return absence{fmt.Sprintf("this kernel has no netmap, load its module first (scripts/build-netmap.sh --load): %v", err)}
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("netmap is root's: %w", err)
	}
	return fmt.Errorf("netmap cannot be opened: %w", err)
}

func (r *runner) Name() string { return Name }

func (r *runner) Report() any { return &r.rep }

// perTarget is about what all checks on one target take.
const perTarget = time.Minute

func (r *runner) Estimate() time.Duration {
	if r.here() != nil {
		return 0
	}
	return time.Duration(len(r.targets)) * perTarget
}

func (r *runner) PrintPlan(w io.Writer, names bool) {
	for _, t := range r.targets {
		if names {
			fmt.Fprintln(w, t)
		} else {
			fmt.Fprintf(w, "%s: %d checks\n", t, len(r.run.Checks))
		}
	}
	if err := r.here(); err != nil && !names {
		fmt.Fprintf(w, "They would be skipped: %v\n", err)
	}
}

// Run runs the checks. Whether netmap does as it promises does not depend on
// how fast.
func (r *runner) Run(ctx context.Context, s *session.Session, human, progress io.Writer) (err error) {
	s.PrintStart(human)
	keep := s.Begin(Name)
	began := time.Now()
	if ctx.Err() == nil {
		err = r.check(ctx, keep, progress)
	}
	r.seconds = time.Since(began).Seconds()
	found := r.found()
	keep.End(found, &r.rep)
	if len(r.rep.Results) > 0 {
		err = errors.Join(err, r.rep.WriteText(human))
	}
	printTargets(human, found.Cases)
	if ctx.Err() != nil {
		fmt.Fprintln(human, "Interrupted.")
	}
	return err
}

// printTargets says what became of targets that were not checked, those of one
// fate in one line.
func printTargets(w io.Writer, cases []*results.Case) {
	var lines []string
	names := map[string][]string{}
	for _, c := range cases {
		if !slices.Contains(kinds, c.Name) {
			continue
		}
		line := fmt.Sprintf("%s: %s", c.Verdict, c.Sentence)
		if names[line] == nil {
			lines = append(lines, line)
		}
		names[line] = append(names[line], c.Name)
	}
	for _, line := range lines {
		fmt.Fprintf(w, "%s: %s.\n", strings.Join(names[line], ", "), line)
	}
}

// check finds the targets and checks them.
func (r *runner) check(ctx context.Context, keep *session.Suite, progress io.Writer) error {
	if err := r.here(); err != nil {
		for _, t := range r.targets {
			r.absent = append(r.absent, absent{t, err})
		}
		return nil
	}
	targets, absent, cleanup := r.discover(&r.config, r.targets)
	r.absent = absent
	if len(targets) == 0 {
		return cleanup()
	}
	o := r.options.run
	o.Done = func(res conformance.Result) {
		if res.Verdict != conformance.NA {
			keep.Trial(name(&res), res)
		}
	}
	rep, err := conformance.Run(ctx, progress, targets, &o)
	r.rep = *rep
	if ctx.Err() != nil {
		err = nil // it is in the report that it is not whole
	}
	return errors.Join(err, cleanup())
}

func name(r *conformance.Result) string { return r.Target + "/" + r.Check }

// verdicts are what a check's outcome is to a session.
var verdicts = map[conformance.Verdict]results.Verdict{
	conformance.Pass: results.Passed, conformance.Fail: results.Failed, conformance.NA: results.Skipped, conformance.NotRun: results.Invalid,
}

// found is what a session keeps: a case for each check on each target, and one
// for a target that was not there or not reached. What does not apply is in a
// list of the project's and no shortcoming of a run, and so are targets that
// are not there, unless they were named.
func (r *runner) found() *results.Suite {
	s := &results.Suite{Seconds: r.seconds, Environment: testbed.Description{Kind: "netmap", What: "this kernel's netmap", Limits: []string{}}}
	cells := map[string]*conformance.Result{}
	for i := range r.rep.Results {
		cells[name(&r.rep.Results[i])] = &r.rep.Results[i]
	}
	for _, t := range r.targets {
		i := slices.IndexFunc(r.absent, func(a absent) bool { return a.kind == t })
		switch {
		case i >= 0:
			s.Cases = append(s.Cases, &results.Case{Name: t, Verdict: results.Of(r.absent[i].err), Sentence: r.absent[i].err.Error()})
		case !slices.Contains(r.rep.Targets, t):
			s.Cases = append(s.Cases, &results.Case{Name: t, Verdict: results.Unfinished, Sentence: notBegun})
		default:
			for _, check := range r.rep.Checks {
				s.Cases = append(s.Cases, caseOf(t+"/"+check, cells[t+"/"+check]))
			}
		}
	}
	s.ExitStatus = r.status(s.Cases)
	return s
}

const notBegun = "not begun"

// caseOf is a check on a target; nil: it was not reached.
func caseOf(name string, r *conformance.Result) *results.Case {
	if r == nil {
		return &results.Case{Name: name, Verdict: results.Unfinished, Sentence: notBegun}
	}
	c := &results.Case{Name: name, Verdict: verdicts[r.Verdict], Sentence: r.Text, Seconds: r.Seconds}
	if c.Verdict == results.Passed {
		c.Sentence = "as netmap promises"
	}
	return c
}

// status is the exit status.
func (r *runner) status(cases []*results.Case) int {
	var count []results.Verdict
	broke := false
	for _, c := range cases {
		target := slices.Contains(kinds, c.Name)
		broke = broke || target && c.Verdict == results.Invalid
		if c.Verdict != results.Skipped || target && r.named {
			count = append(count, c.Verdict)
		}
	}
	if len(count) == 0 { // there was nothing to check
		return cli.ExitShort
	}
	return results.Status(broke, count...)
}
