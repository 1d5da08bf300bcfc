package self

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		err     error
		stdout  string
		stderr  []string
		failure string
		result  bool
	}{
		"good":              {0, nil, `{"packets": 5, "errors": []}`, nil, "", true},
		"short":             {3, nil, `{"packets": 5, "errors": ["one is lost", "so is another"]}`, []string{"rcv: x"}, "ended with status 3: one is lost; so is another", true},
		"failed early":      {1, nil, "", []string{"rcv: a", "rcv: no such device"}, "ended with status 1: rcv: a; rcv: no such device", false},
		"killed":            {0, errors.New("was ended by something else (signal: killed)"), "", nil, "was ended by something else (signal: killed)", false},
		"silent":            {0, nil, "", nil, "printed no result", false},
		"garbage":           {0, nil, "{", nil, "printed a result that cannot be read: unexpected end of JSON input", false},
		"failed with words": {1, nil, `{"errors": []}`, []string{"panic"}, "ended with status 1: panic", true},
	} {
		o := newOutcome(c.status, c.err, []byte(c.stdout), c.stderr)
		if o.failure != c.failure || (o.result != nil) != c.result {
			t.Errorf("%s: %q with result %v; want %q, %v", name, o.failure, o.result != nil, c.failure, c.result)
		}
	}
	if o := newOutcome(0, nil, []byte(`{"packets": 5, "end_records": 9}`), nil); o.result.Packets != 5 || o.result.EndRecords != 9 {
		t.Errorf("the result is %+v", o.result)
	}
}

func TestLines(t *testing.T) {
	l := lines{want: "rcv: ready:", seen: make(chan struct{})}
	seen := func() bool {
		select {
		case <-l.seen:
			return true
		default:
			return false
		}
	}
	io.WriteString(&l, "rcv: note\nnot rcv: ready: here\nrcv: rea")
	if seen() {
		t.Error("ready before the line was there")
	}
	io.WriteString(&l, "dy: on x")
	if seen() {
		t.Error("ready before the line was whole")
	}
	io.WriteString(&l, "\n")
	if !seen() {
		t.Error("the line was not seen")
	}
	for i := range 5 {
		fmt.Fprintf(&l, "rcv: ready: %d\n", i)
	}
	if got := strings.Join(l.tail, "|"); got != "rcv: ready: 2|rcv: ready: 3|rcv: ready: 4" {
		t.Errorf("tail is %s", got)
	}
}

// TestRowFailsToStart has launchers that start nothing, or a receiver that
// never gets ready.
func TestRowFailsToStart(t *testing.T) {
	broken := func(context.Context, string, []string, io.Writer, io.Writer) (func() (int, error), error) {
		return nil, errors.New("out of processes")
	}
	hangs := func(ctx context.Context, _ string, _ []string, _, _ io.Writer) (func() (int, error), error) {
		return func() (int, error) { <-ctx.Done(); return 0, errHangs }, nil
	}
	ready := func(_ context.Context, name string, _ []string, stdout, stderr io.Writer) (func() (int, error), error) {
		fmt.Fprintln(stderr, name+": ready: says a test")
		fmt.Fprintln(stdout, `{"packets": 0, "probe": {}}`)
		return func() (int, error) { return 0, nil }, nil
	}
	for name, c := range map[string]struct {
		send, receive launcher
		why           []string
	}{
		"no rcv":         {ready, broken, []string{"pktgen was not started, because rcv did not get ready", "rcv could not be started: out of processes"}},
		"no pktgen":      {broken, ready, []string{"pktgen could not be started: out of processes"}},
		"rcv not ready":  {ready, hangs, []string{"pktgen was not started, because rcv did not get ready", "rcv did not end in time and was stopped"}},
		"pktgen hangs":   {hangs, ready, []string{"pktgen did not end in time and was stopped"}},
		"pktgen nothing": {ready, ready, []string{"pktgen's result is not a sender's"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := lab{send: c.send, receive: c.receive, flags: func(*Row) []string { return nil }}
				row := Row{Size: 60, Queues: 1, Pace: Full}
				l.run(t.Context(), &row, 1, time.Second)
				if got, want := strings.Join(row.Why, "|"), strings.Join(c.why, "|"); row.Holds || got != want {
					t.Errorf("why is %s\nwant %s", got, want)
				}
			})
		})
	}
}
