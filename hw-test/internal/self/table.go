package self

import (
	"fmt"
	"io"
)

// The table is printed as rows finish, hence the fixed widths.
const columns = "%4s %6s %-5s %8s %8s %9s %12s %10s %9s %-7s %s\n"

func printHeader(w io.Writer) {
	fmt.Fprintf(w, columns, "size", "queues", "pace", "Mpps", "Gbit/s", "lost", "kernel drops",
		"duplicates", "reordered", "backend", "verdict")
}

func (r *Row) print(w io.Writer) {
	mpps, gbps, backend := "-", "-", "-"
	if r.Pktgen != nil {
		mpps, gbps = fmt.Sprintf("%.3f", r.Pktgen.PPS/1e6), fmt.Sprintf("%.3f", r.gbps())
		backend = r.Pktgen.Backend
	}
	lost, drops, dups, reordered := "-", "-", "-", "-"
	if r.Rcv != nil && r.Rcv.RxResult != nil && r.Rcv.Probe != nil {
		drops = fmt.Sprint(r.Rcv.KernelDrops)
		p := r.Rcv.Probe
		lost, dups, reordered = fmt.Sprint(p.Lost), fmt.Sprint(p.Duplicates), fmt.Sprint(p.Reordered)
	}
	queues := "all"
	if r.Queues > 0 {
		queues = fmt.Sprint(r.Queues)
	}
	verdict := string(r.Verdict)
	if r.Path != "" {
		verdict += "  " + r.Path
	}
	fmt.Fprintf(w, columns, fmt.Sprint(r.Size), queues, r.Pace, mpps, gbps, lost, drops,
		dups, reordered, backend, verdict)
}

// name is the row in a sentence.
func (r *Row) name() string {
	name := fmt.Sprintf("%d bytes", r.Size)
	switch r.Queues {
	case 0:
	case 1:
		name += ", 1 queue"
	default:
		name += fmt.Sprintf(", %d queues", r.Queues)
	}
	name += ", " + string(r.Pace)
	if r.Path != "" {
		name += ", " + r.Path
	}
	return name
}

// printEnd prints what stands under the table.
func (r *Report) printEnd(w io.Writer) {
	for _, row := range r.Rows {
		if !row.Holds {
			fmt.Fprintf(w, "%s: %s: %s.\n", row.name(), row.Verdict, row.sentence())
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	if r.Interrupted {
		fmt.Fprintf(w, "Interrupted after %d of %d rows.\n", len(r.Rows), r.Planned)
	}
	fmt.Fprintf(w, "%d of %d rows hold (%.0f s, exit status %d)\n", r.Held(), r.Planned, r.Seconds, r.ExitStatus)
}
