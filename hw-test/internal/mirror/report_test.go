package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		what       string
		one, batch Row
		want       Aim
	}{
		{"better", Row{Load: 100, Achieved: 100, Received: 9, Mean: 10}, Row{Achieved: 99, Received: 9, Mean: 5}, Aim{Load: 100, Ratio: 0.5, Compares: true, Met: true}},
		{"worse", Row{Load: 100, Achieved: 100, Received: 9, Mean: 10}, Row{Achieved: 100, Received: 9, Mean: 15}, Aim{Load: 100, Ratio: 1.5, Compares: true}},
		{"less load", Row{Load: 100, Achieved: 100, Received: 9, Mean: 10}, Row{Achieved: 97, Received: 9, Mean: 5}, Aim{Load: 100, Ratio: 0.5}},
		{"more load", Row{Load: 100, Achieved: 80, Received: 9, Mean: 10}, Row{Achieved: 100, Received: 9, Mean: 5}, Aim{Load: 100, Ratio: 0.5, Compares: true, Met: true}},
		{"full speed", Row{Achieved: 80, Received: 9, Mean: 10}, Row{Achieved: 100, Received: 9, Mean: 5}, Aim{Ratio: 0.5, Compares: true, Met: true}},
		{"lost more", Row{Load: 100, Achieved: 100, Received: 9, Mean: 10}, Row{Achieved: 100, Received: 8, Lost: 1, Mean: 5}, Aim{Load: 100, Ratio: 0.5}},
		{"nothing back", Row{Load: 100, Achieved: 100, Lost: 9}, Row{Achieved: 100, Received: 9, Mean: 5}, Aim{Load: 100}},
	} {
		if got := judge(c.one, c.batch); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
	}
}

func fixture(t *testing.T, loads string, rounds int) *runner {
	t.Helper()
	o := defaults(rounds)
	o.Ports, o.Loads = "udp", loads
	r, err := newRunner(o, nil, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func row(k key, mean float64) Row {
	return Row{Port: k.port, Load: k.load, Mode: modes[k.mode].name, Achieved: max(k.load, 1), Sent: uint64(max(k.load, 1)), Received: uint64(max(k.load, 1)), Mean: mean}
}

// The rows are the median trials, by load and mode, and a load without both
// modes is not judged.
func TestCollect(t *testing.T) {
	r := fixture(t, "100,0", 3)
	for i, means := range [][]float64{{30, 10, 20}, {5, 15, 6}, {1}, nil} {
		for _, m := range means {
			r.cells()[i].trials = append(r.cells()[i].trials, row(r.cells()[i].key, m))
		}
	}
	r.collect()
	rep := &r.rep
	if len(rep.Rows) != 4 || rep.Rows[0].Mean != 20 || rep.Rows[1].Mean != 6 || rep.Rows[2].Load != 0 {
		t.Errorf("%+v", rep.Rows)
	}
	if len(rep.Aims) != 1 || rep.Aims[0].Ratio != 0.3 || !rep.Aims[0].Met || rep.ExitStatus != cli.ExitFailed {
		t.Errorf("%+v", rep)
	}
	u := r.found()
	var cases []string
	for _, c := range u.Cases {
		cases = append(cases, fmt.Sprintf("%s %s %d", c.Name, c.Verdict, len(c.Figures)))
	}
	if got := strings.Join(cases, ", "); got != "udp/100/one passed 5, udp/100/batch passed 5, udp/full/one unfinished 0, udp/full/batch unfinished 0" {
		t.Error(got)
	}
	if len(u.Plots) != 1 || len(u.Plots[0].Series) != 4 || len(u.Plots[0].Series[0].X) != 2 || len(u.Plots[0].Series[2].X) != 1 {
		t.Errorf("%+v", u.Plots)
	}
	var b strings.Builder
	rep.Aims = append(rep.Aims, Aim{Port: "udp", Ratio: 1.5, Compares: true}, Aim{Port: "udp"}, Aim{Port: "udp", Ratio: 0.5})
	rep.Interrupted = true
	rep.print(&b)
	for _, s := range []string{"0.30 of the mean round trip, aim below 1: met\n", "1.50 of the mean round trip, aim below 1: missed\n",
		"not judged: nothing came back\n", "not judged: the batches sent less", "Interrupted:", "\nudp        100 one ", "\nudp       full one ",
		"  passed\n", "  unfinished\n"} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("lacks %q:\n%s", s, b.String())
		}
	}
}

// TestVerdicts spoils the second of two rounds, in
// each way there is.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		what    string
		load    string
		spoil   func(*Row) error
		verdict results.Verdict
		status  int
		says    string
	}{
		{"nothing", "1k", func(*Row) error { return nil }, results.Passed, cli.ExitOK, "there and back in 20.0 µs on average"},
		{"lost", "1k", func(r *Row) error { r.Lost, r.Received = 2, r.Received-2; return nil }, results.Failed, cli.ExitFailed, "2 of 2000 messages did not come back within a second"},
		{"lost at full speed", "0", func(r *Row) error { r.Sent, r.Lost = 2, 1; return nil }, results.Failed, cli.ExitFailed, "1 of 3 messages"},
		{"twice", "1k", func(r *Row) error { r.Duplicates = 1; return nil }, results.Failed, cli.ExitFailed, "came back more than once"},
		{"foreign", "1k", func(r *Row) error { r.Foreign = 1; return nil }, results.Invalid, cli.ExitShort, "nobody here has sent"},
		{"no such sockets", "1k", func(*Row) error { return fmt.Errorf("open packet:rw-a: socket: %w", syscall.EAFNOSUPPORT) }, results.Skipped, cli.ExitShort, "address family not supported"},
		{"an error", "1k", func(*Row) error { return errors.New("out of memory") }, results.Invalid, cli.ExitFailed, "out of memory"},
	} {
		r := fixture(t, c.load, 2)
		s := new(session.Session)
		n := 0
		keep := s.Begin("mirror")
		r.measure(t.Context(), keep, func(_ context.Context, k key) (Row, error) {
			got := row(k, 20)
			if n++; n <= len(r.cells()) {
				got.Mean = 10
			} else if k.mode == 1 {
				err := c.spoil(&got)
				return got, err
			}
			return got, nil
		})
		r.collect()
		keep.End(r.found(), &r.rep)
		u := s.Suites[0]
		if got := u.Cases[1]; got.Verdict != c.verdict || !strings.Contains(got.Sentence, c.says) || u.ExitStatus != c.status || u.Cases[0].Verdict != results.Passed {
			t.Errorf("%s: %s: %s, status %d; want %s, %q, %d", c.what, got.Verdict, got.Sentence, u.ExitStatus, c.verdict, c.says, c.status)
		}
	}
}

// TestLimited: a publisher that does not get to its load is the limit, whatever
// is lost then; the last batches are no shortfall.
func TestLimited(t *testing.T) {
	for _, c := range []struct {
		achieved float64
		want     results.Verdict
	}{{1000, results.Failed}, {990, results.Failed}, {950, results.Failed}, {900, results.Limited}} {
		k := cell{key: key{"udp", 1000, 0}, trials: []Row{{Sent: uint64(c.achieved), Received: uint64(c.achieved) - 1, Lost: 1, Achieved: c.achieved}}}
		if got := k.row(1, 30, 0); got.Verdict != c.want || !strings.Contains(got.Sentence, "1 of ") {
			t.Errorf("%v: %s: %s, want %s", c.achieved, got.Verdict, got.Sentence, c.want)
		}
	}
}

// TestInTheWay: rows that are not run say why.
func TestInTheWay(t *testing.T) {
	s := new(session.Session)
	s.Preflight = new(preflight.Report)
	s.Stop(results.Invalid, "the self-test fails")
	r := fixture(t, "100", 1)
	if err := r.Run(t.Context(), s, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.Suites[0].Cases {
		if c.Verdict != results.Invalid || c.Sentence != "the self-test fails" {
			t.Errorf("%+v", c)
		}
	}
	if s.Suites[0].ExitStatus != cli.ExitShort {
		t.Errorf("%+v", s.Suites[0])
	}
}
