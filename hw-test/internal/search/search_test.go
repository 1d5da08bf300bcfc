package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var ndrPDR = []Goal{{"NDR", 0}, {"PDR", 0.005}}

func config(most float64) *Config {
	return &Config{Goals: ndrPDR, Min: most / 100, Max: most, Overhead: func() time.Duration { return time.Second }}
}

func run(t *testing.T, c *Config, dev device) *Result {
	t.Helper()
	r, err := Run(context.Background(), c, dev.measure)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// within fails unless got is at most off from want, as a share of it.
func within(t *testing.T, what string, got, want, off float64) {
	t.Helper()
	if math.Abs(got-want) > off*want {
		t.Errorf("%s is %.6g, want %.6g within %.3g %%", what, got, want, 100*off)
	}
}

func duration(r *Result) (sum float64) {
	for _, t := range r.Trials {
		sum += t.Seconds
	}
	return sum
}

// TestCapacity: whatever the capacity, both rates are found to the width, in a
// bounded number of trials, and the last round's bounds are real.
func TestCapacity(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	most, sumTrials := 0, 0
	const cases = 500
	for range cases {
		limit := math.Pow(10, 2+6*r.Float64())
		c := config(limit * (1.02 + 20*r.Float64()*r.Float64()))
		c.Confirm = 1 + r.IntN(3)
		c.Final = time.Duration(1+r.IntN(60)) * time.Second
		res := run(t, c, capacity(limit, 0))
		ndr, pdr := res.Goals[0], res.Goals[1]
		if ndr.Verdict != Found || pdr.Verdict != Found && pdr.Verdict != AtLeast {
			t.Fatalf("capacity %v of %v: %+v", limit, c.Max, res.Goals)
		}
		// A trial loses whole frames: what is less than one more hides.
		slack := 0.005 + 1.01/(limit*c.Final.Seconds())
		within(t, "NDR", ndr.Lower, limit, slack)
		within(t, "PDR's throughput", pdr.Throughput, limit, slack)
		if ndr.Upper < limit || pdr.Lower < ndr.Lower {
			t.Errorf("capacity %v: %+v", limit, res.Goals)
		}
		if n := len(res.Trials); n > 60 {
			t.Errorf("capacity %v of %v: %d trials", limit, c.Max, n)
		}
		most = max(most, len(res.Trials))
		sumTrials += len(res.Trials)
	}
	t.Logf("trials: %d at most, %.1f on average", most, float64(sumTrials)/cases)
}

func TestEstimate(t *testing.T) {
	for _, final := range []time.Duration{time.Second, 5 * time.Second, 60 * time.Second} {
		c := config(1e6)
		c.Final = final
		rounds, d, err := Estimate(c)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, r := range rounds {
			n += r.Trials
		}
		first, left := time.Duration(0), []time.Duration{}
		c.Progress = func(p Progress) {
			if p.Trial == 1 {
				first = p.Left
			}
			left = append(left, p.Left)
		}
		for _, limit := range []float64{2.1e4, 1.5e5, 7.77e5} {
			left = left[:0]
			res := run(t, c, capacity(limit, 0))
			took := duration(res) + float64(len(res.Trials))
			if len(res.Trials) > 2*n || 2*len(res.Trials) < n || took > 2*d.Seconds() || 2*took < d.Seconds() {
				t.Errorf("final %v, limit %v: %d trials in %.0f s, estimated %d in %v", final, limit, len(res.Trials), took, n, d)
			}
			if first != d {
				t.Errorf("estimated %v before, %v at the first trial", d, first)
			}
			if last := left[len(left)-1]; last > d/2 || final > time.Second && last > 4*(final+time.Second) {
				t.Errorf("final %v: %v of %v are left before the last trial", final, last, d)
			}
		}
	}
}

// TestBuffer: a buffer hides loss in short trials; the result is that of the
// full length.
func TestBuffer(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		limit := 1e4 * (1 + 10*r.Float64())
		buffer := limit * 0.1 * r.Float64() // up to 100 ms
		c := config(3 * limit)
		c.Final = 5 * time.Second
		res := run(t, c, capacity(limit, buffer))
		if res.Goals[0].Verdict != Found || len(res.Trials) > 60 {
			t.Fatalf("limit %v, buffer %v, %d trials: %+v", limit, buffer, len(res.Trials), res.Goals)
		}
		within(t, "NDR", res.Goals[0].Lower, limit+buffer/5, 0.0051)
	}
}

// TestPeriodic: a device that loses one in a thousand at any rate has no NDR,
// and Max for a PDR of 0.5 %.
func TestPeriodic(t *testing.T) {
	for _, confirm := range []int{1, 2, 3} {
		c := config(1e5)
		c.Min, c.Confirm = 2e3, confirm
		res := run(t, c, periodic(1000))
		ndr, pdr := res.Goals[0], res.Goals[1]
		if ndr.Verdict != None || ndr.Lower != 0 || ndr.Throughput != 0 || ndr.Upper != c.Min || !strings.Contains(ndr.Why, "about the same share") {
			t.Errorf("NDR: %+v", ndr)
		}
		if pdr.Verdict != AtLeast || pdr.Lower != c.Max || pdr.Upper != 0 {
			t.Errorf("PDR: %+v", pdr)
		}
		within(t, "PDR's throughput", pdr.Throughput, 0.999*c.Max, 1e-4)
		if len(res.Trials) > 30 {
			t.Errorf("%d trials", len(res.Trials))
		}
		if res.Goals[0].Verdict == None && len(res.Trials) > 20 {
			t.Errorf("%d trials to find that there is nothing to find", len(res.Trials))
		}
		// With a capacity besides, the PDR is at it.
		res = run(t, c, sum(periodic(1000), capacity(3e4, 0)))
		ndr, pdr = res.Goals[0], res.Goals[1]
		if ndr.Verdict != None || pdr.Verdict != Found {
			t.Errorf("with a capacity: %+v", res.Goals)
		}
		within(t, "PDR", pdr.Lower, 3e4/(1-0.004), 0.0051)
		if ndr.Verdict == None && ndr.Why == "" {
			t.Error("a refusal without a reason")
		}
	}
}

// TestNoise: occasional losses do not spoil the NDR where trials are confirmed,
// and do where they are not.
func TestNoise(t *testing.T) {
	const limit = 5e4
	good := map[int]int{}
	const seeds = 200
	for seed := range uint64(seeds) {
		for _, confirm := range []int{1, 4} {
			c := config(2e5)
			c.Confirm = confirm
			res := run(t, c, noisy(capacity(limit, 0), 0.1, seed))
			if len(res.Trials) > 150 {
				t.Errorf("%d trials", len(res.Trials))
			}
			ndr := res.Goals[0]
			if ndr.Verdict == Found && ndr.Upper > limit*1.02 {
				t.Errorf("seed %d: %+v", seed, ndr)
			}
			if ndr.Verdict == Found && math.Abs(ndr.Lower-limit) < 0.02*limit {
				good[confirm]++
			}
		}
	}
	t.Logf("within 2 %%: %d of %d with one trial, %d with four", good[1], seeds, good[4])
	if good[4] < seeds*85/100 || good[4] <= good[1] {
		t.Errorf("within 2 %%: %d of %d with one trial, %d with four", good[1], seeds, good[4])
	}
}

// TestRandomDevices: on whatever device, the search ends, its bounds are in
// order and what the trials say.
func TestRandomDevices(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for i := range 1000 {
		limit := 1e4 * (1 + 10*r.Float64())
		dev := capacity(limit, limit*0.02*r.Float64())
		if i%3 == 0 {
			dev = collapsing(limit)
		}
		if i%4 == 0 {
			from := limit * r.Float64() * 1.2
			dev = hole(dev, from, from*(1.01+0.3*r.Float64()))
		}
		if i%5 == 0 {
			dev = noisy(dev, 0.5*r.Float64(), uint64(i))
		}
		if i%7 == 0 {
			dev = func(_ float64, _ time.Duration, n uint64) uint64 { return uint64(r.Int64N(2)) * n / 50 } // a coin
		}
		c := config(limit * (0.5 + 4*r.Float64()))
		c.Confirm = 1 + r.IntN(3)
		res := run(t, c, dev)
		if n := len(res.Trials); n > c.MaxTrials && n > 200 {
			t.Fatalf("case %d: %d trials", i, n)
		}
		checkResult(t, fmt.Sprint("case ", i), c, res)
	}
}

// checkResult holds a result against its trials.
func checkResult(t *testing.T, name string, c *Config, res *Result) {
	t.Helper()
	for _, tr := range res.Trials {
		if tr.Load < c.Min*(1-1e-9) || tr.Load > c.Max*(1+1e-9) {
			t.Errorf("%s: a trial at %v, outside of %v to %v", name, tr.Load, c.Min, c.Max)
		}
	}
	full, _ := c.complete()
	for _, g := range res.Goals {
		passed, failed := 0, 0
		for _, tr := range res.Trials {
			if tr.Seconds < full.Final.Seconds()-1e-6 || tr.Kind != Valid {
				continue
			}
			if tr.Load == g.Lower && tr.LossRatio() <= g.LossRatio {
				passed++
			}
			if tr.Load == g.Upper && tr.LossRatio() > g.LossRatio {
				failed++
			}
		}
		ok := true
		switch g.Verdict {
		case Found:
			ok = passed > 0 && g.Lower < g.Upper && g.Upper-g.Lower <= full.Width*g.Upper*(1+1e-6)
		case AtLeast:
			ok = passed > 0 && g.Lower == c.Max && g.Upper == 0
		case None:
			ok = failed > 0 && g.Upper == c.Min && g.Lower == 0 && g.Why != ""
		case Unfinished:
			ok = g.Why != ""
		default:
			ok = false
		}
		// Without confirmation a short failure is enough for an upper bound.
		if !ok && !(c.Confirm == 1 && g.Verdict == None && failed == 0) {
			t.Errorf("%s: %+v (passed %d, failed %d)", name, g, passed, failed)
		}
	}
}

// TestInversion: a device that fails at a rate and passes at higher ones gets
// the rate below the failure, and a note.
func TestInversion(t *testing.T) {
	for i := range 40 {
		// The search meets this hole on its way only by chance.
		from := 2e4 + 2e3*float64(i)
		c := config(1e5)
		c.Goals = ndrPDR[:1]
		res := run(t, c, hole(capacity(9.5e4, 0), from, from*1.1))
		g := res.Goals[0]
		if g.Verdict != Found || math.Abs(g.Lower-from) > 0.0051*from && math.Abs(g.Lower-9.5e4) > 0.0051*9.5e4 {
			t.Errorf("hole at %v: %+v", from, g)
		}
	}
	// A single frame is lost at whatever comes second; the PDR's trials above
	// that lose none, but for the very first.
	c := config(1e5)
	c.Confirm = 1
	n := 0
	second := 0.0
	res := run(t, c, func(rate float64, d time.Duration, sent uint64) uint64 {
		switch n++; n {
		case 1:
			return sent / 5
		case 2:
			second = rate
			return 1
		}
		return 0
	})
	ndr, pdr := res.Goals[0], res.Goals[1]
	if ndr.Verdict != Found || ndr.Upper != second || pdr.Verdict != Found || pdr.Lower <= ndr.Upper ||
		len(res.Notes) != 1 || !strings.Contains(res.Notes[0], "the failure counts") {
		t.Errorf("second at %v: %+v", second, res)
	}
}

// limited is a tester that cannot send more than a rate.
func limited(dev device, most float64, o Outcome) Measure {
	return func(ctx context.Context, rate float64, d time.Duration) (Outcome, error) {
		if rate > most {
			return o, nil
		}
		return dev.measure(ctx, rate, d)
	}
}

func TestLimited(t *testing.T) {
	c := config(1e5)
	for _, x := range []struct {
		o    Outcome
		want Verdict
	}{
		{Outcome{Kind: GeneratorLimited, Achieved: 2e4, Why: "its own device took no more"}, Limited},
		{Outcome{Kind: GeneratorLimited, Why: "its own device took no more"}, Limited},
		{Outcome{Kind: Invalid, Why: "rcv's own socket dropped 7"}, Unsure},
	} {
		for _, most := range []float64{2e4, 8e4} {
			if x.o.Achieved > 0 {
				x.o.Achieved = most
			}
			res, err := Run(context.Background(), c, limited(capacity(1e9, 0), most, x.o))
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range res.Goals {
				if g.Verdict != x.want || g.Why != x.o.Why || g.Lower > most || g.Throughput > most || g.Upper < most {
					t.Errorf("%v at %v: %+v", x.o, most, g)
				}
				if x.o.Achieved > 0 {
					within(t, "what passed", g.Lower, most, ceilingWidth)
				}
			}
			// A device below the tester's limit is found all the same.
			res, err = Run(context.Background(), c, limited(capacity(1e4, 0), most, x.o))
			if err != nil || res.Goals[0].Verdict != Found || res.Goals[1].Verdict != Found {
				t.Errorf("below the limit: %v, %+v", err, res.Goals)
			}
		}
	}
	// A tester that never works.
	res, err := Run(context.Background(), c, limited(nil, 0, Outcome{Kind: Invalid, Why: "no cable"}))
	if err != nil || len(res.Trials) > maxFaults {
		t.Errorf("%v after %d trials", err, len(res.Trials))
	}
	for _, g := range res.Goals {
		if g.Verdict != Unsure || g.Why != "no cable" || g.Lower != 0 {
			t.Errorf("%+v", g)
		}
	}
}

// TestOverstated: trials whose loss is in doubt count for the goal that they
// meet, and as invalid for one that they do not.
func TestOverstated(t *testing.T) {
	c := config(1e5)
	c.Min = 2e3
	dev := periodic(1000)
	n := 0
	res, err := Run(context.Background(), c, func(ctx context.Context, rate float64, d time.Duration) (Outcome, error) {
		o, err := dev.measure(ctx, rate, d)
		if n++; n > 12 { // by then even Min has failed
			o.Kind, o.Overstated, o.Why = Invalid, true, "a stall"
		}
		return o, err
	})
	if err != nil || res.Goals[0].Verdict == Found || res.Goals[1].Verdict != AtLeast {
		t.Errorf("%v, %+v", err, res)
	}
	// At every rate: the PDR is met, of the NDR nothing is known.
	res, err = Run(context.Background(), c, func(_ context.Context, rate float64, d time.Duration) (Outcome, error) {
		return Outcome{Kind: Invalid, Overstated: true, Sent: 1000, Lost: 1, Why: "a stall"}, nil
	})
	if err != nil || res.Goals[0].Verdict != Unsure || res.Goals[0].Why != "a stall" || res.Goals[1].Verdict == None {
		t.Errorf("%v, %+v", err, res)
	}
}

func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	dev := capacity(2e4, 0)
	res, err := Run(ctx, config(1e5), func(ctx context.Context, rate float64, d time.Duration) (Outcome, error) {
		if n++; n == 9 {
			cancel()
		}
		return dev.measure(ctx, rate, d)
	})
	if !errors.Is(err, context.Canceled) || len(res.Trials) != 9 {
		t.Errorf("%v after %d trials", err, len(res.Trials))
	}
	for _, g := range res.Goals {
		if g.Verdict != Unfinished || g.Why == "" {
			t.Errorf("%+v", g)
		}
	}
	broken := errors.New("broken")
	res, err = Run(context.Background(), config(1e5), func(context.Context, float64, time.Duration) (Outcome, error) {
		return Outcome{}, broken
	})
	if !errors.Is(err, broken) || len(res.Trials) != 0 || len(res.Goals) != 2 {
		t.Errorf("%v, %+v", err, res)
	}
	c := config(1e5)
	c.MaxTrials = 4
	if res = run(t, c, dev); res.Goals[0].Verdict != Unfinished || len(res.Trials) != 4 {
		t.Errorf("%+v", res)
	}
	if b, err := json.Marshal(res); err != nil || strings.Contains(string(b), "null") {
		t.Errorf("%s, %v", b, err)
	}
}

func TestConfig(t *testing.T) {
	for i, c := range []Config{
		{Min: 1, Max: 2},
		{Goals: ndrPDR, Min: 0, Max: 2},
		{Goals: ndrPDR, Min: 3, Max: 2},
		{Goals: ndrPDR, Min: math.NaN(), Max: 2},
		{Goals: ndrPDR, Min: 1, Max: math.Inf(1)},
		{Goals: ndrPDR, Min: 1, Max: 2, Width: 0.5},
		{Goals: ndrPDR, Min: 1, Max: 2, Initial: -1},
		{Goals: []Goal{{"x", 1}}, Min: 1, Max: 2},
		{Goals: []Goal{{"x", -0.1}}, Min: 1, Max: 2},
	} {
		if _, err := Run(context.Background(), &c, nil); err == nil {
			t.Errorf("case %d is taken", i)
		}
		if _, _, err := Estimate(&c); err == nil {
			t.Errorf("case %d is estimated", i)
		}
	}
}
