package search

import (
	"fmt"
	"math"
)

// result is what is known at the end, by the last round's trials alone.
func (s *state) result(finished bool) *Result {
	r := &Result{Goals: []GoalResult{}, Trials: append([]Trial{}, s.trials...), Notes: []string{}}
	t := &s.rounds[len(s.rounds)-1]
	for i, g := range s.Goals {
		gr := GoalResult{Goal: g}
		lower, upper := s.bounds(i, t)
		if lower != nil {
			gr.Lower, gr.Throughput = lower.rate, lower.conditionalThroughput(t)
		}
		if upper != nil {
			gr.Upper = upper.rate
		}
		gr.Verdict, gr.Why = s.verdict(i, lower, upper, finished)
		r.Goals = append(r.Goals, gr)
		if n := s.inversion(i, t, upper); n != "" {
			r.Notes = append(r.Notes, n)
		}
	}
	return r
}

func (s *state) verdict(goal int, lower, upper *load, finished bool) (Verdict, string) {
	top := &s.ceilings[goal].was
	ceiled := upper != nil && upper.ceiled()
	switch {
	case ceiled && top.Kind == GeneratorLimited && (finished || s.faults >= maxFaults):
		return Limited, top.Why
	case ceiled && (finished || s.faults >= maxFaults):
		return Unsure, top.Why
	case !finished && len(s.trials) >= s.MaxTrials:
		return Unfinished, fmt.Sprintf("the bounds did not come together in %d trials", len(s.trials))
	case !finished:
		return Unfinished, "the search was stopped"
	case lower == nil:
		return None, s.nowhere()
	case upper == nil:
		return AtLeast, "that is the highest rate that was to be tried"
	}
	return Found, ""
}

// nowhere says what was lost where even the lowest rate failed.
func (s *state) nowhere() string {
	lowest, highest := math.Inf(1), 0.0
	for _, l := range s.loads {
		for i := range l.trials {
			lowest = min(lowest, l.trials[i].LossRatio())
			highest = max(highest, l.trials[i].LossRatio())
		}
	}
	slowest := s.loads[0]
	worst := 0.0
	for i := range slowest.trials {
		worst = max(worst, slowest.trials[i].LossRatio())
	}
	if lowest == 1 {
		return "nothing arrives at any rate: is there a way from one end to the other?"
	}
	// A device that is too slow loses the more, the faster it goes.
	if lowest > 0 && lowest < 0.5 && highest < 2*lowest {
		return fmt.Sprintf("about the same share is lost at any rate, %s to %s", percent(lowest), percent(highest))
	}
	return fmt.Sprintf("even the lowest rate loses %s: lower ones may pass", percent(worst))
}

// inversion says where a load passed above one that failed.
func (s *state) inversion(goal int, t *target, upper *load) string {
	if upper == nil || upper.ceiled() {
		return ""
	}
	for i := len(s.loads) - 1; i >= 0 && s.loads[i].rate > upper.rate; i-- {
		if l := s.loads[i]; l.measured(t) && l.class(s.Goals[goal].LossRatio, t) == lowerBound {
			return fmt.Sprintf("%s: %.6g frames a second passed, though %.6g failed; the failure counts",
				s.Goals[goal].Name, l.rate, upper.rate)
		}
	}
	return ""
}
