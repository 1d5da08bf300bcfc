// Package conform is hw-test's subcommand conformance: package conformance on
// the netmap of the kernel it is started on. It finds or makes a port pair of
// each kind, runs every check on every one of them, and prints the table.
//
//	vale     valerwc:a, :b, :c            made by opening them
//	pipe     netmap:rwc{1, netmap:rwc}1   made by opening them
//	null     in memory 1
//	sink     nmsink0                      if the module was built with it
//	veth     rwc0, rwc1                   made here, removed at the end
//	native   two NICs on one wire         if asked for, or two e1000 cards
//
// It sets interfaces up and down and transmits; it is for a virtual machine.
package conform

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap/conformance"
)

// Name is the subcommand's, and the name by which the binary is this.
const Name = "conformance"

const about = `Hold the netmap of this kernel against what netmap promises: every check on a pair of ports of each
kind that there is, VALE, pipes, null ports, nmsink0, a veth pair, two NICs on one wire.

It sets interfaces up and down and transmits on them; it is for a virtual machine (hw-test vm).`

const example = `  hw-test vm --netmap build/netmap --nics 1 conformance
  hw-test conformance --targets vale,pipe --packets 10000 --cycles 20
  hw-test conformance --list`

const statuses = `
Exit status:
  0    every check passed, or does not apply to its target, which the table says
  1    a check failed, or was not reached because of ^C; or a target could not be made
  2    the command line is wrong
  3    ran, but nothing is known of a target or check: there is no netmap here, a target that was
       named is not there, or a check was not run because one before it hangs
  130  a second ^C; the first ends the run in order, with what there is
`

type options struct {
	run     conformance.Options
	targets []string
	checks  []string
	config  config
	json    bool

	session    session.Options
	list, plan bool // --list, --dry-run
}

// Command makes the subcommand. It leaves its exit status in *status, unless it
// returns an error.
func Command(status *int) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: Name, Short: "hold this machine's netmap against what netmap promises", Long: about, Example: example,
		Args: bench.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			*status, err = o.main(ctx, cmd.Flags(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringSliceVar(&o.targets, "targets", nil, "run on `these` only: vale, pipe, null, sink, veth, native")
	f.StringSliceVar(&o.checks, "checks", nil, "run `these` only, see --list")
	f.StringSliceVar(&o.config.nics, "nics", nil, "native: the two `interfaces`; default: the first two of driver e1000")
	f.IntVar(&o.run.Packets, "packets", 0, "packets of the wrap check for each ring size; default 1M, less on NICs")
	f.IntVar(&o.run.Cycles, "cycles", 0, "times that the cycle checks open and close a port; default 1000")
	f.DurationVar(&o.run.Timeout, "timeout", 0, "of one check on one target; default 10m")
	f.BoolVarP(&o.run.Verbose, "verbose", "v", false, "print what checks remark")
	f.BoolVar(&o.list, "list", false, "print the checks and what they hold, and end")
	f.BoolVar(&o.plan, "dry-run", false, "print the targets and how many checks there are, and end")
	f.BoolVar(&o.json, "json", false, "print the report as JSON, the table on standard error")
	o.session.Flags(f)
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// main runs the suite as a session of its own.
func (o *options) main(ctx context.Context, fs *pflag.FlagSet, stdout, stderr io.Writer) (int, error) {
	r, err := newRunner(o)
	if err != nil {
		return 0, err
	}
	if o.list || o.plan {
		if o.list {
			printChecks(stdout)
		} else {
			r.PrintPlan(stdout, false)
		}
		return cli.ExitOK, nil
	}
	plan := session.Plan{Name: Name, Command: bench.Given(Name, fs), Lenient: true}
	return session.Alone(ctx, r, &o.session, &plan, o.json, stdout, stderr)
}

func printChecks(w io.Writer) {
	for _, c := range conformance.Checks() {
		fmt.Fprintf(w, "%-18s %s\n", c.Name, c.Doc)
	}
}

// complete refuses what is not there.
func (o *options) complete() error {
	if n := len(o.config.nics); n != 0 && n != 2 {
		return cli.Usagef("--nics: it takes two interfaces, not %d", n)
	}
	o.run.Checks = conformance.Checks()
	if len(o.checks) > 0 {
		o.run.Checks = nil
	}
	for _, name := range o.checks {
		i := slices.IndexFunc(conformance.Checks(), func(c conformance.Check) bool { return c.Name == name })
		if i < 0 {
			return cli.Usagef("--checks: there is no check %q, see --list", name)
		}
		o.run.Checks = append(o.run.Checks, conformance.Checks()[i])
	}
	for _, t := range o.targets {
		if !slices.Contains(kinds, t) {
			return cli.Usagef("--targets: there is no target %q, there are %s", t, strings.Join(kinds, ", "))
		}
	}
	if len(o.targets) == 0 {
		o.targets = kinds
	}
	return nil
}
