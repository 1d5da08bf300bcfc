package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/page"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/metrics"
)

// Options are the flags that every suite has.
type Options struct {
	Results string // where results go; "": results.Base()
	Force   bool
	Metrics string // the address that serves metrics; "": none
}

// Flags adds them to a flag set.
func (o *Options) Flags(fs *pflag.FlagSet) {
	fs.StringVar(&o.Results, "results", "", "keep what is found in a new directory below `DIR`; none: nowhere; default:\nRINGWALK_RESULTS, or ringwalk/results below ~/.local/state")
	fs.StringVar(&o.Metrics, "metrics", "", "serve Prometheus metrics of the run at http://`ADDR`/metrics while it lasts")
	fs.BoolVar(&o.Force, "force", false, "go on although the preflight fails")
}

// A Plan is what a session is about to run.
type Plan struct {
	Name    string   // of the directory: "throughput", "run"
	Command []string // hw-test's arguments
	// Lab is the lab file, or nil, and Ports what the preflight looks at
	// besides the host.
	Lab   *lab.Lab
	Ports []preflight.Port
	// Lenient goes on although the preflight fails: for suites that tell
	// whether packets arrive, not how fast.
	Lenient bool
}

// A Session is a run under way.
type Session struct {
	results.Session
	// Later is about how long the suites after the one under way take.
	Later time.Duration

	told bool         // PrintStart was called
	dir  *results.Dir // nil: nothing is kept
	// temporary is where dir is until Send; "" where it stays.
	temporary string
	errs      []error // what could not be written
	why       string  // why nothing is to be run
	status    status
	server    *metrics.Server // nil: none
}

// Start looks at the host and makes the directory. The error is one of the
// directory, or of the address for metrics. Otherwise Finish is to be called.
func Start(ctx context.Context, o *Options, p *Plan) (*Session, error) {
	s := &Session{Session: results.Session{
		Format: results.Format, Tool: "hw-test", Command: append([]string{}, p.Command...), Start: time.Now(),
		Host: host(), Build: build(), Lab: p.Lab, Suites: []*results.Suite{}, Notes: []string{},
	}}
	var err error
	if o.Metrics != "" {
		if s.server, err = metrics.Listen(o.Metrics); err != nil {
			return nil, err
		}
		s.server.ServeFrom(&s.status)
	}
	if err := s.create(o.Base(), p.Name); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.Preflight = preflight.Run(ctx, p.Ports, nil)
	if err := ctx.Err(); err != nil {
		return s, nil // the suites find nothing to do
	}
	if err := s.Preflight.Err(); err != nil && !p.Lenient {
		if s.Forced = o.Force; !s.Forced {
			s.why = fmt.Sprintf("%v (hw-test preflight tells more; --force goes on all the same)", err)
		}
	}
	return s, nil
}

// Why says why nothing is to be run, "" if nothing is in the way: suites then
// call all their cases invalid.
func (s *Session) Why() string { return s.why }

// Stop has nothing more be run, because of what a suite has found.
func (s *Session) Stop(why string) { s.why = why }

// PrintStart says what is to be known before the figures: what of the preflight
// fails or warns, in a line. It says it once.
func (s *Session) PrintStart(w io.Writer) {
	if s.told {
		return
	}
	s.told = true
	if s.server != nil {
		fmt.Fprintf(w, "Metrics are at http://%s/metrics.\n", s.server.Addr())
	}
	failed, warned := s.Preflight.Count(preflight.Fail), s.Preflight.Count(preflight.Warn)
	switch {
	case s.why != "":
		fmt.Fprintf(w, "Preflight: %s.\n", s.why)
	case failed > 0:
		fmt.Fprintf(w, "Preflight: %d fail, %d warn; going on all the same. hw-test preflight tells them.\n", failed, warned)
	case warned > 0:
		fmt.Fprintf(w, "Preflight: %d warn; hw-test preflight tells them.\n", warned)
	}
}

// close ends what serves the metrics.
func (s *Session) close() error {
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// A Suite is a suite under way.
type Suite struct {
	session *Session
	name    string
	began   time.Time
	trials  map[string][]string // files, by case
}

// Begin begins a suite.
func (s *Session) Begin(name string) *Suite {
	return &Suite{session: s, name: name, began: time.Now(), trials: map[string][]string{}}
}

// Doing says what comes next, for the metrics: a trial of a case at a load in
// packets a second (0: none, or as fast as it goes), and how long the rest of
// the suite takes, about (0: nobody knows).
func (u *Suite) Doing(of string, load float64, left time.Duration) {
	u.session.status.doing(u.name, of, load, left)
}

// Trial keeps everything of one trial of a case.
func (u *Suite) Trial(of string, v any) {
	u.session.status.trial(u.name)
	if u.session.dir == nil {
		return
	}
	file, err := u.session.dir.Trial(u.name, v)
	if err != nil {
		u.session.errs = append(u.session.errs, err)
		return
	}
	u.trials[of] = append(u.trials[of], file)
}

// End takes what was found; own is the suite's own report, as its --json prints
// it.
func (u *Suite) End(found *results.Suite, own any) {
	s := u.session
	found.Name, found.Start = u.name, u.began
	if found.Seconds == 0 {
		found.Seconds = time.Since(u.began).Seconds()
	}
	for _, c := range found.Cases {
		c.Trials = append([]string{}, u.trials[c.Name]...)
	}
	s.Suites = append(s.Suites, whole(found))
	s.status.found(found)
	if s.dir != nil {
		s.keep(s.dir.JSON(filepath.Join("suites", u.name+".json"), own))
	}
}

func (s *Session) keep(err error) {
	if err != nil {
		s.errs = append(s.errs, err)
	}
}

// Finish writes the rest and prints where the report is. It returns the exit
// status of all suites, and what could not be written.
func (s *Session) Finish(interrupted bool, w io.Writer) (int, error) {
	s.Interrupted = interrupted
	s.Seconds = time.Since(s.Start).Seconds()
	for _, u := range s.Suites {
		s.ExitStatus = worse(s.ExitStatus, u.ExitStatus)
	}
	s.keep(s.close())
	if s.dir == nil {
		return s.ExitStatus, errors.Join(s.errs...)
	}
	s.write()
	if err := errors.Join(s.errs...); err != nil {
		return s.ExitStatus, fmt.Errorf("not all results could be kept: %w", err)
	}
	if s.temporary == "" {
		fmt.Fprintf(w, "Report: %s\n", filepath.Join(s.dir.Path(), report))
	}
	return s.ExitStatus, nil
}

// worse is the exit status of two parts.
func worse(a, b int) int {
	for _, status := range []int{cli.ExitFailed, cli.ExitShort} {
		if a == status || b == status {
			return status
		}
	}
	return max(a, b)
}

// write writes what is made from the session as a whole.
func (s *Session) write() {
	if s.Lab != nil {
		b, err := os.ReadFile(s.Lab.File)
		if err == nil {
			err = s.dir.File("lab.yaml", b)
		}
		s.keep(err)
	}
	s.keep(s.dir.JSON("preflight.json", s.Preflight))
	s.keep(s.dir.JSON("results.json", &s.Session))
	for name, write := range map[string]func(io.Writer, *results.Session) error{
		"results.csv": results.CSV, "junit.xml": results.JUnit, report: page.Write,
	} {
		var b bytes.Buffer
		err := write(&b, &s.Session)
		if err == nil {
			err = s.dir.File(name, b.Bytes())
		}
		s.keep(err)
	}
}

// report is the file for people.
const report = "report.html"

// whole replaces lists that are nil.
func whole(u *results.Suite) *results.Suite {
	u.Cases, u.Plots, u.Notes = list(u.Cases), list(u.Plots), list(u.Notes)
	if u.Environment.Limits == nil {
		u.Environment = testbed.Description{Kind: u.Environment.Kind, What: u.Environment.What, Limits: []string{}}
	}
	for _, c := range u.Cases {
		c.Figures, c.Plots = list(c.Figures), list(c.Plots)
	}
	return u
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
