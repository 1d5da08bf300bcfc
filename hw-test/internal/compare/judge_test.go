package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

var usualLimit = Limit{0.05, 0.95}

// noise draws n values about a mean, with a standard deviation that is a share
// of it.
func noise(rng *rand.Rand, n int, mean, sd float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = mean * (1 + sd*rng.NormFloat64())
	}
	return v
}

func figure(better results.Better, base, new []float64) *FigureChange {
	return &FigureChange{Better: better, Base: newSample(base), New: newSample(new)}
}

func constant(n int, v float64) []float64 { return slices.Repeat([]float64{v}, n) }

// mixture draws from two modes, one as often as the other.
func mixture(rng *rand.Rand, n int, low, high float64) []float64 {
	v := make([]float64, n)
	for i := range v {
		if v[i] = low; rng.IntN(2) == 1 {
			v[i] = high
		}
		v[i] *= 1 + 0.01*rng.NormFloat64()
	}
	return v
}

// Ten runs against ten, a hundred times each: the verdict, and how often it may
// be another.
func TestVerdicts(t *testing.T) {
	type draw func(rng *rand.Rand) []float64
	about := func(mean, sd float64) draw {
		return func(rng *rand.Rand) []float64 { return noise(rng, 10, mean, sd) }
	}
	outlier := func(mean, sd, off float64) draw {
		return func(rng *rand.Rand) []float64 {
			v := noise(rng, 10, mean, sd)
			v[rng.IntN(10)] = off
			return v
		}
	}
	modes := func(rng *rand.Rand) []float64 { return mixture(rng, 10, 800, 1000) }
	for _, c := range []struct {
		what   string
		better results.Better
		a, b   draw
		want   []Verdict
		least  int // of 100
	}{
		{"a rate 10 % lower", results.Higher, about(1000, 0.01), about(900, 0.01), []Verdict{Regression}, 100},
		{"a rate 10 % higher", results.Higher, about(1000, 0.01), about(1100, 0.01), []Verdict{Improvement}, 100},
		{"a time 10 % longer", results.Lower, about(1000, 0.01), about(1100, 0.01), []Verdict{Regression}, 100},
		{"a time 10 % shorter", results.Lower, about(1000, 0.01), about(900, 0.01), []Verdict{Improvement}, 100},
		{"nothing, noise of 1 %", results.Higher, about(1000, 0.01), about(1000, 0.01), []Verdict{Same}, 100},
		{"nothing, noise of 20 %", results.Higher, about(1000, 0.2), about(1000, 0.2), []Verdict{Unclear}, 92},
		{"nothing, noise of 5 %", results.Higher, about(1000, 0.05), about(1000, 0.05), []Verdict{Same, Unclear}, 92},
		{"3 %, below the threshold", results.Higher, about(1000, 0.01), about(970, 0.01), []Verdict{Same}, 85},
		{"nothing, two modes", results.Higher, modes, modes, []Verdict{Unclear, Same}, 92},
		{"nothing, one run far off", results.Higher, about(1000, 0.01), outlier(1000, 0.01, 100), []Verdict{Same}, 95},
		{"nothing, one run of the baseline far off", results.Lower, outlier(1000, 0.01, 90000), about(1000, 0.01), []Verdict{Same}, 95},
		{"10 %, one run far off to the other side", results.Higher, about(1000, 0.01), outlier(900, 0.01, 2000), []Verdict{Regression}, 95},
	} {
		got := map[Verdict]int{}
		for seed := range uint64(100) {
			rng := rand.New(rand.NewPCG(seed, 8))
			f := figure(c.better, c.a(rng), c.b(rng))
			judge([]*FigureChange{f}, usualLimit)
			got[f.Verdict]++
			if f.Verdict != Unclear && (f.Confidence < 0.95 || f.Confidence >= 1) {
				t.Errorf("%s: %s with a confidence of %v", c.what, f.Verdict, f.Confidence)
			}
		}
		n := 0
		for _, v := range c.want {
			n += got[v]
		}
		if n < c.least {
			t.Errorf("%s: want %v, got %v", c.what, c.want, got)
		}
	}
}

// What is certain without any noise is certain, and what no number of equal
// values can show is not.
func TestConstants(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want Verdict
		why  string
	}{
		{constant(10, 100), constant(10, 100), Same, ""},
		{constant(10, 100), constant(10, 104), Same, ""},
		{constant(10, 100), constant(10, 105), Unclear, "it differs, but not certainly by less than the threshold"}, // the threshold itself
		{constant(10, 100), constant(10, 106), Improvement, ""},
		{constant(10, 100), constant(10, 90), Regression, ""},
		{constant(10, 0), constant(10, 0), Same, ""},
		{constant(10, 0), constant(10, 1), Improvement, ""},
		{constant(10, 1), constant(10, 0), Regression, ""},
		{constant(10, -100), constant(10, -90), Improvement, ""},
		{constant(1, 100), constant(1, 50), Unclear, "too few runs"},
		{constant(1, 100), constant(1, 100), Unclear, "too few runs"},
		{constant(3, 100), constant(3, 50), Unclear, "too few runs"},
		{constant(4, 100), constant(4, 50), Regression, ""},
		{constant(1, 100), constant(40, 50), Regression, ""},
	} {
		f := figure(results.Higher, c.a, c.b)
		judge([]*FigureChange{f}, usualLimit)
		if f.Verdict != c.want || f.Why != c.why {
			t.Errorf("%d of %v against %d of %v: %s %q, want %s %q", len(c.a), c.a[0], len(c.b), c.b[0], f.Verdict, f.Why, c.want, c.why)
		}
		if (f.Change == nil) != (c.a[0] == 0) {
			t.Errorf("%v to %v: a change of %v", c.a[0], c.b[0], f.Change)
		}
	}
}

// family draws as many figures of two groups of ten.
func family(rng *rand.Rand, figures int, sd, shift float64) (list []*FigureChange) {
	for i := range figures {
		by := 1.0
		if i == 0 {
			by = 1 + shift
		}
		list = append(list, figure(results.Higher, noise(rng, 10, 1000, sd), noise(rng, 10, 1000*by, sd)))
	}
	return list
}

// Runs of one build do not differ, however many figures they have and however
// noisy: of comparisons of 50 figures fewer than 5 % may report any regression.
func TestFalseAlarms(t *testing.T) {
	const rounds, figures = 200, 50
	for _, l := range []Limit{usualLimit, {0, 0.95}} { // the second has nothing but chance to go by
		alarms, regressions := 0, 0
		for seed := range uint64(rounds) {
			list := family(rand.New(rand.NewPCG(seed, 1)), figures, 0.2, 0)
			judge(list, l)
			n := 0
			for _, f := range list {
				if f.Verdict == Regression {
					n++
				}
				if f.Verdict == Regression || f.Verdict == Improvement {
					alarms++
				}
			}
			if n > 0 {
				regressions++
			}
		}
		if regressions > rounds*5/100 {
			t.Errorf("%+v: %d of %d comparisons of one build report a regression", l, regressions, rounds)
		}
		t.Logf("%+v: %d of %d comparisons report a regression; %d of %d figures are called different", l, regressions, rounds, alarms, rounds*figures)
	}
}

// A change of 10 % in noise of 2 % is found among 50 figures that did not
// change.
func TestPower(t *testing.T) {
	const rounds = 200
	caught := 0
	for seed := range uint64(rounds) {
		list := family(rand.New(rand.NewPCG(seed, 2)), 50, 0.02, -0.1)
		judge(list, usualLimit)
		if list[0].Verdict == Regression {
			caught++
		}
	}
	t.Logf("%d of %d are found", caught, rounds)
	if caught < rounds*95/100 {
		t.Errorf("%d of %d regressions of 10 %% are found", caught, rounds)
	}
}

func TestHolm(t *testing.T) {
	got := holm([]float64{0.01, 0.04, 0.03, 0.005})
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} { // Holm's procedure by hand
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("%v, want %v at %d", got, want, i)
		}
	}
	if len(holm(nil)) != 0 {
		t.Error("nothing becomes something")
	}
}

// needed is right where the table of the U test is known, and judge agrees with
// it.
func TestNeeded(t *testing.T) {
	for _, c := range []struct{ figures, runs int }{{1, 4}, {2, 5}, {6, 5}, {20, 6}, {50, 7}, {4000, 10}} {
		if n := needed(c.figures, usualLimit); n != c.runs {
			t.Errorf("%d figures need %d runs, want %d", c.figures, n, c.runs)
		}
		for n, want := range map[int]Verdict{c.runs: Regression, c.runs - 1: Unclear} {
			if c.figures > 50 {
				break
			}
			var list []*FigureChange
			for range c.figures {
				list = append(list, figure(results.Lower, constant(n, 100), constant(n, 150)))
			}
			judge(list, usualLimit)
			for _, f := range list {
				if f.Verdict != want || f.tooFew != (want == Unclear) {
					t.Fatalf("%d figures of %d runs: %s %s", c.figures, n, f.Verdict, f.Why)
				}
			}
		}
	}
}

func TestSample(t *testing.T) {
	s := newSample([]float64{1, 9, 3, 100})
	if s.N != 4 || s.Median != 6 || s.MAD != 4 || fmt.Sprint(s.Values) != "[1 9 3 100]" {
		t.Errorf("%+v", s)
	}
	if s := newSample([]float64{7}); s.Median != 7 || s.MAD != 0 {
		t.Errorf("%+v", s)
	}
}
