package mirror

import (
	"fmt"
	"io"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

// Report is what --json prints.
type Report struct {
	Tool        string            `json:"tool"`  // "hw-test"
	Suite       string            `json:"suite"` // "mirror"
	Environment bench.Environment `json:"environment"`
	// Ports are those that were there; absent where a veth pair was made.
	Ports  *testbed.Description `json:"ports,omitempty"`
	Size   int                  `json:"size"`  // of a message in bytes
	Burst  int                  `json:"burst"` // messages sent at a time
	Rounds int                  `json:"rounds"`
	// Rows have "one" and then "batch" of each load; never null in JSON.
	// Those without a trial have no figures, and their sentence says why.
	Rows []Row `json:"rows"`
	// Aims are the batches' mean round trips beside those of one message a
	// call; never null in JSON.
	Aims []Aim `json:"aims"`
	// Notes are sentences on what was left out; never null in JSON.
	Notes       []string `json:"notes"`
	Interrupted bool     `json:"interrupted"`
	Seconds     float64  `json:"seconds"`
	ExitStatus  int      `json:"exit_status"`

	broke bool // the environment did
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
	const columns = "%-6s %7s %-5s %8s %9s %7s %7s %7s %7s %7s %7s %8s %8s %5s  %s\n"
	fmt.Fprintf(w, columns, "port", "load/s", "mode", "sent/s", "calls/msg", "CPU/msg", "min", "mean", "p50", "p90", "p99", "p99.9", "max", "lost", "verdict")
	for _, row := range r.Rows {
		fig := func(v float64, digits int) string {
			if row.Sent == 0 {
				return "-"
			}
			return fmt.Sprintf("%.*f", digits, v)
		}
		fmt.Fprintf(w, columns, row.Port, load(row.Load), row.Mode, fig(row.Achieved, 0), fig(row.Calls, 2), fig(row.CPU, 2),
			fig(row.Min, 1), fig(row.Mean, 1), fig(row.P50, 1), fig(row.P90, 1), fig(row.P99, 1), fig(row.P999, 1), fig(row.Max, 1),
			fig(float64(row.Lost), 0), row.Verdict)
	}
	fmt.Fprintln(w)
	for _, a := range r.Aims {
		fmt.Fprintln(w, a)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	for _, row := range r.Rows {
		if row.Verdict != results.Passed && row.Verdict != results.Unfinished {
			fmt.Fprintf(w, "%s, %s, %s: %s: %s.\n", row.Port, load(row.Load), row.Mode, row.Verdict, row.Sentence)
		}
	}
	if r.Interrupted {
		fmt.Fprintln(w, "Interrupted: the table has what was measured until then.")
	}
}

// String is the aim in words.
func (a Aim) String() string {
	verdict := "missed"
	switch {
	case a.Met:
		verdict = "met"
	case a.Ratio == 0:
		verdict = "not judged: nothing came back"
	case !a.Compares:
		verdict = "not judged: the batches sent less, or lost more"
	}
	return fmt.Sprintf("%-6s %7s  batch/one %.2f of the mean round trip, aim below 1: %s", a.Port, load(a.Load), a.Ratio, verdict)
}

// load names a load; full speed has no number.
func load(n float64) string {
	if n == 0 {
		return "full"
	}
	return fmt.Sprintf("%.0f", n)
}
