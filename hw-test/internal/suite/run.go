package suite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/hw-test/internal/trial"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Names of the suites.
const (
	throughputName = "throughput"
	lossName       = "loss"
	latencyName    = "latency"
)

// A method fills one row in.
type method func(ctx context.Context, b *job, row *Row) error

var methods = map[string]method{throughputName: throughput, lossName: loss, latencyName: latency}

// job is a suite under way.
type job struct {
	*Options
	*Report
	env      testbed.Environment
	runner   *trial.Runner // of the row
	progress progress
	keep     *session.Suite
	broke    bool // a program or the environment did
	spent    trial.Spent
	after    time.Duration // about how long the suites after this one take
}

// Run runs the suite of that name as a session of its own and returns its exit
// status; fs are the flags that o was parsed from. The end of ctx ends it in
// order, with what there is.
func Run(ctx context.Context, name string, o *Options, fs *pflag.FlagSet, stdout, stderr io.Writer) (int, error) {
	r, err := New(name, o, fs)
	if err != nil {
		return 0, err
	}
	if n := len(o.Where.Ways()); n > 1 && name == latencyName {
		return 0, cli.Usagef("latency is of one path at a time, and --path names %d", n)
	}
	if o.List || o.DryRun {
		r.PrintPlan(stdout, o.List)
		return cli.ExitOK, nil
	}
	command := bench.Given(name, fs)
	switch {
	case o.Env == envVM:
		return r.machine(ctx, command[1:], stdout, stderr)
	case o.made() && !o.inside:
		if did, status, err := bench.Copied(ctx, command, stdout, stderr); did {
			return status, err
		}
	}
	plan := session.Plan{Name: name, Command: command, Where: o.Where, Lenient: o.Where.InMachine != ""}
	return session.Alone(ctx, r, &o.Session, &plan, o.JSON, stdout, stderr)
}

// New makes the suite of that name; fs are the flags that o was parsed from.
func New(name string, o *Options, fs *pflag.FlagSet) (*Runner, error) {
	if err := o.complete(fs); err != nil {
		return nil, err
	}
	rep, err := newReport(name, o)
	if err != nil {
		return nil, err
	}
	return &Runner{job{Options: o, Report: rep}}, nil
}

// Complete applies and checks the options for several suites at once, which
// then have copies; fs are the flags that o was parsed from. Made tells that
// they need namespaces.
func (o *Options) Complete(fs *pflag.FlagSet) (made bool, err error) {
	if err := o.complete(fs); err != nil {
		return false, err
	}
	if o.Env == envVM {
		return false, cli.Usagef("each suite has a machine of its own: run %s and others one by one over this lab", throughputName)
	}
	return o.made(), nil
}

// Profiles are the frames of the rows.
func (o *Options) Profiles() ([]Profile, error) { return o.profiles() }

// A Runner is a suite as a part of sessions.
type Runner struct{ job }

func (r *Runner) Name() string { return r.Suite }

func (r *Runner) Estimate() time.Duration { return r.planned(r.Rows) }

func (r *Runner) Report() any { return r.job.Report }

// Run runs the suite.
func (r *Runner) Run(ctx context.Context, s *session.Session, human, progress io.Writer) error {
	b := &r.job
	b.Start = time.Now()
	if !b.made() { // what it makes is known before, hosts are there now
		b.Environment = b.Describe()
	}
	b.printStart(human)
	s.PrintStart(human)
	b.keep = s.Begin(b.Suite)
	b.progress.w, b.progress.doing, b.after = progress, b.keep.Doing, s.Later
	var err error
	if v, why := s.Why(); why != "" {
		for _, row := range b.Rows {
			row.end(v, "%s", why)
		}
		b.broke = s.Lost()
	} else if ctx.Err() == nil {
		err = b.run(ctx)
	}
	b.finish(ctx.Err() != nil, b.broke)
	b.keep.End(b.found(), b.Report)
	b.printEnd(human)
	return err
}

// run runs the rows. What goes wrong is in their verdicts.
func (b *job) run(ctx context.Context) (err error) {
	if b.Env == envSSH {
		err = b.shares()
	}
	if err == nil {
		b.env, err = b.Open(ctx)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // nobody's fault
	case err != nil:
		v := results.Of(err)
		for _, row := range b.Rows {
			row.end(v, "%v", err)
		}
		b.broke = v == results.Invalid
		return nil
	}
	defer func() { err = errors.Join(err, b.env.Close()) }()
	if !b.made() { // what it makes is known before
		b.Environment = b.env.Describe()
	}
	b.over(ctx)
	return nil
}

// over runs the rows in the environment.
func (b *job) over(ctx context.Context) {
	b.Flows = flowsOf(b.env.Flows())
	if len(b.Flows) > 1 && b.Suite == latencyName {
		for _, row := range b.Rows {
			row.end(results.Skipped, "delays are measured over one flow at a time, and here are %d: say which", len(b.Flows))
		}
		return
	}
	for i, row := range b.Rows {
		if ctx.Err() != nil {
			return
		}
		row.Generators = len(b.Flows)
		b.progress.row(row, b.planned(b.Rows[i+1:])+b.after)
		began := time.Now()
		b.runner = &trial.Runner{
			Env: b.env, Lengths: row.Lengths, Tolerance: b.Tolerance / 100, Stall: b.Stall, Settle: b.Settle, Burst: b.Burst,
			Done: func(t *trial.Trial) {
				row.Trials = append(row.Trials, t)
				b.progress.done(t)
				b.keep.Trial(row.Size, t)
			},
			Spent: &b.spent,
		}
		err := methods[b.Suite](ctx, b, row)
		row.Seconds = time.Since(began).Seconds()
		switch {
		case ctx.Err() != nil && row.Verdict == results.Unfinished:
			row.Sentence = "stopped before its end"
		case err != nil && ctx.Err() == nil:
			row.end(results.Invalid, "%v", err)
			b.broke = true
		}
	}
}

// calibrated is the share of what pktgen reached that is the highest rate to
// try: pacing costs something, too.
const calibrated = 0.9

// highest finds the highest rate to try: the one asked for, but not above line
// rate, or line rate, or where pktgen does not get there, nine tenths of what it
// reaches. Several generators' line rates add up; what they reach is the load up
// to which each can do its share.
func (b *job) highest(ctx context.Context, row *Row) error {
	line := 0.0
	if row.LinkBPS = trial.LinkBPS(b.env.Flows()); row.LinkBPS > 0 {
		line = row.LinkBPS / 8 / (row.Mean + 24)
	}
	asked := row.frames(b.MaxRate)
	if asked > 0 && (line == 0 || asked <= line) {
		row.MaxPPS, row.MaxWhy = asked, "asked"
		return nil
	}
	b.progress.trial("as fast as pktgen goes", 0, b.Initial, 0)
	t, err := b.runner.Run(ctx, 0, b.Initial)
	if err != nil {
		return err
	}
	reach := b.runner.Reach(t)
	if reach == 0 {
		return fmt.Errorf("pktgen sent nothing")
	}
	if line > 0 && reach >= line*(1-b.Tolerance/100) {
		row.MaxPPS, row.MaxWhy = line, "line rate"
		return nil
	}
	row.MaxPPS, row.MaxWhy = calibrated*reach, "generator"
	here := "here"
	if host := b.env.Flows()[0].From.Host; host != "" {
		here = "on " + host
	}
	row.Generator = fmt.Sprintf("pktgen reaches no more than %spps %s", cli.Norm(reach), here)
	if row.Generators > 1 {
		row.Generator = fmt.Sprintf("%d generators reach no more than %spps together, each its share", row.Generators, cli.Norm(reach))
	}
	full := uint64(0)
	for _, tx := range t.Pktgen {
		full += tx.Backpressure
	}
	switch {
	case full > 0 && row.Generators > 1:
		row.Generator += fmt.Sprintf(", where their own devices hold them back (full %d times)", full)
	case full > 0:
		row.Generator += fmt.Sprintf(", where its own device holds it back (full %d times)", full)
	}
	return nil
}

// planned is about how long rows take.
func (b *job) planned(rows []*Row) (d time.Duration) {
	for _, row := range rows {
		for _, s := range b.plan(row) {
			d += s.total()
		}
	}
	return d
}

// A step is some trials of a plan that are alike.
type step struct {
	what     string
	trials   int
	about    bool // that is not certain
	duration time.Duration
	overhead time.Duration
}

func (s step) total() time.Duration { return time.Duration(s.trials) * (s.duration + s.overhead) }

// plan is what a row will be made of.
func (b *job) plan(row *Row) (steps []step) {
	overhead := b.spent.Overhead(b.Settle)
	if row.frames(b.MaxRate) == 0 {
		steps = append(steps, step{"as fast as pktgen goes", 1, false, b.Initial, overhead})
	}
	more := map[string]func(*Row, time.Duration) []step{
		throughputName: b.planThroughput, lossName: b.planLoss, latencyName: b.planLatency,
	}[b.Suite]
	return slices.Concat(steps, more(row, overhead))
}
