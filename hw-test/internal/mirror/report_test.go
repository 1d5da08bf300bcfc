package mirror

import (
	"strings"
	"testing"
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

// The rows are the median trials, by load and mode, and a load without both
// modes is not judged.
func TestCollect(t *testing.T) {
	o := options{list: []string{"udp"}, rates: []float64{100, 0}}
	row := func(load, mean float64, mode int) Row {
		return Row{Port: "udp", Load: load, Mode: modes[mode].name, Achieved: load, Received: 1, Mean: mean}
	}
	var r Report
	r.collect(&o, map[key][]Row{
		{"udp", 100, 0}: {row(100, 30, 0), row(100, 10, 0), row(100, 20, 0)},
		{"udp", 100, 1}: {row(100, 5, 1), row(100, 15, 1), row(100, 6, 1)},
		{"udp", 0, 0}:   {row(0, 1, 0)},
	})
	if len(r.Rows) != 3 || r.Rows[0].Mean != 20 || r.Rows[1].Mean != 6 || r.Rows[2].Load != 0 {
		t.Errorf("%+v", r.Rows)
	}
	if len(r.Aims) != 1 || r.Aims[0].Ratio != 0.3 || !r.Aims[0].Met {
		t.Errorf("%+v", r.Aims)
	}
	var b strings.Builder
	r.Aims = append(r.Aims, Aim{Port: "udp", Ratio: 1.5, Compares: true}, Aim{Port: "udp"}, Aim{Port: "udp", Ratio: 0.5})
	r.Interrupted = true
	r.print(&b)
	for _, s := range []string{"0.30 of the mean round trip, aim below 1: met\n", "1.50 of the mean round trip, aim below 1: missed\n",
		"not judged: nothing came back\n", "not judged: the batches sent less", "Interrupted:", "\nudp        100 one ", "\nudp       full one "} {
		if !strings.Contains(b.String(), s) {
			t.Errorf("lacks %q:\n%s", s, b.String())
		}
	}
}
