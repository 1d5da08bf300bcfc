package self

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// lossy is a row at full speed in which the kernel dropped 30 probes and one
// end record, and which holds; perfect one in which nothing is missing.
func lossy(pace Pace) (*Row, *cli.Result, *cli.Result) {
	tx := &cli.Result{Tool: "pktgen", Backend: "packet", Packets: 1000, PPS: 1e6,
		TxResult: &cli.TxResult{EndRecords: 9, RateMet: true}}
	rx := &cli.Result{Tool: "rcv", Backend: "packet", Packets: 978,
		Queues:   []cli.Queue{{Index: 0, Packets: 978}},
		RxResult: &cli.RxResult{KernelDrops: 31, Probe: &cli.Probe{Packets: 970, Distinct: 970, Lost: 30}}}
	return &Row{Size: 60, Queues: 1, Pace: pace}, tx, rx
}

func perfect(pace Pace) (*Row, *cli.Result, *cli.Result) {
	row, tx, rx := lossy(pace)
	if pace == Paced {
		row.Asked = 1000
	}
	rx.Packets, rx.KernelDrops = 1009, 0
	rx.Queues[0].Packets = 1009
	rx.Probe = &cli.Probe{Packets: 1000, Distinct: 1000}
	return row, tx, rx
}

func TestJudgeHolds(t *testing.T) {
	for name, of := range map[string]func(Pace) (*Row, *cli.Result, *cli.Result){"lossy": lossy, "perfect": perfect} {
		for _, pace := range []Pace{Full, Paced} {
			row, tx, rx := of(pace)
			row.judge(program.Outcome{Result: tx}, program.Outcome{Result: rx})
			want := name == "perfect" || pace == Full
			if row.Holds != want || row.Holds != (len(row.Why) == 0) {
				t.Errorf("%s, %s: holds is %v, want %v: %q", name, pace, row.Holds, want, row.Why)
			}
			if row.Pktgen != tx || row.Rcv != rx {
				t.Errorf("%s, %s: the results are not kept", name, pace)
			}
		}
	}
}

// TestJudgeFails breaks a perfect row in one way each.
func TestJudgeFails(t *testing.T) {
	type c struct {
		name  string
		paces []Pace
		spoil func(row *Row, tx, rx *program.Outcome)
		why   []string // the sentences' parts, all of them in this order
	}
	// These say nothing about the frames.
	invalid := []string{"pktgen failed", "rcv failed", "no results", "wrong program", "no receiver", "no probe", "nothing sent", "foreign frames"}
	both, paced := []Pace{Full, Paced}, []Pace{Paced}
	for _, c := range []c{
		{"pktgen failed", both, func(_ *Row, tx, _ *program.Outcome) { tx.Failure = "ended with status 1: no such device" },
			[]string{"pktgen ended with status 1: no such device"}},
		{"rcv failed", both, func(_ *Row, _, rx *program.Outcome) { rx.Failure = "did not end" }, []string{"rcv did not end"}},
		{"no results", both, func(_ *Row, tx, rx *program.Outcome) {
			*tx, *rx = program.Outcome{Failure: "is gone"}, program.Outcome{Failure: "too"}
		},
			[]string{"pktgen is gone", "rcv too"}},
		{"wrong program", both, func(_ *Row, tx, _ *program.Outcome) { tx.Result.TxResult = nil }, []string{"not a sender's"}},
		{"no receiver", both, func(_ *Row, _, rx *program.Outcome) { rx.Result.RxResult = nil }, []string{"has no probes"}},
		{"no probe", both, func(_ *Row, _, rx *program.Outcome) { rx.Result.Probe = nil }, []string{"has no probes"}},
		{"undrained", both, func(_ *Row, tx, _ *program.Outcome) { tx.Result.Undrained = 7 }, []string{"not left when pktgen ended: 7"}},
		{"nothing sent", []Pace{Full}, func(_ *Row, tx, rx *program.Outcome) {
			tx.Result.Packets, rx.Result.Packets = 0, 9
			rx.Result.Probe = &cli.Probe{}
		}, []string{"pktgen sent nothing"}},
		{"a frame nobody counted", both, func(_ *Row, _, rx *program.Outcome) { rx.Result.Packets-- },
			[]string{"rcv accounts for 1008 frames (1008 and 0 kernel drops), pktgen for 1009 (1000 and 9 end records)"}},
		{"a frame too many", both, func(_ *Row, _, rx *program.Outcome) { rx.Result.Packets++ }, []string{"rcv accounts for 1010"}},
		{"probes unaccounted", []Pace{Full}, func(_ *Row, _, rx *program.Outcome) { rx.Result.Probe.Distinct-- },
			[]string{"rcv found 999 different probes and 0 lost, pktgen sent 1000"}},
		{"a duplicate for a lost one", both, func(_ *Row, _, rx *program.Outcome) {
			rx.Result.Probe = &cli.Probe{Packets: 1000, Distinct: 999, Duplicates: 1, Lost: 1}
		}, []string{"probes that came twice: 1"}},
		{"foreign frames", both, func(_ *Row, _, rx *program.Outcome) { rx.Result.NotProbe, rx.Result.Packets = 2, 1011 },
			[]string{"frames that pktgen did not send: 2"}},
		{"damaged frames", both, func(_ *Row, _, rx *program.Outcome) {
			rx.Result.NotProbe = 1
			rx.Result.Probe = &cli.Probe{Packets: 999, Distinct: 999, Lost: 1}
		}, []string{"frames that are no probes any more: 1"}},
		{"short", both, func(_ *Row, _, rx *program.Outcome) {
			short := cli.ExitShort
			rx.Failure, rx.Result.ExitStatus = "ended with status 3: lost 1", &short
		}, []string{"rcv ended with status 3"}},
		{"fewer than asked", paced, func(row *Row, _, _ *program.Outcome) { row.Asked = 1001 },
			[]string{"pktgen sent 1000 of the 1001 frames asked", "rcv found 1000 different probes of the 1001 asked"}},
		{"lost", paced, func(_ *Row, _, rx *program.Outcome) {
			rx.Result.Packets, rx.Result.KernelDrops = 1008, 1
			rx.Result.Probe = &cli.Probe{Packets: 999, Distinct: 999, Lost: 1}
		}, []string{"999 different probes of the 1000", "probes lost: 1", "frames the kernel dropped because rcv was late: 1"}},
		{"an end record dropped", paced, func(_ *Row, _, rx *program.Outcome) { rx.Result.Packets, rx.Result.KernelDrops = 1008, 1 },
			[]string{"frames the kernel dropped because rcv was late: 1"}},
		{"reordered", paced, func(_ *Row, _, rx *program.Outcome) { rx.Result.Probe.Reordered = 3 }, []string{"probes out of order: 3"}},
	} {
		for _, pace := range c.paces {
			row, tx, rx := perfect(pace)
			o, p := program.Outcome{Result: tx}, program.Outcome{Result: rx}
			c.spoil(row, &o, &p)
			row.judge(o, p)
			want := results.Failed
			if slices.Contains(invalid, c.name) {
				want = results.Invalid
			}
			if row.Holds || row.Verdict != want {
				t.Errorf("%s, %s: the row is %s, want %s", c.name, pace, row.Verdict, want)
			}
			all := strings.Join(row.Why, "; ")
			rest := all
			for _, w := range c.why {
				_, after, found := strings.Cut(rest, w)
				if !found {
					t.Errorf("%s, %s: %q lacks %q", c.name, pace, all, w)
				}
				rest = after
			}
		}
	}
	// At full speed the kernel may change the order, for all it promises.
	row, tx, rx := perfect(Full)
	rx.Probe.Reordered = 3
	row.judge(program.Outcome{Result: tx}, program.Outcome{Result: rx})
	if !row.Holds {
		t.Errorf("at full speed reordering fails the row: %q", row.Why)
	}
}

// TestStood: what came after pktgen stood still for longer than rcv waits was
// not lost. A shorter while is no excuse, and none is needed where all came.
func TestStood(t *testing.T) {
	short := cli.ExitShort
	for _, c := range []struct {
		pace    Pace
		seconds float64 // that it stood
		lost    uint64
		late    bool
		want    results.Verdict
		why     string
	}{
		{Paced, 3, 300, false, results.Invalid, "pktgen stood still for 3000 ms, longer than rcv waits (500 ms)"},
		{Full, 3, 300, false, results.Invalid, "pktgen stood still for 3000 ms, longer than rcv waits (500 ms)"},
		{Paced, 0.4, 300, false, results.Failed, "rcv accounts for 709 frames"},
		{Full, 0.4, 300, false, results.Failed, "rcv accounts for 709 frames"},
		{Full, 3, 2, true, results.Invalid, "pktgen stood still for 3000 ms, longer than rcv waits (500 ms)"},
		{Full, 0.4, 2, true, results.Failed, "rcv accounts for 1007 frames"},
		{Full, -1, 300, false, results.Invalid, "pktgen stood still for 600 ms, longer than rcv waits (500 ms)"},
		{Full, 3, 300, true, results.Failed, "rcv accounts for 709 frames"},
		{Paced, 3, 0, false, results.Passed, ""},
		{Full, 3, 0, false, results.Passed, ""},
	} {
		row, tx, rx := perfect(c.pace)
		row.sends = time.Second
		tx.Seconds = 1 + c.seconds
		p := program.Outcome{Result: rx}
		if c.pace == Paced {
			tx.BehindSeconds = c.seconds
			if c.lost > 0 {
				p.Failure, rx.ExitStatus = "ended with status 3: fewer than expected", &short
			}
		}
		rx.Packets -= c.lost
		if c.seconds < 0 { // in the middle, and rcv has seen nothing after it
			tx.Seconds, tx.CPUSeconds, rx.Seconds = 1, 0.4, 0.3
		}
		if c.late { // in the end records
			row.took, tx.Seconds, tx.BehindSeconds = ending+time.Duration((1+c.seconds)*1e9), 1, 0
		}
		row.judge(program.Outcome{Result: tx}, p)
		if why := strings.Join(row.Why, "; "); row.Verdict != c.want || !strings.Contains(why, c.why) || c.want == results.Invalid && why != c.why || row.broke {
			t.Errorf("%+v: %s: %s", c, row.Verdict, why)
		}
	}
}

// TestReceivedFigure: more loss is a lower rate, however short the time that
// rcv saw frames in.
func TestReceivedFigure(t *testing.T) {
	row, tx, rx := lossy(Full)
	rx.PPS = 2e6
	row.judge(program.Outcome{Result: tx}, program.Outcome{Result: rx})
	for _, f := range row.figures() {
		if f.Name == "received" && f.Value != 970e3 {
			t.Errorf("970 of 1000 frames sent at 1 Mpps are received at %v pps", f.Value)
		}
	}
}
