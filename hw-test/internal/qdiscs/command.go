// Package qdiscs is hw-test's subcommand qdisc: it shows, sets and puts back
// queueing disciplines by package qdisc, and compares what each does to a veth
// pair.
package qdiscs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/recovery"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/qdisc"
)

const about = `Look at the queueing discipline (qdisc) of a network device, set another, and put back exactly what
was before: kind, handle, options, the children of an mq, txqueuelen. By netlink, without tc.

What was is in a journal under /run/ringwalk before anything is changed (RINGWALK_RUN names another
directory; without root it is XDG_RUNTIME_DIR/ringwalk). There recover finds what a killed program
left behind, and puts it back unless somebody else has changed it since.`

const aboutSet = `Set the root qdisc of a device, until "hw-test qdisc restore DEV":

  noqueue          none: a frame goes to the driver at once, or is dropped
  pfifo[:packets]  one queue, by default of txqueuelen packets
  bfifo[:bytes]    one queue, counted in bytes
  pfifo_fast       three queues by priority, each of txqueuelen packets
  default          what the kernel attaches by itself

and behind it, or not, ,txqueuelen=N. Refused, with nothing touched: a qdisc with classes or
filters, or of a kind whose settings do not all show, which could not be put back exactly; noqueue
on a device that needs a queue. --force does it all the same.`

const aboutRecover = `Put back what programs that were killed left changed, of a device or, without one, of all in all
network namespaces: qdiscs, what was set for netmap ports (link up, promiscuous, offloads), and what
a test's preflight has fixed for its time. What somebody else has changed since stays as it is, and
so does what "qdisc set" and "preflight --fix" set. What programs that run have changed is theirs to
put back.`

const aboutCompare = `Send at full speed over a veth pair, made for it in two network namespaces, with each qdisc in turn,
and show what arrived and where the rest was lost. The receiving end takes a frame in the sender's
own call, or (with GRO, as with XDP) by NAPI from a ring of 256 frames, in a softirq or in a thread.`

const statuses = `
Exit status:
  0    done
  1    failed: nothing was changed, or what could not be put back is named
  2    the command line is wrong
`

// options are the flags of all subcommands.
type options struct {
	netns string
	json  bool
	force bool
}

// Command makes the subcommand qdisc. Its exit status is that of its error.
func Command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: "qdisc", Short: "look at a device's queueing discipline, swap it, put it back", Long: about,
		Args: unknown, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	show := &cobra.Command{
		Use: "show [DEV]", Short: "show the qdiscs of a device, or of all", Args: atMost(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.show(cmd.OutOrStdout(), args) },
	}
	set := &cobra.Command{
		Use: "set DEV QDISC", Short: "set a device's root qdisc", Long: aboutSet, Args: atMost(2, 2),
		Example: "  hw-test qdisc set eth0 pfifo:77\n  hw-test qdisc set veth-a noqueue --netns left",
		RunE:    func(cmd *cobra.Command, args []string) error { return o.set(cmd.OutOrStdout(), args) },
	}
	set.Flags().BoolVar(&o.force, "force", false, "set it even if what is there cannot be put back exactly, or the device needs a queue")
	restore := &cobra.Command{
		Use: "restore DEV", Short: "put back what was before set", Args: atMost(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.restore(cmd.OutOrStdout(), args) },
	}
	recover := &cobra.Command{
		Use: "recover [DEV]", Short: "put back what killed programs left", Long: aboutRecover, Args: atMost(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.recover(cmd.OutOrStdout(), args) },
	}
	for _, c := range []*cobra.Command{show, set, restore, recover} {
		c.Flags().StringVar(&o.netns, "netns", "", "the device is in the network namespace `NAME` (ip netns), or in that of a file")
	}
	compare := newCompare(&o)
	for _, c := range []*cobra.Command{show, set, restore, recover, compare} {
		c.Flags().BoolVar(&o.json, "json", false, "print JSON on standard output")
		c.Flags().SortFlags = false
		cmd.AddCommand(c)
	}
	return cmd
}

func unknown(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return cli.Usagef("%q is not a subcommand of %s", args[0], cmd.CommandPath())
	}
	return nil
}

func atMost(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || len(args) > most {
			return cli.Usagef("%d arguments do not fit %q", len(args), cmd.UseLine())
		}
		return nil
	}
}

// file opens the namespace that --netns names, nil for this one.
func (o *options) file() (*os.File, error) {
	if o.netns == "" {
		return nil, nil
	}
	path := o.netns
	if filepath.Base(path) == path {
		path = filepath.Join("/run/netns", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("there is no network namespace %s (ip netns shows those that have a name): %w", o.netns, err)
	}
	return f, nil
}

// device is the link that a command is about.
func (o *options) device(name string) (l qdisc.Link, done func(), err error) {
	f, err := o.file()
	if err != nil {
		return l, nil, err
	}
	return qdisc.Link{Name: name, NS: f}, func() { f.Close() }, nil
}

func (o *options) set(w io.Writer, args []string) error {
	spec, err := qdisc.ParseSpec(args[1])
	if err != nil {
		return cli.Usagef("%w", err)
	}
	l, done, err := o.device(args[0])
	if err != nil {
		return err
	}
	defer done()
	err = qdisc.Set(l, spec, &qdisc.Options{Force: o.force})
	if errors.Is(err, qdisc.ErrNotExact) || errors.Is(err, qdisc.ErrNeedsQueue) {
		err = fmt.Errorf("%w (--force does it all the same)", err)
	}
	if err != nil {
		return err
	}
	return o.show(w, args[:1])
}

func (o *options) restore(w io.Writer, args []string) error {
	l, done, err := o.device(args[0])
	if err != nil {
		return err
	}
	defer done()
	if err := qdisc.RestoreSet(l); err != nil {
		return err
	}
	return o.show(w, args)
}

// recover is recovery.Here in a namespace.
func (o *options) recover(w io.Writer, args []string) error {
	dev := ""
	if len(args) > 0 {
		dev = args[0]
	}
	var list []recovery.Recovered
	err := o.inside(func() (err error) {
		list, err = recovery.Here(dev)
		return err
	})
	if o.json {
		return errors.Join(bench.PrintJSON(w, list), err)
	}
	recovery.Print(w, list)
	return err
}

// inside runs f on a thread in the namespace of --netns.
func (o *options) inside(f func() error) error {
	ns, err := o.file()
	if err != nil {
		return err
	}
	if ns == nil {
		return f()
	}
	defer ns.Close()
	return enter(ns, f)
}
