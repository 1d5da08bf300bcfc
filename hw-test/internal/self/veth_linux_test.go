package self

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// TestMain makes the test binary pktgen and rcv, when called so.
func TestMain(m *testing.M) {
	if program := carried.Lookup(os.Args[0]); program != nil {
		os.Exit(program(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Setenv(results.Env, results.NoDir)
	os.Exit(m.Run())
}

// TestFramesLost runs over a device that passes a tenth of what is sent.
func TestFramesLost(t *testing.T) {
	testnet.NS(t) // skips where there are no rights
	env, err := testbed.NewVeth(testbed.Options{Hop: testbed.Bridge, HopBPS: 1e5})
	if errors.Is(err, testbed.ErrMissing) {
		testnet.Skip(t, "%v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	o := Options{Sizes: "60", Queues: "1", Send: 200 * time.Millisecond, Rung: auto}
	r, err := newRunner(&o)
	if err != nil {
		t.Fatal(err)
	}
	r.rung, r.report = Root, newReport(Root, nil, len(r.rows))
	r.report.Environment.RatePPS = 2000
	s := new(session.Session)
	keep := s.Begin("self")
	r.over(t.Context(), env, keep, io.Discard)
	r.report.finish(false, r.status())
	keep.End(r.found(), r.report)
	u := s.Suites[0]
	for i, says := range []string{"probes lost: ", "rcv accounts for "} {
		if c := u.Cases[i]; c.Verdict != results.Failed || !strings.Contains(c.Sentence, says) {
			t.Errorf("%s: %s: %s", c.Name, c.Verdict, c.Sentence)
		}
	}
	if u.ExitStatus != cli.ExitFailed {
		t.Errorf("status %d", u.ExitStatus)
	}
}
