package manysockets

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/internal/cli"
)

const about = `Receive at many UDP sockets in one thread, a few messages a second at each, and show what it costs:
with poll(2), which looks at all sockets each time, and with the engine's Poller (epoll) in its
three modes, which looks at those that are ready.

All is on loopback, in a network namespace of its own where there is the right to make one. Nothing
may be lost. Where this process may not open as many sockets, there are fewer, and it is said.`

const statuses = `
Exit status:
  0    nothing was lost with any method, and the rate was reached
  1    messages were lost, or nothing could be run
  2    the command line is wrong
  3    nothing was lost, but the sender did not reach the rate
  130  a second ^C
`

const example = `  hw-test poll
  hw-test poll --sockets 1000 --rate 100 --methods poll,level
  hw-test poll --json | jq '.rows[] | {method, lost, receive_cpu_per_million}'`

// Methods, in the order they are run.
var methods = []string{"poll", "level", "edge", "oneshot"}

// options are the flags.
type options struct {
	sockets int
	rate    int
	seconds time.Duration
	size    int
	methods string
	json    bool
}

// Command makes the subcommand, which leaves its exit status in *status.
func Command(status *int) *cobra.Command {
	o := options{sockets: 10000, rate: 10, seconds: 10 * time.Second, size: 64}
	cmd := &cobra.Command{
		Use: "poll", Short: "receive at 10,000 sockets in one thread: poll(2) against epoll", Long: about, Example: example,
		Args: bench.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx, stop := cli.Signals(context.Background())
			defer stop()
			*status, err = o.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
			return err
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Var(cli.CountValue(&o.sockets), "sockets", "how many sockets")
	fs.Var(cli.CountValue(&o.rate), "rate", "messages a second to each of them")
	fs.Var(cli.DurationValue(&o.seconds, time.Second), "seconds", "how long each method is sent to")
	fs.Var(cli.CountValue(&o.size), "size", "`bytes` of a message")
	fs.StringVar(&o.methods, "methods", strings.Join(methods, ","), "which methods, a `list`")
	fs.BoolVar(&o.json, "json", false, "print one JSON object on standard output at the end")
	cmd.SetUsageTemplate(cmd.UsageTemplate() + statuses)
	return cmd
}

// maxSockets is what addresses and memory are for.
const maxSockets = 1 << 19

func (o *options) check() ([]string, error) {
	list := strings.Split(o.methods, ",")
	for _, m := range list {
		if !slices.Contains(methods, m) {
			return nil, cli.Usagef("--methods: %q is none of %s", m, strings.Join(methods, ", "))
		}
	}
	for _, v := range []struct {
		flag     string
		n        float64
		min, max float64
	}{
		{"sockets", float64(o.sockets), 1, maxSockets},
		{"rate", float64(o.rate), 1, 1e6},
		{"seconds", o.seconds.Seconds(), 0.1, 3600},
		{"size", float64(o.size), 1, 1400},
	} {
		if v.n < v.min || v.n > v.max {
			return nil, cli.Usagef("--%s: %v is not a number from %v to %v", v.flag, v.n, v.min, v.max)
		}
	}
	return list, nil
}

func (o *options) run(ctx context.Context, stdout, stderr io.Writer) (status int, err error) {
	list, err := o.check()
	if err != nil {
		return 0, err
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 3)) // both threads and the rest
	human := stdout
	if o.json {
		human = stderr
	}
	start := time.Now()
	r := &Report{Version: cli.Version(), Asked: o.sockets, Rate: o.rate, Size: o.size, Planned: len(list), Rows: []Row{}}
	l, err := open(o, r)
	if err != nil {
		return 0, err
	}
	defer l.close()
	r.printStart(human)
	for _, m := range list {
		if ctx.Err() != nil {
			break
		}
		row, err := l.measure(ctx, m, o)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m, err)
		}
		row.print(human)
		r.Rows = append(r.Rows, row)
	}
	r.Interrupted = ctx.Err() != nil
	r.end(time.Since(start))
	r.printEnd(human)
	if o.json {
		if err := json.NewEncoder(stdout).Encode(r); err != nil {
			return 0, fmt.Errorf("write the JSON report: %w", err)
		}
	}
	return r.ExitStatus, nil
}
