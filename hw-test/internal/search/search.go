package search

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// Run searches. The result is there whatever happens, with what was found until
// then; the error is of the configuration, of Measure, or that of ctx. Run
// calls Measure and Progress in the caller's goroutine, one after the other.
func Run(ctx context.Context, cfg *Config, measure Measure) (*Result, error) {
	c, err := cfg.complete()
	if err != nil {
		return &Result{Goals: []GoalResult{}, Trials: []Trial{}, Notes: []string{}}, err
	}
	s := &state{Config: c, rounds: c.targets()}
	s.ceilings = make([]ceiling, len(c.Goals))
	for range c.Goals {
		s.steps = append(s.steps, make([]int, len(s.rounds)))
		s.guided = append(s.guided, make([]int, len(s.rounds)))
	}
	finished, err := s.run(ctx, measure)
	return s.result(finished), err
}

type state struct {
	Config
	rounds []target
	loads  []*load // by rate, ascending
	trials []Trial

	ceilings []ceiling // by goal
	faults   int

	steps  [][]int // by goal and round: steps taken away from a bound
	guided [][]int // by goal and round: loads taken from what came through

	guessed bool // the last load taken between two bounds was one of those
}

// ceiling is the lowest load at which a trial was not valid; 0: none.
type ceiling struct {
	at  float64
	was Trial
}

const (
	// maxFaults is how many trials that are not valid end a search: each has
	// brought the ceiling down.
	maxFaults = 10
	// ceilingWidth is how near to the ceiling a lower bound is to be: where
	// the tester's own limit is need not be known better.
	ceilingWidth = 0.05
	// maxGuided is how many loads of a goal and round may be taken from what
	// came through elsewhere. It is a good guess for a device that loses just
	// the surplus, and a bad one for others.
	maxGuided = 2
)

// run is done when all goals have their bounds in all rounds. A trial for one
// goal may move the bounds of another.
func (s *state) run(ctx context.Context, measure Measure) (finished bool, err error) {
	for round := range s.rounds {
		for again := true; again; {
			again = false
			for goal := range s.Goals {
				for {
					rate, done := s.next(goal, round)
					if done {
						break
					}
					again = true
					if len(s.trials) >= s.MaxTrials || s.faults >= maxFaults {
						return false, nil
					}
					if err := s.measure(ctx, measure, goal, round, rate); err != nil {
						return false, err
					}
				}
			}
		}
	}
	return true, nil
}

func (s *state) measure(ctx context.Context, measure Measure, goal, round int, rate float64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d := time.Duration(s.rounds[round].duration * float64(time.Second))
	if s.Progress != nil {
		s.Progress(Progress{Trial: len(s.trials) + 1, Goal: s.Goals[goal].Name, Load: rate, Duration: d, Left: s.left(goal, round)})
	}
	o, err := measure(ctx, rate, d)
	if err != nil {
		return err
	}
	s.add(rate, d.Seconds(), o)
	return nil
}

// add takes a trial in.
func (s *state) add(rate, seconds float64, o Outcome) {
	t := Trial{Load: rate, Seconds: seconds, Kind: o.Kind, Sent: o.Sent, Lost: o.Lost, Why: o.Why}
	if t.Kind == Valid && t.Sent == 0 {
		t.Kind, t.Why = Invalid, "nothing was sent"
	}
	s.trials = append(s.trials, t)
	if t.Kind != Valid {
		s.faults++
		s.lower(&t, &o)
		if !o.Overstated || t.Sent == 0 {
			return
		}
		// Goals that it does not meet have a ceiling there now, so that it
		// is no failure of theirs.
	}
	i, found := slices.BinarySearchFunc(s.loads, rate, func(l *load, r float64) int { return cmp.Compare(l.rate, r) })
	if !found {
		s.loads = slices.Insert(s.loads, i, &load{rate: rate})
	}
	s.loads[i].trials = append(s.loads[i].trials, t)
}

// lower brings the ceilings down to a trial that was not valid: those of all
// goals, but for one that it meets though its loss is overstated.
func (s *state) lower(t *Trial, o *Outcome) {
	at := t.Load
	if t.Kind == GeneratorLimited && o.Achieved > 0 {
		at = min(at, o.Achieved)
	}
	at = max(at, s.Min)
	for i := range s.ceilings {
		c := &s.ceilings[i]
		met := o.Overstated && t.Sent > 0 && t.LossRatio() <= s.Goals[i].LossRatio
		if !met && (c.at == 0 || at <= c.at) {
			*c = ceiling{at, *t}
		}
	}
}

// bounds are the relevant bounds of a goal by one target's trials: the smallest
// load that failed, or the ceiling, and the largest below it that passed; nil:
// none.
func (s *state) bounds(goal int, t *target) (lower, upper *load) {
	ratio, top := s.Goals[goal].LossRatio, s.ceilings[goal].at
	for _, l := range s.loads {
		if top != 0 && l.rate >= top {
			break
		}
		switch l.class(ratio, t) {
		case lowerBound:
			lower = l
		case upperBound:
			return lower, l
		}
	}
	if top != 0 {
		upper = &load{rate: top}
	}
	return lower, upper
}

// next is the load to measure next for a goal in a round; done: it has its
// bounds, or there is nothing more to find.
func (s *state) next(goal, round int) (rate float64, done bool) {
	t := &s.rounds[round]
	lower, upper := s.bounds(goal, t)
	if l := s.open(goal, t, lower, upper); l != nil {
		return l.rate, false
	}
	switch {
	case lower == nil && upper == nil:
		return s.first(goal, round), false
	case lower == nil:
		if upper.rate <= s.Min {
			return 0, true
		}
		return s.down(goal, round, upper), false
	case upper == nil:
		if lower.rate >= s.Max {
			return 0, true
		}
		return s.up(goal, round, lower.rate), false
	case upper.rate-lower.rate <= s.wanted(t, upper)*upper.rate*(1+rounding):
		return 0, true
	}
	return s.between(goal, round, lower, upper), false
}

// ceiled tells whether an upper bound is the ceiling, and not of the device.
func (l *load) ceiled() bool { return len(l.trials) == 0 }

// wanted is how near to an upper bound the lower one is to be.
func (s *state) wanted(t *target, upper *load) float64 {
	if upper.ceiled() {
		return max(t.width, ceilingWidth)
	}
	return t.width
}

// between is a load between two bounds: just below or above where what came
// through at the upper one suggests the limit, if that is between them, or
// half way.
func (s *state) between(goal, round int, lower, upper *load) float64 {
	w := s.rounds[round].width
	s.guessed = false
	if n := &s.guided[goal][round]; *n < maxGuided && !upper.ceiled() {
		limit := upper.through(s.Goals[goal].LossRatio)
		for _, rate := range []float64{limit * (1 - w/4), limit * (1 + w/2)} {
			if rate > lower.rate*(1+w/8) && rate < upper.rate*(1-w/8) {
				*n++
				s.guessed = true
				return rate
			}
		}
	}
	return math.Sqrt(lower.rate * upper.rate)
}

// through is the load at which a device would just meet a loss ratio that
// passes as much as came through at this one, and loses the rest.
func (l *load) through(lossRatio float64) float64 {
	least := 1.0
	for i := range l.trials {
		least = min(least, l.trials[i].LossRatio())
	}
	return l.rate * (1 - least) / (1 - lossRatio)
}

// open is a load between the bounds that one full-length trial has not settled;
// the smallest, because smaller bounds decide about larger ones.
func (s *state) open(goal int, t *target, lower, upper *load) *load {
	for _, l := range s.loads {
		if (lower == nil || l.rate > lower.rate) && (upper == nil || l.rate < upper.rate) &&
			l.measured(t) && l.class(s.Goals[goal].LossRatio, t) == undecided {
			return l
		}
	}
	return nil
}

// first is where a round begins: at the lower bound of the round before.
func (s *state) first(goal, round int) float64 {
	if round == 0 || len(s.loads) == 0 {
		return s.Max
	}
	lower, upper := s.bounds(goal, &s.rounds[round-1])
	switch {
	case lower != nil:
		return lower.rate
	case upper != nil:
		return upper.rate // Min
	}
	return s.Max
}

// down goes away from an upper bound: to where a shorter trial has passed, or
// to what came through at the bound, or by steps that double. From a ceiling it
// goes by halves, unless the generator has told how far it gets.
func (s *state) down(goal, round int, upper *load) float64 {
	t := &s.rounds[round]
	n := &s.steps[goal][round]
	if round > 0 {
		if l, u := s.bounds(goal, &s.rounds[round-1]); l == nil && u != nil && u.rate <= s.Min {
			return s.Min // where shorter trials have ended up
		}
	}
	rate := upper.rate * (1 - min(0.9, t.width*math.Pow(2, float64(*n))))
	switch {
	case upper.ceiled() && upper.rate == s.ceilings[goal].was.Load:
		rate = upper.rate / 2
	case *n == 0 && !upper.ceiled():
		rate = min(rate, upper.through(s.Goals[goal].LossRatio)*(1-t.width/4))
	}
	*n++
	if l := s.earlier(goal, round, lowerBound, 0, upper.rate); l != nil {
		rate = max(rate, l.rate)
	}
	return max(rate, s.Min)
}

// up goes away from a lower bound, likewise.
func (s *state) up(goal, round int, lower float64) float64 {
	n := &s.steps[goal][round]
	rate := s.Max
	if l := s.earlier(goal, round, upperBound, lower, math.Inf(1)); l != nil || len(s.loads) > 1 && *n > 0 {
		rate = lower / (1 - min(0.9, s.rounds[round].width*math.Pow(2, float64(*n))))
		if l != nil && *n == 0 {
			rate = l.rate
		}
	}
	*n++
	return min(rate, s.Max)
}

// earlier is the load next to a bound that an earlier round has put into a
// class and this one not yet: the largest lower, or the smallest upper bound.
func (s *state) earlier(goal, round int, want class, above, below float64) (found *load) {
	ratio := s.Goals[goal].LossRatio
	for k := round - 1; k >= 0; k-- {
		for _, l := range s.loads {
			if l.rate <= above || l.rate >= below || l.measured(&s.rounds[round]) ||
				!l.measured(&s.rounds[k]) || l.class(ratio, &s.rounds[k]) != want {
				continue
			}
			if found == nil || (want == lowerBound) == (l.rate > found.rate) {
				found = l
			}
		}
	}
	return found
}

// percent prints a ratio.
func percent(ratio float64) string { return fmt.Sprintf("%.3g %%", 100*ratio) }
