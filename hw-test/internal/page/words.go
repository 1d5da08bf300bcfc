package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// headline is what came of a session, in a sentence.
func headline(s *results.Session) string {
	switch len(s.Suites) {
	case 0:
		switch {
		case s.Preflight != nil && s.Preflight.Err() != nil && !s.Forced:
			return "not run: " + s.Preflight.Err().Error()
		case s.Interrupted:
			return "stopped before the first suite"
		}
		return "no suite was run"
	case 1:
		return s.Suites[0].Name + ": " + strings.Join(outcome(s.Suites[0].Cases), "; ")
	}
	var all []*results.Case
	for _, suite := range s.Suites {
		for _, c := range suite.Cases {
			named := *c
			named.Name = suite.Name + "/" + c.Name
			all = append(all, &named)
		}
	}
	return fmt.Sprintf("%d suites: %s", len(s.Suites), strings.Join(outcome(all), "; "))
}

// outcome is what came of cases: how many passed and then, the worst first,
// which did not.
func outcome(cases []*results.Case) []string {
	if len(cases) == 0 {
		return []string{"no case was run"}
	}
	names := map[results.Verdict][]string{}
	for _, c := range cases {
		v := c.Verdict
		if !slices.Contains(results.Order, v) {
			v = results.Invalid
		}
		names[v] = append(names[v], c.Name)
	}
	noun := "cases"
	if len(cases) == 1 {
		noun = "case"
	}
	parts := []string{fmt.Sprintf("%d of %d %s passed", len(names[results.Passed]), len(cases), noun)}
	for _, v := range results.Order[:len(results.Order)-1] {
		if n := names[v]; len(n) > 0 {
			const most = 4
			list := strings.Join(n[:min(len(n), most)], ", ")
			if len(n) > most {
				list += fmt.Sprintf(" and %d more", len(n)-most)
			}
			parts = append(parts, fmt.Sprintf("%s: %s", v, list))
		}
	}
	return parts
}

// status is an exit status in words.
func status(n int) string {
	switch n {
	case cli.ExitOK:
		return "0: done, and all holds"
	case cli.ExitFailed:
		return "1: something failed or was not finished"
	case cli.ExitShort:
		return "3: done, but short of what was asked"
	}
	return strconv.Itoa(n)
}

// value is a figure for people, with its unit: "812.743 Kpps", "84.5 ns/packet".
func value(v float64, unit string) string {
	switch {
	case math.IsNaN(v):
		return "not a number"
	case math.IsInf(v, 0):
		return strings.TrimSpace(map[bool]string{true: "∞ ", false: "−∞ "}[v > 0] + unit)
	case unit == "pps" || unit == "bps" || strings.HasSuffix(unit, "/s"):
		if v < 0 {
			return "−" + cli.Norm(-v) + unit
		}
		return cli.Norm(v) + unit
	case unit == "":
		return number(v)
	}
	return number(v) + " " + unit
}

// number is v with what matters of its digits: all of a whole one, about four
// of others.
func number(v float64) string {
	abs := math.Abs(v)
	var s string
	switch {
	case abs >= 1e15 || abs != 0 && abs < 1e-4:
		s = strconv.FormatFloat(v, 'g', 4, 64)
	case v == math.Trunc(v):
		s = groups(strconv.FormatFloat(v, 'f', 0, 64))
	case abs >= 100:
		s = groups(strconv.FormatFloat(v, 'f', 1, 64))
	default:
		s = strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strings.ReplaceAll(s, "-", "−")
}

// groups puts narrow spaces between the thousands of a number of five digits
// or more before its point.
func groups(s string) string {
	whole, fraction, point := strings.Cut(s, ".")
	sign := strings.TrimRight(whole, "0123456789")
	whole = whole[len(sign):]
	if len(whole) > 4 {
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + "\u202f" + whole[i:]
		}
	}
	if point {
		fraction = "." + fraction
	}
	return sign + whole + fraction
}

// lasted is a time for people: "93.5s", "2h3m0s"; nothing for none.
func lasted(seconds float64) string {
	if !(seconds > 0 && seconds < math.MaxInt64/1e9) {
		return ""
	}
	d := time.Duration(seconds * 1e9)
	switch {
	case d >= 10*time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond).String()
}
