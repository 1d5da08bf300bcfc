package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
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
		if o.Failure != c.failure || (o.Result != nil) != c.result {
			t.Errorf("%s: %q with result %v; want %q, %v", name, o.Failure, o.Result != nil, c.failure, c.result)
		}
	}
	if o := newOutcome(0, nil, []byte(`{"packets": 5, "end_records": 9}`), nil); o.Result.Packets != 5 || o.Result.EndRecords != 9 {
		t.Errorf("the result is %+v", o.Result)
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
	for range 100 {
		io.WriteString(&l, strings.Repeat("x", 10000))
	}
	io.WriteString(&l, "\nlast\n")
	if n := len(l.tail); len(l.tail[n-2]) > longest+10000 || l.tail[n-1] != "last" {
		t.Errorf("%d bytes of one line, and then %q", len(l.tail[n-2]), l.tail[n-1])
	}
}

// TestFlood: a program that does not stop printing takes no more memory for it.
func TestFlood(t *testing.T) {
	for wrote, want := range map[int]string{most - 2: "", most - 1: "printed more than 16 MiB, which is no result"} {
		o := Start(t.Context(), func(_ context.Context, _ string, _ []string, stdout, _ io.Writer) (func() (int, error), error) {
			return func() (int, error) {
				for n := wrote; n > 0; n -= min(n, 1<<20) {
					io.WriteString(stdout, strings.Repeat(" ", min(n, 1<<20)))
				}
				io.WriteString(stdout, "{}")
				return 0, nil
			}, nil
		}, "rcv", nil).Wait()
		if o.Failure != want || (o.Result == nil) != (want != "") {
			t.Errorf("%d bytes: %+v", wrote+2, o)
		}
	}
}
