package suite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// LossPoint is what is lost at one load.
type LossPoint struct {
	Load      float64     `json:"load_pps"`
	Share     float64     `json:"share"` // of the highest rate tried
	Kind      search.Kind `json:"kind"`
	Sent      uint64      `json:"sent"`
	Lost      uint64      `json:"lost"`
	LossRatio float64     `json:"loss_ratio"`
	Why       string      `json:"why,omitempty"`
}

const lossSteps = 10

// loss measures from the highest rate down by tenths, until two in a row lose
// nothing (RFC 2544, 26.3).
func loss(ctx context.Context, b *job, row *Row) error {
	if err := b.highest(ctx, row); err != nil {
		return err
	}
	clean := 0
	for i := lossSteps; i >= 1 && clean < 2; i-- {
		p := LossPoint{Share: float64(i) / lossSteps}
		p.Load = p.Share * row.MaxPPS
		row.MinPPS = p.Load
		b.progress.trial("loss", p.Load, b.Duration, time.Duration(i)*(b.Duration+b.runner.Overhead()))
		t, err := b.runner.Run(ctx, p.Load, b.Duration)
		if err != nil {
			row.judgeLoss(clean)
			row.Verdict = results.Unfinished
			return err
		}
		p.Kind, p.Sent, p.Lost, p.LossRatio, p.Why = t.Kind, t.Sent, t.Lost, t.LossRatio(), strings.Join(t.Why, "; ")
		row.Loss = append(row.Loss, p)
		clean++
		if t.Kind != search.Valid || t.Lost > 0 {
			clean = 0
		}
	}
	row.judgeLoss(clean)
	return nil
}

func (b *job) planLoss(_ *Row, overhead time.Duration) []step {
	return []step{{"from the highest rate down by tenths, until two lose nothing", lossSteps, true, b.Duration, overhead}}
}

// judgeLoss makes the row's verdict of its points.
func (row *Row) judgeLoss(clean int) {
	row.Verdict = results.Passed
	var valid, faults []LossPoint
	for _, p := range row.Loss {
		if p.Kind == search.Valid {
			valid = append(valid, p)
		} else {
			faults = append(faults, p)
		}
	}
	var parts []string
	if len(valid) > 0 {
		top, end := valid[0], valid[len(valid)-1]
		parts = append(parts, fmt.Sprintf("%.3g %% are lost at %s", 100*top.LossRatio, row.rate(top.Load)))
		switch {
		case clean >= 1 && top.Load > valid[len(valid)-clean].Load:
			parts = append(parts, fmt.Sprintf("nothing at %spps and below", cli.Norm(valid[len(valid)-clean].Load)))
		case clean == 0 && end.Load < top.Load:
			parts = append(parts, fmt.Sprintf("%.3g %% even at %spps", 100*end.LossRatio, cli.Norm(end.Load)))
		}
	}
	if len(valid) > 0 && valid[0].Lost == 0 && row.MaxWhy == "generator" {
		row.Verdict = results.Limited
		parts = append(parts, row.Generator)
	}
	if len(faults) > 0 {
		p := faults[0]
		row.Verdict = results.Invalid
		if p.Kind == search.GeneratorLimited {
			row.Verdict = results.Limited
		}
		parts = append(parts, fmt.Sprintf("%s at %spps: %s", p.Kind, cli.Norm(p.Load), p.Why))
	}
	if row.Sentence = row.together(strings.Join(parts, "; ")); len(parts) == 0 {
		row.end(results.Unfinished, "no trial ended")
	}
}
