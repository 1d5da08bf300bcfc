// Package conform runs package conformance on the netmap of the kernel it is
// started on: it finds or makes a port pair of each kind, runs every check on
// every one of them, and prints the table.
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
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap/conformance"
	"github.com/spf13/pflag"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1 // could not run
	exitUsage   = 2
	exitShort   = 3 // ran, and a check failed
)

// Main is the program: arguments without the program's name, and the exit
// status. The table goes to stdout, everything else to stderr.
func Main(args []string, stdout, stderr io.Writer) int {
	var (
		opt     conformance.Options
		cfg     config
		json    bool
		list    bool
		targets []string
		checks  []string
	)
	f := pflag.NewFlagSet("conformance", pflag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringSliceVar(&targets, "targets", nil, "run on these only: vale, pipe, null, sink, veth, native; a named one that is not there is a failure")
	f.StringSliceVar(&checks, "checks", nil, "run these only, see --list")
	f.StringSliceVar(&cfg.nics, "nics", nil, "the two interfaces of the native target (default: the first two of driver e1000)")
	f.IntVar(&opt.Packets, "packets", 0, "packets of the wrap check for each ring size (default 1000000; less on NICs)")
	f.IntVar(&opt.Cycles, "cycles", 0, "times that the cycle checks open and close a port (default 1000)")
	f.DurationVar(&opt.Timeout, "timeout", 0, "of one check on one target (default 10m)")
	f.BoolVarP(&opt.Verbose, "verbose", "v", false, "print what checks remark")
	f.BoolVar(&json, "json", false, "print the report as JSON instead of a table")
	f.BoolVar(&list, "list", false, "print the checks and what they hold, and end")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return exitOK
		}
		fmt.Fprintln(stderr, "conformance:", err)
		return exitUsage
	}
	if f.NArg() > 0 || len(cfg.nics) != 0 && len(cfg.nics) != 2 {
		fmt.Fprintln(stderr, "conformance: it takes no arguments, and --nics two interfaces")
		return exitUsage
	}
	if list {
		for _, c := range conformance.Checks() {
			fmt.Fprintf(stdout, "%-18s %s\n", c.Name, c.Doc)
		}
		return exitOK
	}
	for _, name := range checks {
		i := slices.IndexFunc(conformance.Checks(), func(c conformance.Check) bool { return c.Name == name })
		if i < 0 {
			fmt.Fprintf(stderr, "conformance: there is no check %q, see --list\n", name)
			return exitUsage
		}
		opt.Checks = append(opt.Checks, conformance.Checks()[i])
	}
	for _, t := range targets {
		if !slices.Contains(kinds, t) {
			fmt.Fprintf(stderr, "conformance: there is no target %q, there are %s\n", t, strings.Join(kinds, ", "))
			return exitUsage
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	status, err := run(ctx, &opt, &cfg, targets, json, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitFailure
	}
	return status
}

func run(ctx context.Context, opt *conformance.Options, cfg *config, only []string, json bool, stdout, stderr io.Writer) (status int, err error) {
	if _, err := os.Stat("/dev/netmap"); err != nil {
		return 0, fmt.Errorf("this kernel has no netmap, load its module first (scripts/build-netmap.sh --load): %w", err)
	}
	found, absent, cleanup, err := discover(cfg, only)
	defer func() { err = errors.Join(err, cleanup()) }()
	if err != nil {
		return 0, err
	}
	for _, a := range absent {
		fmt.Fprintln(stderr, "not here:", a)
	}
	report, err := conformance.Run(ctx, stderr, found, opt)
	if len(report.Results) > 0 {
		write := report.WriteText
		if json {
			write = report.WriteJSON
		}
		err = errors.Join(err, write(stdout))
	}
	if err == nil && !report.OK() {
		return exitShort, nil
	}
	return exitOK, err
}
