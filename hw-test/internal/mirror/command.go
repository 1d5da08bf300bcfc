// Package mirror is hw-test's subcommand mirror: the round trip of messages to
// a mirror and back, one message a system call beside batches.
//
//	namespace A                              namespace B
//	Pinger: publisher and consumer           Reflector: the mirror
//	  30 messages ─▶ sendmmsg ─── veth ───▶ recvmmsg ─┐
//	  their times ◀─ recvmmsg ◀── veth ──── sendmmsg ◀┘
//
// Both sides are pktgen's ping and pong (package rtt) and differ between the
// two modes in one number, how many messages a call may take.
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
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
)

const about = `Measure how long messages take to a mirror and back, with one message a system call and with
batches, side by side at the same load.

A publisher sends --burst messages at a time over a veth pair, a mirror in another network namespace
sends each back, and the publisher's side takes the time of each: pktgen's ping and pong, in one
process, each on a CPU of its own if there are two. A round trip begins when the publisher has the
batch, for all of its messages, and ends when the message is back in the program. In the mode "one"
every message is sent, received, sent back and received again by a system call of its own; the
mirror passes one on before it takes the next. In the mode "batch" a call takes all there is.

A load is in messages a second; 0 sends the next batch when all of the one before is back. calls/msg
are the system calls of both sides for a message's round trip, four in the mode "one" and a few more
that find nothing; waiting (poll) is not counted. CPU/msg is the CPU time of both sides in µs.

It needs Linux; as any user but root it runs in a user namespace. On a machine that does other
things too, chrt -f 10 hw-test mirror keeps these out of the round trips.`

const example = `  hw-test mirror
  hw-test mirror --ports udp --loads 10k,100k,0 --seconds 3
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

type options struct {
	ports   string
	loads   string
	size    int
	burst   int
	seconds time.Duration
	rounds  int
	json    bool

	session     session.Options
	names, plan bool // --list, --dry-run
	inside      bool // a user namespace made for it

	list  []string  // ports
	rates []float64 // loads
}

// Command makes the subcommand. It leaves its exit status in *status, unless it
// returns an error.
func Command(status *int) *cobra.Command {
	o := defaults()
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
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringVar(&o.ports, "ports", o.ports, "`kinds` of sockets: udp, packet (AF_PACKET)")
	fs.StringVar(&o.loads, "loads", o.loads, "`loads` in messages a second, comma-separated")
	fs.Var(cli.CountValue(&o.size), "size", "length of a message (a UDP payload) in bytes, 32 to 1472")
	fs.Var(cli.CountValue(&o.burst), "burst", "messages that are sent at a time, 1 to 1000")
	fs.Var(cli.DurationValue(&o.seconds, time.Second), "seconds", "how long each row sends, 0.1 to 60 seconds")
	fs.Var(cli.CountValue(&o.rounds), "rounds", "how often all is measured, 1 to 100; shown is the median")
	fs.BoolVar(&o.names, "list", false, "print the rows and do nothing")
	fs.BoolVar(&o.plan, "dry-run", false, "print the rows and how long they take, and do nothing")
	fs.BoolVar(&o.json, "json", false, "one JSON object on standard output, the table on standard error")
	o.session.Flags(fs)
	bench.Flags(fs, &o.inside)
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

func defaults() options {
	return options{ports: "udp,packet", loads: "3k,30k,100k,0", size: 100, burst: 30, rounds: 3, seconds: time.Second}
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

// complete takes the flags apart and refuses what makes no sense.
func (o *options) complete() error {
	o.list, o.rates = strings.Split(o.ports, ","), nil
	for _, p := range o.list {
		if !slices.Contains([]string{"udp", "packet"}, p) {
			return cli.Usagef("--ports: %q is neither udp nor packet", p)
		}
	}
	for _, text := range strings.Split(o.loads, ",") {
		rate, err := parseLoad(text)
		if err != nil {
			return cli.Usagef("--loads: %w", err)
		}
		o.rates = append(o.rates, rate)
	}
	switch {
	case o.size < 32 || o.size > 1472:
		return cli.Usagef("--size: %d is not from 32 to 1472 bytes", o.size)
	case o.burst > 1000:
		return cli.Usagef("--burst: %d messages are more than the 1000 that a ring holds", o.burst)
	case o.seconds < 100*time.Millisecond || o.seconds > time.Minute:
		return cli.Usagef("--seconds: %v is not from 0.1 to 60 seconds", o.seconds)
	case o.rounds > 100:
		return cli.Usagef("--rounds: %d are more than 100", o.rounds)
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
