package session

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
)

// A Runner is a suite with its options, ready to run once.
type Runner interface {
	// Name is the suite's.
	Name() string
	// Estimate is about how long it takes.
	Estimate() time.Duration
	// PrintPlan prints a line for each case, and unless only their names are
	// wanted what they are made of and how long that takes.
	PrintPlan(w io.Writer, names bool)
	// Run runs the suite as a part of a session: Begin, Trial, …, End. People
	// read human, and see on progress how far it is. What goes wrong is in the
	// cases' verdicts: those that are not reached before ctx ends are
	// unfinished, and all are invalid where Session.Why has a reason to run
	// nothing. The error is for what no case can tell.
	Run(ctx context.Context, s *Session, human, progress io.Writer) error
	// Report is what --json prints, after Run.
	Report() any
}

// Alone runs a suite as a session of its own, as its subcommand does, and
// returns its exit status.
func Alone(ctx context.Context, r Runner, o *Options, p *Plan, json bool, stdout, stderr io.Writer) (int, error) {
	human := stdout
	if json || o.Results == Stdout {
		human = stderr
	}
	s, err := Start(ctx, o, p)
	if err != nil {
		return 0, err
	}
	err = r.Run(ctx, s, human, stderr)
	if json {
		err = errors.Join(err, bench.PrintJSON(stdout, r.Report()))
	}
	status, unkept := s.Finish(ctx.Err() != nil, human)
	return status, errors.Join(err, unkept, s.Send(stdout))
}

// InNamespaces is Alone for a suite that makes namespaces itself and looks at no
// port: a user who may make none runs it in a copy of this process in a user
// namespace. Fs are its flags, with those of bench.Flags.
func InNamespaces(ctx context.Context, r Runner, o *Options, fs *pflag.FlagSet, json bool, stdout, stderr io.Writer) (int, error) {
	command := bench.Given(r.Name(), fs)
	if inside, _ := fs.GetBool(bench.Inside); !inside { // its type is known
		if did, status, err := bench.Copied(ctx, command, stdout, stderr); did {
			return status, err
		}
	}
	return Alone(ctx, r, o, &Plan{Name: r.Name(), Command: command}, json, stdout, stderr)
}
