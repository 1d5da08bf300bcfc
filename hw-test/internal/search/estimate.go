package search

import (
	"math"
	"time"
)

// Figures of searches on devices that lose just what is above a fixed rate;
// others take more.
const (
	firstTrials = 4 // of the first round, for the first goal
	roundTrials = 3 // of a round, for each goal: both bounds and one between
)

// Round is what a search does with trials of one duration.
type Round struct {
	Duration time.Duration // of a trial
	Trials   int           // about how many
}

// Estimate is about how many trials a search takes in each round, and how long
// in all, overhead included. The error is of the configuration.
func Estimate(cfg *Config) (rounds []Round, d time.Duration, err error) {
	c, err := cfg.complete()
	if err != nil {
		return nil, 0, err
	}
	s := state{Config: c, rounds: c.targets()}
	for round, t := range s.rounds {
		r := Round{Duration: time.Duration(t.duration * float64(time.Second))}
		for goal := range c.Goals {
			r.Trials += s.usual(goal, round)
		}
		d += time.Duration(r.Trials) * s.trial(round)
		rounds = append(rounds, r)
	}
	return rounds, d, nil
}

// trial is how long one of a round takes.
func (s *state) trial(round int) time.Duration {
	d := time.Duration(s.rounds[round].duration * float64(time.Second))
	if s.Overhead != nil {
		d += s.Overhead()
	}
	return d
}

// usual is how many trials a goal takes in a round.
func (s *state) usual(goal, round int) int {
	n := roundTrials
	if round == 0 && goal == 0 {
		n = firstTrials
	}
	if round == len(s.rounds)-1 && s.Confirm > 1 {
		n++
	}
	return n
}

// left is about how long it is until the end, from a trial for a goal in a round
// on.
func (s *state) left(goal, round int) (d time.Duration) {
	for g := range s.Goals {
		n := s.missing(g, round)
		if g == goal {
			n = max(n, 1)
		}
		d += time.Duration(n) * s.trial(round)
		for k := round + 1; k < len(s.rounds); k++ {
			d += time.Duration(s.usual(g, k)) * s.trial(k)
		}
	}
	return d
}

// missing is how many trials a goal takes until its bounds in a round are
// there.
func (s *state) missing(goal, round int) int {
	t := &s.rounds[round]
	lower, upper := s.bounds(goal, t)
	switch {
	case lower == nil && upper == nil:
		return s.usual(goal, round)
	case lower == nil && upper.rate <= s.Min, upper == nil && lower.rate >= s.Max:
		return 0
	case lower == nil || upper == nil:
		return s.usual(goal, round) - 1
	}
	apart := math.Log(upper.rate/lower.rate) / -math.Log1p(-s.wanted(t, upper))
	n := int(math.Ceil(math.Log2(max(1, apart*(1-1e-6)))))
	if !upper.ceiled() && (s.guessed || s.guided[goal][round] < maxGuided) {
		n = min(n, maxGuided)
	}
	return n
}
