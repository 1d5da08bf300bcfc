// Package suites is hw-test's subcommand run: several suites in one session,
// with one look at the host, one result directory and one report.
//
//	run ─▶ self ── holds ──▶ throughput ─▶ loss ─▶ latency ─▶ …   each a
//	         └── fails ──▶ all others are invalid                 session.Runner
package suites

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/conform"
	"github.com/ringwalk/ringwalk/hw-test/internal/mirror"
	"github.com/ringwalk/ringwalk/hw-test/internal/self"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/sockets"
	"github.com/ringwalk/ringwalk/hw-test/internal/suite"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

const about = `Runs several suites one after the other, into one result directory with one report: by default self,
throughput, loss and latency; mirror, sockets and conformance when they are named. They run in that
order. Where the self-test does not hold, nothing is measured (--force measures all the same).

The flags are those of the RFC 2544 suites, explained by -h of each. --sizes and --quick go for the
self-test as well, which has no imix, and so does a --duration below a second; with --quick mirror
and sockets measure one round. With --lab or --ports the self-test and mirror, too, run over these
ports: of the self-test paced rows only, at a tenth of --max-rate if that is given; sockets always
makes a veth pair.`

const example = `  hw-test run --quick
  hw-test run --dry-run --tbf 12Mbps --sizes 512 --duration 5s
  hw-test run self throughput mirror --env veth --sizes 64
  hw-test run self throughput mirror --lab lab.yaml --quick
  hw-test run --quick --json 2>/dev/null | jq '.suites[].cases[] | [.case, .verdict]'`

const statuses = `
Exit status:
  0    every case of every suite passed
  1    a case failed, or was not finished because of ^C; or something broke
  2    the command line is wrong
  3    ran, but a case has no throughput, or is generator-limited, invalid or skipped
  130  a second ^C; the first ends the run in order, with what there is
`

// all are the suites in the order in which they run, and how many of them run
// by default.
var all = []string{"self", "throughput", "loss", "latency", "mirror", "sockets", conform.Name}

const byDefault = 4

// Command makes the subcommand. It leaves its exit status in *status, unless it
// returns an error.
func Command(status *int) *cobra.Command {
	var o suite.Options
	cmd := &cobra.Command{
		Use: "run [SUITE…]", Short: "run several suites with one report", Long: about, Example: example,
		ValidArgs: all,
		Args: func(_ *cobra.Command, args []string) error {
			for i, a := range args {
				switch {
				case !slices.Contains(all, a):
					return cli.Usagef("there is no suite %q, there are %s", a, strings.Join(all, ", "))
				case slices.Contains(args[:i], a):
					return cli.Usagef("suite %s is there twice", a)
				}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			*status, err = run(ctx, args, &o, cmd.Flags(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	cmd.Flags().SortFlags = false
	o.Flags(cmd.Flags(), "throughput") // which has all of them
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// run runs the suites with these names as one session.
func run(ctx context.Context, names []string, o *suite.Options, fs *pflag.FlagSet, stdout, stderr io.Writer) (int, error) {
	made, err := o.Complete(fs)
	if err != nil {
		return 0, err
	}
	if len(names) == 0 {
		names = all[:byDefault]
	}
	var runners []session.Runner
	for _, name := range all {
		if !slices.Contains(names, name) {
			continue
		}
		r, err := newRunner(name, o, made, fs)
		if err != nil {
			return 0, err
		}
		runners = append(runners, r)
	}
	j := &job{runners: runners, force: o.Session.Force}
	if o.List || o.DryRun {
		j.printPlan(stdout, o.List)
		return cli.ExitOK, nil
	}
	command := append(bench.Given("run", fs), fs.Args()...)
	// Without a user namespace the self-test still has something to run over, and
	// the others say what they lack.
	if inside, _ := fs.GetBool(bench.Inside); made && !inside && netlab.CanUserNS() == nil {
		if did, status, err := bench.Copied(ctx, command, stdout, stderr); did {
			return status, err
		}
	}
	human := stdout
	if o.JSON || o.Session.Results == session.Stdout {
		human = stderr
	}
	s, err := session.Start(ctx, &o.Session, &session.Plan{Name: "run", Command: command, Where: o.Where})
	if err != nil {
		return 0, err
	}
	err = j.run(ctx, s, human, stderr)
	status, unkept := s.Finish(ctx.Err() != nil, human)
	if o.JSON {
		err = errors.Join(err, bench.PrintJSON(stdout, &s.Session))
	}
	return status, errors.Join(err, unkept, s.Send(stdout))
}

// newRunner makes the suite of that name with the shared options; made tells
// that it runs over namespaces that hw-test makes.
func newRunner(name string, shared *suite.Options, made bool, fs *pflag.FlagSet) (session.Runner, error) {
	rounds := 0 // the suite's own number
	if shared.Quick {
		rounds = 1
	}
	switch name {
	case "self":
		var o self.Options
		o.Flags(pflag.NewFlagSet(name, pflag.ContinueOnError))
		o.Send = min(o.Send, shared.Duration)
		if fs.Changed("sizes") || shared.Quick {
			sizes, err := withoutCRC(shared)
			if err != nil {
				return nil, err
			}
			o.Sizes = sizes
		}
		if made {
			return self.New(&o)
		}
		// A tenth of the highest rate is to be no matter for what is tested.
		return self.Over(&o, shared, shared.MostPPS()/10)
	case "mirror":
		if made {
			return mirror.New(rounds)
		}
		return mirror.Over(rounds, shared.Where)
	case "sockets":
		return sockets.New(rounds)
	case conform.Name:
		return conform.New()
	}
	o := *shared
	return suite.New(name, &o, fs)
}

// withoutCRC are the sizes of the RFC 2544 suites as the self-test has them.
func withoutCRC(shared *suite.Options) (string, error) {
	list, err := shared.Profiles()
	if err != nil {
		return "", err
	}
	var sizes []string
	for _, p := range list {
		if n, err := strconv.Atoi(p.Lengths); err == nil {
			sizes = append(sizes, strconv.Itoa(n))
		}
	}
	if len(sizes) == 0 { // imix alone
		sizes = []string{"60"}
	}
	return strings.Join(sizes, ","), nil
}

// printPlan is --list and --dry-run.
func (j *job) printPlan(w io.Writer, names bool) {
	for _, r := range j.runners {
		var b strings.Builder
		r.PrintPlan(&b, names)
		fmt.Fprintln(w, r.Name())
		for line := range strings.Lines(b.String()) {
			fmt.Fprint(w, "  "+line)
		}
	}
	if !names {
		fmt.Fprintf(w, "All of it takes about %v.\n", j.estimate(0).Round(time.Second))
	}
}
