package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

// Exit statuses of every program.
const (
	// ExitOK: done, and the result is what was asked.
	ExitOK = 0
	// ExitFailed: an error while starting or running.
	ExitFailed = 1
	// ExitUsage: the command line makes no sense; nothing was done.
	ExitUsage = 2
	// ExitShort: ran to its end, but the result is short of what was asked:
	// packets missing, a rate not met, loss above the limit.
	ExitShort = 3
	// ExitHarness: hw-test's own failure around a program it carries, so
	// that the carried program's 1 to 3 can be told from it.
	ExitHarness = 125
	// ExitInterrupted: a second ^C or SIGTERM stopped the program at once.
	ExitInterrupted = 130
)

// StatusError is an error that knows its exit status.
type StatusError struct {
	Status int
	Err    error
}

// Error is the wrapped error's sentence.
func (e *StatusError) Error() string { return e.Err.Error() }

// Unwrap is the wrapped error.
func (e *StatusError) Unwrap() error { return e.Err }

// Usagef is an error of ExitUsage. The format may wrap with %w.
func Usagef(format string, args ...any) error {
	return &StatusError{ExitUsage, fmt.Errorf(format, args...)}
}

// Shortf is an error of ExitShort. The format may wrap with %w.
func Shortf(format string, args ...any) error {
	return &StatusError{ExitShort, fmt.Errorf(format, args...)}
}

// ParseFlags parses args (without the program's name) into fs. What pflag
// refuses, and any argument that is no flag, becomes an error of ExitUsage in
// one sentence. A request for help stays pflag.ErrHelp, which is ExitOK.
func ParseFlags(fs *pflag.FlagSet, args []string) error {
	err := fs.Parse(args)
	var invalid *pflag.InvalidValueError
	switch {
	case err == nil:
		if fs.NArg() > 0 {
			return Usagef("argument %q is not part of a flag", fs.Arg(0))
		}
		return nil
	case errors.Is(err, pflag.ErrHelp):
		return err
	case errors.As(err, &invalid):
		// The cause quotes the text already, pflag would quote it again.
		return Usagef("%s: %w", flagName(invalid.GetFlag()), invalid.Unwrap())
	}
	return Usagef("%w", err)
}

func flagName(f *pflag.Flag) string {
	if f.Shorthand != "" {
		return "-" + f.Shorthand + ", --" + f.Name
	}
	return "--" + f.Name
}

// Status is the exit status for what a program's work returned.
func Status(err error) int {
	var s *StatusError
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return ExitOK
	case errors.As(err, &s):
		return s.Status
	}
	return ExitFailed
}

// Fail prints err to w as one sentence behind the tool's name, with a pointer
// to -h if the command line is at fault, and returns the exit status. It
// prints nothing where there is nothing to complain about.
func Fail(w io.Writer, tool string, err error) int { return FailCommand(w, tool, tool, err) }

// FailCommand is Fail for a command below a tool, such as "hw-test loss".
func FailCommand(w io.Writer, tool, command string, err error) int {
	status := Status(err)
	if status != ExitOK {
		fmt.Fprintf(w, "%s: %v\n", tool, err)
	}
	if status == ExitUsage {
		fmt.Fprintf(w, "%s -h tells the flags\n", command)
	}
	return status
}
