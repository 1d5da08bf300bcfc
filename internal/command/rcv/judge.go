package rcv

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
)

// judge says in what the result is short of what was asked, nil if in nothing.
func (o *options) judge(r *cli.Result, ctx context.Context) error {
	var why []string
	got, what := r.Packets, "frames"
	if r.Probe != nil {
		got, what = r.Probe.Distinct, "different probes"
	}
	if o.expect > 0 && got != o.expect {
		why = append(why, fmt.Sprintf("%d %s came, %d were expected", got, what, o.expect))
	}
	if p := r.Probe; p != nil && o.flags.Changed("max-loss") {
		if loss := 100 * float64(p.Lost) / max(1, float64(p.Distinct+p.Lost)); loss > o.maxLoss {
			why = append(why, fmt.Sprintf("%d of %d probes are lost (%.4g %%, at most %.4g %% were allowed)",
				p.Lost, p.Distinct+p.Lost, loss, o.maxLoss))
		}
	}
	if p := r.Probe; p != nil && o.flags.Changed("max-delay-p99") {
		why = append(why, o.judgeDelay(p.Delay)...)
	}
	if o.waitFirst > 0 && r.Packets == 0 {
		reason := fmt.Sprintf("within %v", o.waitFirst)
		if ctx.Err() != nil {
			reason = "before the run was " + command.Why(ctx)
		}
		what := "no frame"
		if r.Truncated > 0 {
			what = fmt.Sprintf("nothing but frames longer than a buffer (%d)", r.Truncated)
		}
		why = append(why, what+" came "+reason)
	}
	if len(why) == 0 {
		return nil
	}
	return cli.Shortf("%s", strings.Join(why, "; "))
}

// judgeDelay says why the delay is not what was asked, if so.
func (o *options) judgeDelay(d *cli.Delay) []string {
	switch {
	case d == nil:
		return []string{"no delay was measured, for no probe came"}
	case d.OneWay == nil:
		return []string{fmt.Sprintf("no delay was measured, for the clocks are two: %s", d.ClocksWhy)}
	case d.OffsetRefuted():
		return []string{fmt.Sprintf("the delay is not known, for a probe came %v before it was sent, and the clocks' offset was to be known to ± %v",
			time.Duration(-d.OneWay.MinNS), time.Duration(d.Clock.WithinNS))}
	case d.Clock != nil && d.OneWay.P99NS > int64(o.maxDelay)-d.Clock.WithinNS:
		// A promise holds if it does so in the worst case.
		return []string{fmt.Sprintf("the delay's p99 is %v ± %v, at most %v was allowed", time.Duration(d.OneWay.P99NS), time.Duration(d.Clock.WithinNS), o.maxDelay)}
	case d.OneWay.P99NS > int64(o.maxDelay):
		return []string{fmt.Sprintf("the delay's p99 is %v, at most %v was allowed", time.Duration(d.OneWay.P99NS), o.maxDelay)}
	}
	return nil
}
