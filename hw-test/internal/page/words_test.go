package page

import (
	"math"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

func TestValue(t *testing.T) {
	for _, c := range []struct {
		v          float64
		unit, want string
	}{
		{812743, "pps", "812.743 Kpps"}, {14880952, "pps", "14.881 Mpps"}, {0, "pps", "0.000 pps"}, {-5000, "pps", "−5.000 Kpps"},
		{9.8e9, "bit/s", "9.800 Gbit/s"}, {84.5, "ns/packet", "84.5 ns/packet"}, {84.5678, "ns/packet", "84.57 ns/packet"},
		{0.00123456, "%", "0.001235 %"}, {100, "%", "100 %"}, {2242.64, "µs", "2242.6 µs"}, {22426.44, "µs", "22\u202f426.4 µs"},
		{3, "", "3"}, {2000000, "frames", "2\u202f000\u202f000 frames"}, {-1234567, "", "−1\u202f234\u202f567"}, {1e15, "", "1e+15"}, {3e-9, "s", "3e−09 s"},
		{math.NaN(), "pps", "not a number"}, {math.Inf(1), "pps", "∞ pps"}, {math.Inf(-1), "", "−∞"},
	} {
		if got := value(c.v, c.unit); got != c.want {
			t.Errorf("value(%v, %q) = %q, want %q", c.v, c.unit, got, c.want)
		}
	}
}

func TestLasted(t *testing.T) {
	for seconds, want := range map[float64]string{
		0: "", -1: "", 0.0123: "12ms", 93.46: "1m33.5s", 7384.6: "2h3m5s", 1e300: "", math.Inf(1): "",
	} {
		if got := lasted(seconds); got != want {
			t.Errorf("lasted(%v) = %q, want %q", seconds, got, want)
		}
	}
	if got := lasted(math.NaN()); got != "" {
		t.Errorf("NaN s are %q", got)
	}
}

func TestOutcome(t *testing.T) {
	cases := func(verdicts ...results.Verdict) (list []*results.Case) {
		for i, v := range verdicts {
			list = append(list, &results.Case{Name: string(rune('a' + i)), Verdict: v})
		}
		return list
	}
	const p, f = results.Passed, results.Failed
	for want, c := range map[string][]*results.Case{
		"no case was run":                   nil,
		"1 of 1 case passed":                cases(p),
		"2 of 2 cases passed":               cases(p, p),
		"0 of 2 cases passed; failed: a, b": cases(f, f),
		"1 of 6 cases passed; failed: b, d; invalid: a; generator-limited: e; skipped: c": cases("??", f, results.Skipped, f, results.Limited, p),
		"0 of 6 cases passed; failed: a, b, c, d and 2 more":                              cases(f, f, f, f, f, f),
	} {
		if got := strings.Join(outcome(c), "; "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHeadline(t *testing.T) {
	one := &results.Suite{Name: "loss", Cases: []*results.Case{{Name: "64", Verdict: results.Limited}, {Name: "imix", Verdict: results.Skipped}}}
	for want, s := range map[string]*results.Session{
		"no suite was run":               {},
		"stopped before the first suite": {Interrupted: true},
		"loss: 0 of 2 cases passed; generator-limited: 64; skipped: imix":                                   {Suites: []*results.Suite{one}},
		"2 suites: 0 of 4 cases passed; generator-limited: loss/64, loss/64; skipped: loss/imix, loss/imix": {Suites: []*results.Suite{one, one}},
		"2 suites: no case was run": {Suites: []*results.Suite{{Name: "a"}, {Name: "b"}}},
	} {
		if got := headline(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
