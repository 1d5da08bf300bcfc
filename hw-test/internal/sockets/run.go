package sockets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
)

// runner is the suite.
type runner struct {
	*options
	rep   Report
	rows  []*row
	later time.Duration // about how long the suites after this one take
	// lacks says what a row needs that the kernel has not, nil if nothing.
	lacks func(*row) error
}

// New makes the suite with the defaults of its flags, and that many rounds; 0:
// the default.
func New(rounds int) (session.Runner, error) {
	o := defaults
	if rounds > 0 {
		o.rounds = rounds
	}
	return newRunner(&o)
}

func newRunner(o *options) (*runner, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return &runner{
		options: o, rows: only(plan(o.size), o.rows), lacks: lacks,
		rep: Report{
			Tool: "hw-test", Suite: "sockets", Environment: bench.Here(), Size: o.size, Packets: o.packets, Rounds: o.rounds,
			Rows: []Result{}, Notes: []string{},
		},
	}, nil
}

func (r *runner) Name() string { return "sockets" }

func (r *runner) Report() any { return &r.rep }

// estimate is about how long a trial takes: to open and warm up, and a packet.
func (r *runner) estimate() time.Duration {
	return 60*time.Millisecond + time.Duration(r.packets)*2*time.Microsecond
}

func (r *runner) Estimate() time.Duration {
	return time.Duration(r.rounds*len(r.rows)) * r.estimate()
}

func (r *runner) PrintPlan(w io.Writer, names bool) {
	for _, row := range r.rows {
		if names {
			fmt.Fprintln(w, row.id())
		} else {
			fmt.Fprintf(w, "%s: %d × about %d packets\n", row.id(), r.rounds, r.packets)
		}
	}
	if !names {
		fmt.Fprintf(w, "About %.0f s in all.\n", r.Estimate().Seconds())
	}
}

// Run measures all rows in rounds and reports.
func (r *runner) Run(ctx context.Context, s *session.Session, human, _ io.Writer) (err error) {
	// A sender, two receivers and the rest.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 4)))
	r.rep.Environment.Print(human)
	s.PrintStart(human)
	keep := s.Begin(r.Name())
	r.later = s.Later
	began := time.Now()
	if v, why := s.Why(); why != "" {
		r.endAll(v, why)
	} else if ctx.Err() == nil {
		err = r.run(ctx, keep, human)
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
	for _, row := range r.rows {
		row.ended, row.why = v, why
	}
}

// run measures in a lab.
func (r *runner) run(ctx context.Context, keep *session.Suite, human io.Writer) (err error) {
	l, err := bench.NewLab()
	if err == nil {
		defer func() { err = errors.Join(err, l.Close()) }()
		r.rep.NullCall, err = nullCall(l.Environment.CPUs[0])
	}
	if err != nil {
		r.endAll(results.Of(err), err.Error())
		r.rep.broke = results.Of(err) == results.Invalid
		return nil
	}
	fmt.Fprintf(human, "Payloads of %d bytes; %d rounds of about %d packets a row.\n"+
		"A system call that does nothing takes %.2f µs here.\n", r.size, r.rounds, r.packets, r.rep.NullCall)
	payload := make([]byte, r.size)
	frame := frameOf(l, payload)
	r.measure(ctx, keep, func(ctx context.Context, row *row) (trial, error) {
		packet := payload
		if row.tx.packet {
			packet = frame
		}
		runtime.GC() // of the last row's buffers, not in the middle of this one's
		return try(ctx, l, row, packet, r.packets)
	})
	return nil
}

// measure measures all rows in rounds.
func (r *runner) measure(ctx context.Context, keep *session.Suite, try func(context.Context, *row) (trial, error)) {
	left := r.Estimate() + r.later
	for range r.rounds {
		for _, row := range r.rows {
			if row.ended != "" {
				continue
			}
			keep.Doing(row.id(), 0, left)
			left -= r.estimate()
			var t trial
			err := r.lacks(row)
			if err == nil {
				t, err = try(ctx, row)
			}
			switch {
			case ctx.Err() != nil:
				return // in the middle of the trial
			case err != nil:
				row.ended, row.why = results.Of(err), err.Error()
				r.rep.broke = r.rep.broke || row.ended == results.Invalid
			default:
				row.trials = append(row.trials, t)
				one := *row
				one.trials = []trial{t}
				keep.Trial(row.id(), one.result())
			}
		}
	}
}

// frameOf is a frame of the same length as a datagram with the payload, and of
// a kind that the receiving namespace's own stack drops at once: an EtherType
// for experiments (IEEE 802), for nobody's address.
func frameOf(l *bench.Lab, payload []byte) []byte {
	const headers = 14 + 20 + 8
	f := make([]byte, headers+len(payload))
	copy(f, []byte{2, 0, 0, 0, 0, 2})
	copy(f[6:], l.A.MAC)
	f[12], f[13] = 0x88, 0xb5
	return f
}
