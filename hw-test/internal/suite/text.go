package suite

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/hw-test/internal/trial"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// progress prints a line for each trial.
type progress struct {
	w     io.Writer
	row1  string        // the row's name
	later time.Duration // about how long the rows after it take
	what  string        // of the trial under way
	left  time.Duration
	doing func(of string, load float64, left time.Duration) // is told too
}

func (p *progress) row(row *Row, later time.Duration) {
	p.row1, p.later = row.Size, later
}

// trial tells what comes next; left is until the end of the row, 0 if that is
// not known.
func (p *progress) trial(what string, load float64, d, left time.Duration) {
	p.what = fmt.Sprintf("%4s %-4s %12spps %5.1f s", p.row1, what, cli.Norm(load), d.Seconds())
	if load == 0 {
		p.what = fmt.Sprintf("%4s %s, %.1f s", p.row1, what, d.Seconds())
	}
	p.left = left
	p.doing(p.row1, load, left+p.later)
}

// done tells how it went.
func (p *progress) done(t *trial.Trial) {
	how := fmt.Sprintf("lost %d of %d", t.Lost, t.Sent)
	switch {
	case t.Load == 0:
		how = fmt.Sprintf("sent %spps", cli.Norm(t.Achieved))
	case t.Kind != search.Valid:
		how = fmt.Sprintf("%s: %s", t.Kind, strings.Join(t.Why, "; "))
	}
	left := ""
	if p.left > 0 {
		left = fmt.Sprintf(" (%s left)", round(max(0, p.left-time.Duration(t.Seconds*float64(time.Second)))+p.later))
	}
	fmt.Fprintf(p.w, "%s: %s%s\n", p.what, how, left)
}

// round prints a time for people.
func round(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
}

// printStart says where the suite runs.
func (b *job) printStart(w io.Writer) {
	h := &b.Host
	bench.PrintHead(w, "hw-test "+b.Suite+" "+b.Version, h.Kernel, h.OS, h.Arch, h.CPUs, b.Environment)
	for _, l := range b.Environment.Limits {
		fmt.Fprintf(w, "%s.\n", l)
	}
	fmt.Fprintf(w, "Sizes are with CRC. About %s.\n", round(b.planned(b.Rows)))
}

// PrintPlan is --list and --dry-run.
func (b *job) PrintPlan(w io.Writer, names bool) {
	var total time.Duration
	for _, row := range b.Rows {
		if names {
			fmt.Fprintln(w, row.Size)
			continue
		}
		fmt.Fprintf(w, "%s: frames of %s bytes without CRC\n", row.Size, row.Lengths)
		for _, s := range b.plan(row) {
			about := ""
			if s.about {
				about = "about "
			}
			fmt.Fprintf(w, "  %s%d × %.3g s: %s; %s\n", about, s.trials, s.duration.Seconds(), s.what, round(s.total()))
			total += s.total()
		}
	}
	if !names {
		fmt.Fprintf(w, "%s\nAbout %s in all.\n", testbed.Lines(b.Environment.What), round(total))
	}
}

// printEnd prints the table and its end.
func (b *job) printEnd(w io.Writer) {
	switch b.Suite {
	case throughputName:
		b.printThroughput(w)
	case lossName:
		b.printLoss(w)
	case latencyName:
		b.printLatency(w)
	}
	for _, row := range b.Rows {
		fmt.Fprintf(w, "%s: %s: %s.\n", row.Size, row.Verdict, row.Sentence)
	}
	if note := b.generators(); note != "" {
		fmt.Fprintf(w, "%s.\n", note)
	}
	if b.Interrupted {
		fmt.Fprintln(w, "Interrupted.")
	}
	fmt.Fprintf(w, "%d of %d rows have their figures (%.0f s, exit status %d)\n", b.passed(), len(b.Rows), b.Seconds, b.ExitStatus)
}

func (r *Report) passed() (n int) {
	for _, row := range r.Rows {
		if row.Verdict == results.Passed {
			n++
		}
	}
	return n
}

func (b *job) printThroughput(w io.Writer) {
	const columns = "%5s %-4s %12s %12s %12s %12s %7s  %s\n"
	fmt.Fprintf(w, columns, "size", "goal", "passed pps", "failed pps", "Mbit/s", "wire Mbit/s", "trials", "verdict")
	for _, row := range b.Rows {
		if row.Search == nil {
			fmt.Fprintf(w, columns, row.Size, "-", "-", "-", "-", "-", fmt.Sprint(len(row.Trials)), row.Verdict)
			continue
		}
		for _, g := range row.Search.Goals {
			bps, wire := row.bits(g.Lower)
			failed := g.Upper
			if v := row.verdictOf(&g); v == results.Invalid || v == results.Limited {
				failed = 0 // nobody knows
			}
			fmt.Fprintf(w, columns, row.Size, g.Name, figure(g.Lower, 0), figure(failed, 0), figure(bps/1e6, 3), figure(wire/1e6, 3),
				fmt.Sprint(len(row.Trials)), row.word(&g))
		}
	}
}

// word is the verdict of a goal in the table.
func (row *Row) word(g *search.GoalResult) string {
	switch row.verdictOf(g) {
	case results.Limited:
		return string(results.Limited)
	case results.Unfinished:
		return string(row.Verdict) // which says why
	}
	return string(g.Verdict)
}

// figure prints a number, "-" for none.
func figure(v float64, digits int) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, v)
}

func (b *job) printLoss(w io.Writer) {
	const columns = "%5s %7s %12s %12s %10s %10s %9s  %s\n"
	fmt.Fprintf(w, columns, "size", "of max", "pps", "Mbit/s", "sent", "lost", "lost %", "")
	for _, row := range b.Rows {
		for _, p := range row.Loss {
			bps, _ := row.bits(p.Load)
			kind := string(p.Kind)
			if p.Kind == search.Valid {
				kind = ""
			}
			fmt.Fprintf(w, columns, row.Size, fmt.Sprintf("%.0f %%", 100*p.Share), figure(p.Load, 0), figure(bps/1e6, 3),
				fmt.Sprint(p.Sent), fmt.Sprint(p.Lost), fmt.Sprintf("%.4f", 100*p.LossRatio), kind)
		}
	}
}
