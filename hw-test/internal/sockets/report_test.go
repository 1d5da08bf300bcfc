package sockets

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// took is a trial that moved n packets on either side.
func took(n uint64, wall, cpu time.Duration) trial {
	u := usage{wall: wall, cpu: cpu, calls: n}
	return trial{sent: n, received: n, queues: []uint64{n}, send: u, recv: u, fill: 1}
}

func TestShown(t *testing.T) {
	trials := []trial{took(100, 1*time.Second, 3*time.Second), took(100, 3*time.Second, time.Second), took(100, 2*time.Second, 2*time.Second)}
	for k, pps := range map[kind]float64{turns: 100 / 3.0, parallel: 100, together: 50} {
		s := (&row{kind: k, receives: true, trials: trials}).result()
		if s.PPS != pps || !s.Holds || s.Met {
			t.Errorf("%d: %+v, want %v", k, s, pps)
		}
	}
	if s := (&row{}).result(); s.Holds || s.PPS != 0 {
		t.Errorf("a row without trials has a result: %+v", s)
	}
}

// A ratio is of CPU time; where the queues differ or both ends run at once it
// is by the clock.
func TestRatio(t *testing.T) {
	bare := row{name: "bare", trials: []trial{took(100, 1, 40), took(100, 1, 10)}}
	r := row{beside: &bare, aim: 0.5, trials: []trial{took(100, 4, 20), took(100, 4, 40)}}
	if s := r.result(); s.Ratio != 0.5 || !s.Met || s.Beside != "bare" {
		t.Errorf("%+v", s)
	}
	r.aim = 0.51
	if s := r.result(); s.Met {
		t.Errorf("%+v", s)
	}
	r.rx.queues = 2
	if s := r.result(); s.Ratio != 0.25 {
		t.Errorf("%+v", s)
	}
	bare.trials = nil
	if s := r.result(); s.Ratio != 0 || s.Met {
		t.Errorf("%+v", s)
	}
	r.kind, bare.kind, r.rx.queues = together, together, 0
	bare.trials = []trial{took(100, 1, 1)}
	if s := r.result(); s.Ratio != 0.25 {
		t.Errorf("%+v", s)
	}
}

func TestDecile(t *testing.T) {
	list := []int{}
	for i := range 50 {
		list = append(list, 49-i)
	}
	if d := decile(list); d != 5 || decile([]int{7}) != 7 {
		t.Errorf("%d", d)
	}
	var s turned
	s.add(usage{wall: 3, cpu: 1})
	s.add(usage{wall: 2, cpu: 2})
	if u := s.usage(); u.wall != 4 || u.cpu != 2 {
		t.Errorf("%+v", u)
	}
}

// Where both ends run at once the time is that until the last packet, and the
// effort both ends'.
func TestTogether(t *testing.T) {
	r := row{kind: together, trials: []trial{{
		sent: 100, received: 60, socketDrops: 30, deviceDrops: 10, queues: []uint64{60},
		send: usage{time.Second, time.Second, 10}, recv: usage{2 * time.Second, 2 * time.Second, 20},
	}}}
	s := r.result()
	if s.PPS != 30 || s.CPU != 3/60.0*1e6 || s.Calls != 0.5 || !s.Holds || s.Fill != 0 {
		t.Errorf("%+v", s)
	}
}

// TestVerdicts has a row between two good ones end in each way there is, in the
// second of two rounds.
func TestVerdicts(t *testing.T) {
	lost, more, full, none := took(100, 1, 1), took(100, 1, 1), took(100, 1, 1), took(100, 1, 1)
	lost.received, more.received = 99, 101
	full.received, full.socketDrops = 90, 10
	none.received, none.socketDrops = 0, 100
	for _, c := range []struct {
		what    string
		kind    kind
		trial   trial
		err     error
		lacks   error
		verdict results.Verdict
		status  int
		says    string
	}{
		{"all well", turns, took(100, 1, 1), nil, nil, results.Passed, cli.ExitOK, "calls a packet"},
		{"lost", turns, lost, nil, nil, results.Failed, cli.ExitFailed, "100 packets sent are not 99 received, 0 dropped"},
		{"too many", together, more, nil, nil, results.Failed, cli.ExitFailed, "100 packets sent are not 101"},
		{"the sender does not wait", together, full, nil, nil, results.Passed, cli.ExitOK, "10 of 100 were dropped"},
		{"a socket too small", parallel, full, nil, nil, results.Invalid, cli.ExitShort, "no room for 10 of 100 packets"},
		{"nothing comes", together, none, nil, nil, results.Invalid, cli.ExitShort, "none of 100 packets came through"},
		{"no such option", turns, trial{}, nil, fmt.Errorf("try UDP_GRO: %w", syscall.ENOPROTOOPT), results.Skipped, cli.ExitShort, "try UDP_GRO: protocol not available"},
		{"no such sockets", turns, trial{}, fmt.Errorf("socket: %w", syscall.EAFNOSUPPORT), nil, results.Skipped, cli.ExitShort, "address family"},
		{"an accident", turns, trial{}, errors.New("out of luck"), nil, results.Invalid, cli.ExitFailed, "out of luck"},
	} {
		o := defaults
		o.rounds = 2
		r, err := newRunner(&o)
		if err != nil {
			t.Fatal(err)
		}
		r.rows = []*row{{name: "a", group: "g (x)", kind: c.kind}, {name: "b", group: "g (x)", kind: c.kind}, {name: "c", group: "h", kind: c.kind}}
		n := 0
		second := func(row *row) bool { return row == r.rows[1] && n > 3 }
		r.lacks = func(row *row) error {
			if n++; second(row) {
				return c.lacks
			}
			return nil
		}
		s := new(session.Session)
		keep := s.Begin("sockets")
		r.measure(t.Context(), keep, func(_ context.Context, row *row) (trial, error) {
			if second(row) {
				return c.trial, c.err
			}
			if c.kind == together {
				return took(1000, 1, 1), nil // of which the median is the other
			}
			return took(100, 2, 2), nil // of which the best is the other
		})
		r.collect()
		keep.End(r.found(), &r.rep)
		u := s.Suites[0]
		if got := u.Cases[1]; got.Name != "g: b" || got.Verdict != c.verdict || !strings.Contains(got.Sentence, c.says) || u.ExitStatus != c.status ||
			u.Cases[0].Verdict != results.Passed || u.Cases[2].Verdict != results.Passed || (len(got.Figures) > 0) != (c.verdict == results.Passed) {
			t.Errorf("%s: %+v, status %d; want %s, %q, %d", c.what, got, u.ExitStatus, c.verdict, c.says, c.status)
		}
		var b strings.Builder
		r.rep.print(&b)
		if told := strings.Contains(b.String(), "\ng: b: "+string(c.verdict)+": "); told == (c.verdict == results.Passed) ||
			!strings.Contains(b.String(), "  "+string(c.verdict)+"\n") {
			t.Errorf("%s is not told:\n%s", c.what, b.String())
		}
	}
}

// TestPlots: each group with several of the engine's paths has a plot of those
// that have figures, beside the bare calls.
func TestPlots(t *testing.T) {
	o := defaults
	o.rounds = 1
	r, err := newRunner(&o)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range r.rows {
		if row.name != "engine, vector 8" {
			row.trials = []trial{took(100, 1, time.Duration(i))}
		}
	}
	r.collect()
	var got []string
	for _, p := range r.plots() {
		if len(p.Series) != 2 || !slices.Equal(p.Series[0].Labels, p.Series[1].Labels) || len(p.Series[0].X) != len(p.Series[0].Labels) || p.Series[0].Y[0] >= p.Series[1].Y[0] {
			t.Errorf("%+v", p)
		}
		got = append(got, strings.Join(p.Series[0].Labels, ", "))
	}
	want := "vector 64, vector 1024, UDP_GRO; vector 64, vector 1024, UDP_SEGMENT; 1 queue, 2 queues by hash, 2 queues by CPU; receives, sends"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("%s\nwant %s", s, want)
	}
}

// TestUnfinished: rows that were not reached are there.
func TestUnfinished(t *testing.T) {
	o := defaults
	r, err := newRunner(&o)
	if err != nil {
		t.Fatal(err)
	}
	r.lacks = func(*row) error { return nil }
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	r.measure(ctx, new(session.Session).Begin("sockets"), func(context.Context, *row) (trial, error) {
		if n++; n == 3 {
			cancel()
		}
		return took(100, 1, 1), nil
	})
	r.collect()
	u := r.found()
	if len(u.Cases) != len(plan(64)) || u.Cases[0].Sentence != "stopped after 1 of 5 rounds" || u.Cases[2].Sentence != "not begun" ||
		u.Cases[0].Verdict != results.Unfinished || u.ExitStatus != cli.ExitFailed {
		t.Errorf("%+v %+v", u, u.Cases[0])
	}
}

// Every engine row is held against a bare one that has run before, every aim
// against something, and names are unique.
func TestPlan(t *testing.T) {
	rows := plan(64)
	seen := map[string]bool{}
	aims := map[float64]int{}
	for i, r := range rows {
		name := r.id()
		if seen[name] {
			t.Errorf("two rows %s", name)
		}
		seen[name] = true
		if r.beside != nil && slices.Index(rows[:i], r.beside) < 0 || r.aim > 0 && r.beside == nil {
			t.Errorf("%s: %+v", name, r)
		}
		if own := r.tx.engine || r.rx.engine; own != (r.aim == aimEngine) {
			t.Errorf("%s: aim %v", name, r.aim)
		}
		aims[r.aim]++
	}
	if aims[aimSendmmsg] != 1 || aims[aimRecvmmsg] != 1 || aims[aimGSO] != 2 || aims[aimEngine] != 14 {
		t.Errorf("%v", aims)
	}
	few := only(plan(64), "engine, vector 64")
	if len(few) != 8 {
		t.Errorf("%d rows", len(few))
	}
	if len(only(plan(64), "no such")) != 0 {
		t.Error("rows that nobody asked for")
	}
}

func TestSegments(t *testing.T) {
	for size, want := range map[int]int{1: 64, 64: 64, 1023: 64, 1024: 63, 1472: 44, 65507: 1} {
		if n := segments(size); n != want {
			t.Errorf("%d packets of %d bytes, want %d", n, size, want)
		}
	}
}
