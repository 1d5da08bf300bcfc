// Package harness is hw-test's command line.
//
//	argv[0] pktgen, rcv ──▶ package carried
//	argv[0] conformance ──▶ hw-test conformance
//	hw-test [self]      ──▶ package self
//	hw-test pktgen, rcv ──▶ package carried
//	hw-test conformance ──▶ package conform
//	hw-test vm          ──▶ package vm, which runs any of these in a VM
//	hw-test info, vale  ──▶ packages info and valectl
//	hw-test qdisc       ──▶ package qdiscs
//	hw-test mirror      ──▶ package mirror
//	hw-test sockets     ──▶ package sockets
//	hw-test poll        ──▶ package manysockets
//	hw-test lab         ──▶ package lab
//	hw-test preflight   ──▶ package preflight
//	hw-test throughput, loss, latency ──▶ package suite
//	hw-test compare     ──▶ package compare
//	hw-test run         ──▶ package suites, all of these that test
//	hw-test recover     ──▶ package agent, which runs hw-test agent on other hosts
//	hw-test supervise   ──▶ package remote, which runs it on other hosts
//	hw-test man         ──▶ package manual; hw-test completion is cobra's
//
// Each subcommand is a function here that makes a cobra command, and a package
// beside this one that does the work.
package harness

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/agent"
	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/hw-test/internal/compare"
	"github.com/ringwalk/ringwalk/hw-test/internal/conform"
	"github.com/ringwalk/ringwalk/hw-test/internal/info"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/manual"
	"github.com/ringwalk/ringwalk/hw-test/internal/manysockets"
	"github.com/ringwalk/ringwalk/hw-test/internal/mirror"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/qdiscs"
	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
	"github.com/ringwalk/ringwalk/hw-test/internal/self"
	"github.com/ringwalk/ringwalk/hw-test/internal/sockets"
	"github.com/ringwalk/ringwalk/hw-test/internal/suite"
	"github.com/ringwalk/ringwalk/hw-test/internal/suites"
	"github.com/ringwalk/ringwalk/hw-test/internal/valectl"
	"github.com/ringwalk/ringwalk/hw-test/internal/vm"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command/pktgen"
	"github.com/ringwalk/ringwalk/internal/command/rcv"
)

const about = `hw-test proves that packets get through this machine: what pktgen sends must arrive at rcv, to the
last frame. Both programs are inside hw-test, and it needs no network card.

Without a subcommand it runs the self-test, hw-test self.`

const aboutSelf = `The self-test runs pktgen and rcv as two processes in two network namespaces that are joined by a
veth pair, which it makes itself, 16 times in half a minute: with frames of 60, 128, 512 and 1514
bytes, with one and two queues, paced and at full speed.

A paced row holds if nothing at all was lost, duplicated or reordered. A row at full speed holds if
every frame is accounted for: those received and those the kernel dropped because rcv was late are
those sent, and the numbers in the frames say the same. It may lose frames, for the sender is
faster than the receiver.

A row that does not hold has failed; one that a program's accident or somebody else's frames spoilt
is invalid, which says nothing about the packet path.

It needs Linux and no rights:
  as root       everything is tested
  as any user   it all happens in a user namespace, where the kernel grants smaller buffers;
                so paced rows are slower
  without those pktgen and rcv run in one process over UDP on 127.0.0.1, and what is not
                tested is named
--rung asks for one of them. With --lab or --ports it runs over ports that are there, of this host
or of others: paced rows only. Nothing it makes has a name outside or outlives it, be it ended by ^C
or by kill -9. The first ^C ends it in order, with the table so far.`

const statuses = `
Exit status:
  0    every row passed
  1    a row failed, was spoilt by an accident of pktgen or rcv, or was not finished because of ^C;
       or nothing could be run
  2    the command line is wrong
  3    ran, but a row is invalid (somebody else sent) or skipped (no AF_PACKET, no veth, …)
  125  kept for failures of hw-test itself around a program that it was told to run
  130  a second ^C
`

const example = `  hw-test
  hw-test --sizes 60,1514 --queues 1 --seconds 5
  hw-test self --lab lab.yaml
  hw-test --json 2>/dev/null | jq '.rows[] | select(.holds | not) | .why'`

// Main runs what argv asks for and returns the exit status.
func Main(argv []string, stdout, stderr io.Writer) int {
	if program := carried.Lookup(argv[0]); program != nil {
		return program(argv[1:], stdout, stderr)
	}
	status := cli.ExitOK
	root := newRoot(&status)
	args := argv[1:]
	if filepath.Base(argv[0]) == conform.Name {
		args = append([]string{conform.Name}, args...)
	}
	root.SetArgs(args)
	root.SetOut(cli.Plain(stdout))
	root.SetErr(cli.Plain(stderr))
	for _, c := range root.Commands() { // those that know what a terminal is
		if c.Name() == "vm" || slices.Contains(carried.Names(), c.Name()) {
			c.SetOut(stdout)
			c.SetErr(stderr)
		}
	}
	addCompletion(root)
	if len(args) > 0 && args[0] == cobra.ShellCompRequestCmd {
		unquote(root)
	}
	if cmd, err := root.ExecuteC(); err != nil {
		return cli.FailCommand(cli.Plain(stderr), root.Name(), cmd.CommandPath(), err)
	}
	return status
}

// newRoot makes the command with its subcommands. They leave their exit status
// in *status, unless they return an error.
func newRoot(status *int) *cobra.Command {
	root := newSelf(status)
	root.Use, root.Short, root.Long = "hw-test", "test this machine's packet path", about+"\n\n"+aboutSelf
	root.Version = cli.VersionLine("hw-test")
	root.SetVersionTemplate("{{.Version}}\n")
	// Errors are printed by cli.Fail, in one sentence.
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newSelf(status), vm.Command(status, append(carried.Names(), conform.Name)...),
		info.Command(status, nil), valectl.Command(nil), qdiscs.Command(),
		mirror.Command(status), sockets.Command(status), conform.Command(status), manysockets.Command(status),
		lab.Command(), preflight.Command(status, agent.Reach), compare.Command(status), manual.Command(manuals),
		agent.RecoverCommand(), agent.Command(), remote.SuperviseCommand())
	root.AddCommand(suite.Commands(status)...)
	root.AddCommand(suites.Command(status))
	for _, name := range carried.Names() {
		root.AddCommand(newCarried(name, status))
	}
	root.SetUsageTemplate(root.UsageTemplate() + statuses)
	root.SetUsageFunc(usage)
	return root
}

// wrapped has cobra's usage break what is said of flags at 100 columns.
var wrapped = strings.NewReplacer(".LocalFlags.FlagUsages ", ".LocalFlags.FlagUsagesWrapped 100 ", ".InheritedFlags.FlagUsages ", ".InheritedFlags.FlagUsagesWrapped 100 ")

// usage is cobra's, for all commands.
func usage(c *cobra.Command) error {
	c.SetUsageTemplate(wrapped.Replace(c.UsageTemplate()))
	return new(cobra.Command).UsageFunc()(c)
}

// manuals are the programs that have a page of their own.
func manuals() []manual.Program {
	tx, rx := manual.Program{Name: "pktgen", Short: "send frames"}, manual.Program{Name: "rcv", Short: "count and verify what arrives"}
	tx.About, tx.Flags, tx.More = pktgen.Manual()
	rx.About, rx.Flags, rx.More = rcv.Manual()
	return []manual.Program{tx, rx}
}

// addCompletion adds cobra's own command, which keeps the root's output, and
// has other exit statuses.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.SetUsageTemplate(new(cobra.Command).UsageTemplate())
		}
	}
}

// unquote takes the marks of pflag out of what is said of flags, which cobra
// shows as they are where it completes.
func unquote(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) { _, f.Usage = pflag.UnquoteUsage(f) })
	for _, below := range c.Commands() {
		unquote(below)
	}
}

func newSelf(status *int) *cobra.Command {
	var o self.Options
	cmd := &cobra.Command{
		Use: "self", Short: "prove that what pktgen sends arrives at rcv (the default)", Long: aboutSelf,
		Example: example, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			*status, err = self.Run(ctx, &o, cmd.Flags(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	cmd.Flags().SortFlags = false
	o.Flags(cmd.Flags())
	return cmd
}

// newCarried passes everything on to a program of its own.
func newCarried(name string, status *int) *cobra.Command {
	short := map[string]string{
		"pktgen": "send frames",
		"rcv":    "count and verify what arrives",
	}
	return &cobra.Command{
		Use: name, Short: short[name],
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			*status = carried.Lookup(name)(args, cmd.OutOrStdout(), cmd.ErrOrStderr())
			return nil
		},
	}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return cli.Usagef("%q is neither a subcommand nor a flag of %s", args[0], cmd.CommandPath())
	}
	return nil
}

// flagError is cli.ParseFlags for cobra.
func flagError(_ *cobra.Command, err error) error {
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		// The cause quotes the text already, pflag would quote it again.
		return cli.Usagef("--%s: %w", invalid.GetFlag().Name, invalid.Unwrap())
	}
	return cli.Usagef("%w", err)
}
