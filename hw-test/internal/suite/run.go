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
	"github.com/ringwalk/ringwalk/internal/netlab"
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
}

// Run runs the suite of that name and returns its exit status; fs are the flags
// that o was parsed from. The end of ctx ends it in order, with what there is.
func Run(ctx context.Context, name string, o *Options, fs *pflag.FlagSet, stdout, stderr io.Writer) (int, error) {
	if err := o.complete(fs); err != nil {
		return 0, err
	}
	rep, err := newReport(name, o)
	if err != nil {
		return 0, err
	}
	b := &job{Options: o, Report: rep}
	if o.List || o.DryRun {
		b.printPlan(stdout)
		return cli.ExitOK, nil
	}
	if o.Env == envVM {
		return b.machine(ctx, given(fs), stdout, stderr)
	}
	if err := netlab.Can(); o.made() && err != nil && errors.Is(err, netlab.ErrNoPrivilege) && !o.inside {
		if inside := netlab.CanUserNS(); inside != nil {
			return 0, fmt.Errorf("%w; nor in a user namespace: %w", err, inside)
		}
		return bench.InUserNS(ctx, append([]string{name, "--inside"}, given(fs)...), stdout, stderr)
	}
	human := stdout
	if o.JSON || o.Session.Results == session.Stdout {
		human = stderr
	}
	s, err := session.Start(ctx, &o.Session, &session.Plan{Name: name, Command: append([]string{name}, given(fs)...), Lab: o.Lab(), Ports: o.Ports(), Lenient: o.inMachine != ""})
	if err != nil {
		return 0, err
	}
	b.progress = progress{w: stderr}
	b.printStart(human)
	s.PrintStart(human)
	err = b.session(ctx, s)
	b.printEnd(human)
	if o.JSON {
		err = errors.Join(err, bench.PrintJSON(stdout, b.Report))
	}
	status, unkept := s.Finish(b.Interrupted, human)
	return status, errors.Join(err, unkept, s.Send(stdout))
}

// session runs the suite as a part of a session.
func (b *job) session(ctx context.Context, s *session.Session) (err error) {
	b.keep = s.Begin(b.Suite)
	b.progress.doing = b.keep.Doing
	if why := s.Why(); why != "" {
		for _, row := range b.Rows {
			row.end(results.Invalid, "%s", why)
		}
	} else {
		err = b.run(ctx)
	}
	b.finish(ctx.Err() != nil, b.broke)
	b.keep.End(b.found(), b.Report)
	return err
}

// given are the flags as they were given by the user.
func given(fs *pflag.FlagSet) (args []string) {
	fs.Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == "inside": // nobody gave it
		case f.Value.Type() == "bool" && f.Value.String() == "true":
			args = append(args, "--"+f.Name)
		default:
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// run runs the rows. What goes wrong is in their verdicts.
func (b *job) run(ctx context.Context) (err error) {
	b.env, err = b.environment(ctx)
	if err != nil {
		v := results.Invalid
		if errors.Is(err, testbed.ErrMissing) || errors.Is(err, netlab.ErrNotSupported) {
			v = results.Skipped
		}
		for _, row := range b.Rows {
			row.end(v, "%v", err)
		}
		b.broke = v == results.Invalid
		return nil
	}
	defer func() { err = errors.Join(err, b.env.Close()) }()
	b.Environment = b.env.Describe()
	for i, row := range b.Rows {
		if ctx.Err() != nil {
			return nil
		}
		b.progress.row(row, b.planned(b.Rows[i+1:]))
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
	return nil
}

// calibrated is the share of what pktgen reached that is the highest rate to
// try: pacing costs something, too.
const calibrated = 0.9

// highest finds the highest rate to try: the one asked for, but not above line
// rate, or line rate, or where pktgen does not get there, nine tenths of what it
// reaches.
func (b *job) highest(ctx context.Context, row *Row) error {
	line := 0.0
	if row.LinkBPS = b.env.Sender().LinkBPS; row.LinkBPS > 0 {
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
	if t.Achieved == 0 {
		return fmt.Errorf("pktgen sent nothing")
	}
	if line > 0 && t.Achieved >= line*(1-b.Tolerance/100) {
		row.MaxPPS, row.MaxWhy = line, "line rate"
		return nil
	}
	row.MaxPPS, row.MaxWhy = calibrated*t.Achieved, "generator"
	row.Generator = fmt.Sprintf("pktgen reaches no more than %spps here", cli.Norm(t.Achieved))
	if t.Pktgen.Backpressure > 0 {
		row.Generator += fmt.Sprintf(", where its own device holds it back (full %d times)", t.Pktgen.Backpressure)
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
