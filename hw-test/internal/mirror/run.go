package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/place"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// runner is the suite.
type runner struct {
	*Options
	ports testbed.Maker // of what is there; nil: a veth pair is made
	what  testbed.Description
	noise float64 // frames of others that may come in a second
	rep   Report
	kinds []string
	pairs [][]*cell     // "one" and "batch" of each load, or "batch" alone
	later time.Duration // about how long the suites after this one take
}

// A cell is a row of the table while it is measured.
type cell struct {
	key
	trials []Row
	// ended, if not "", is a verdict that needs no more trials, and why.
	ended results.Verdict
	why   string
}

// New makes the suite with the defaults of its flags, and that many rounds; 0:
// the default.
func New(rounds int) (session.Runner, error) { return newRunner(defaults(rounds), nil, "", "") }

// Over is New over ports that are there, in place of a veth pair: those of one
// path.
func Over(rounds int, w *place.Where) (session.Runner, error) {
	return along(defaults(rounds), w, "name one path, or leave mirror out")
}

func defaults(rounds int) *Options {
	var o Options
	o.Flags(pflag.NewFlagSet("mirror", pflag.ContinueOnError))
	if rounds > 0 {
		o.Rounds = rounds
	}
	return &o
}

// newRunner makes the suite over ports, nil for a veth pair, with such specs as
// far as they are known before they are opened: for the plan.
func newRunner(o *Options, ports testbed.Maker, from, to string) (*runner, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	if ports == nil && slices.Contains(o.asked, netmapped) {
		return nil, cli.Usagef("--ports: netmap is measured over ports that are there, and a veth pair is not netmap's")
	}
	r := &runner{Options: o, ports: ports, rep: Report{
		Tool: "hw-test", Suite: "mirror", Environment: bench.Here(), Size: o.Size, Burst: o.Burst, Rounds: o.Rounds,
		Rows: []Row{}, Aims: []Aim{}, Notes: []string{},
	}}
	if r.what = r.rep.Environment.Describe(); ports != nil {
		r.what = ports.Describe()
	}
	if o.asked != nil {
		r.plan(o.asked)
	} else {
		r.plan(kinds(from, to))
	}
	return r, nil
}

// plan makes the rows of these kinds.
func (r *runner) plan(kinds []string) {
	r.kinds, r.pairs = kinds, nil
	for _, kind := range kinds {
		for _, load := range r.rates {
			var pair []*cell
			for i := range modes {
				if kind != netmapped || i == batches {
					pair = append(pair, &cell{key: key{kind, load, i}})
				}
			}
			r.pairs = append(r.pairs, pair)
		}
	}
}

// cells are all rows.
func (r *runner) cells() []*cell { return slices.Concat(r.pairs...) }

func (r *runner) Name() string { return "mirror" }

func (r *runner) Report() any { return &r.rep }

// pause is what a trial takes besides its sending, about: two programs start
// and end.
const pause = 100 * time.Millisecond

func (r *runner) Estimate() time.Duration { return r.take(r.cells()) }

func (r *runner) take(cells []*cell) time.Duration {
	return time.Duration(r.Rounds*len(cells)) * (r.Send + pause)
}

// unsure tells whether only the open ports say that there can be such a row.
func (r *runner) unsure(c *cell) bool { return r.ports != nil && r.asked == nil && c.port == udp }

// least is the estimate without rows that may be left out.
func (r *runner) least() time.Duration { return r.take(slices.DeleteFunc(r.cells(), r.unsure)) }

func (r *runner) PrintPlan(w io.Writer, names bool) {
	for _, c := range r.cells() {
		if names {
			fmt.Fprintln(w, c.name())
			continue
		}
		fmt.Fprintf(w, "%s: %d × %.3g s", c.name(), r.Rounds, r.Send.Seconds())
		if r.unsure(c) {
			fmt.Fprint(w, ", if the ports' addresses allow it")
		}
		fmt.Fprintln(w)
	}
	if names {
		return
	}
	fmt.Fprintf(w, "About %.0f s in all", r.Estimate().Seconds())
	if least := r.least(); least < r.Estimate() {
		fmt.Fprintf(w, ", %.0f s without udp", least.Seconds())
	}
	fmt.Fprintln(w, ".")
}

// Run measures all rows in rounds and reports.
func (r *runner) Run(ctx context.Context, s *session.Session, human, _ io.Writer) (err error) {
	if r.ports != nil {
		r.what = r.ports.Describe() // with the hosts, which are there now
	}
	r.rep.Environment.PrintOver(human, r.what)
	s.PrintStart(human)
	fmt.Fprintf(human, "Batches of %d messages of %d bytes to a mirror and back; round trips and CPU in µs; of %d rounds the median\n"+
		"by the mean. This takes %.0f s or more.\n\n", r.Burst, r.Size, r.Rounds, r.least().Seconds())
	keep := s.Begin(r.Name())
	r.later = s.Later
	began := time.Now()
	if v, why := s.Why(); why != "" {
		r.endAll(v, why)
		r.rep.broke = s.Lost()
	} else if ctx.Err() == nil {
		err = r.run(ctx, keep)
	}
	r.rep.Interrupted = ctx.Err() != nil
	r.rep.Seconds = time.Since(began).Seconds()
	r.collect()
	keep.End(r.found(), &r.rep)
	r.rep.print(human)
	return err
}

// endAll gives all rows one end.
func (r *runner) endAll(v results.Verdict, why string) {
	for _, c := range r.cells() {
		c.ended, c.why = v, why
	}
}

// end gives the rows of a kind one end.
func (r *runner) end(kind string, v results.Verdict, why string) {
	for _, c := range r.cells() {
		if c.port == kind {
			c.ended, c.why = v, why
			r.rep.broke = r.rep.broke || v == results.Invalid
		}
	}
}

func (r *runner) run(ctx context.Context, keep *session.Suite) (err error) {
	env, err := r.environment(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil // in the middle of making it
	case err != nil:
		r.endAll(results.Of(err), err.Error())
		r.rep.broke = results.Of(err) == results.Invalid
		return nil
	}
	defer func() { err = errors.Join(err, env.Close()) }()
	f := env.Flows()[0]
	if r.ports != nil {
		r.what.Limits = env.Describe().Limits
		r.rep.Ports = &r.what
		r.choose(f)
		r.noise = max(f.From.Noise, f.To.Noise)
	}
	r.measure(ctx, keep, func(ctx context.Context, k key) (Row, error) { return r.trial(ctx, f, k) })
	return nil
}

// environment makes what the rows run over.
func (r *runner) environment(ctx context.Context) (testbed.Environment, error) {
	if r.ports != nil {
		return r.ports.Open(ctx)
	}
	o, err := newOwn()
	if err != nil {
		return nil, err
	}
	for _, kind := range r.kinds {
		if err := o.has(kind); err != nil {
			r.end(kind, results.Of(err), err.Error())
		}
	}
	return o, nil
}

// choose leaves out what cannot be measured over the flow, or skips it if it was
// asked for.
func (r *runner) choose(f testbed.Flow) {
	var able []string
	if r.asked == nil {
		for _, kind := range kinds(f.From.Spec, f.To.Spec) {
			if why := r.unable(kind, f); why != "" {
				r.rep.Notes = append(r.rep.Notes, fmt.Sprintf("%s is left out: %s.", kind, why))
			} else {
				able = append(able, kind)
			}
		}
		r.plan(able)
		return
	}
	for _, kind := range r.asked {
		if why := r.unable(kind, f); why != "" {
			r.end(kind, results.Skipped, why)
		}
	}
}

// measure measures all rows in rounds. Within a round the two modes of a load
// come one after the other, in turn either first, so that what the machine does
// otherwise meets both alike.
func (r *runner) measure(ctx context.Context, keep *session.Suite, trial func(context.Context, key) (Row, error)) {
	left := r.Estimate() + r.later
	for round := range r.Rounds {
		for _, pair := range r.pairs {
			for i := range pair {
				c := pair[(i+round)%len(pair)]
				if c.ended != "" {
					continue
				}
				keep.Doing(c.name(), c.load, left)
				row, err := trial(ctx, c.key)
				switch {
				case ctx.Err() != nil:
					return // in the middle of the trial
				case err != nil:
					c.ended, c.why = results.Of(err), err.Error()
					r.rep.broke = r.rep.broke || c.ended == results.Invalid
				default:
					keep.Trial(c.name(), row)
					c.trials = append(c.trials, row)
				}
				left -= r.Send + pause
			}
		}
	}
}
