package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/machine"
	"github.com/ringwalk/ringwalk/hw-test/internal/page"
	"github.com/ringwalk/ringwalk/hw-test/internal/place"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
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
	fs.StringVar(&o.Results, "results", "", "keep what is found in a new directory below `DIR`; none: nowhere; default: RINGWALK_RESULTS, else ringwalk/results in XDG_STATE_HOME or ~/.local/state, without a home in the directory of temporary files")
	fs.StringVar(&o.Metrics, "metrics", "", "serve Prometheus metrics of the run at http://`ADDR`/metrics while it lasts")
	fs.BoolVar(&o.Force, "force", false, "go on although the preflight fails")
}

// A Plan is what a session is about to run.
type Plan struct {
	Name    string   // of the directory: "throughput", "run"
	Command []string // hw-test's arguments
	// Where are the ports that the preflight looks at besides the host, with
	// the lab file; nil: there are none.
	Where *place.Where
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
	// why nothing is to be run, and what that makes of the cases.
	why     string // a line for each reason
	verdict results.Verdict
	lost    bool
	where   *place.Where
	status  status
	server  *metrics.Server // nil: none
}

// Start looks at the host and makes the directory. The error is one of the
// directory, or of the address for metrics. Otherwise Finish is to be called.
func Start(ctx context.Context, o *Options, p *Plan) (*Session, error) {
	if p.Where == nil {
		p.Where = new(place.Where)
	}
	s := &Session{where: p.Where, Session: results.Session{
		Format: results.Format, Tool: "hw-test", Command: append([]string{}, p.Command...), Start: time.Now(),
		Host: machine.Here(), Build: build(), Lab: p.Where.Lab(), Suites: []*results.Suite{}, Notes: []string{},
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
	s.look(ctx, o, p)
	return s, nil
}

// look connects to the lab's hosts, if it has some, and looks at what the
// suites will run over. The suites find nothing to do where that fails.
func (s *Session) look(ctx context.Context, o *Options, p *Plan) {
	err := s.where.Connect(ctx)
	if err == nil {
		s.Hosts = s.where.Hosts()
		s.Preflight, err = s.where.Look(ctx)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.Stop(results.Of(err), err.Error())
		s.lost = s.verdict == results.Invalid
	default:
		s.judge(o, p)
	}
}

// judge stops what the preflight is against.
func (s *Session) judge(o *Options, p *Plan) {
	err := s.Preflight.Err()
	if err == nil || p.Lenient {
		return
	}
	switch s.Forced = o.Force; {
	case s.Forced:
	case s.Preflight.Lacks():
		s.Stop(results.Skipped, fmt.Sprintf("this system lacks what it takes: %s (%s tells more)", found(s.Preflight.Failures()), s.where.LookCommand()))
	default:
		s.Stop(results.Invalid, fmt.Sprintf("%v (%s tells more; --force goes on all the same)", err, s.where.LookCommand()))
	}
}

// found are checks and what they found.
func found(checks []preflight.Check) string {
	var list []string
	for _, c := range checks {
		list = append(list, c.String())
	}
	return strings.Join(list, "; ")
}

// Why says why nothing is to be run and which verdict suites then give to all
// their cases; "" if nothing is in the way.
func (s *Session) Why() (results.Verdict, string) {
	return s.verdict, strings.ReplaceAll(s.why, "\n", "; ")
}

// Lost tells that it is because a host could not be reached: something broke.
func (s *Session) Lost() bool { return s.lost }

// Stop has nothing more be run, because of what was found: all further cases
// have that verdict.
func (s *Session) Stop(v results.Verdict, why string) { s.verdict, s.why = v, why }

// PrintStart says what is to be known before the figures: what of the preflight
// fails, a line for each, and how much warns. It says it once.
func (s *Session) PrintStart(w io.Writer) {
	if s.told {
		return
	}
	s.told = true
	if s.server != nil {
		fmt.Fprintf(w, "Metrics are at http://%s/metrics.\n", s.server.Addr())
	}
	for _, h := range s.Hosts {
		fmt.Fprintf(w, "%s\n", &h)
	}
	if s.Preflight == nil {
		switch {
		case strings.Contains(s.why, "\n"):
			fmt.Fprintf(w, "Nothing can be run:\n  %s\n", strings.ReplaceAll(s.why, "\n", "\n  "))
		case s.why != "":
			fmt.Fprintf(w, "Nothing can be run: %s.\n", s.why)
		}
		return
	}
	_, why := s.Why()
	failed, warned := s.Preflight.Count(preflight.Fail), s.Preflight.Count(preflight.Warn)
	switch {
	case why != "":
		fmt.Fprintf(w, "Preflight: %s.\n", why)
	case failed > 0:
		fmt.Fprintf(w, "Preflight: %d fail, %d warn; going on all the same. %s tells them.\n", failed, warned, s.where.LookCommand())
	case warned > 0:
		fmt.Fprintf(w, "Preflight: %d warn; %s tells them.\n", warned, s.where.LookCommand())
	}
	if s.verdict == results.Skipped {
		return // why says it all
	}
	for _, c := range s.Preflight.Failures() {
		fmt.Fprintf(w, "  %s\n", &c)
	}
}

// close ends the connections and what serves the metrics.
func (s *Session) close() error {
	err := s.where.Close()
	if s.server == nil {
		return err
	}
	return errors.Join(err, s.server.Close())
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
// the run takes, about, with the suites after this one (0: nobody knows).
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
		u.session.keep(err)
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
// status of all suites, and what could not be written or closed.
func (s *Session) Finish(interrupted bool, w io.Writer) (int, error) {
	s.Interrupted = interrupted
	s.Seconds = time.Since(s.Start).Seconds()
	for _, u := range s.Suites {
		s.ExitStatus = worse(s.ExitStatus, u.ExitStatus)
	}
	unclosed := s.close()
	if s.dir == nil {
		return s.ExitStatus, errors.Join(append(s.errs, unclosed)...)
	}
	s.write()
	if err := errors.Join(s.errs...); err != nil {
		return s.ExitStatus, errors.Join(fmt.Errorf("not all results could be kept: %w", err), unclosed)
	}
	if s.temporary == "" {
		fmt.Fprintf(w, "Report: %s\n", filepath.Join(s.dir.Path(), report))
	}
	return s.ExitStatus, unclosed
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
	if s.Preflight != nil {
		s.keep(s.dir.JSON("preflight.json", s.Preflight))
	}
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
	u.Environment.Limits = list(u.Environment.Limits)
	wholePlots(u.Plots)
	for _, c := range u.Cases {
		c.Figures, c.Plots = list(c.Figures), list(c.Plots)
		wholePlots(c.Plots)
	}
	return u
}

func wholePlots(plots []results.Plot) {
	for i := range plots {
		p := &plots[i]
		p.Series = list(p.Series)
		for j := range p.Series {
			s := &p.Series[j]
			s.X, s.Y = list(s.X), list(s.Y)
		}
	}
}

func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
