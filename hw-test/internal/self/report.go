package self

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Report is what the self-test found, and what its --json prints.
type Report struct {
	Tool    string    `json:"tool"` // "hw-test"
	Version string    `json:"version"`
	Suite   string    `json:"suite"` // "self"
	Start   time.Time `json:"start"`

	Environment Environment `json:"environment"`

	// Planned is the number of rows to run; Rows are those that ran to their
	// end. Never null in JSON.
	Planned int    `json:"planned"`
	Rows    []*Row `json:"rows"`
	// Notes are sentences on what does not make a row fail and should be
	// known all the same. Never null in JSON.
	Notes       []string `json:"notes"`
	Interrupted bool     `json:"interrupted"`
	Seconds     float64  `json:"seconds"`
	ExitStatus  int      `json:"exit_status"`

	kind string // of the environment, where the ports were given
}

// Environment is where the self-test ran.
type Environment struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"` // its release, as uname -r prints it
	CPUs   int    `json:"cpus"`   // that this process may use
	Rung   Rung   `json:"rung"`
	What   string `json:"what"` // where that is, in words
	// RatePPS is the rate of the paced rows.
	RatePPS float64 `json:"rate_pps"`
	// Limits says what could not be had and what is not tested because of
	// it, in sentences; empty on the highest rung. Never null in JSON.
	Limits []string `json:"limits"`
}

func newReport(rung Rung, limits []string, rows int) *Report {
	return &Report{
		Tool: "hw-test", Version: cli.Version(), Suite: "self", Start: time.Now(),
		Environment: Environment{
			OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: bench.KernelRelease(), CPUs: runtime.NumCPU(),
			Rung: rung, What: rung.where(), RatePPS: rung.rate(), Limits: append([]string{}, limits...),
		},
		Planned: rows, Rows: []*Row{},
	}
}

// Held counts the rows that hold.
func (r *Report) Held() (n int) {
	for _, row := range r.Rows {
		if row.Holds {
			n++
		}
	}
	return n
}

// finish settles what is known only at the end.
func (r *Report) finish(interrupted bool, status int) {
	r.Interrupted = interrupted
	r.Seconds = time.Since(r.Start).Seconds()
	r.Notes = r.notes()
	r.ExitStatus = status
}

func (r *Report) notes() []string {
	notes := []string{}
	multi, spread := 0, 0
	for _, row := range r.Rows {
		if tx := row.Pktgen; tx != nil && tx.TxResult != nil && !tx.RateMet {
			notes = append(notes, fmt.Sprintf("%s: pktgen sent %spps of the %spps asked; is %s busy?",
				row.name(), cli.Norm(tx.PPS), cli.Norm(tx.RateAskedPPS), cmp.Or(row.from, "this machine")))
		}
		if row.Queues > 1 && row.Rcv != nil {
			multi++
			spread += min(1, row.queuesUsed()/2)
		}
	}
	notes = append(notes, r.flooded()...)
	if multi > 0 && spread == 0 {
		notes = append(notes, "The kernel's flow hash gave all flows of a row to one queue, in every row with several: "+
			"receiving by several queues is not tested.")
	}
	return notes
}

// flooded says of each path once that other receivers get its frames, too.
func (r *Report) flooded() (notes []string) {
	for _, row := range r.Rows {
		if len(row.AlsoAt) == 0 {
			continue
		}
		n := fmt.Sprintf("Frames of %s came to %s, too: does the device know where their receiver is? With several generators at once such trials are invalid.",
			row.Path, strings.Join(row.AlsoAt, " and "))
		if !slices.Contains(notes, n) {
			notes = append(notes, n)
		}
	}
	return notes
}

// queuesUsed counts rcv's queues that got frames.
func (r *Row) queuesUsed() (n int) {
	for _, q := range r.Rcv.Queues {
		if q.Packets > 0 {
			n++
		}
	}
	return n
}

// printStart says where the test runs, and how to read the table.
func (r *Report) printStart(w io.Writer) {
	e := &r.Environment
	bench.PrintHead(w, "hw-test "+r.Version, e.Kernel, e.OS, e.Arch, e.CPUs, testbed.Description{Kind: r.kind, What: e.What})
	for _, l := range e.Limits {
		fmt.Fprintln(w, l)
	}
	fmt.Fprintf(w, "Paced is %spps. Mpps and Gbit/s are what pktgen sent; Gbit/s as on an Ethernet wire, with CRC and gap.\n", cli.Norm(e.RatePPS))
}
