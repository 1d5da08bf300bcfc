package mirror

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
)

// runner is the suite.
type runner struct {
	*options
	rep   Report
	cells []*cell
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
func New(rounds int) (session.Runner, error) {
	o := defaults()
	if rounds > 0 {
		o.rounds = rounds
	}
	return newRunner(&o)
}

func newRunner(o *options) (*runner, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	r := &runner{options: o, rep: Report{
		Tool: "hw-test", Suite: "mirror", Environment: bench.Here(), Size: o.size, Burst: o.burst, Rounds: o.rounds,
		Rows: []Row{}, Aims: []Aim{},
	}}
	for _, port := range o.list {
		for _, load := range o.rates {
			for i := range modes {
				r.cells = append(r.cells, &cell{key: key{port, load, i}})
			}
		}
	}
	return r, nil
}

func (r *runner) Name() string { return "mirror" }

func (r *runner) Report() any { return &r.rep }

// pause is what a trial takes besides its sending, about.
const pause = 100 * time.Millisecond

func (r *runner) Estimate() time.Duration {
	return time.Duration(r.rounds*len(r.cells)) * (r.seconds + pause)
}

func (r *runner) PrintPlan(w io.Writer, names bool) {
	for _, c := range r.cells {
		if names {
			fmt.Fprintln(w, c.name())
		} else {
			fmt.Fprintf(w, "%s: %d × %.3g s\n", c.name(), r.rounds, r.seconds.Seconds())
		}
	}
	if !names {
		fmt.Fprintf(w, "About %.0f s in all.\n", r.Estimate().Seconds())
	}
}

// Run measures all rows in rounds and reports.
func (r *runner) Run(ctx context.Context, s *session.Session, human, _ io.Writer) (err error) {
	// Both workers and the rest.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 3)))
	r.rep.Environment.Print(human)
	s.PrintStart(human)
	fmt.Fprintf(human, "Batches of %d messages of %d bytes to a mirror and back; round trips and CPU in µs; of %d rounds the median\n"+
		"by the mean. This takes %.0f s or more.\n\n", r.burst, r.size, r.rounds, r.Estimate().Seconds())
	keep := s.Begin(r.Name())
	r.later = s.Later
	began := time.Now()
	if v, why := s.Why(); why != "" {
		r.endAll(v, why)
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
	for _, c := range r.cells {
		c.ended, c.why = v, why
	}
}

func (r *runner) run(ctx context.Context, keep *session.Suite) error {
	l, err := bench.NewLab()
	if err != nil {
		r.endAll(results.Of(err), err.Error())
		r.rep.broke = r.cells[0].ended == results.Invalid
		return nil
	}
	r.measure(ctx, keep, func(ctx context.Context, k key) (Row, error) { return r.trial(ctx, l, k) })
	return l.Close()
}

// measure measures all rows in rounds. Within a round the two modes of a load
// come one after the other, in turn either first, so that what the machine does
// otherwise meets both alike.
func (r *runner) measure(ctx context.Context, keep *session.Suite, trial func(context.Context, key) (Row, error)) {
	left := r.Estimate() + r.later
	for round := range r.rounds {
		for pair := range slices.Chunk(r.cells, len(modes)) {
			for i := range modes {
				c := pair[(i+round)%len(modes)]
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
				left -= r.seconds + pause
			}
		}
	}
}
