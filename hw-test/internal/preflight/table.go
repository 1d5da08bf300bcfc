package preflight

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Print writes the report for people, in lines of at most 100 columns where
// words allow it.
func (r *Report) Print(w io.Writer) {
	for i, c := range r.Checks {
		if i == 0 || !c.beside(&r.Checks[i-1]) {
			fmt.Fprintln(w, r.heading(c.Host, c.Port))
		}
		if c.Verdict != Skipped {
			r.Checks[i].print(w)
		}
		if i == len(r.Checks)-1 || !c.beside(&r.Checks[i+1]) {
			r.printSkipped(w, &c)
		}
	}
	for _, s := range r.Fixed {
		fmt.Fprintf(w, "changed: %s\n", s)
	}
	for _, n := range r.Notes {
		wrap(w, "not changed: ", n)
	}
	fmt.Fprintf(w, "%d fail, %d warn, %d pass, %d skipped\n", r.Count(Fail), r.Count(Warn), r.Count(Pass), r.Count(Skipped))
}

// beside tells whether two checks are of one port, or both of one host.
func (c *Check) beside(other *Check) bool { return c.Host == other.Host && c.Port == other.Port }

func (r *Report) heading(host, port string) string {
	if port == "" && host == "" {
		return "host: Linux " + r.Kernel
	}
	if port == "" {
		for _, k := range r.Kernels {
			if k.Host == host {
				return "host " + host + ": Linux " + k.Release
			}
		}
	}
	name := strings.TrimSpace(host + " " + port)
	for _, p := range r.Ports {
		if p.Host == host && p.Interface == port && p.Spec != port {
			return name + ": opened as " + p.Spec
		}
	}
	return name
}

// printSkipped writes those checks of a section that are skipped, together by
// their reasons.
func (r *Report) printSkipped(w io.Writer, of *Check) {
	var reasons []string
	names := map[string][]string{}
	for _, c := range r.Checks {
		if c.beside(of) && c.Verdict == Skipped {
			if !slices.Contains(reasons, c.Why) {
				reasons = append(reasons, c.Why)
			}
			names[c.Why] = append(names[c.Why], c.Name)
		}
	}
	for _, why := range reasons {
		wrap(w, "  skip  ", strings.Join(names[why], ", ")+": "+why)
	}
}

func (c *Check) print(w io.Writer) {
	word := map[Verdict]string{Pass: "pass", Warn: "WARN", Fail: "FAIL"}[c.Verdict]
	found := c.Found
	if c.Want != "" {
		if found != "" {
			found += "; "
		}
		found += "wanted: " + c.Want
	}
	wrap(w, fmt.Sprintf("  %s  %-14s ", word, c.Name), found)
	const indent = "                       "
	if c.Why != "" {
		wrap(w, indent, c.Why)
	}
	if c.Verdict == Pass {
		return
	}
	for _, d := range c.Do {
		fmt.Fprintf(w, "%s→ %s\n", indent, d) // in one piece, to be copied
	}
}

// wrap writes text behind a first word, and its further lines below it.
func wrap(w io.Writer, first, text string) {
	const columns = 100
	line := first
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > columns {
			fmt.Fprintln(w, strings.TrimRight(line, " "))
			line, empty = strings.Repeat(" ", len(first)), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}
