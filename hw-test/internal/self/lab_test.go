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

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
)

// TestRowFailsToStart has program.Launchers that start nothing, or a receiver that
// never gets ready.
func TestRowFailsToStart(t *testing.T) {
	broken := func(context.Context, string, []string, io.Writer, io.Writer) (func() (int, error), error) {
		return nil, errors.New("out of processes")
	}
	hangs := func(ctx context.Context, _ string, _ []string, _, _ io.Writer) (func() (int, error), error) {
		return func() (int, error) { <-ctx.Done(); return 0, program.ErrHangs }, nil
	}
	ready := func(_ context.Context, name string, _ []string, stdout, stderr io.Writer) (func() (int, error), error) {
		fmt.Fprintln(stderr, name+": ready: says a test")
		fmt.Fprintln(stdout, `{"packets": 0, "probe": {}}`)
		return func() (int, error) { return 0, nil }, nil
	}
	for name, c := range map[string]struct {
		send, receive program.Launcher
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
