// Package testnet gives tests the real network stack: namespaces and veth
// pairs of package netlab that are gone when the test ends.
//
//	TestX ──▶ Pair(t) ──▶ namespace A ── veth ── namespace B
//	             │
//	          no right to: skip, or fatal where RINGWALK_NO_SKIP is set
//
// Everything a test needs from outside follows that one rule: where it is
// missing the test skips and says why; where the environment variable
// RINGWALK_NO_SKIP is not empty, as in CI, it fails. What is there and does
// not work is a failure everywhere.
package testnet

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"github.com/ringwalk/ringwalk/internal/netlab"
)

// noSkip is the environment variable that forbids skips.
const noSkip = "RINGWALK_NO_SKIP"

// Skip ends the test, because something it needs is not here: by t.Skipf, or
// by t.Fatalf where skips are forbidden. Like those it has to be called from
// the test's own goroutine.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv(noSkip) != "" {
		t.Fatalf(format+" ("+noSkip+" is set)", args...)
	}
	t.Skipf(format, args...)
}

// NeedTool returns the path of a program, or ends the test by Skip.
func NeedTool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Skip(t, "this test needs %s: %v", name, err)
	}
	return path
}

// NS is a new network namespace that t's cleanup closes. A cleanup registered
// later, such as one that stops a process in it, runs before.
func NS(t testing.TB) *netlab.NS {
	t.Helper()
	n, err := netlab.NewNS()
	need(t, err)
	t.Cleanup(func() {
		// The test may have closed it itself, to see what happens.
		if err := n.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Errorf("close the namespace: %v", err)
		}
	})
	return n
}

// Pair is two new namespaces joined by a veth pair, which t's cleanup closes;
// opt may be nil.
func Pair(t testing.TB, opt *netlab.PairOptions) *netlab.Pair {
	t.Helper()
	p, err := netlab.NewPair(NS(t), NS(t), opt)
	need(t, err)
	return p
}

func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case errors.Is(err, netlab.ErrNoPrivilege), errors.Is(err, netlab.ErrNotSupported):
		Skip(t, "%v", err)
	default:
		t.Fatal(err)
	}
}
