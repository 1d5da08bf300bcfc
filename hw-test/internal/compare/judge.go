package compare

import (
	"cmp"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// A Verdict is what is said of a figure.
type Verdict string

// Verdicts.
const (
	Regression  Verdict = "regression"  // worse by more than the threshold, and not by chance
	Improvement Verdict = "improvement" // better in the same way
	Same        Verdict = "same"        // the difference is below the threshold, and not by chance
	Unclear     Verdict = "unclear"     // none of these is certain enough
)

// A Sample is what the runs of a group found for one figure.
type Sample struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	// MAD is the median absolute deviation from the median, as it is: of
	// normal noise it is 0.67 standard deviations.
	MAD    float64   `json:"mad"`
	Values []float64 `json:"values"` // in the order of the runs
}

func newSample(values []float64) Sample {
	m := median(values)
	off := make([]float64, len(values))
	for i, v := range values {
		off[i] = math.Abs(v - m)
	}
	return Sample{len(values), m, median(off), values}
}

func median(values []float64) float64 {
	return stats.Sample{Xs: slices.Sorted(slices.Values(values)), Sorted: true}.Quantile(0.5)
}

// A Limit is what a verdict needs, both as shares of 1.
type Limit struct {
	// Threshold is the change that counts.
	Threshold float64 `json:"threshold"`
	// Confidence is how certain it is to be.
	Confidence float64 `json:"confidence"`
}

// alpha is the error that is allowed.
func (l Limit) alpha() float64 { return 1 - l.Confidence }

// less is the probability to see a sample as much below another as a is below
// b, or more, if the two are the same (Mann-Whitney U test).
func less(a, b []float64) float64 {
	r, err := stats.MannWhitneyUTest(a, b, stats.LocationLess)
	if err != nil {
		return 1 // all values are one
	}
	return min(1, r.P)
}

// differs is the same to both sides.
func differs(a, b []float64) float64 { return min(1, 2*min(less(a, b), less(b, a))) }

// rarest is the smallest probability that less can return: of two samples
// without an overlap.
func rarest(n1, n2 int) float64 {
	a, _ := math.Lgamma(float64(n1 + 1))
	b, _ := math.Lgamma(float64(n2 + 1))
	all, _ := math.Lgamma(float64(n1 + n2 + 1))
	return math.Exp(a + b - all)
}

// within is the probability to see two samples as near to each other if one is
// above, or below, the other by at least d: two one-sided tests.
func within(a, b []float64, d float64) float64 {
	shifted := func(by float64) []float64 {
		s := make([]float64, len(b))
		for i, v := range b {
			s[i] = v + by
		}
		return s
	}
	return max(less(a, shifted(d)), less(shifted(-d), a))
}

// holm corrects for asking often: it replaces the probabilities by the smallest
// error, over all the answers together, at which each would still count as a
// difference (Holm 1979).
func holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	adjusted := make([]float64, len(p))
	most := 0.0
	for k, i := range order {
		most = max(most, min(1, p[i]*float64(len(p)-k)))
		adjusted[i] = most
	}
	return adjusted
}

// judge fills in the verdicts of all figures. They are one family: whatever
// their number, the probability that chance alone makes a regression or an
// improvement anywhere is kept to what l allows.
func judge(list []*FigureChange, l Limit) {
	var family []*FigureChange
	var p []float64
	for _, f := range list {
		// Those that are too few to show anything ask nothing.
		if f.tooFew = 2*rarest(f.Base.N, f.New.N) > l.alpha(); !f.tooFew {
			family, p = append(family, f), append(p, differs(f.Base.Values, f.New.Values))
		}
	}
	for i, adjusted := range holm(p) {
		family[i].differs = 1 - adjusted
		family[i].tooFew = 2*rarest(family[i].Base.N, family[i].New.N)*float64(len(family)) > l.alpha()
	}
	for _, f := range list {
		f.judge(l)
	}
}

// judge fills in the verdict.
func (f *FigureChange) judge(l Limit) {
	by := f.New.Median - f.Base.Median
	bound := l.Threshold * math.Abs(f.Base.Median)
	if f.Base.Median != 0 {
		change := by / math.Abs(f.Base.Median)
		f.Change = &change
	}
	f.Confidence = max(0, f.differs)
	if f.differs >= l.Confidence && math.Abs(by) > bound {
		f.Verdict = Improvement
		if (by > 0) != (f.Better == results.Higher) {
			f.Verdict = Regression
		}
		return
	}
	near := within(f.Base.Values, f.New.Values, bound)
	if all := slices.Concat(f.Base.Values, f.New.Values); slices.Min(all) == slices.Max(all) {
		near = rarest(f.Base.N, f.New.N) // also where all are zero, and no share of it is a bound
	}
	switch {
	case near <= l.alpha():
		f.Verdict, f.Confidence = Same, 1-near
	case f.differs >= l.Confidence:
		f.Verdict, f.Why = Unclear, "it differs, but not certainly by less than the threshold"
	case f.tooFew:
		f.Verdict, f.Why = Unclear, "too few runs"
	default:
		f.Verdict, f.Why = Unclear, "the runs differ more than the groups do"
	}
}

// needed is how many runs each group needs so that a difference of one of so
// many figures can be certain.
func needed(figures int, l Limit) int {
	n := 2
	for 2*rarest(n, n)*float64(figures) > l.alpha() {
		n++
	}
	return n
}
