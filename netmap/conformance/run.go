package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"
)

// A Check is one thing that a netmap must do.
type Check struct {
	Name  string
	Doc   string // one sentence
	Needs Caps   // what a target must have
	run   func(*env) error
}

// Options is for Run and Check.Run. The zero value of a field is its default.
type Options struct {
	Checks  []Check       // nil: all of them, [Checks]
	Packets int           // of the wrap check, for each size of ring; 1000000
	Cycles  int           // of opening and closing; 1000
	Timeout time.Duration // of one check on one target; 10 minutes
	Verbose bool          // write what checks log, not only failures
	// Done, if not nil, is called with each result of Run as it comes.
	Done func(Result)
}

func (o *Options) orDefault() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Checks == nil {
		d.Checks = Checks()
	}
	if d.Packets == 0 {
		d.Packets = 1e6
	}
	if d.Cycles == 0 {
		d.Cycles = 1000
	}
	if d.Timeout == 0 {
		d.Timeout = 10 * time.Minute
	}
	return d
}

// Run runs the check on a target. It blocks until the check has ended, and
// ends it early when ctx does. Log takes remarks; it may be nil.
func (c *Check) Run(ctx context.Context, t *Target, log func(format string, args ...any), opt *Options) (err error) {
	if log == nil {
		log = func(string, ...any) {}
	}
	e := &env{ctx: ctx, t: t, log: log, opt: opt.orDefault()}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		err = errors.Join(err, e.cleanup())
	}()
	return c.run(e)
}

// Run runs every check on every target, writes a line for each that fails,
// and returns the table. The error is for what kept it from running; failed
// checks are in the report. Run starts a goroutine for each check, so as to
// give up on one that hangs; all other checks on that target are then not run.
func Run(ctx context.Context, w io.Writer, targets []*Target, opt *Options) (*Report, error) {
	o := opt.orDefault()
	rep := &Report{}
	for _, c := range o.Checks {
		rep.Checks = append(rep.Checks, c.Name)
	}
	for _, t := range targets {
		rep.Targets = append(rep.Targets, t.Name)
	}
	if len(targets) == 0 || len(o.Checks) == 0 {
		return rep, errors.New("conformance: nothing to run: no targets or no checks")
	}
	for _, t := range targets {
		if err := runTarget(ctx, w, t, &o, rep); err != nil {
			return rep, fmt.Errorf("conformance: %s: %w", t.Name, err)
		}
	}
	return rep, nil
}

func runTarget(ctx context.Context, w io.Writer, t *Target, o *Options, rep *Report) error {
	var h holder
	defer h.release()
	hung := ""
	add := func(res Result) {
		rep.add(w, res)
		if o.Done != nil {
			o.Done(res)
		}
	}
	for i := range o.Checks {
		c := &o.Checks[i]
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		res := Result{Target: t.Name, Check: c.Name}
		if hung != "" {
			res.Verdict, res.Text = NotRun, "the check "+hung+" still hangs"
			add(res)
			continue
		}
		if missing := c.Needs &^ t.caps(); missing != 0 {
			res.Verdict, res.Text = NA, notApplicable(t.Kind, c.Name)
			if res.Text == "" {
				res.Verdict, res.Text = Fail, "does not apply for want of "+missing.String()+", and NotApplicable has no reason for that"
			}
			add(res)
			continue
		}
		if err := h.hold(t); err != nil {
			res.Verdict, res.Text = NotRun, fmt.Sprintf("the target's ports cannot be held: %v", err)
			add(res)
			continue
		}
		log := func(format string, args ...any) {
			if o.Verbose {
				fmt.Fprintf(w, "     %s on %s: %s\n", c.Name, t.Name, fmt.Sprintf(format, args...))
			}
		}
		begin := time.Now()
		err, ended := bounded(ctx, o.Timeout, func(ctx context.Context) error {
			e := *o
			return c.runHeld(ctx, t, log, &e, &h)
		})
		res.Seconds = time.Since(begin).Seconds()
		if !ended {
			hung = c.Name
		}
		if res.Verdict = Pass; err != nil {
			res.Verdict, res.Text = Fail, err.Error()
		}
		add(res)
	}
	return nil
}

// grace is how much longer than its time a check may take to notice that it is
// over.
const grace = 10 * time.Second

// bounded runs f in a goroutine. Ended is false if f did not end in time, in
// which case the goroutine lives on.
func bounded(ctx context.Context, d time.Duration, f func(context.Context) error) (err error, ended bool) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	select {
	case err := <-done:
		return err, true
	case <-time.After(d + grace):
		stacks := make([]byte, 1<<16)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return fmt.Errorf("hangs: it has not ended %v after its time of %v\n%s", grace, d, stacks), false
	}
}
