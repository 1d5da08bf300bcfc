package compare

import (
	"slices"
	"strings"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
)

// common is a report with each check as most of the reports have it.
func common(list []*preflight.Report) *preflight.Report {
	of := func(get func(*preflight.Report) string) string {
		var values []string
		for _, r := range list {
			values = append(values, get(r))
		}
		return majority(values).value
	}
	all := &preflight.Report{
		Kernel:      of(func(r *preflight.Report) string { return r.Kernel }),
		CommandLine: of(func(r *preflight.Report) string { return r.CommandLine }),
	}
	type key struct{ name, host, port string }
	var order []key
	checks := map[key][]preflight.Check{}
	for _, r := range list {
		for _, c := range r.Checks {
			k := key{c.Name, c.Host, c.Port}
			if checks[k] == nil {
				order = append(order, k)
			}
			checks[k] = append(checks[k], c)
		}
	}
	for _, k := range order {
		var best preflight.Check
		most := 0
		for _, c := range checks[k] {
			n := 0
			for _, d := range checks[k] {
				if alike(&c, &d) {
					n++
				}
			}
			if n > most {
				best, most = c, n
			}
		}
		if absent := len(list) - len(checks[k]); absent < most {
			all.Checks = append(all.Checks, best)
		}
	}
	return all
}

// checked are the differences of two reports, with host and port in a check's name,
// and without the kernel, which a session tells itself.
func checked(a, b *preflight.Report) (list []preflight.Difference) {
	for _, d := range preflight.Differences(a, b) {
		if d.Check == "kernel" && d.Port == "" {
			continue
		}
		d.Check, d.Host, d.Port = strings.Join(strings.Fields(d.Host+" "+d.Port+" "+d.Check), " "), "", ""
		list = append(list, d)
	}
	return list
}

// alike asks whether two checks, of two runs, came out the same.
func alike(a, b *preflight.Check) bool {
	x, y := &preflight.Report{Checks: []preflight.Check{*a}}, &preflight.Report{Checks: []preflight.Check{*b}}
	return len(preflight.Differences(x, y)) == 0
}

type unsteadyCheck struct {
	what string
	usual
}

// unsteady finds what differs from the common report in some of those that it
// was made of.
func unsteady(all *preflight.Report, list []*preflight.Report) (found []unsteadyCheck) {
	index := map[string]int{}
	for _, r := range list {
		for _, d := range checked(all, r) {
			i, ok := index[d.Check]
			if !ok {
				i = len(found)
				index[d.Check] = i
				found = append(found, unsteadyCheck{d.Check, usual{value: d.A, of: len(list)}})
			}
			found[i].of--
			if !slices.Contains(found[i].others, d.B) {
				found[i].others = append(found[i].others, d.B)
			}
		}
	}
	return found
}
