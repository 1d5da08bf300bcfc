package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// A figureKey names what is held against each other: a suite, a case of it (""
// the suite), a figure of that ("": the case).
type figureKey struct {
	suite, name, figure, unit string
	better                    results.Better
}

// String is the name as it is printed.
func (k figureKey) String() string {
	return strings.TrimSpace(strings.Join([]string{k.suite, k.name, k.figure}, " "))
}

// counts says whether a case with this verdict has figures that mean anything.
func counts(v results.Verdict) bool {
	switch v {
	case results.Passed, results.Failed, results.None, results.Limited:
		return true
	}
	return false
}

// found is what all runs of a group found, with names in the order in which
// they come first.
type found struct {
	cases   []figureKey
	verdict map[figureKey][]results.Verdict // of each run that has the case
	figures []figureKey
	values  map[figureKey][]float64
}

// collect goes through the runs of a group. Figures that nobody is to judge are
// left out.
func collect(g *Group) *found {
	f := &found{verdict: map[figureKey][]results.Verdict{}, values: map[figureKey][]float64{}}
	for _, r := range g.Runs {
		for _, u := range r.Suites {
			for _, c := range u.Cases {
				k := figureKey{suite: u.Name, name: c.Name}
				if f.verdict[k] == nil {
					f.cases = append(f.cases, k)
				}
				f.verdict[k] = append(f.verdict[k], c.Verdict)
				if !counts(c.Verdict) {
					continue
				}
				for _, v := range c.Figures {
					k := figureKey{u.Name, c.Name, v.Name, v.Unit, v.Better}
					if v.Better != results.Higher && v.Better != results.Lower {
						continue
					}
					if f.values[k] == nil {
						f.figures = append(f.figures, k)
					}
					f.values[k] = append(f.values[k], v.Value)
				}
			}
		}
	}
	return f
}

// worst are ranks of verdicts. All below a case that gives no figures, for
// whatever reason: what the baseline had is then not held any more.
var worst = map[results.Verdict]int{results.Passed: 0, results.Limited: 1, results.None: 2}

func rank(v results.Verdict) int {
	if n, ok := worst[v]; ok {
		return n
	}
	return 3
}

// typical is the most frequent verdict, the worst of several.
func typical(list []results.Verdict) results.Verdict {
	var best results.Verdict
	n := 0
	for _, v := range list {
		if m := count(list, v); m > n || m == n && rank(v) > rank(best) {
			best, n = v, m
		}
	}
	return best
}

func count[T comparable](list []T, v T) (n int) {
	for _, w := range list {
		if v == w {
			n++
		}
	}
	return n
}

// A CaseChange is a case that did not end in the same way in all runs, or in no
// run in a way that has figures.
type CaseChange struct {
	Suite string `json:"suite"`
	Case  string `json:"case"`
	// Base and New are the numbers of runs with each verdict.
	Base map[results.Verdict]int `json:"base"`
	New  map[results.Verdict]int `json:"new"`
	// Verdict goes by the most frequent verdict of each group: a regression, an
	// improvement, or the same.
	Verdict Verdict `json:"verdict"`
	// Sentence is all of that in words, without a full stop.
	Sentence string `json:"sentence"`
}

// change holds a case's verdicts against each other; nil if there is nothing to
// be told. The names are those of the groups.
func change(k figureKey, a, b []results.Verdict, base, new string) *CaseChange {
	if all := slices.Concat(a, b); count(all, all[0]) == len(all) && counts(all[0]) {
		return nil
	}
	c := &CaseChange{Suite: k.suite, Case: k.name, Base: tally(a), New: tally(b), Verdict: Same}
	switch x, y := rank(typical(a)), rank(typical(b)); {
	case y > x:
		c.Verdict = Regression
	case y < x:
		c.Verdict = Improvement
	}
	c.Sentence = fmt.Sprintf("%s of %s; %s of %s", how(a), base, how(b), new)
	return c
}

func tally(list []results.Verdict) map[results.Verdict]int {
	m := map[results.Verdict]int{}
	for _, v := range list {
		m[v]++
	}
	return m
}

// how tells verdicts in words, the most frequent first.
func how(list []results.Verdict) string {
	distinct := []results.Verdict{}
	for _, v := range list {
		if !slices.Contains(distinct, v) {
			distinct = append(distinct, v)
		}
	}
	slices.SortStableFunc(distinct, func(a, b results.Verdict) int { return count(list, b) - count(list, a) })
	var parts []string
	for _, v := range distinct {
		parts = append(parts, fmt.Sprintf("%s in %d", v, count(list, v)))
	}
	return fmt.Sprintf("%s of %s", strings.Join(parts, ", "), runs(len(list)))
}

func runs(n int) string {
	if n == 1 {
		return "1 run"
	}
	return fmt.Sprintf("%d runs", n)
}
