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

// TestWorst: the order is that of exit statuses, too.
func TestWorst(t *testing.T) {
	for i, v := range Order {
		if got := Worst(append([]Verdict{Passed}, Order[i:]...)...); got != v {
			t.Errorf("of %v the worst is %s", Order[i:], got)
		}
		if i > 0 && (Status(false, v) == cli.ExitFailed && Status(false, Order[i-1]) != cli.ExitFailed) {
			t.Errorf("%s is worse than %s, and its exit status is not", Order[i-1], v)
		}
	}
	if got := Worst(); got != "" {
		t.Error(got)
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
