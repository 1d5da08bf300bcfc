package results

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/ringwalk/ringwalk/internal/cli"
)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Verdict
	}{
		{errors.ErrUnsupported, Skipped},
		{fmt.Errorf("make a bridge: %w", syscall.EOPNOTSUPP), Skipped},
		{fmt.Errorf("setsockopt UDP_GRO: %w", syscall.ENOPROTOOPT), Skipped},
		{fmt.Errorf("socket: %w", syscall.EAFNOSUPPORT), Skipped},
		{fmt.Errorf("socket: %w", syscall.EPERM), Invalid},
		{errors.New("out of processes"), Invalid},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		broke    bool
		verdicts []Verdict
		want     int
	}{
		{false, nil, cli.ExitOK},
		{false, []Verdict{Passed, Passed}, cli.ExitOK},
		{false, []Verdict{Passed, Skipped}, cli.ExitShort},
		{false, []Verdict{Invalid, Passed}, cli.ExitShort},
		{true, []Verdict{Invalid, Passed}, cli.ExitFailed},
		{false, []Verdict{None}, cli.ExitShort},
		{false, []Verdict{Limited}, cli.ExitShort},
		{false, []Verdict{Skipped, Failed}, cli.ExitFailed},
		{false, []Verdict{Unfinished, Passed}, cli.ExitFailed},
	} {
		if got := Status(c.broke, c.verdicts...); got != c.want {
			t.Errorf("%v, broke %v: %d, want %d", c.verdicts, c.broke, got, c.want)
		}
	}
}
