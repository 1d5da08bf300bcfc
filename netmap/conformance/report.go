package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Verdict is the outcome of one check on one target.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "ok"
	Fail Verdict = "FAIL"
	NA   Verdict = "n/a"
	// NotRun is a check that nothing is known of: its target could not be opened,
	// or a check before it hangs.
	NotRun Verdict = "not run"
)

// Result is one cell of the table.
type Result struct {
	Target  string  `json:"target"`
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text,omitempty"` // what failed, or why it does not apply
	Seconds float64 `json:"seconds"`
}

// Report is the table checks × targets.
type Report struct {
	Checks  []string `json:"checks"`  // rows, in the order they ran
	Targets []string `json:"targets"` // columns
	Results []Result `json:"results"`
}

func (r *Report) add(w io.Writer, res Result) {
	r.Results = append(r.Results, res)
	if bad := res.Verdict == Fail || res.Verdict == NotRun; bad && w != nil {
		fmt.Fprintf(w, "%s %s on %s: %s\n", res.Verdict, res.Check, res.Target, res.Text)
	}
}

// Count returns how many cells have a verdict.
func (r *Report) Count(v Verdict) (n int) {
	for _, res := range r.Results {
		if res.Verdict == v {
			n++
		}
	}
	return n
}

// OK reports whether the table is complete, something passed and nothing
// failed or could not be run.
func (r *Report) OK() bool {
	return r.Count(Fail) == 0 && r.Count(NotRun) == 0 && r.Count(Pass) > 0 && len(r.Results) == len(r.Checks)*len(r.Targets)
}

// WriteText writes the table, then the reasons of what does not apply and of
// what was not run, then what failed, then one line of summary.
func (r *Report) WriteText(w io.Writer) error {
	cell := map[[2]string]Result{}
	for _, res := range r.Results {
		cell[[2]string{res.Check, res.Target}] = res
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "check\t%s\n", strings.Join(r.Targets, "\t"))
	for _, c := range r.Checks {
		fmt.Fprint(tw, c)
		for _, t := range r.Targets {
			v := cell[[2]string{c, t}].Verdict
			if v == "" {
				v = "-"
			}
			fmt.Fprintf(tw, "\t%s", v)
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, v := range []Verdict{NA, NotRun, Fail} {
		for _, res := range r.Results {
			if res.Verdict == v {
				fmt.Fprintf(w, "%s %s on %s: %s\n", v, res.Check, res.Target, res.Text)
			}
		}
	}
	_, err := fmt.Fprintf(w, "%d passed, %d failed, %d not run, %d do not apply, of %d\n", r.Count(Pass), r.Count(Fail), r.Count(NotRun), r.Count(NA), len(r.Checks)*len(r.Targets))
	return err
}

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
