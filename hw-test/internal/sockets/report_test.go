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

func TestShown(t *testing.T) {
	trials := []trial{took(100, 1*time.Second, 3*time.Second), took(100, 3*time.Second, time.Second), took(100, 2*time.Second, 2*time.Second)}
	for k, pps := range map[kind]float64{turns: 100 / 3.0, parallel: 100, together: 50} {
		s, ok := (&row{kind: k, receives: true, trials: trials}).result()
		if !ok || s.PPS != pps || !s.Holds || s.Met {
			t.Errorf("%d: %+v, want %v", k, s, pps)
		}
	}
	if _, ok := (&row{}).result(); ok {
		t.Error("a row without trials has a result")
	}
}

// A ratio is of CPU time; where the queues differ or both ends run at once it
// is by the clock.
func TestRatio(t *testing.T) {
	bare := row{name: "bare", trials: []trial{took(100, 1, 40), took(100, 1, 10)}}
	r := row{beside: &bare, aim: 0.5, trials: []trial{took(100, 4, 20), took(100, 4, 40)}}
	if s, _ := r.result(); s.Ratio != 0.5 || !s.Met || s.Beside != "bare" {
		t.Errorf("%+v", s)
	}
	r.aim = 0.51
	if s, _ := r.result(); s.Met {
		t.Errorf("%+v", s)
	}
	r.rx.queues = 2
	if s, _ := r.result(); s.Ratio != 0.25 {
		t.Errorf("%+v", s)
	}
	bare.trials = nil
	if s, _ := r.result(); s.Ratio != 0 || s.Met {
		t.Errorf("%+v", s)
	}
	r.kind, bare.kind, r.rx.queues = together, together, 0
	bare.trials = []trial{took(100, 1, 1)}
	if s, _ := r.result(); s.Ratio != 0.25 {
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
