package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Goal is a loss ratio to find the highest rate for.
type Goal struct {
	Name string `json:"name"` // "NDR", "PDR"
	// LossRatio is the share of the sent frames that a trial may lose, 0 to
	// below 1.
	LossRatio float64 `json:"loss_ratio"`
}

// Config is what to search for. Loads are frames a second.
type Config struct {
	// Goals are served in order; the one of the smallest loss ratio should be
	// the first.
	Goals []Goal
	// Min and Max bound the loads. Min is to be so large that a short trial
	// sends enough frames to lose one.
	Min, Max float64
	// Initial and Final are the durations of the shortest and of full-length
	// trials. Zero: 1 s and 10 s, Initial at most Final.
	Initial, Final time.Duration
	// Width is how far a goal's bounds may be apart, as a share of the upper
	// one; 0: 0.005.
	Width float64
	// Confirm is how many full-length trials may decide about one load, see
	// the package comment; 0: 2.
	Confirm int
	// MaxTrials ends a search that does not; 0: 200.
	MaxTrials int
	// Overhead is what a trial takes besides its duration, as far as it is
	// known until now; for estimates only. nil: nothing.
	Overhead func() time.Duration
	// Progress, if not nil, is called before each trial.
	Progress func(Progress)
}

// Progress is what is known before a trial.
type Progress struct {
	Trial    int           // from 1
	Goal     string        // that the trial is for
	Load     float64       // frames a second
	Duration time.Duration // of the trial
	Left     time.Duration // an estimate of the time until the end, this trial included
}

// Kind says whether a trial says something about the device.
type Kind string

// Kinds of trials.
const (
	Valid            Kind = "valid"
	Invalid          Kind = "invalid"           // the tester or something else was at fault
	GeneratorLimited Kind = "generator-limited" // the sender's own device took no more
)

// An Outcome is what a trial found.
type Outcome struct {
	Kind Kind
	// Sent and Lost are of a valid trial; Sent is above 0.
	Sent, Lost uint64
	// Achieved is the load that the generator reached in frames a second, of
	// a trial that is generator-limited; 0 where it is not known.
	Achieved float64
	// Why is a sentence on a trial that is not valid.
	Why string
	// Overstated is of an invalid trial that is sound but for its loss, of
	// which some may be the tester's. It has Sent and Lost, is a pass for goals
	// that allow even that much, and invalid for the others.
	Overstated bool
}

// Measure runs a trial at a load in frames a second for a time. An error ends
// the search.
type Measure func(ctx context.Context, load float64, d time.Duration) (Outcome, error)

// A Trial is a load that was measured, and what was found.
type Trial struct {
	Load    float64 `json:"load_pps"`
	Seconds float64 `json:"seconds"`
	Kind    Kind    `json:"kind"`
	Sent    uint64  `json:"sent"`
	Lost    uint64  `json:"lost"`
	Why     string  `json:"why,omitempty"`
}

// LossRatio is the share of the sent frames that was lost.
func (t *Trial) LossRatio() float64 {
	if t.Sent == 0 {
		return 0
	}
	return float64(t.Lost) / float64(t.Sent)
}

// Verdict is how a goal's search ended.
type Verdict string

// Verdicts. Only Found is a regular result in the sense of RFC 9971.
const (
	// Found: the bounds are there and close enough.
	Found Verdict = "found"
	// AtLeast: Max passes; Lower is Max, there is no Upper.
	AtLeast Verdict = "at least"
	// None: even Min fails; Upper is Min, there is no Lower.
	None Verdict = "none"
	// Limited: it passes up to Lower, and above that the generator's own
	// device took no more. Upper is what the generator reached.
	Limited Verdict = "generator-limited"
	// Unsure: it passes up to Lower, if there is one, and at Upper the trials
	// were invalid.
	Unsure Verdict = "invalid"
	// Unfinished: stopped before its end; bounds are what there was.
	Unfinished Verdict = "unfinished"
)

// A GoalResult is what was found for one goal.
type GoalResult struct {
	Goal
	Verdict Verdict `json:"verdict"`
	// Lower and Upper are the relevant bounds in frames a second; 0: none.
	Lower float64 `json:"lower_pps"`
	Upper float64 `json:"upper_pps"`
	// Throughput is the conditional throughput: the rate of what came through
	// at Lower, frames a second; 0 without Lower.
	Throughput float64 `json:"throughput_pps"`
	// Why is a sentence on a verdict other than Found.
	Why string `json:"why,omitempty"`
}

// A Result is what a search found.
type Result struct {
	Goals  []GoalResult `json:"goals"`
	Trials []Trial      `json:"trials"` // in the order of time
	// Notes are sentences on what was odd; never null in JSON.
	Notes []string `json:"notes"`
}

func (c *Config) complete() (Config, error) {
	d := *c
	if d.Final == 0 {
		d.Final = 10 * time.Second
	}
	if d.Initial == 0 {
		d.Initial = time.Second
	}
	d.Initial = min(d.Initial, d.Final)
	if d.Width == 0 {
		d.Width = 0.005
	}
	if d.Confirm == 0 {
		d.Confirm = 2
	}
	if d.MaxTrials == 0 {
		d.MaxTrials = 200
	}
	switch {
	case len(d.Goals) == 0:
		return d, errors.New("a search without a goal")
	case !(d.Min > 0) || !(d.Max >= d.Min) || math.IsInf(d.Max, 0):
		return d, fmt.Errorf("a search from %v to %v frames a second: the first is to be above 0 and not above the second", d.Min, d.Max)
	case d.Initial <= 0 || d.Confirm < 0 || d.MaxTrials < 0:
		return d, errors.New("a search with a negative duration or number of trials")
	case !(d.Width > 0) || d.Width >= 0.5:
		return d, fmt.Errorf("a search to a width of %v: it is to be above 0 and below 0.5", d.Width)
	case slices.ContainsFunc(d.Goals, func(g Goal) bool { return !(g.LossRatio >= 0) || g.LossRatio >= 1 }):
		return d, errors.New("a goal's loss ratio is to be 0 or more and below 1")
	}
	return d, nil
}
