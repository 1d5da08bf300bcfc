package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// Inside is the flag that Copied gives the copy of this process: a bool,
// hidden.
const Inside = "inside"

// Flags adds Inside to a command's flags.
func Flags(fs *pflag.FlagSet, inside *bool) {
	fs.BoolVar(inside, Inside, false, "this is a user namespace made for it")
	_ = fs.MarkHidden(Inside) // fails for unknown names only
}

// Given are a command's name and the flags that the user gave it, as arguments.
func Given(name string, fs *pflag.FlagSet) []string {
	args := []string{name}
	fs.Visit(func(f *pflag.Flag) {
		switch {
		case f.Name == Inside: // nobody gave it
		case f.Value.Type() == "bool" && f.Value.String() == "true":
			args = append(args, "--"+f.Name)
		default:
			args = append(args, "--"+f.Name+"="+f.Value.String())
		}
	})
	return args
}

// Copied runs hw-test with args once more, in a user namespace, where this user
// may make no namespaces but there. It tells whether it did; the rest is the
// copy's exit status, or why there is none.
func Copied(ctx context.Context, args []string, stdout, stderr io.Writer) (did bool, status int, err error) {
	can := netlab.Can()
	if !errors.Is(can, netlab.ErrNoPrivilege) {
		return false, 0, nil // what else is in the way will be met again
	}
	if err := netlab.CanUserNS(); err != nil {
		return true, 0, fmt.Errorf("%w; nor in a user namespace: %w", can, err)
	}
	status, err = InUserNS(ctx, append(args, "--"+Inside), stdout, stderr)
	return true, status, err
}

// InUserNS runs hw-test with args in a user namespace and returns its exit
// status.
func InUserNS(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	for _, a := range args {
		if strings.HasPrefix(a, "--metrics=") {
			return 0, cli.Usagef("--metrics needs root here: in the user namespace that this runs in nobody could reach it")
		}
	}
	cmd, err := Command(ctx, args...)
	if err != nil {
		return 0, err
	}
	// It has children of its own to wait for.
	cmd.WaitDelay *= 2
	// Plain writers are fed through pipes, so that it writes to no terminal.
	cmd.Stdout, cmd.Stderr = writer{stdout}, writer{stderr}
	if err := netlab.Start(cmd); err != nil {
		return 0, err
	}
	err = cmd.Wait()
	if status := cmd.ProcessState.ExitCode(); status >= 0 {
		return status, nil
	}
	return 0, fmt.Errorf("hw-test in the user namespace did not end by itself: %w", err)
}

type writer struct{ io.Writer }
