package mirror

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Report is what --json prints.
type Report struct {
	Tool        string            `json:"tool"`  // "hw-test"
	Suite       string            `json:"suite"` // "mirror"
	Environment bench.Environment `json:"environment"`
	Size        int               `json:"size"`  // of a message in bytes
	Burst       int               `json:"burst"` // messages sent at a time
	Rounds      int               `json:"rounds"`
	// Rows have "one" and then "batch" of each load; never null in JSON.
	Rows []Row `json:"rows"`
	// Aims are the batches' mean round trips beside those of one message a
	// call; never null in JSON.
	Aims        []Aim `json:"aims"`
	Interrupted bool  `json:"interrupted"`
}

// Aim is what a pair of rows was hoped to show. A missed one is no failure.
type Aim struct {
	Port  string  `json:"port"`
	Load  float64 `json:"load"`
	Ratio float64 `json:"ratio"` // the batch's mean round trip / that of one message a call
	// Compares is false where the batches were under a lower load, or where
	// their mean leaves out more messages that were lost.
	Compares bool `json:"compares"`
	Met      bool `json:"met"` // they compare, and the ratio is below 1
}

// run measures all rows in rounds and reports. Within a round the two modes of
// a load come one after the other, in turn either first, so that what the
// machine does otherwise meets both alike.
func (o *options) run(ctx context.Context, l *bench.Lab, stdout, stderr io.Writer) (int, error) {
	human := stdout
	if o.json {
		human = stderr
	}
	// Both workers and the rest.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 3)))
	rep := Report{
		Tool: "hw-test", Suite: "mirror", Environment: l.Environment, Size: o.size, Burst: o.burst, Rounds: o.rounds,
		Rows: []Row{}, Aims: []Aim{},
	}
	l.Environment.Print(human)
	fmt.Fprintf(human, "Batches of %d messages of %d bytes to a mirror and back; round trips and CPU in µs; of %d rounds the median\n"+
		"by the mean. This takes %.0f s or more.\n\n", o.burst, o.size, o.rounds, o.seconds.Seconds()*float64(o.rounds*len(modes)*len(o.list)*len(o.rates)))
	found := map[key][]Row{}
	err := o.measure(ctx, l, found)
	rep.Interrupted = ctx.Err() != nil
	rep.collect(o, found)
	rep.print(human)
	if o.json {
		if jerr := bench.PrintJSON(stdout, rep); err == nil {
			err = jerr
		}
	}
	if rep.Interrupted {
		return cli.ExitFailed, nil
	}
	return cli.ExitOK, err
}

func (o *options) measure(ctx context.Context, l *bench.Lab, found map[key][]Row) error {
	for round := range o.rounds {
		for _, port := range o.list {
			for _, load := range o.rates {
				for i := range modes {
					k := key{port, load, (i + round) % len(modes)}
					row, err := o.trial(ctx, l, k)
					switch {
					case ctx.Err() != nil:
						return nil // in the middle of the trial
					case err != nil:
						return fmt.Errorf("%s, %s, %v messages a second: %w", port, modes[k.mode].name, load, err)
					}
					found[k] = append(found[k], row)
				}
			}
		}
	}
	return nil
}

// collect makes the rows of what was found, each the median trial, and judges.
func (r *Report) collect(o *options, found map[key][]Row) {
	for _, port := range o.list {
		for _, load := range o.rates {
			both := true
			for i := range modes {
				list := found[key{port, load, i}]
				if len(list) == 0 {
					both = false
					continue
				}
				slices.SortFunc(list, func(a, b Row) int { return int(math.Copysign(1, a.Mean-b.Mean)) })
				r.Rows = append(r.Rows, list[len(list)/2])
			}
			if n := len(r.Rows); both {
				r.Aims = append(r.Aims, judge(r.Rows[n-2], r.Rows[n-1]))
			}
		}
	}
}

// lessLoad is by how much, of the load asked, the batches may send less to
// be under the same load. They may send more: where one message a call cannot
// keep up.
const lessLoad = 0.02

// judge compares the row of one message a call with that of batches.
func judge(one, batch Row) Aim {
	a := Aim{Port: one.Port, Load: one.Load}
	if one.Received == 0 || batch.Received == 0 || one.Mean <= 0 {
		return a
	}
	a.Ratio = batch.Mean / one.Mean
	// Batch after batch, each mode has the load that it manages.
	a.Compares = batch.Lost <= one.Lost && (one.Load == 0 || batch.Achieved >= one.Achieved-lessLoad*one.Load)
	a.Met = a.Compares && a.Ratio < 1
	return a
}

func (r *Report) print(w io.Writer) {
	fmt.Fprintf(w, "%-6s %7s %-5s %8s %9s %7s %7s %7s %7s %7s %7s %8s %8s %5s\n",
		"port", "load/s", "mode", "sent/s", "calls/msg", "CPU/msg", "min", "mean", "p50", "p90", "p99", "p99.9", "max", "lost")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%-6s %7s %-5s %8.0f %9.2f %7.2f %7.1f %7.1f %7.1f %7.1f %7.1f %8.1f %8.1f %5d\n",
			row.Port, load(row.Load), row.Mode, row.Achieved, row.Calls, row.CPU,
			row.Min, row.Mean, row.P50, row.P90, row.P99, row.P999, row.Max, row.Lost)
	}
	fmt.Fprintln(w)
	for _, a := range r.Aims {
		verdict := "missed"
		switch {
		case a.Met:
			verdict = "met"
		case a.Ratio == 0:
			verdict = "not judged: nothing came back"
		case !a.Compares:
			verdict = "not judged: the batches sent less, or lost more"
		}
		fmt.Fprintf(w, "%-6s %7s  batch/one %.2f of the mean round trip, aim below 1: %s\n", a.Port, load(a.Load), a.Ratio, verdict)
	}
	if r.Interrupted {
		fmt.Fprintln(w, "Interrupted: the table has what was measured until then.")
	}
}

// load names a load; full speed has no number.
func load(n float64) string {
	if n == 0 {
		return "full"
	}
	return fmt.Sprintf("%.0f", n)
}
