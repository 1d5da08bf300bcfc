package session

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/place"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

func start(t *testing.T, o *Options, p *Plan) *Session {
	t.Helper()
	s, err := Start(context.Background(), o, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func finish(t *testing.T, s *Session) (status int, dir string) {
	t.Helper()
	var out strings.Builder
	status, err := s.Finish(false, &out)
	if err != nil {
		t.Fatal(err)
	}
	report, _ := strings.CutPrefix(strings.TrimSpace(out.String()), "Report: ")
	if report == "" {
		return status, ""
	}
	return status, filepath.Dir(report)
}

// Programs that read a list find one, also where a run was stopped before it
// had anything to put there.
func TestNoNullLists(t *testing.T) {
	s := start(t, &Options{Results: t.TempDir()}, &Plan{Name: "run"})
	s.Begin("loss").End(&results.Suite{
		Cases: []*results.Case{{Name: "64", Verdict: results.Unfinished, Plots: []results.Plot{{Title: "loss"}}}},
		Plots: []results.Plot{{Title: "no series"}, {Title: "no points", Series: []results.Series{{Name: "mean"}}}},
	}, nil)
	s.Begin("self").End(&results.Suite{}, nil)
	var out strings.Builder
	if _, err := s.Finish(true, &out); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(&s.Session)
	if err != nil {
		t.Fatal(err)
	}
	// These are objects.
	text := strings.NewReplacer(`"lab":null`, "", `"preflight":null`, "").Replace(string(b))
	if at := strings.Index(text, ":null"); at >= 0 {
		t.Errorf("null in …%s", text[max(0, at-60):at+5])
	}
	for _, want := range []string{`"series":[]`, `"x":[],"y":[]`, `"plots":[]`, `"figures":[]`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// TestKept has two suites of one session on disk, and reads them back.
func TestKept(t *testing.T) {
	base := t.TempDir()
	s := start(t, &Options{Results: base}, &Plan{Name: "run", Command: []string{"run", "--quick"}})
	u := s.Begin("loss")
	u.Trial("64", map[string]int{"sent": 1})
	u.Trial("64", map[string]int{"sent": 2})
	u.Trial("imix", map[string]int{"sent": 3})
	u.End(&results.Suite{Cases: []*results.Case{
		{Name: "64", Verdict: results.Passed}, {Name: "imix", Verdict: results.Limited}, {Name: "128", Verdict: results.Unfinished},
	}, ExitStatus: cli.ExitShort}, map[string]string{"own": "report"})
	s.Begin("self").End(&results.Suite{ExitStatus: cli.ExitOK}, nil)
	status, dir := finish(t, s)
	if status != cli.ExitShort || filepath.Dir(dir) != base {
		t.Errorf("status %d, in %s", status, dir)
	}
	text, err := os.ReadFile(filepath.Join(dir, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "null"); n != 1 { // of the lab
		t.Errorf("%d nulls in %s", n, text)
	}
	back, err := results.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Suites) != 2 || back.ExitStatus != cli.ExitShort || back.Preflight == nil || strings.Join(back.Command, " ") != "run --quick" {
		t.Errorf("%+v", back)
	}
	for _, u := range back.Suites {
		if u.Start.Before(back.Start) || u.Start.After(time.Now()) {
			t.Errorf("%s began at %v, the session at %v", u.Name, u.Start, back.Start)
		}
	}
	files := []string{}
	for _, c := range back.Suites[0].Cases {
		files = append(files, c.Name+":"+strings.Join(c.Trials, ","))
	}
	if got := strings.Join(files, " "); got != "64:trials/loss-0001.json,trials/loss-0002.json imix:trials/loss-0003.json 128:" {
		t.Error(got)
	}
	for _, name := range []string{"report.html", "results.csv", "junit.xml", "preflight.json", "suites/loss.json", "suites/self.json"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || len(b) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	var sent struct{ Sent int }
	text, err = os.ReadFile(filepath.Join(dir, "trials/loss-0003.json"))
	if err == nil {
		err = json.Unmarshal(text, &sent)
	}
	if err != nil || sent.Sent != 3 {
		t.Errorf("%s, %v", text, err)
	}
}

// TestNeverWrittenOver has two sessions of one second.
func TestNeverWrittenOver(t *testing.T) {
	base := t.TempDir()
	seen := map[string]bool{}
	for range 3 {
		_, dir := finish(t, start(t, &Options{Results: base}, &Plan{Name: "self"}))
		seen[dir] = true
	}
	if len(seen) != 3 {
		t.Errorf("%v", seen)
	}
}

func TestNothingKept(t *testing.T) {
	t.Setenv(results.Env, results.NoDir)
	s := start(t, &Options{}, &Plan{Name: "self"})
	u := s.Begin("self")
	u.Trial("x", 1)
	u.End(&results.Suite{ExitStatus: cli.ExitFailed}, nil)
	if status, dir := finish(t, s); status != cli.ExitFailed || dir != "" {
		t.Errorf("status %d, in %q", status, dir)
	}
}

// TestUnkept: what cannot be written is said, and does not end the run.
func TestUnkept(t *testing.T) {
	s := start(t, &Options{Results: t.TempDir()}, &Plan{Name: "self"})
	if err := os.WriteFile(filepath.Join(s.dir.Path(), "trials"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	u := s.Begin("self")
	u.Trial("x", 1)
	u.End(&results.Suite{}, nil)
	if _, err := s.Finish(false, new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "trials: not a directory") {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(context.Background(), &Options{Results: file}, &Plan{Name: "self"}); err == nil || !strings.Contains(err.Error(), "--results none") {
		t.Error(err)
	}
}

// between are two ports of this host.
func between(t *testing.T, pair string) *place.Where {
	t.Helper()
	w := &place.Where{PortPair: pair}
	if _, err := w.Complete(pflag.NewFlagSet("", pflag.ContinueOnError)); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestPreflightStops: a port that is not there fails the preflight.
func TestPreflightStops(t *testing.T) {
	for _, c := range []struct {
		force, lenient, stops bool
	}{{false, false, true}, {true, false, false}, {false, true, false}} {
		s := start(t, &Options{Results: results.NoDir, Force: c.force},
			&Plan{Name: "loss", Where: between(t, "packet:rw-none,packet:rw-none2"), Lenient: c.lenient})
		if s.Preflight.Count(preflight.Fail) == 0 {
			t.Fatalf("%+v", s.Preflight)
		}
		var out strings.Builder
		s.PrintStart(&out)
		v, why := s.Why()
		if (v == results.Invalid) != c.stops || (why != "") != c.stops || s.Forced != (c.force && !c.lenient) || !strings.Contains(out.String(), "fail") {
			t.Errorf("%+v: %q, forced %v; %s", c, why, s.Forced, out.String())
		}
	}
}

// TestSays: what fails is said with what was found, and the command that tells
// more looks at the same ports.
func TestSays(t *testing.T) {
	s := start(t, &Options{Results: results.NoDir}, &Plan{Name: "loss", Where: between(t, "packet:rw-none,packet:rw it")})
	var out strings.Builder
	s.PrintStart(&out)
	for _, want := range []string{"(hw-test preflight packet:rw-none 'packet:rw it' tells more; --force", "\n  rw-none link: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}

// TestLacks: a kernel without netmap skips what needs it, unless more is wrong.
func TestLacks(t *testing.T) {
	netmap := preflight.Check{Name: "netmap", Port: "eth1", Verdict: preflight.Fail, Found: "no netmap in this kernel", Lacks: true}
	pause := preflight.Check{Name: "pause", Port: "eth1", Verdict: preflight.Fail, Found: "rx on"}
	for _, c := range []struct {
		checks []preflight.Check
		want   results.Verdict
		why    string
	}{
		{[]preflight.Check{netmap}, results.Skipped, "eth1 netmap: no netmap in this kernel (hw-test preflight netmap:eth1 netmap:eth2 tells more)"},
		{[]preflight.Check{netmap, pause}, results.Invalid, "eth1 netmap, eth1 pause (hw-test preflight netmap:eth1 netmap:eth2 tells more; --force"},
		{nil, "", ""},
	} {
		s := &Session{where: between(t, "netmap:eth1,netmap:eth2")}
		s.Preflight = &preflight.Report{Checks: c.checks}
		s.judge(&Options{}, &Plan{})
		if v, why := s.Why(); v != c.want || !strings.Contains(why, c.why) {
			t.Errorf("%+v: %s, %s", c.checks, v, why)
		}
	}
}

func TestWorse(t *testing.T) {
	for _, c := range [][3]int{{0, 0, 0}, {0, 3, 3}, {3, 1, 1}, {1, 0, 1}, {3, 0, 3}} {
		if got := worse(c[0], c[1]); got != c[2] {
			t.Errorf("%v: %d", c, got)
		}
	}
}

// TestMetrics reads them while a suite is under way and after it.
func TestMetrics(t *testing.T) {
	s := start(t, &Options{Results: results.NoDir, Metrics: "127.0.0.1:0"}, &Plan{Name: "loss"})
	var out strings.Builder
	s.PrintStart(&out)
	_, url, _ := strings.Cut(out.String(), "Metrics are at ")
	url, _, _ = strings.Cut(url, ".\n")
	get := func(wants ...string) {
		t.Helper()
		r, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains("\n"+string(text), "\nringwalk_harness_"+want+"\n") {
				t.Errorf("no %s in\n%s", want, text)
			}
		}
	}
	u := s.Begin("loss")
	u.Doing("64", 1500, 90*time.Second)
	u.Trial("64", nil)
	u.Trial("64", nil)
	get(`trials_total{suite="loss"} 2`, `load_pps{case="64",suite="loss"} 1500`, `left_seconds{case="64",suite="loss"} 90`)
	u.End(&results.Suite{Cases: []*results.Case{
		{Name: "64", Verdict: results.Passed, Figures: []results.Figure{{Name: "NDR", Value: 812, Unit: "pps"}}}, {Name: "imix", Verdict: results.Passed},
	}}, nil)
	get(`cases{suite="loss",verdict="passed"} 2`, `figure{case="64",figure="NDR",suite="loss",unit="pps"} 812`)
	finish(t, s)
	if _, err := http.Get(url); err == nil {
		t.Error("it serves on after the end")
	}
	if _, err := Start(context.Background(), &Options{Metrics: "nowhere"}, &Plan{}); err == nil || !strings.Contains(err.Error(), "--metrics") {
		t.Error(err)
	}
}

// TestReasons: what several hosts say is a line each, and one sentence of a
// verdict.
func TestReasons(t *testing.T) {
	for why, want := range map[string][2]string{
		"a is down":            {"a is down", "Nothing can be run: a is down.\n"},
		"a is down\nb is down": {"a is down; b is down", "Nothing can be run:\n  a is down\n  b is down\n"},
	} {
		s := new(Session)
		s.Stop(results.Invalid, why)
		var out strings.Builder
		s.PrintStart(&out)
		if _, got := s.Why(); got != want[0] || out.String() != want[1] {
			t.Errorf("%q, %q", got, out.String())
		}
	}
}
