package self

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// Run runs the self-test as a session of its own and returns its exit status,
// which is cli.ExitOK if every row holds; fs are the flags that o was parsed
// from. The error is for what kept it from running; one of cli.ExitUsage means
// the options. The end of ctx ends it in order, with the table so far.
func Run(ctx context.Context, o *Options, fs *pflag.FlagSet, stdout, stderr io.Writer) (status int, err error) {
	r, err := o.runner(fs)
	if err != nil {
		return 0, err
	}
	if o.List || o.DryRun {
		r.PrintPlan(stdout, o.List)
		return cli.ExitOK, nil
	}
	if runtime.GOOS != "linux" && r.ports == nil {
		return 0, fmt.Errorf("the self-test needs Linux: the ports it tests, packet: and udp:, are built on Linux's "+
			"recvmmsg and sendmmsg, which %s does not have: %w", runtime.GOOS, errors.ErrUnsupported)
	}
	if o.CheckRights {
		return cli.ExitOK, netlab.Can()
	}
	if r.ports == nil {
		if err := r.climb(); err != nil {
			return 0, err
		}
	}
	command := bench.Given("self", fs)
	if r.rung == UserNS && !bench.InsideUserNS() {
		return bench.InUserNS(ctx, append(command, "--"+bench.Inside), stdout, stderr)
	}
	return session.Alone(ctx, r, &o.Session, &session.Plan{Name: "self", Command: command, Where: &o.Where, Lenient: true}, o.JSON, stdout, stderr)
}

// New makes the self-test as a suite. It is to be run where it may make
// namespaces, in a user namespace or not; else it is one of UDP.
func New(o *Options) (session.Runner, error) { return newRunner(o) }

// Over makes the self-test over ports that are there, in place of what the
// ladder makes: a paced row for each size and flow, with the queues that the
// ports have, at mostPPS if that is not 0 and less than they have by themselves.
// At full speed a card loses frames that nobody counts in time, so that no
// promise could be held against it.
func Over(o *Options, ports testbed.Maker, mostPPS float64) (session.Runner, error) {
	return newOver(o, ports, mostPPS)
}

func newOver(o *Options, ports testbed.Maker, mostPPS float64) (*runner, error) {
	r, err := newRunner(o)
	if err != nil {
		return nil, err
	}
	r.ports, r.mostPPS = ports, mostPPS
	r.rows = slices.DeleteFunc(r.rows, func(row *Row) bool { return row.Pace != Paced || row.Queues != r.rows[0].Queues })
	for _, row := range r.rows {
		row.Queues = 0
	}
	if paths := ports.Paths(); len(paths) > 1 {
		r.rows = each(r.rows, paths)
	}
	return r, nil
}

// runner is the self-test as a part of sessions.
type runner struct {
	*Options
	ports   testbed.Maker // nil: what the ladder makes
	mostPPS float64
	rows    []*Row
	rung    Rung // "": not chosen yet
	limits  []string
	report  *Report
	later   time.Duration // about how long the suites after this one take
	broke   bool          // the environment did
}

func newRunner(o *Options) (*runner, error) {
	rows, err := o.rows()
	return &runner{Options: o, rows: rows}, err
}

// climb chooses the rung.
func (r *runner) climb() (err error) {
	if r.ports != nil {
		r.rung, r.limits = Ports, append(slices.Clone(r.ports.Describe().Limits), untestedPorts)
		return nil
	}
	if r.inside {
		r.rung, r.limits = UserNS, []string{limitUserNS}
		return nil
	}
	r.rung, r.limits, err = choose(r.Rung, netlab.Can, canUserNS)
	if err != nil {
		return fmt.Errorf("--rung %s: %w", r.Rung, err)
	}
	if r.rung == Root && bench.InsideUserNS() {
		r.rung, r.limits = UserNS, []string{limitUserNS}
	}
	return nil
}

// environment makes what the rows run over.
func (r *runner) environment(ctx context.Context) (testbed.Environment, error) {
	if r.ports != nil {
		return r.ports.Open(ctx)
	}
	if r.rung == UDP {
		most := slices.MaxFunc(r.rows, func(a, b *Row) int { return a.Queues - b.Queues })
		return testbed.NewUDP(most.Queues)
	}
	return testbed.NewVeth(testbed.Options{})
}

func (r *runner) Name() string { return "self" }

func (r *runner) Report() any { return r.report }

func (r *runner) Estimate() time.Duration { return time.Duration(len(r.rows)) * estimate(r.Send) }

func (r *runner) PrintPlan(w io.Writer, names bool) {
	for _, row := range r.rows {
		if names {
			fmt.Fprintln(w, row.name())
		} else {
			fmt.Fprintf(w, "%s: sends for %.3g s; %.1f s\n", row.name(), r.Send.Seconds(), estimate(r.Send).Seconds())
		}
	}
	if !names {
		fmt.Fprintf(w, "About %.0f s in all.\n", r.Estimate().Seconds())
	}
}

// Run runs the rows. It is content with any preflight: whether frames arrive
// does not depend on how fast.
func (r *runner) Run(ctx context.Context, s *session.Session, human, _ io.Writer) (err error) {
	if r.rung == "" {
		if err := r.climb(); err != nil {
			return err
		}
	}
	r.report = newReport(r.rung, r.limits, len(r.rows))
	if e := &r.report.Environment; r.ports != nil {
		d := r.ports.Describe()
		r.report.kind, e.What = d.Kind, d.What
		if r.mostPPS > 0 {
			e.RatePPS = min(e.RatePPS, r.mostPPS)
		}
	}
	keep := s.Begin("self")
	r.later = s.Later
	if ctx.Err() == nil {
		r.report.printStart(human)
		s.PrintStart(human)
		err = r.run(ctx, keep, human)
	}
	r.report.finish(ctx.Err() != nil, r.status())
	keep.End(r.found(), r.report)
	r.report.printEnd(human)
	return err
}

// run runs the rows.
func (r *runner) run(ctx context.Context, keep *session.Suite, human io.Writer) (err error) {
	env, err := r.environment(ctx)
	if err != nil {
		for _, row := range r.rows {
			row.Verdict, row.Why = results.Of(err), []string{err.Error()}
		}
		r.report.Rows = r.rows
		r.broke = r.rows[0].Verdict == results.Invalid
		return nil
	}
	defer func() { err = errors.Join(err, env.Close()) }()
	r.over(ctx, env, keep, human)
	return nil
}

// over runs the rows in an environment, one flow at a time.
func (r *runner) over(ctx context.Context, env testbed.Environment, keep *session.Suite, human io.Writer) {
	printHeader(human)
	for i, row := range r.rows {
		rate := 0.0
		if row.Pace == Paced {
			rate = r.report.Environment.RatePPS
		}
		keep.Doing(row.name(), rate, time.Duration(len(r.rows)-i)*estimate(r.Send)+r.later)
		if len(env.Flows()) == 1 {
			row.run(ctx, env, rate, r.Send)
		} else {
			// Where they cannot be read, the row says what is wrong with the host.
			before, _ := env.Counters()
			row.run(ctx, env, rate, r.Send)
			after, _ := env.Counters()
			row.flooded(env.Flows(), before, after)
		}
		if ctx.Err() != nil { // in the middle of the row: it is nobody's fault
			row.Holds, row.Verdict, row.Why = false, results.Unfinished, []string{"stopped before its end"}
			return
		}
		keep.Trial(row.name(), row)
		r.report.Rows = append(r.report.Rows, row)
		row.print(human)
	}
}

// canUserNS tells whether this user may make namespaces and pairs in a user
// namespace, by trying it there: that the kernel grants the namespace does not
// mean that it grants the rest.
func canUserNS() error {
	if err := netlab.CanUserNS(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var out strings.Builder
	cmd, err := bench.Command(ctx, "--check-rights")
	if err != nil {
		return err
	}
	cmd.Stderr = &out
	if err := netlab.Start(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s (%w)", strings.TrimPrefix(strings.TrimSpace(out.String()), "hw-test: "), err)
	}
	return nil
}
