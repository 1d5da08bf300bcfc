package sockets

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// took is a trial that moved n packets on either side.
func took(n uint64, wall, cpu time.Duration) trial {
	u := usage{wall: wall, cpu: cpu, calls: n}
	return trial{sent: n, received: n, queues: []uint64{n}, send: u, recv: u, fill: 1}
}

func TestMedianTrial(t *testing.T) {
	r := row{receives: true, trials: []trial{took(100, 3*time.Second, 1), took(100, time.Second, 1), took(100, 2*time.Second, 1)}}
	s, ok := r.result()
	if !ok || s.PPS != 50 || !s.Holds || s.Met || s.Calls != 1 {
		t.Errorf("%+v", s)
	}
	if _, ok := (&row{}).result(); ok {
		t.Error("a row without trials has a result")
	}
}

// A ratio is of the same round and by CPU time; where the queues differ it is
// by the clock.
func TestRatio(t *testing.T) {
	bare := row{name: "bare", trials: []trial{took(100, 1, 20), took(100, 1, 40), took(100, 1, 10)}}
	r := row{beside: &bare, aim: 0.95, trials: []trial{took(100, 2, 10), took(100, 2, 40), took(100, 2, 20)}}
	if s, _ := r.result(); s.Ratio != 1 || !s.Met || s.Beside != "bare" {
		t.Errorf("%+v", s)
	}
	r.aim = 1.25
	if s, _ := r.result(); s.Met {
		t.Errorf("%+v", s)
	}
	r.rx.queues = 2
	if s, _ := r.result(); s.Ratio != 0.5 {
		t.Errorf("%+v", s)
	}
	bare.trials = nil
	if s, _ := r.result(); s.Ratio != 0 || s.Met {
		t.Errorf("%+v", s)
	}
}

// Where both ends run at once the time is that until the last packet, and the
// effort both ends'.
func TestTogether(t *testing.T) {
	r := row{kind: together, trials: []trial{{
		sent: 100, received: 60, socketDrops: 30, deviceDrops: 10, queues: []uint64{60},
		send: usage{time.Second, time.Second, 10}, recv: usage{2 * time.Second, 2 * time.Second, 20},
	}}}
	s, _ := r.result()
	if s.PPS != 30 || s.CPU != 3/60.0*1e6 || s.Calls != 0.5 || !s.Holds || s.Fill != 0 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsMissingIsTold(t *testing.T) {
	lost, more := took(100, 1, 1), took(100, 1, 1)
	lost.received, more.received = 99, 101
	for _, c := range []trial{lost, more} {
		rep := Report{}
		rep.collect([]*row{{name: "x", group: "g", trials: []trial{took(100, 1, 1)}}, {name: "y", group: "g", trials: []trial{c}}})
		var b strings.Builder
		rep.print(&b)
		if rep.holds() || !strings.Contains(b.String(), "g: y: 100 packets sent are not ") || strings.Contains(b.String(), "g: x: 100") {
			t.Errorf("%+v\n%s", rep, b.String())
		}
	}
	rep := Report{}
	rep.collect([]*row{{trials: []trial{took(100, 1, 1)}}})
	if !rep.holds() {
		t.Errorf("%+v", rep)
	}
}

// Every engine row is held against a bare one that has run before, every aim
// against something, and names are unique.
func TestPlan(t *testing.T) {
	rows := plan(64)
	seen := map[string]bool{}
	aims := map[float64]int{}
	for i, r := range rows {
		name := r.group + r.name
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
