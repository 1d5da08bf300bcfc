// Package mirror is hw-test's subcommand mirror: the round trip of messages to
// a mirror and back, one message a system call beside batches.
//
//	namespace A, or a host                    namespace B, or a host
//	pktgen -f ping: publisher and consumer    pktgen -f pong: the mirror
//	  30 messages ─▶ sendmmsg ─── veth, ───▶ recvmmsg ─┐
//	  their times ◀─ recvmmsg ◀── wire  ──── sendmmsg ◀┘
//
// Both are programs that package program starts, and differ between the two
// modes in one flag (--per-call), how many messages a call may take. Over a
// netmap port a call takes what the ring holds, so that there is no other mode
// than batches.
package mirror

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
	"github.com/ringwalk/ringwalk/hw-test/internal/place"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
)

const about = `Measure how long messages take to a mirror and back, with one message a system call and with
batches, side by side at the same load.

A publisher sends --burst messages at a time over a veth pair, a mirror in another network namespace
sends each back, and the publisher's side takes the time of each: pktgen -f ping and -f pong, two
programs, each on a CPU of its own if there are two. A round trip begins when the publisher has the
batch, for all of its messages, and ends when the message is back in the program. In the mode "one"
every message is sent, received, sent back and received again by a system call of its own; the
mirror passes one on before it takes the next. In the mode "batch" a call takes all there is.

A load is in messages a second; 0 sends the next batch when all of the one before is back. calls/msg
are the system calls of both sides for a message's round trip, four in the mode "one" and a few more
that find nothing; waiting (poll) is not counted. CPU/msg is the CPU time, in µs, of the
threads on both sides that move the messages.

With --lab it runs between the two ports of a path, of this host or of others: the publisher where
it begins, the mirror where it ends.

It needs Linux; as any user but root it runs in a user namespace. On a machine that does other
things too, chrt -r 10 hw-test mirror keeps these out of the round trips.`

const example = `  hw-test mirror
  hw-test mirror --ports udp --loads 10k,100k,0 --seconds 3
  hw-test mirror --lab lab.yaml --path gen.left --loads 10k
  hw-test mirror --json 2>/dev/null | jq '.rows[] | [.port, .mode, .load, .mean_us]'`

const statuses = `
Exit status:
  0    measured: all messages came back, whatever the times are
  1    a row failed, which is that messages were lost at a load that was sent; or was not finished
       because of ^C, or because something broke
  2    the command line is wrong
  3    ran, but a row is generator-limited (the load was not reached), invalid (somebody else sent)
       or skipped (the kernel has no such sockets)
  130  a second ^C; the first ends the run in order, with what there is
`

// Options select what is measured. The zero value is not valid; Flags sets the
// defaults.
type Options struct {
	Ports  string // kinds of sockets; "": those that there are, see kinds
	Loads  string
	Size   int
	Burst  int
	Send   time.Duration // how long each row does
	Rounds int
	JSON   bool

	Where        place.Where
	Session      session.Options
	List, DryRun bool

	inside bool // a user namespace made for it

	asked []string  // Ports, taken apart; nil: not asked
	rates []float64 // Loads
}

// Flags adds the flags to a flag set.
func (o *Options) Flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Ports, "ports", "", "`kinds` of sockets: udp, packet (AF_PACKET); over ports that are there also netmap; default: udp,packet, or over such ports what they are, and udp where their addresses allow it")
	o.Where.LabFlags(fs)
	fs.StringVar(&o.Loads, "loads", "3k,30k,100k,0", "`loads` in messages a second, comma-separated")
	o.Size, o.Burst, o.Send, o.Rounds = 100, 30, time.Second, 3
	fs.Var(cli.CountValue(&o.Size), "size", "length of a message (a UDP payload) in bytes, 32 to 1472")
	fs.Var(cli.CountValue(&o.Burst), "burst", "messages that are sent at a time, 1 to 1000")
	fs.Var(cli.DurationValue(&o.Send, time.Second), "seconds", "how long each row sends, 0.1 to 60 seconds")
	fs.Var(cli.CountValue(&o.Rounds), "rounds", "how often all is measured, 1 to 100; shown is the median")
	fs.BoolVar(&o.List, "list", false, "print the rows and do nothing")
	fs.BoolVar(&o.DryRun, "dry-run", false, "print the rows and how long they take, and do nothing")
	fs.BoolVar(&o.JSON, "json", false, "one JSON object on standard output, the table on standard error")
	o.Session.Flags(fs)
	bench.Flags(fs, &o.inside)
}

// Command makes the subcommand. It leaves its exit status in *status, unless it
// returns an error.
func Command(status *int) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use: "mirror", Short: "measure round trips, one message a call beside batches", Long: about, Example: example,
		Args: bench.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			*status, err = o.run(ctx, cmd.Flags(), cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	cmd.Flags().SortFlags = false
	o.Flags(cmd.Flags())
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// run runs the suite as a session of its own.
func (o *Options) run(ctx context.Context, fs *pflag.FlagSet, stdout, stderr io.Writer) (int, error) {
	r, err := o.runner(fs)
	if err != nil {
		return 0, err
	}
	if o.List || o.DryRun {
		r.PrintPlan(stdout, o.List)
		return cli.ExitOK, nil
	}
	if r.ports != nil {
		return session.Alone(ctx, r, &o.Session, &session.Plan{Name: r.Name(), Command: bench.Given(r.Name(), fs), Where: &o.Where}, o.JSON, stdout, stderr)
	}
	return session.InNamespaces(ctx, r, &o.Session, fs, o.JSON, stdout, stderr)
}

// runner makes the suite where the flags say.
func (o *Options) runner(fs *pflag.FlagSet) (*runner, error) {
	given, err := o.Where.Given(fs, "the mirror", "mirror")
	switch {
	case err != nil:
		return nil, err
	case !given:
		return newRunner(o, nil, "", "")
	}
	return along(o, &o.Where, "name one path")
}

// along makes the suite over the one path that was named; remedy is what to do
// where several were.
func along(o *Options, w *place.Where, remedy string) (*runner, error) {
	ways := w.Ways()
	if len(ways) > 1 {
		return nil, cli.Usagef("--path: the mirror is at the end of one path, not of %d: %s", len(ways), remedy)
	}
	r, err := newRunner(o, path{w}, ways[0].From.Spec, ways[0].To.Spec)
	if from, to := ways[0].From, ways[0].To; err == nil && r.asked == nil && from.Host != nil && from.Host == to.Host {
		// Known now; choose says why when the ports are open.
		r.plan(slices.DeleteFunc(slices.Clone(r.kinds), func(kind string) bool { return kind == udp }))
	}
	return r, err
}

// complete takes the flags apart and refuses what makes no sense.
func (o *Options) complete() error {
	o.asked, o.rates = nil, nil
	if o.Ports != "" {
		o.asked = strings.Split(o.Ports, ",")
	}
	for i, p := range o.asked {
		switch {
		case !slices.Contains([]string{udp, packet, netmapped}, p):
			return cli.Usagef("--ports: %q is none of udp, packet and netmap", p)
		case slices.Contains(o.asked[:i], p):
			return cli.Usagef("--ports: %s is there twice", p)
		}
	}
	for _, text := range strings.Split(o.Loads, ",") {
		rate, err := parseLoad(text)
		if err != nil {
			return cli.Usagef("--loads: %w", err)
		}
		o.rates = append(o.rates, rate)
	}
	switch {
	case o.Size < 32 || o.Size > 1472:
		return cli.Usagef("--size: %d is not from 32 to 1472 bytes", o.Size)
	case o.Burst > 1000:
		return cli.Usagef("--burst: %d messages are more than the 1000 that a ring holds", o.Burst)
	case o.Send < 100*time.Millisecond || o.Send > time.Minute:
		return cli.Usagef("--seconds: %v is not from 0.1 to 60 seconds", o.Send)
	case o.Rounds > 100:
		return cli.Usagef("--rounds: %d are more than 100", o.Rounds)
	}
	return nil
}

func parseLoad(text string) (float64, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil && n == 0 {
		return 0, nil
	}
	n, err := cli.ParseCount(text)
	if err == nil && n > 1e8 {
		err = errors.New("more than 100M messages a second")
	}
	if err != nil {
		return 0, fmt.Errorf("%q: %w", text, err)
	}
	return float64(n), nil
}
