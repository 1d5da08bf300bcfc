package agent

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
)

// TestLeft: a run is one line, and what is left is an error.
func TestLeft(t *testing.T) {
	began := time.Date(2026, 3, 4, 12, 8, 51, 0, time.UTC)
	run := func(connection, from string) (list []remote.Process) {
		for i, c := range []string{"/h/.cache/ringwalk/hw-test-0123456789abcdef supervise", "hw-test agent", "rcv -i packet:p1", "pktgen -i packet:p2"} {
			list = append(list, remote.Process{PID: i, Since: began.Add(time.Duration(3-i) * time.Second), Command: c, From: from, Connection: connection})
		}
		return list
	}
	l := &Left{Host: "gen"}
	l.Ended = append(run("10.0.0.1 7 10.0.0.2 22", "10.0.0.1"), run("10.0.0.1 8 10.0.0.2 22", "10.0.0.1")[:1]...)
	if err := l.rest(); err != nil {
		t.Errorf("all has ended: %v", err)
	}
	l.Running = run("", "")[2:]
	l.Kept = []remote.Kept{{Path: "/x", Why: "process 2 runs from it"}}
	if err := l.rest(); err == nil || err.Error() != "gen: a run goes on, and a copy of hw-test stays" {
		t.Error(err)
	}
	for _, c := range []struct {
		force bool
		ended string
		rest  string
	}{{false, "has ended", "goes on: its connection lives (--force ends it)"}, {true, "ended by --force", "goes on: --force could not end it"}} {
		var out strings.Builder
		l.print(&out, c.force)
		want := "gen: a run from 10.0.0.1 since 2026-03-04 12:08:51 (4 processes: hw-test, pktgen, rcv) " + c.ended +
			"\ngen: a run from 10.0.0.1 since 2026-03-04 12:08:54 (1 process: hw-test) " + c.ended +
			"\ngen: nothing was left to put back by programs that have ended" +
			"\ngen: a run since 2026-03-04 12:08:51 (2 processes: pktgen, rcv) " + c.rest + "\ngen: stays: /x: process 2 runs from it\n"
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
	}
}

func TestSeveral(t *testing.T) {
	why := errors.New("why")
	err := join([]error{nil, why, errors.Join(errors.New("b"), why), errors.New("c")})
	if got := err.Error(); got != "why\nb\nc" || !errors.Is(err, why) {
		t.Errorf("%q", got)
	}
}
