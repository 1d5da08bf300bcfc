package self

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// fake is an environment of two launchers.
type fake struct{ from, to testbed.Port }

func (f *fake) Describe() testbed.Description   { return testbed.Description{Kind: "fake"} }
func (f *fake) Flows() []testbed.Flow           { return []testbed.Flow{{From: &f.from, To: &f.to}} }
func (f *fake) WaitLinks(context.Context) error { return nil }
func (f *fake) Clocks() error                   { return nil }

func (f *fake) Counters() ([]testbed.Counters, error) { return nil, nil }
func (f *fake) Close() error                          { return nil }

// says is a program that gets ready, prints a result and ends with a status.
func says(result string, status int) program.Launcher {
	return func(_ context.Context, name string, _ []string, stdout, stderr io.Writer) (func() (int, error), error) {
		fmt.Fprintln(stderr, name+": ready: says a test")
		fmt.Fprintln(stdout, result)
		return func() (int, error) { return status, nil }, nil
	}
}

// TestRowAccidents has launchers that start nothing, programs that crash, hang
// or never get ready: such rows are invalid, and something is broken.
func TestRowAccidents(t *testing.T) {
	broken := func(context.Context, string, []string, io.Writer, io.Writer) (func() (int, error), error) {
		return nil, errors.New("out of processes")
	}
	hangs := func(ctx context.Context, _ string, _ []string, _, _ io.Writer) (func() (int, error), error) {
		return func() (int, error) { <-ctx.Done(); return 0, program.ErrHangs }, nil
	}
	crashes := func(ctx context.Context, _ string, _ []string, _, _ io.Writer) (func() (int, error), error) {
		return func() (int, error) { return 0, errors.New("was ended by something else (signal: killed)") }, nil
	}
	ready := says(`{"packets": 0, "probe": {}}`, 0)
	for name, c := range map[string]struct {
		send, receive program.Launcher
		why           []string
	}{
		"no rcv":         {ready, broken, []string{"pktgen was not started, because rcv did not get ready", "rcv could not be started: out of processes"}},
		"no pktgen":      {broken, ready, []string{"pktgen could not be started: out of processes"}},
		"rcv not ready":  {ready, hangs, []string{"pktgen was not started, because rcv did not get ready", "rcv did not end in time and was stopped"}},
		"pktgen hangs":   {hangs, ready, []string{"pktgen did not end in time and was stopped"}},
		"pktgen crashes": {crashes, ready, []string{"pktgen was ended by something else (signal: killed)"}},
		"pktgen refuses": {says(`{"errors": ["no such device"], "exit_status": 1}`, 1), ready, []string{"pktgen ended with status 1: no such device", "pktgen's result is not a sender's"}},
		"pktgen nothing": {ready, ready, []string{"pktgen's result is not a sender's"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				row := Row{Size: 60, Queues: 1, Pace: Full}
				row.run(t.Context(), &fake{testbed.Port{Launch: c.send}, testbed.Port{Launch: c.receive}}, 1, time.Second)
				if got, want := strings.Join(row.Why, "|"), strings.Join(c.why, "|"); row.Holds || row.Verdict != results.Invalid || !row.broke || got != want {
					t.Errorf("%s, why is %s\nwant %s", row.Verdict, got, want)
				}
			})
		})
	}
}

// Programs' results of a row of 100 frames, in which all arrive, and one does
// not; and of one in which somebody else sends, too.
const (
	sent100  = `{"tool": "pktgen", "packets": 100, "pps": 1000, "end_records": 2, "rate_met": true, "errors": [], "exit_status": 0}`
	got100   = `{"tool": "rcv", "packets": 102, "pps": 1000, "kernel_drops": 0, "probe": {"packets": 100, "distinct": 100}, "exit_status": 0}`
	got99    = `{"tool": "rcv", "packets": 101, "kernel_drops": 1, "probe": {"packets": 99, "distinct": 99, "lost": 1}, "errors": ["1 lost"], "exit_status": 3}`
	got99too = `{"tool": "rcv", "packets": 101, "kernel_drops": 1, "probe": {"packets": 99, "distinct": 99, "lost": 1}, "exit_status": 0}`
	got103   = `{"tool": "rcv", "packets": 103, "probe": {"packets": 100, "distinct": 100}, "not_probe": 1, "exit_status": 0}`
	damaged  = `{"tool": "rcv", "packets": 102, "probe": {"packets": 99, "distinct": 99, "lost": 1}, "not_probe": 1, "exit_status": 0}`
)

// TestVerdicts holds what a session keeps of a self-test against what happened.
func TestVerdicts(t *testing.T) {
	hangs := func(ctx context.Context, _ string, _ []string, _, _ io.Writer) (func() (int, error), error) {
		return func() (int, error) { <-ctx.Done(); return 0, program.ErrHangs }, nil
	}
	for name, c := range map[string]struct {
		rcv     program.Launcher
		pace    Pace
		verdict results.Verdict
		status  int
		says    string
	}{
		"all arrive":          {says(got100, 0), Paced, results.Passed, cli.ExitOK, "all of 100 frames arrived"},
		"one is lost":         {says(got99, 3), Paced, results.Failed, cli.ExitFailed, "rcv ended with status 3: 1 lost; "},
		"lost at full speed":  {says(got99too, 0), Full, results.Passed, cli.ExitOK, "1 of them lost because rcv was late"},
		"somebody else sends": {says(got103, 0), Paced, results.Invalid, cli.ExitShort, "frames that pktgen did not send: 1"},
		"one is damaged":      {says(damaged, 0), Paced, results.Failed, cli.ExitFailed, "frames that are no probes any more: 1"},
		"rcv hangs":           {hangs, Paced, results.Invalid, cli.ExitFailed, "rcv did not end in time"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(session.Session)
				o := Options{Sizes: "60", Queues: "1", Send: 100 * time.Millisecond, Rung: auto}
				r, err := newRunner(&o)
				if err != nil {
					t.Fatal(err)
				}
				r.rung, r.report = Root, newReport(Root, nil, 1)
				r.rows = []*Row{{Size: 60, Queues: 1, Pace: c.pace}}
				r.report.Environment.RatePPS = 1000
				keep := s.Begin("self")
				r.over(t.Context(), &fake{testbed.Port{Launch: says(sent100, 0)}, testbed.Port{Launch: c.rcv}}, keep, io.Discard)
				r.report.finish(false, r.status())
				keep.End(r.found(), r.report)
				u := s.Suites[0]
				if got := u.Cases[0]; got.Verdict != c.verdict || !strings.Contains(got.Sentence, c.says) || u.ExitStatus != c.status ||
					(len(got.Figures) > 0) != (c.verdict == results.Passed) {
					t.Errorf("%+v, status %d; want %s, %q, %d", got, u.ExitStatus, c.verdict, c.says, c.status)
				}
			})
		})
	}
}

// TestFlows has every row run for each flow, whose programs then run alone; the
// second flow loses a frame.
func TestFlows(t *testing.T) {
	port := func(spec, host string, l program.Launcher) *testbed.Port {
		return &testbed.Port{Spec: spec, Host: host, Launch: l}
	}
	sends := port("packet:b", "gen", says(strings.Replace(sent100, `"rate_met": true`, `"rate_met": false`, 1), 0))
	env := &flows{list: []testbed.Flow{
		{From: port("packet:a", "", says(sent100, 0)), To: port("packet:x", "", says(got100, 0))},
		{From: sends, To: port("packet:y", "sink", says(got99, 3))},
	}}
	o := Options{Sizes: "60,1514", Queues: "1", Send: 100 * time.Millisecond, Rung: auto}
	r, err := Over(&o, made{env, []string{"packet:a → packet:x", "packet:b of gen → packet:y"}}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	if r.PrintPlan(&plan, true); strings.Count(plan.String(), " → ") != 4 || r.Estimate() != 4*estimate(o.Send) {
		t.Errorf("%v: %s", r.Estimate(), plan.String())
	}
	s := new(session.Session)
	s.Preflight = new(preflight.Report)
	var out strings.Builder
	if err := r.Run(t.Context(), s, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range s.Suites[0].Cases {
		got = append(got, fmt.Sprintf("%s: %s", c.Name, c.Verdict))
	}
	want := "60 bytes, paced, packet:a → packet:x: passed; 60 bytes, paced, packet:b of gen → packet:y: failed; " +
		"1514 bytes, paced, packet:a → packet:x: passed; 1514 bytes, paced, packet:b of gen → packet:y: failed"
	if strings.Join(got, "; ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "; "), want)
	}
	for _, line := range []string{"failed  packet:b of gen → packet:y\n", "2 of 4 rows hold",
		"hw-test " + cli.Version() + ", controller: kernel ", "a to x;\n  at once b to y\n", "rcv on sink ended with status 3: 1 lost", "asked; is gen busy?",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("lacks %q:\n%s", line, out.String())
		}
	}
}

// flows is an environment of several.
type flows struct {
	fake
	list []testbed.Flow
}

func (f *flows) Flows() []testbed.Flow { return f.list }

func (f *flows) Describe() testbed.Description {
	return testbed.Description{Kind: "ssh", What: "a to x; at once b to y"}
}

// TestNotReached ends before the second row: it is unfinished, and there.
func TestNotReached(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ends := func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
		cancel()
		return says(sent100, 0)(ctx, name, args, stdout, stderr)
	}
	s := new(session.Session)
	o := Options{Sizes: "60", Queues: "1", Send: 100 * time.Millisecond, Rung: auto}
	r, err := newRunner(&o)
	if err != nil {
		t.Fatal(err)
	}
	r.rung, r.report = UDP, newReport(UDP, nil, 2)
	r.over(ctx, &fake{testbed.Port{Launch: ends}, testbed.Port{Launch: says(got100, 0)}}, s.Begin("self"), io.Discard)
	r.report.finish(true, r.status())
	u := r.found()
	if len(u.Cases) != 2 || u.Cases[0].Sentence != "stopped before its end" || u.Cases[1].Sentence != notBegun ||
		u.Cases[1].Verdict != results.Unfinished || u.ExitStatus != cli.ExitFailed || u.Environment.Kind != "udp" || len(r.report.Rows) != 0 {
		t.Errorf("%+v %+v", u, u.Cases)
	}
}

// TestNoise: a few frames of others are no fault where the port has others.
func TestNoise(t *testing.T) {
	for noise, want := range map[float64]results.Verdict{0: results.Invalid, 9: results.Invalid, 10: results.Passed} {
		row := Row{Size: 60, Queues: 1, Pace: Paced}
		receiver := testbed.Port{Launch: says(got103, 0), Noise: noise}
		row.run(t.Context(), &fake{testbed.Port{Launch: says(sent100, 0)}, receiver}, 1000, 100*time.Millisecond)
		if row.Verdict != want {
			t.Errorf("%v frames a second may come: %s: %q", noise, row.Verdict, row.Why)
		}
	}
}

// TestLeft: what the metrics say is left is of the whole run, with the suites
// after this one.
func TestLeft(t *testing.T) {
	s, err := session.Start(t.Context(), &session.Options{Results: results.NoDir, Metrics: "127.0.0.1:0"}, &session.Plan{Name: "run", Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Finish(false, io.Discard)
	s.Later = time.Hour
	var human strings.Builder
	asked := ""
	asks := func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
		_, url, _ := strings.Cut(human.String(), "Metrics are at ")
		url, _, _ = strings.Cut(url, ".\n")
		r, err := http.Get(url)
		if err != nil {
			return nil, err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		asked = string(b)
		return func() (int, error) { return 1, nil }, err
	}
	env := &fake{testbed.Port{Launch: asks}, testbed.Port{Launch: says(got100, 0)}}
	r, err := Over(&Options{Sizes: "60", Queues: "1", Send: 100 * time.Millisecond, Rung: auto},
		made{env, nil}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context(), s, &human, io.Discard); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`ringwalk_harness_left_seconds{case="60 bytes, paced",suite="self"} %v`, (time.Hour + estimate(100*time.Millisecond)).Seconds())
	if !strings.Contains(asked, want) {
		t.Errorf("lacks %s\n%s", want, asked)
	}
}

// made is an environment that is there.
type made struct {
	testbed.Environment
	paths []string
}

func (m made) Paths() []string { return m.paths }

func (m made) Open(context.Context) (testbed.Environment, error) { return m.Environment, nil }
