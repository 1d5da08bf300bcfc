// Package sockets is hw-test's subcommand sockets: what each of the kernel's
// calls for packets costs, and the engine's paths beside the bare calls.
//
//	namespace A                     namespace B
//	sender ─ call ─▶ veth ═══▶ veth ─▶ receiving socket ─ call ─▶ receiver
//	 turn 1: fills the socket           turn 2: empties it
//
// The two sides take turns in one thread, so that neither waits for the other
// and each packet is accounted for: those sent are those received and those
// that the socket or the interface says it has dropped.
package sockets

import (
	"context"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
)

const about = `Measure what the kernel's calls for packets cost, the engine's paths beside the bare calls, over a
veth pair between two network namespaces.

A receive row fills a socket and times how it is emptied; a send row times how it is filled. Both
happen in turn, some hundred packets at a time, in one thread on one CPU, so that no side waits for
the other. Sending includes what the kernel does in the sender's call: over a veth pair that is the
packet's whole way into the receiving socket. Rows with several receive queues have a thread for
each, on a CPU of its own as far as there are. In the last rows both ends run at once and the sender
does not care whether the receiver keeps up: there packets are lost.

Mpps is millions of packets a second, CPU s/M the CPU seconds for a million, both of the side that a
row is about (of both where they run at once); calls/pkt its system calls. Each turn is timed, and
the figures are those of the turn that a tenth of all are faster than, in the best round: what else
the machine does only adds to it. (Where both ends run at once: of the whole, in the median round.)
"beside" is how many times as many packets the side moves in a CPU second as the row that it is held
against (two queues beside one, and both at once: in a second), with the aim where there is one: to
miss it is no failure. Then what became of the packets: those sent are those received and those
dropped by the receiving socket or the sending interface; those that the kernel would not take were
not sent. AF_PACKET frames are as long on the wire as the datagrams.

It needs Linux; as any user but root it runs in a user namespace, where sockets hold fewer packets.`

const example = `  hw-test sockets
  hw-test sockets --size 1472 --rounds 9
  hw-test sockets --json 2>/dev/null | jq '.rows[] | [.name, .pps, .ratio]'`

const statuses = `
Exit status:
  0    measured, and every packet is accounted for
  1    a row failed, which is that packets are missing that nobody says were dropped; or was not
       finished because of ^C, or because something broke
  2    the command line is wrong
  3    ran, but a row is skipped (the kernel lacks UDP_SEGMENT, UDP_GRO, …) or invalid (a socket
       that dropped packets where it was to hold them: net.core.rmem_max)
  130  a second ^C; the first ends the run in order, with what there is
`

type options struct {
	size    int
	packets int
	rounds  int
	rows    string
	json    bool

	session     session.Options
	names, plan bool // --list, --dry-run
	inside      bool // a user namespace made for it
}

var defaults = options{size: 64, packets: 50000, rounds: 5}

// Command makes the subcommand. It leaves its exit status in *status, unless it
// returns an error.
func Command(status *int) *cobra.Command {
	o := defaults
	cmd := &cobra.Command{
		Use: "sockets", Short: "measure the calls for packets, and the engine beside them", Long: about, Example: example,
		Args: bench.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			*status, err = o.run(ctx, cmd.Flags(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Var(cli.CountValue(&o.size), "size", "length of a payload in `bytes`, 1 to 1472")
	fs.Var(cli.CountValue(&o.packets), "packets", "packets of each row and round, 1 to 10M")
	fs.Var(cli.CountValue(&o.rounds), "rounds", "how often all is measured, 1 to 100")
	fs.StringVar(&o.rows, "rows", "", "only rows with this `text`, and those they are held against")
	fs.BoolVar(&o.names, "list", false, "print the rows and do nothing")
	fs.BoolVar(&o.plan, "dry-run", false, "print the rows and how long they take, and do nothing")
	fs.BoolVar(&o.json, "json", false, "one JSON object on standard output, the table on standard error")
	o.session.Flags(fs)
	bench.Flags(fs, &o.inside)
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// run runs the suite as a session of its own.
func (o *options) run(ctx context.Context, fs *pflag.FlagSet, stdout, stderr io.Writer) (int, error) {
	r, err := newRunner(o)
	if err != nil {
		return 0, err
	}
	if o.names || o.plan {
		r.PrintPlan(stdout, o.names)
		return cli.ExitOK, nil
	}
	return session.InNamespaces(ctx, r, &o.session, fs, o.json, stdout, stderr)
}

func (o *options) check() error {
	switch {
	case o.size > 1472:
		return cli.Usagef("--size: %d is more than 1472 bytes", o.size)
	case len(only(plan(o.size), o.rows)) == 0:
		return cli.Usagef("--rows: no row has %q in its group or name", o.rows)
	case o.packets > 10e6:
		return cli.Usagef("--packets: %d are more than 10M", o.packets)
	case o.rounds > 100:
		return cli.Usagef("--rounds: %d are more than 100", o.rounds)
	}
	return nil
}
