package compare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/machine"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// session is one run's results: of a suite with two cases.
func session(ndr, cpu float64) *results.Session {
	small := &results.Case{Name: "64", Verdict: results.Passed, Sentence: "x", Figures: []results.Figure{
		{Name: "NDR", Value: ndr, Unit: "pps", Better: results.Higher},
		{Name: "pktgen CPU", Value: cpu, Unit: "ns/packet", Better: results.Lower},
		{Name: "trials", Value: 16, Better: results.Neither},
	}}
	large := &results.Case{Name: "1518", Verdict: results.Passed, Sentence: "x", Figures: []results.Figure{
		{Name: "NDR", Value: 81000, Unit: "pps", Better: results.Higher},
	}}
	return &results.Session{
		Format: results.Format, Tool: "hw-test", Command: []string{"throughput", "--results", "somewhere"},
		Start:     time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
		Host:      machine.Host{OS: "linux", Kernel: "6.1", CPU: "a CPU", CPUs: 2},
		Build:     results.Build{Version: "v1", Revision: "abc", Modules: map[string]string{"x/y": "v1"}},
		Preflight: &preflight.Report{Kernel: "6.1", Checks: []preflight.Check{{Name: "governor", Verdict: preflight.Pass, Found: "performance"}}},
		Suites: []*results.Suite{{
			Name: "throughput", Environment: testbed.Description{Kind: "veth", What: "a veth pair"},
			Settings: map[string]any{"final_seconds": 10, "search": map[string]any{"width": 0.005}}, Cases: []*results.Case{small, large},
		}},
	}
}

// keep writes a session to a new directory below dir.
func keep(t *testing.T, dir string, s *results.Session) string {
	t.Helper()
	d, err := results.Create(dir, "throughput", s.Start)
	if err == nil {
		err = d.JSON("results.json", s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d.Path()
}

// tens writes ten runs into a new directory. Each changes what it likes.
func tens(t *testing.T, ndr, cpu float64, each func(i int, s *results.Session)) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "runs")
	for i := range 10 {
		s := session(ndr*(1+0.001*float64(i*7%10)), cpu*(1+0.001*float64(i*3%10)))
		if each != nil {
			each(i, s)
		}
		keep(t, dir, s)
	}
	return dir
}

// play runs the command as hw-test does.
func play(t *testing.T, args ...string) (status int, stdout string, err error) {
	t.Helper()
	var out bytes.Buffer
	cmd := Command(&status)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	err = cmd.Execute()
	if err != nil {
		status = cli.Status(err)
	}
	return status, out.String(), err
}

// report is the same with --json.
func report(t *testing.T, args ...string) (int, *Report) {
	t.Helper()
	status, out, err := play(t, append([]string{"--json"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	r := new(Report)
	if err := json.Unmarshal([]byte(out), r); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out, "null") && !strings.Contains(out, `"change":null`) {
		t.Errorf("a list is null: %s", out)
	}
	if r.ExitStatus != status {
		t.Errorf("exit status %d, in the report %d", status, r.ExitStatus)
	}
	return status, r
}

func TestSameBuild(t *testing.T) {
	a, b := tens(t, 1e6, 200, nil), tens(t, 1e6, 200, nil)
	status, r := report(t, a, b)
	c := r.Comparisons[0]
	if status != cli.ExitOK || r.Regressions != 0 || len(c.Figures) != 3 || c.count(Same) != 3 || len(c.Differences)+len(c.Notes)+len(c.Cases)+len(c.OnlyBase)+len(c.OnlyNew) != 0 {
		t.Errorf("status %d, %+v, %+v", status, r, c)
	}
	for _, f := range c.Figures {
		if f.Base.N != 10 || f.New.N != 10 || f.Confidence < 0.95 {
			t.Errorf("%+v", f)
		}
	}
	_, out, _ := play(t, a, b)
	for _, want := range []string{"B against A: preflight, host, build and settings are the same", "throughput 64 pktgen CPU  200.9 ns/packet  0.2 %  10", "regressions: 0, improvements: 0, the same: 3, unclear: 0 (threshold 5 %, confidence 95 % over 3 figures)"} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
}

func TestRegression(t *testing.T) {
	a, b := tens(t, 1e6, 200, nil), tens(t, 0.9e6, 200, nil)
	status, r := report(t, a, b)
	f := r.Comparisons[0].Figures[0]
	if status != cli.ExitShort || r.Regressions != 1 || f.Verdict != Regression || f.Figure != "NDR" || *f.Change > -0.09 || *f.Change < -0.11 {
		t.Errorf("status %d, %+v", status, f)
	}
	if status, r := report(t, b, a); status != cli.ExitOK || r.Comparisons[0].count(Improvement) != 1 {
		t.Errorf("the other way round: status %d, %+v", status, r)
	}
	_, out, _ := play(t, a, b)
	if want := "throughput 64 NDR: regression: 1.004 Mpps -> 904.050 Kpps (-10.0 %), confidence 99.99 %"; !strings.Contains(out, want) {
		t.Errorf("lacks %q:\n%s", want, out)
	}
	// Three groups: each later one against the first. What is above one
	// threshold is below another.
	if status, r := report(t, "--threshold", "20", a, b, tens(t, 0.7e6, 200, nil)); status != cli.ExitShort || len(r.Comparisons) != 2 ||
		r.Comparisons[0].Figures[0].Verdict != Same || r.Comparisons[1].Figures[0].Verdict != Regression || r.Comparisons[1].New != "C" || r.Figures != 6 {
		t.Errorf("status %d, %+v", status, r)
	}
}

// Groups are directories of runs, runs, or several of either between --.
func TestGroups(t *testing.T) {
	one, two := t.TempDir(), tens(t, 1e6, 200, nil)
	p1 := keep(t, one, session(1e6, 200))
	p2 := keep(t, one, session(0.5e6, 200))
	p3 := keep(t, one, session(1e6, 200))
	if err := os.Mkdir(filepath.Join(one, "unfinished"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(p1, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		runs string // of each group, or what the error says
	}{
		{p1 + " " + p2, "1 1"},
		{one + " " + two, "3 10"},
		{p1 + "/results.json " + p2, "1 1"},
		{p1 + " " + p2 + " " + p3, "1 1 1"},
		{p1 + " " + p2 + " -- " + two, "2 10"},
		{p1 + " -- " + p2 + " " + p3, "1 2"},
		{p1 + " -- " + p2 + " -- " + p3 + " " + two, "1 1 11"},
		{"", "compare wants two directories at least"},
		{p1, "compare wants two directories at least"},
		{"-- " + p1, "nothing is on one side of a --"},
		{p1 + " -- " + p2 + " --", "nothing is on one side of a --"},
		{p1 + " " + p1, "is in group A and in group B: a run is evidence once"},
		{p1 + " -- " + two + " " + p1, "is in group A and in group B"},
		{link + " -- " + one, "is in group A and in group B"},
		{one + " " + one + "/unfinished", "holds no results: neither a results.json"},
		{one + " " + one + "/nosuch", "no such file or directory"},
		{strings.TrimSpace(strings.Repeat(p1+" ", 27)), "27 groups are more than the 26"},
		{"--confidence 100 " + p1 + " " + p2, "--confidence: 100 is not from 50 to 99.999 percent"},
		{"--threshold 101 " + p1 + " " + p2, "out of range"},
	} {
		status, out, err := play(t, append([]string{"--json"}, strings.Fields(c.args)...)...)
		if err != nil {
			if !strings.Contains(err.Error(), c.runs) || status == cli.ExitOK || status == cli.ExitShort {
				t.Errorf("%s: status %d, %v, want %s", c.args, status, err, c.runs)
			}
			continue
		}
		var r Report
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		var n []string
		for _, g := range r.Groups {
			n = append(n, fmt.Sprint(len(g.Runs)))
		}
		if got := strings.Join(n, " "); got != c.runs || status != cli.ExitOK {
			t.Errorf("%s: status %d, runs %s, want %s", c.args, status, got, c.runs)
		}
	}
	_, out, _ := play(t, one, two)
	if !strings.Contains(out, "no results in: "+filepath.Join(one, "unfinished")) {
		t.Errorf("who was passed over is not told:\n%s", out)
	}
}

// One run against one tells a difference and says what it is worth.
func TestFewRuns(t *testing.T) {
	dir := t.TempDir()
	status, r := report(t, keep(t, dir, session(1e6, 200)), keep(t, dir, session(0.5e6, 200)))
	c := r.Comparisons[0]
	if f := c.Figures[0]; status != cli.ExitOK || f.Verdict != Unclear || f.Why != "too few runs" || f.Confidence != 0 || *f.Change != -0.5 {
		t.Errorf("status %d, %+v", status, f)
	}
	if want := "one run against one run shows a difference, not whether it is noise: no figure can be called a regression before 5 runs each"; len(c.Notes) != 1 || c.Notes[0] != want {
		t.Errorf("%q, want %q", c.Notes, want)
	}
	three := []string{}
	for _, ndr := range []float64{1e6, 0.5e6} {
		d := t.TempDir()
		for range 3 {
			keep(t, d, session(ndr, 200))
		}
		three = append(three, d)
	}
	_, r = report(t, three...)
	if want := "3 of 3 figures have too few runs for a regression to be certain: 3 figures at a confidence of 95 % take 5 runs each"; r.Needed != 5 || len(r.Comparisons[0].Notes) != 1 || r.Comparisons[0].Notes[0] != want {
		t.Errorf("%q, want %q", r.Comparisons[0].Notes, want)
	}
}

// What a case ends as counts too, by what most runs say.
func TestCases(t *testing.T) {
	ends := func(n int, v results.Verdict) func(int, *results.Session) {
		return func(i int, s *results.Session) {
			if i < n {
				c := s.Suites[0].Cases[0]
				c.Verdict, c.Figures = v, nil
			}
		}
	}
	base := tens(t, 1e6, 200, nil)
	for _, c := range []struct {
		a, b     string
		verdict  Verdict
		sentence string
	}{
		{base, tens(t, 1e6, 200, ends(10, results.Failed)), Regression, "passed in 10 of 10 runs of A; failed in 10 of 10 runs of B"},
		{base, tens(t, 1e6, 200, ends(5, results.None)), Regression, "passed in 10 of 10 runs of A; no throughput in 5, passed in 5 of 10 runs of B"},
		{base, tens(t, 1e6, 200, ends(7, results.Limited)), Regression, "passed in 10 of 10 runs of A; generator-limited in 7, passed in 3 of 10 runs of B"},
		{base, tens(t, 1e6, 200, ends(9, results.Invalid)), Regression, "passed in 10 of 10 runs of A; invalid in 9, passed in 1 of 10 runs of B"},
		{base, tens(t, 1e6, 200, ends(2, results.Skipped)), Same, "passed in 10 of 10 runs of A; passed in 8, skipped in 2 of 10 runs of B"},
		{tens(t, 1e6, 200, ends(6, results.Failed)), base, Improvement, "failed in 6, passed in 4 of 10 runs of A; passed in 10 of 10 runs of B"},
		{tens(t, 1e6, 200, ends(10, results.Failed)), tens(t, 1e6, 200, ends(10, results.Invalid)), Same, "failed in 10 of 10 runs of A; invalid in 10 of 10 runs of B"},
		{tens(t, 1e6, 200, ends(10, results.Skipped)), tens(t, 1e6, 200, ends(10, results.Skipped)), Same, "skipped in 10 of 10 runs of A; skipped in 10 of 10 runs of B"},
	} {
		status, r := report(t, c.a, c.b)
		list := r.Comparisons[0].Cases
		if len(list) != 1 || list[0].Verdict != c.verdict || list[0].Sentence != c.sentence || list[0].Case != "64" {
			t.Errorf("want %s, %s: %+v", c.verdict, c.sentence, list)
		}
		if (status == cli.ExitShort) != (c.verdict == Regression) {
			t.Errorf("%s: status %d", c.sentence, status)
		}
	}
	// Figures of runs that mean nothing are not taken, even if they are there.
	_, r := report(t, base, tens(t, 1e6, 200, func(i int, s *results.Session) {
		if i < 3 {
			s.Suites[0].Cases[0].Verdict = results.Invalid
			s.Suites[0].Cases[0].Figures[0].Value = 1
		}
	}))
	if f := r.Comparisons[0].Figures[0]; f.New.N != 7 || f.Verdict != Same {
		t.Errorf("%+v", f)
	}
}

func TestOnlyOneSide(t *testing.T) {
	a := tens(t, 1e6, 200, func(_ int, s *results.Session) { s.Suites[0].Cases[0].Figures[0].Unit = "bit/s" })
	b := tens(t, 1e6, 200, func(_ int, s *results.Session) { s.Suites[0].Cases[1].Name = "imix" })
	_, r := report(t, a, b)
	c := r.Comparisons[0]
	if got := fmt.Sprint(c.OnlyBase, c.OnlyNew); got != "[throughput 1518 throughput 64 NDR] [throughput imix throughput 64 NDR]" || len(c.Figures) != 1 {
		t.Error(got)
	}
	_, _, err := play(t, a, tens(t, 1e6, 200, func(_ int, s *results.Session) { s.Suites[0].Name = "loss" }))
	if cli.Status(err) != cli.ExitUsage || !strings.Contains(err.Error(), "nothing in B is also in A") {
		t.Error(err)
	}
}

func TestUnreadable(t *testing.T) {
	good := tens(t, 1e6, 200, nil)
	for content, says := range map[string]string{
		"{": "is no results.json", `{"tool":"hw-test","format":99}`: "this build reads hw-test's format 1",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "results.json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if status, _, err := play(t, good, dir); status != cli.ExitFailed || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: status %d, %v", content, status, err)
		}
	}
	s := session(1, 1)
	s.Suites[0].Cases[0].Figures[1].Name = "NDR"
	s.Suites[0].Cases[0].Figures[1].Unit = "pps"
	s.Suites[0].Cases[0].Figures[1].Better = results.Higher
	if status, _, err := play(t, good, keep(t, t.TempDir(), s)); status != cli.ExitFailed || !strings.Contains(err.Error(), "throughput 64 NDR is in it twice") {
		t.Errorf("status %d, %v", status, err)
	}
}
