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
		if i == 0 || c.Port != r.Checks[i-1].Port {
			fmt.Fprintln(w, r.heading(c.Port))
		}
		if c.Verdict != Skipped {
			r.Checks[i].print(w)
		}
		if i == len(r.Checks)-1 || c.Port != r.Checks[i+1].Port {
			r.printSkipped(w, c.Port)
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

func (r *Report) heading(port string) string {
	if port == "" {
		return "host: Linux " + r.Kernel
	}
	for _, p := range r.Ports {
		if p.Interface == port && p.Spec != port {
			return port + ": opened as " + p.Spec
		}
	}
	return port
}

// printSkipped writes those checks of a section that are skipped, together by
// their reasons.
func (r *Report) printSkipped(w io.Writer, port string) {
	var reasons []string
	names := map[string][]string{}
	for _, c := range r.Checks {
		if c.Port == port && c.Verdict == Skipped {
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
