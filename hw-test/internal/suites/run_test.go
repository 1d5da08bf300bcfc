package suites

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/suite"
	"github.com/ringwalk/ringwalk/internal/cli"
)

func TestMain(m *testing.M) {
	os.Setenv(results.Env, results.NoDir)
	os.Exit(m.Run())
}

// fake is a suite of one case.
type fake struct {
	name    string
	verdict results.Verdict
	end     func() // while it runs
	later   time.Duration
}

func (f *fake) Name() string              { return f.name }
func (f *fake) Estimate() time.Duration   { return time.Minute }
func (f *fake) PrintPlan(io.Writer, bool) {}
func (f *fake) Report() any               { return nil }
func (f *fake) Run(ctx context.Context, s *session.Session, human, _ io.Writer) error {
	f.later = s.Later
	fmt.Fprintf(human, "%s runs\n", f.name)
	c := &results.Case{Name: "a case", Verdict: f.verdict, Sentence: "so it is"}
	v, why := s.Why()
	switch {
	case f.name != "self" && why != "":
		c.Verdict, c.Sentence = v, why
	case ctx.Err() != nil:
		c.Verdict, c.Sentence = results.Unfinished, "not begun"
	}
	if f.end != nil {
		f.end()
	}
	s.Begin(f.name).End(&results.Suite{Cases: []*results.Case{c}, ExitStatus: results.Status(false, c.Verdict)}, nil)
	return nil
}

// TestGate: where the self-test does not hold, nothing is measured, unless it
// is forced.
func TestGate(t *testing.T) {
	for _, c := range []struct {
		self   results.Verdict
		force  bool
		want   results.Verdict
		why    string
		status int
	}{
		{results.Passed, false, results.Passed, "so it is", cli.ExitOK},
		{results.Skipped, false, results.Passed, "so it is", cli.ExitShort},
		{results.Failed, false, results.Invalid, "the self-test fails: a case: so it is (--force", cli.ExitFailed},
		{results.Invalid, false, results.Invalid, "the self-test is invalid: a case: so it is", cli.ExitShort},
		{results.Failed, true, results.Passed, "so it is", cli.ExitFailed},
	} {
		s, err := session.Start(t.Context(), &session.Options{Force: true}, &session.Plan{Name: "run"})
		if err != nil {
			t.Fatal(err)
		}
		loss := &fake{name: "loss", verdict: results.Passed}
		j := job{force: c.force, runners: []session.Runner{&fake{name: "self", verdict: c.self}, loss, &fake{name: "latency", verdict: results.Passed}}}
		var human strings.Builder
		if err := j.run(t.Context(), s, &human, io.Discard); err != nil {
			t.Error(err)
		}
		status, err := s.Finish(false, io.Discard)
		if got := s.Suites[1].Cases[0]; err != nil || len(s.Suites) != 3 || got.Verdict != c.want || !strings.Contains(got.Sentence, c.why) || status != c.status {
			t.Errorf("self %s, forced %v: %+v, status %d, %v", c.self, c.force, got, status, err)
		}
		if (len(s.Notes) > 0) != c.force || loss.later != time.Minute {
			t.Errorf("notes %q, later %v", s.Notes, loss.later)
		}
		for _, want := range []string{"[1/3] self; all ends about ", "[3/3] latency", fmt.Sprintf("self         1 %s\nloss         1 %s\n", c.self, c.want)} {
			if !strings.Contains(human.String(), want) {
				t.Errorf("lacks %q:\n%s", want, human.String())
			}
		}
	}
}

// TestInterrupted: suites that are not reached are there, unfinished, and print
// nothing.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, err := session.Start(ctx, &session.Options{Force: true}, &session.Plan{Name: "run"})
	if err != nil {
		t.Fatal(err)
	}
	j := job{runners: []session.Runner{&fake{name: "self", verdict: results.Passed}, &fake{name: "loss", verdict: results.Unfinished, end: cancel}, &fake{name: "latency"}}}
	var human strings.Builder
	if err := j.run(ctx, s, &human, io.Discard); err != nil {
		t.Error(err)
	}
	status, err := s.Finish(true, io.Discard)
	if err != nil || status != cli.ExitFailed || len(s.Suites) != 3 || s.Suites[2].Cases[0].Verdict != results.Unfinished ||
		strings.Contains(human.String(), "latency runs") || !strings.HasSuffix(human.String(), "latency      1 unfinished\n") {
		t.Errorf("status %d, %v\n%s", status, err, human.String())
	}
}

// TestSizes: the self-test has the sizes of the others, without CRC and imix.
func TestSizes(t *testing.T) {
	for args, want := range map[string]string{
		"":                     "60 bytes,128 bytes,512 bytes,1514 bytes",
		"--quick":              "60 bytes,1514 bytes",
		"--sizes=128,imix,256": "124 bytes,252 bytes",
		"--sizes=imix":         "60 bytes",
	} {
		var o suite.Options
		fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
		o.Flags(fs, "throughput")
		if err := fs.Parse(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Complete(fs); err != nil {
			t.Fatal(err)
		}
		r, err := newRunner("self", &o, true, fs)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		r.PrintPlan(&b, true)
		var got []string
		for line := range strings.Lines(b.String()) {
			if size, rest, _ := strings.Cut(line, ","); strings.Contains(rest, " 1 queue, paced") {
				got = append(got, size)
			}
		}
		if s := strings.Join(got, ","); s != want {
			t.Errorf("%s: %s, want %s", args, s, want)
		}
	}
}

// TestPlans prints every suite's plan, and the total.
func TestPlans(t *testing.T) {
	for args, wants := range map[string][]string{
		"--dry-run --quick":     {"self\n  60 bytes, 1 queue", "\nthroughput\n  64: frames", "\nloss\n", "\nlatency\n", "\nAll of it takes about "},
		"--list mirror sockets": {"mirror\n  udp/3000/one\n", "\nsockets\n  receive: recvfrom\n"},
		"--list conformance":    {"conformance\n  vale\n"},
		"--list latency loss":   {"loss\n  64\n", "\nlatency\n  64\n"},
	} {
		status := -1
		cmd := Command(&status)
		var out strings.Builder
		cmd.SetArgs(strings.Fields(args))
		cmd.SetOut(&out)
		if err := cmd.Execute(); err != nil || status != cli.ExitOK {
			t.Errorf("%s: status %d, %v", args, status, err)
		}
		for _, want := range wants {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s lacks %q:\n%s", args, want, out.String())
			}
		}
	}
	for args, want := range map[string]string{
		"nosuch": `there is no suite "nosuch"`, "loss loss": "loss is there twice", "mirror --sizes 9": "--sizes", "self --duration 0": "--duration", "loss --lose 5": "--dut forward",
	} {
		status := -1
		cmd := Command(&status)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs(strings.Fields(args))
		if err := cmd.Execute(); cli.Status(err) != cli.ExitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}
