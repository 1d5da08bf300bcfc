package search

import (
	"cmp"
	"math"
	"slices"
)

// A target is one round of the search: trials of this duration make bounds
// that are width apart at most.
type target struct {
	duration float64 // s
	sum      float64 // s of full-length trials that settle a load for certain
	exceed   float64 // share of that which may be of trials above the loss ratio
	width    float64
}

// coarser is by how much a target before the last is coarser than the next.
const coarser = 2

// targets are the rounds from short and coarse to full-length and fine. One
// trial settles a load but in the last.
func (c *Config) targets() []target {
	n := 3
	switch {
	case c.Initial == c.Final:
		n = 1
	case c.Final < 2*c.Initial:
		n = 2
	}
	exceed := 0.5
	if c.Confirm == 1 {
		exceed = 0
	}
	list := make([]target, n)
	first, last := c.Initial.Seconds(), c.Final.Seconds()
	for i := range list {
		d := last
		if i < n-1 {
			d = first * math.Pow(last/first, float64(i)/float64(n-1))
		}
		list[i] = target{duration: d, sum: d, exceed: exceed, width: min(0.4, c.Width*math.Pow(coarser, float64(n-1-i)))}
	}
	list[n-1].sum *= float64(c.Confirm)
	return list
}

// class is what the trials at a load make it.
type class uint8

const (
	undecided class = iota
	lowerBound
	upperBound
)

// A load is a rate with all trials that were measured at it.
type load struct {
	rate   float64
	trials []Trial // valid ones
}

// class follows RFC 9971, "Load Classification Code".
func (l *load) class(lossRatio float64, t *target) class {
	var fullLow, fullHigh, shortLow, shortHigh float64
	for i := range l.trials {
		tr := &l.trials[i]
		low, full := tr.LossRatio() <= lossRatio, tr.full(t)
		switch {
		case full && low:
			fullLow += tr.Seconds
		case full:
			fullHigh += tr.Seconds
		case low:
			shortLow += tr.Seconds
		default:
			shortHigh += tr.Seconds
		}
	}
	// Short trials that failed count as far as short ones that passed do not
	// make up for them.
	high := fullHigh + max(0, shortHigh-shortLow*t.exceed/(1-t.exceed))
	whole := max(fullLow+high, t.sum)
	quantile := whole * t.exceed * (1 + rounding)
	pessimistic := whole-fullLow <= quantile+whole*rounding
	optimistic := high <= quantile
	switch {
	case pessimistic && optimistic:
		return lowerBound
	case !pessimistic && !optimistic:
		return upperBound
	}
	return undecided
}

// rounding is what sums of durations may be off.
const rounding = 1e-9

// full tells whether the trial is a full-length one of the target.
func (t *Trial) full(of *target) bool { return t.Seconds >= of.duration*(1-rounding) }

// measured tells whether a full-length trial of the target is among those at
// the load.
func (l *load) measured(t *target) bool {
	return slices.ContainsFunc(l.trials, func(tr Trial) bool { return tr.full(t) })
}

// conditionalThroughput follows RFC 9971, "Conditional Throughput Code".
func (l *load) conditionalThroughput(t *target) float64 {
	var full []Trial
	sum := 0.0
	for _, tr := range l.trials {
		if tr.full(t) {
			full = append(full, tr)
			sum += tr.Seconds
		}
	}
	slices.SortFunc(full, func(a, b Trial) int { return cmp.Compare(a.LossRatio(), b.LossRatio()) })
	remaining := max(t.sum, sum) * (1 - t.exceed)
	ratio := 1.0
	for i, tr := range full {
		if i > 0 && remaining <= sum*rounding {
			break
		}
		ratio = tr.LossRatio()
		remaining -= tr.Seconds
	}
	if remaining > max(t.sum, sum)*rounding {
		ratio = 1 // what was not measured might have lost everything
	}
	return l.rate * (1 - ratio)
}
