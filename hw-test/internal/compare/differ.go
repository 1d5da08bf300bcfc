package compare

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// A Difference is something besides the figures that is not the same in two
// groups: of each, what most of its runs have.
type Difference struct {
	What string `json:"what"`
	Base string `json:"base"` // "" if there is no such thing
	New  string `json:"new"`
	// Unfair says that figures are of two things then: suites were told to
	// measure otherwise.
	Unfair bool `json:"unfair,omitempty"`
}

// A fact is something that a run tells of itself.
type fact struct {
	what string
	// suite is that which the fact is about: what it was told to do. If that
	// differs, figures are of two things.
	suite string
}

// facts are a session's, in an order; "" is nothing.
func facts(s *results.Session) (order []fact, of map[fact]string) {
	of = map[fact]string{}
	add := func(what, suite string, value any) {
		f := fact{what, suite}
		order, of[f] = append(order, f), fmt.Sprint(value)
	}
	h, b := &s.Host, &s.Build
	for _, u := range s.Suites {
		add(u.Name+" environment", u.Name, u.Environment.What)
		add(u.Name+" environment's limits", "", strings.Join(u.Environment.Limits, "; "))
		settings := map[string]string{}
		flatten(settings, u.Name, u.Settings)
		for _, k := range slices.Sorted(maps.Keys(settings)) {
			add(k, u.Name, settings[k])
		}
	}
	add("system", "", h.OS+"/"+h.Arch)
	add("kernel", "", h.Kernel)
	add("CPU", "", h.CPU)
	add("CPUs", "", h.CPUs)
	add("in a user namespace", "", h.UserNS)
	add("netmap", "", h.Netmap)
	for _, h := range s.Hosts {
		add("system of "+h.Name, "", fmt.Sprintf("%s/%s %s, %d × %s", h.OS, h.Arch, h.Kernel, h.CPUs, h.CPU))
		add("netmap of "+h.Name, "", h.Netmap)
	}
	add("build", "", b.Version)
	add("revision", "", b.Revision)
	add("built from a changed tree", "", b.Modified)
	add("Go", "", b.Go)
	for _, m := range slices.Sorted(maps.Keys(b.Modules)) {
		add("module "+m, "", b.Modules[m])
	}
	names := []string{}
	for _, u := range s.Suites {
		names = append(names, u.Name)
	}
	add("command of "+strings.Join(names, ", "), "", command(s.Command))
	add("preflight overruled", "", s.Forced)
	return order, of
}

// flatten takes settings apart into what was set and to what.
func flatten(into map[string]string, name string, v any) {
	if m, ok := v.(map[string]any); ok {
		for k, v := range m {
			flatten(into, name+" "+k, v)
		}
		return
	}
	if v != nil {
		b, _ := json.Marshal(v) // came from JSON
		into[name] = string(b)
	}
}

// command is a session's arguments but for where its results went.
func command(args []string) string {
	var kept []string
	for i, a := range args {
		if !strings.HasPrefix(a, "--results=") && a != "--results" && (i == 0 || args[i-1] != "--results") {
			kept = append(kept, a)
		}
	}
	return strings.Join(kept, " ")
}

// A usual thing is what most runs of a group have.
type usual struct {
	value  string
	of     int // runs with it
	others []string
}

// majority finds what most of the values are; the first of several.
func majority(values []string) usual {
	var u usual
	for _, v := range values {
		if n := count(values, v); n > u.of {
			u.value, u.of = v, n
		}
	}
	for _, v := range values {
		if v != u.value && !slices.Contains(u.others, v) {
			u.others = append(u.others, v)
		}
	}
	return u
}

// A portrait is what a group's runs have in common.
type portrait struct {
	order     []fact
	usual     map[fact]usual
	preflight *preflight.Report // as most runs found it; nil: most did not look
	mixed     []string          // what suites were told to do, and not all runs the same
}

// paint makes the portrait and notes what varies within the group. Only runs
// that know of a fact are asked: a suite that was not run has no settings.
func paint(g *Group) *portrait {
	p := &portrait{usual: map[fact]usual{}}
	values := map[fact][]string{}
	var looked []*preflight.Report
	for _, r := range g.Runs {
		order, of := facts(r.Session)
		for _, f := range order {
			if values[f] == nil {
				p.order = append(p.order, f)
			}
			values[f] = append(values[f], of[f])
		}
		if r.Preflight != nil {
			looked = append(looked, r.Preflight)
		}
	}
	for _, f := range p.order {
		u := majority(values[f])
		p.usual[f] = u
		if len(u.others) > 0 {
			g.vary(f.what, u, len(values[f]))
			if f.suite != "" {
				p.mixed = append(p.mixed, fmt.Sprintf("%s is %s in one run of %s and %s in another", f.what, u.value, g.Name, u.others[0]))
			}
		}
	}
	if 2*len(looked) > len(g.Runs) {
		p.preflight = common(looked)
		for _, d := range unsteady(p.preflight, looked) {
			g.vary("preflight "+d.what, d.usual, len(looked))
		}
	}
	return p
}

// vary notes what is not the same in all runs.
func (g *Group) vary(what string, u usual, n int) {
	var others []string
	for _, v := range u.others {
		others = append(others, or(v))
	}
	g.Varies = append(g.Varies, fmt.Sprintf("%s: %s in %d of %s, else %s", what, or(u.value), u.of, runs(n), strings.Join(others, " or ")))
}

func or(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// differences holds two portraits against each other: the preflight first.
func differences(a, b *portrait) []Difference {
	list := []Difference{}
	add := func(what, x, y string, unfair bool) {
		if x != y {
			list = append(list, Difference{what, x, y, unfair})
		}
	}
	switch {
	case a.preflight != nil && b.preflight != nil:
		for _, d := range checked(a.preflight, b.preflight) {
			add("preflight "+d.Check, d.A, d.B, false)
		}
	case a.preflight != nil:
		add("preflight", "looked", "not looked", false)
	case b.preflight != nil:
		add("preflight", "not looked", "looked", false)
	}
	for _, f := range a.order {
		u, both := b.usual[f]
		add(f.what, a.usual[f].value, u.value, both && f.suite != "")
	}
	for _, f := range b.order {
		if _, both := a.usual[f]; !both {
			add(f.what, "", b.usual[f].value, false)
		}
	}
	return list
}
