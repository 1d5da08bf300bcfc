package search

import (
	"math"
	"testing"
)

// TestClassify holds the rule against RFC 9971's worked example ("Example
// Search"): four goals, and the trials at six points in time. For the last goal
// that example's tables call the last two points a lower bound; by their own
// figures (42.9 % exceed, 20 % may) and by the code it is an upper one.
func TestClassify(t *testing.T) {
	goals := []struct {
		t    target
		loss float64
	}{
		{target{duration: 60, sum: 60, exceed: 0}, 0},
		{target{duration: 60, sum: 120, exceed: 0.5}, 0},
		{target{duration: 1, sum: 120, exceed: 0.5}, 0.005},
		{target{duration: 60, sum: 60, exceed: 0.2}, 0.005},
	}
	const u, l, x = upperBound, lowerBound, undecided
	load := load{rate: 1e6}
	for i, p := range []struct {
		n       int
		seconds float64
		lost    uint64 // of a thousand
		want    [4]class
	}{
		{59, 1, 0, [4]class{x, x, x, x}},
		{1, 1, 10, [4]class{u, x, x, x}},
		{59, 1, 10, [4]class{u, x, x, u}},
		{1, 1, 0, [4]class{u, x, l, u}},
		{1, 60, 1, [4]class{u, x, l, u}},
		{1, 60, 0, [4]class{u, l, l, u}},
	} {
		for range p.n {
			load.trials = append(load.trials, Trial{Kind: Valid, Seconds: p.seconds, Sent: 1000, Lost: p.lost})
		}
		for j, g := range goals {
			if got := load.class(g.loss, &g.t); got != p.want[j] {
				t.Errorf("point %d, goal %d: class %d, want %d", i+1, j+1, got, p.want[j])
			}
		}
	}
	// What the trials above come to, by "Conditional Throughput Code".
	for j, want := range []float64{0.999e6, 1e6, 1e6, 0.999e6} {
		if got := load.conditionalThroughput(&goals[j].t); math.Abs(got-want) > 1 {
			t.Errorf("goal %d: conditional throughput %v, want %v", j+1, got, want)
		}
	}
}

func TestConditionalThroughput(t *testing.T) {
	l := load{rate: 1000, trials: []Trial{{Seconds: 10, Sent: 100, Lost: 1}, {Seconds: 1, Sent: 100, Lost: 90}}}
	for _, c := range []struct {
		t    target
		want float64
	}{
		{target{duration: 10, sum: 10}, 990},
		{target{duration: 10, sum: 20, exceed: 0.5}, 990},
		{target{duration: 10, sum: 30, exceed: 0.5}, 0}, // 5 s more could have lost all
		{target{duration: 1, sum: 11}, 100},
	} {
		if got := l.conditionalThroughput(&c.t); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%+v: %v, want %v", c.t, got, c.want)
		}
	}
}

func TestTargets(t *testing.T) {
	c, err := config(1e5).complete()
	if err != nil {
		t.Fatal(err)
	}
	list := c.targets()
	if len(list) != 3 || list[0].duration != 1 || math.Abs(list[1].duration-math.Sqrt(10)) > 1e-9 || list[2].duration != 10 ||
		list[0].width != 0.02 || list[2].width != 0.005 || list[0].sum != 1 || list[2].sum != 20 || list[2].exceed != 0.5 {
		t.Errorf("%+v", list)
	}
	c.Initial = c.Final
	if list = c.targets(); len(list) != 1 || list[0].duration != 10 {
		t.Errorf("%+v", list)
	}
}
