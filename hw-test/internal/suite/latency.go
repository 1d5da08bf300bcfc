package suite

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/trial"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// LatencyPoint is the one-way delay at one load.
type LatencyPoint struct {
	Load      float64     `json:"load_pps"`
	Share     float64     `json:"share"` // of what the row says
	Kind      search.Kind `json:"kind"`
	LossRatio float64     `json:"loss_ratio"`
	Delay     *cli.Times  `json:"delay"` // null where none was measured
	// Clock is by how much the delays are corrected, where the ends have two
	// clocks, and how well that is known.
	Clock *cli.Clock `json:"clock,omitempty"`
	Why   string     `json:"why,omitempty"`
}

// latencyShares are the loads as shares of the NDR, as CSIT has them; RFC 2544
// (26.2) asks for the NDR itself only.
var latencyShares = []float64{0.1, 0.5, 0.9}

// lossy is the share of lost frames above which delays are told only of what
// came through: a row with such a load has failed.
const lossy = 0.005

// latency measures delays below the NDR, which it finds first unless
// --max-rate says from what to take the shares.
func latency(ctx context.Context, b *job, row *Row) error {
	var parts, faults []string
	of := row.frames(b.MaxRate)
	row.ShareOf, row.Verdict = "--max-rate", results.Passed
	if of == 0 {
		// Its verdict is the row's, unless the delays make it worse.
		if err := throughput(ctx, b, row); err != nil || row.Search.Goals[0].Lower == 0 {
			return err
		}
		row.ShareOf = "NDR"
		if row.Verdict != results.Passed {
			row.ShareOf = "the highest rate that passed"
			faults = append(faults, row.Sentence)
		}
		of = row.Search.Goals[0].Lower
	}
	for i, share := range latencyShares {
		p := LatencyPoint{Share: share, Load: share * of}
		b.progress.trial("delay", p.Load, b.Duration, time.Duration(len(latencyShares)-i)*(b.Duration+b.runner.Overhead()))
		t, err := b.runner.Run(ctx, p.Load, b.Duration)
		if err != nil {
			row.end(results.Unfinished, "stopped before its end")
			return err
		}
		p.judge(t)
		row.Latency = append(row.Latency, p)
		at := fmt.Sprintf("%.0f %% (%spps)", 100*share, cli.Norm(p.Load))
		switch {
		case p.Kind == search.GeneratorLimited:
			row.Verdict = results.Worst(row.Verdict, results.Limited)
			faults = append(faults, fmt.Sprintf("at %s generator-limited: %s", at, p.Why))
			continue
		case p.Kind != search.Valid:
			row.Verdict = results.Worst(row.Verdict, results.Invalid)
			faults = append(faults, fmt.Sprintf("at %s invalid: %s", at, p.Why))
			continue
		case p.Delay == nil && p.LossRatio < 1:
			row.end(results.Skipped, "rcv measured no one-way delay: the two ends' clocks are not one, and nobody knows how far they are apart")
			return nil
		case p.Delay != nil:
			parts = append(parts, fmt.Sprintf("at %s p50 %v, p99 %v, at most %v", at, ns(p.Delay.P50NS), ns(p.Delay.P99NS), ns(p.Delay.MaxNS)))
		}
		if p.LossRatio > lossy {
			row.Verdict = results.Worst(row.Verdict, results.Failed)
			faults = append(faults, fmt.Sprintf("at %s %.3g %% are lost", at, 100*p.LossRatio))
		}
	}
	row.Sentence = strings.Join(append(parts, faults...), "; ")
	if len(parts) > 0 {
		row.Sentence = fmt.Sprintf("one-way delay in shares of %spps, %s: %s", cli.Norm(of), row.ShareOf, row.Sentence)
		if apart := row.apart(); apart != "" {
			row.Sentence = apart + ": " + row.Sentence
		}
	}
	return nil
}

// judge takes the delays of a trial's frames from rcv's result, which has none
// where the clocks are apart.
func (p *LatencyPoint) judge(t *trial.Trial) {
	p.Kind, p.LossRatio, p.Why = t.Kind, t.LossRatio(), strings.Join(t.Why, "; ")
	d := t.Rcv[0].Probe.Delay
	if d == nil {
		return
	}
	p.Delay, p.Clock = d.OneWay, d.Clock
	if p.Kind == search.Valid && d.OffsetRefuted() {
		p.Kind = search.Invalid
		p.Why = fmt.Sprintf("a frame came %v before it was sent, by clocks known to ± %v: one of them was set, or is known worse than that",
			ns(-d.OneWay.MinNS), ns(d.Clock.WithinNS))
	}
}

// clock is by how much the row's delays are corrected, as of the load at which
// that is known worst; nil where both ends have one clock.
func (row *Row) clock() (worst *cli.Clock) {
	for _, p := range row.Latency {
		if p.Clock != nil && (worst == nil || p.Clock.WithinNS > worst.WithinNS) {
			worst = p.Clock
		}
	}
	return worst
}

// apart is to be said before delays between two clocks, "" between one.
func (row *Row) apart() string {
	c := row.clock()
	if c == nil {
		return ""
	}
	return fmt.Sprintf("clocks differ by %v, known to ± %v", ns(max(c.AheadNS, -c.AheadNS)), ns(c.WithinNS))
}

// vague tells that a delay is less than twice by what it may be wrong: a
// difference to another run's is as likely the clocks'.
func (p *LatencyPoint) vague(delay int64) bool { return p.Clock != nil && 2*p.Clock.WithinNS > delay }

func ns(n int64) time.Duration { return time.Duration(n).Round(time.Microsecond / 10) }

func (b *job) planLatency(row *Row, overhead time.Duration) (steps []step) {
	of := "--max-rate"
	if row.frames(b.MaxRate) == 0 {
		steps, of = b.planThroughput(row, overhead), "the NDR"
	}
	return append(steps, step{"delays at 10, 50 and 90 % of " + of, len(latencyShares), false, b.Duration, overhead})
}

func (b *job) printLatency(w io.Writer) {
	two := false // clocks
	for _, row := range b.Rows {
		if c := row.clock(); c != nil {
			two = true
			fmt.Fprintf(w, "%s: clocks differ by %v; the delays below are known to ± %v.\n", row.Size, ns(max(c.AheadNS, -c.AheadNS)), ns(c.WithinNS))
		}
	}
	line := func(within string, args ...any) {
		columns := "%5s %5s %12s %9s %10v %10v %10v %10v %10v %10v  %s\n"
		if two {
			columns = strings.TrimSuffix(columns, "  %s\n") + " %11s  %s\n"
			args = slices.Insert(args, len(args)-1, any(within))
		}
		fmt.Fprintf(w, columns, args...)
	}
	line("known to ±", "size", "share", "pps", "lost %", "min", "p50", "p90", "p99", "p99.9", "max", "")
	for _, row := range b.Rows {
		for _, p := range row.Latency {
			kind, within := string(p.Kind), "-"
			if p.Kind == search.Valid {
				kind = ""
			}
			if p.Clock != nil {
				within = ns(p.Clock.WithinNS).String()
			}
			at := []any{"-", "-", "-", "-", "-", "-"}
			if d := p.Delay; d != nil {
				at = []any{ns(d.MinNS), ns(d.P50NS), ns(d.P90NS), ns(d.P99NS), ns(d.P999NS), ns(d.MaxNS)}
			}
			args := append([]any{row.Size, fmt.Sprintf("%.0f %%", 100*p.Share), figure(p.Load, 0), fmt.Sprintf("%.4f", 100*p.LossRatio)}, at...)
			line(within, append(args, kind)...)
		}
	}
}
