package self

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
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

// told is a veth environment of which something else is told.
type told struct{ testbed.Description }

func (d told) Describe() testbed.Description { return d.Description }

func (told) Paths() []string { return nil }

func (told) Open(context.Context) (testbed.Environment, error) {
	return testbed.NewVeth(testbed.Options{})
}

// TestOver runs over ports that somebody else has made: paced rows, with the
// queues that the ports have.
func TestOver(t *testing.T) {
	testnet.NS(t) // skips where there are no rights
	o := Options{Sizes: "60,1514", Queues: "2,1", Send: 200 * time.Millisecond, Rung: auto}
	what := testbed.Description{Kind: "local", What: "a to b", Limits: []string{"no counters"}}
	r, err := Over(&o, told{what}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	s := new(session.Session)
	s.Preflight = new(preflight.Report)
	var out strings.Builder
	if err := r.Run(t.Context(), s, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	u := s.Suites[0]
	if u.ExitStatus != cli.ExitOK || u.Environment.Kind != "local" || u.Environment.What != "a to b" || len(u.Environment.Limits) != 2 {
		t.Errorf("status %d, %+v\n%s", u.ExitStatus, u.Environment, out.String())
	}
	var names []string
	for _, c := range u.Cases {
		names = append(names, c.Name+": "+c.Sentence)
	}
	got := strings.Join(names, "; ")
	if !strings.HasPrefix(got, "60 bytes, paced: all of 200 frames arrived") || !strings.Contains(got, "; 1514 bytes, paced: all of 200 frames") || len(names) != 2 {
		t.Error(got)
	}
	if !strings.Contains(out.String(), "  60    all paced") {
		t.Error(out.String())
	}
}
