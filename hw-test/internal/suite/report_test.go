package suite

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/trial"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// TestSentences is what a reader of the verdicts reads.
func TestSentences(t *testing.T) {
	goal := func(name string, ratio float64, v search.Verdict, lower, upper float64, why string) search.GoalResult {
		return search.GoalResult{Goal: search.Goal{Name: name, LossRatio: ratio}, Verdict: v, Lower: lower, Upper: upper, Throughput: lower, Why: why}
	}
	for _, c := range []struct {
		goals   []search.GoalResult
		maxWhy  string
		verdict results.Verdict
		want    string
	}{
		{[]search.GoalResult{goal("NDR", 0, search.Found, 25000, 25100, ""), goal("PDR", 0.005, search.Found, 25100, 25200, "")}, "asked", results.Passed,
			"NDR 25.000 Kpps, 12.000 Mbit/s (16.800 Mbit/s on the wire); PDR (0.5 %) 25.100 Kpps, 12.048 Mbit/s (16.867 Mbit/s on the wire)"},
		{[]search.GoalResult{goal("NDR", 0, search.None, 0, 2000, "even the lowest rate loses 0.1 %"), goal("PDR", 0.005, search.AtLeast, 40000, 0, "x")}, "line rate", results.None,
			"no NDR from 2.000 Kpps to 40.000 Kpps: even the lowest rate loses 0.1 %; PDR (0.5 %) at least 40.000 Kpps, 19.200 Mbit/s (26.880 Mbit/s on the wire), the highest rate tried (line rate)"},
		{[]search.GoalResult{goal("NDR", 0, search.AtLeast, 40000, 0, "x"), goal("PDR", 0.005, search.AtLeast, 40000, 0, "x")}, "generator", results.Limited,
			"NDR and PDR (0.5 %) met up to 40.000 Kpps, 19.200 Mbit/s (26.880 Mbit/s on the wire), and pktgen reaches no more than 44 Kpps here"},
		{[]search.GoalResult{goal("NDR", 0, search.Limited, 100, 110, "its own device took no more")}, "asked", results.Limited,
			"NDR met up to 100.000 pps, 48.000 Kbit/s (67.200 Kbit/s on the wire); above that, its own device took no more"},
		{[]search.GoalResult{goal("NDR", 0, search.Unsure, 0, 110, "rcv's own socket dropped 3 frames")}, "asked", results.Invalid,
			"nothing is known of NDR: rcv's own socket dropped 3 frames"},
		{[]search.GoalResult{goal("NDR", 0, search.Found, 100, 110, ""), goal("PDR", 0.005, search.Unfinished, 100, 0, "the search was stopped")}, "asked", results.Unfinished,
			"NDR 100.000 pps, 48.000 Kbit/s (67.200 Kbit/s on the wire); PDR (0.5 %) met up to 100.000 pps, 48.000 Kbit/s (67.200 Kbit/s on the wire); the search was stopped"},
	} {
		row := &Row{Profile: Profile{"64", "60", 60}, MinPPS: 2000, MaxPPS: 40000, MaxWhy: c.maxWhy,
			Generator: "pktgen reaches no more than 44 Kpps here", Search: &search.Result{Goals: c.goals}}
		row.judgeSearch()
		if row.Verdict != c.verdict || row.Sentence != c.want {
			t.Errorf("%s: %s\nwant %s: %s", row.Verdict, row.Sentence, c.verdict, c.want)
		}
		if c.goals[0].Name != "NDR" {
			t.Errorf("the result is changed: %+v", c.goals)
		}
	}
}

func TestJudgeLoss(t *testing.T) {
	points := func(lost ...uint64) (list []LossPoint) {
		for i, n := range lost {
			list = append(list, LossPoint{Load: 1000 - 100*float64(i), Kind: search.Valid, Sent: 1000, Lost: n, LossRatio: float64(n) / 1000})
		}
		return list
	}
	invalid := points(500, 0, 0)
	invalid[0].Kind, invalid[0].Why = search.Invalid, "busy"
	limited := points(500, 0, 0)
	limited[0].Kind, limited[0].Why = search.GeneratorLimited, "full"
	all := &Row{Profile: Profile{"64", "60", 60}, Loss: points(0, 0), MaxWhy: "generator", Generator: "pktgen reaches no more"}
	if all.judgeLoss(2); all.Verdict != results.Limited || !strings.HasSuffix(all.Sentence, "; pktgen reaches no more") {
		t.Errorf("nothing lost as fast as pktgen goes: %s: %s", all.Verdict, all.Sentence)
	}
	for _, c := range []struct {
		points  []LossPoint
		clean   int
		verdict results.Verdict
		want    string
	}{
		{points(500, 400, 0, 0), 2, results.Passed, "50 % are lost at 1.000 Kpps, 480.000 Kbit/s (672.000 Kbit/s on the wire); nothing at 800.000 pps and below"},
		{points(0, 0), 2, results.Passed, "0 % are lost at 1.000 Kpps, 480.000 Kbit/s (672.000 Kbit/s on the wire)"},
		{points(2, 1, 1), 0, results.Passed, "0.2 % are lost at 1.000 Kpps, 480.000 Kbit/s (672.000 Kbit/s on the wire); 0.1 % even at 800.000 pps"},
		{invalid, 2, results.Invalid, "0 % are lost at 900.000 pps, 432.000 Kbit/s (604.800 Kbit/s on the wire); invalid at 1.000 Kpps: busy"},
		{limited, 2, results.Limited, "0 % are lost at 900.000 pps, 432.000 Kbit/s (604.800 Kbit/s on the wire); generator-limited at 1.000 Kpps: full"},
		{nil, 0, results.Unfinished, "no trial ended"},
	} {
		row := &Row{Profile: Profile{"64", "60", 60}, Loss: c.points}
		if row.judgeLoss(c.clean); row.Verdict != c.verdict || row.Sentence != c.want {
			t.Errorf("%s: %s\nwant %s: %s", row.Verdict, row.Sentence, c.verdict, c.want)
		}
	}
}

// newJob is a suite with its flags' defaults, and --quick.
func newJob(t *testing.T, name string, args ...string) *job {
	t.Helper()
	var o Options
	fs := pflag.NewFlagSet(name, pflag.ContinueOnError)
	o.Flags(fs, name)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	if err := o.complete(fs); err != nil {
		t.Fatal(err)
	}
	rep, err := newReport(name, &o)
	if err != nil {
		t.Fatal(err)
	}
	return &job{Options: &o, Report: rep}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		verdicts []results.Verdict
		broke    bool
		want     int
	}{
		{[]results.Verdict{results.Passed, results.Passed}, false, cli.ExitOK},
		{[]results.Verdict{results.Passed, results.None}, false, cli.ExitShort},
		{[]results.Verdict{results.Limited, results.Passed}, false, cli.ExitShort},
		{[]results.Verdict{results.Skipped, results.Skipped}, false, cli.ExitShort},
		{[]results.Verdict{results.Invalid, results.Unfinished}, false, cli.ExitFailed},
		{[]results.Verdict{results.Invalid, results.Passed}, false, cli.ExitShort},
		{[]results.Verdict{results.Invalid, results.Passed}, true, cli.ExitFailed},
	} {
		j := newJob(t, throughputName, "--quick")
		for i, v := range c.verdicts {
			j.Rows[i].end(v, "so it is")
		}
		j.finish(false, c.broke)
		var b bytes.Buffer
		j.printEnd(&b)
		if j.ExitStatus != c.want || strings.Count(b.String(), "so it is.\n") != 2 {
			t.Errorf("%v: status %d, want %d\n%s", c.verdicts, j.ExitStatus, c.want, b.String())
		}
		if text, err := json.Marshal(j.Report); err != nil || strings.Contains(string(text), "null") {
			t.Errorf("%v: %s", err, text)
		}
	}
}

func TestQuick(t *testing.T) {
	j := newJob(t, throughputName, "--quick", "--duration=3s")
	if len(j.Rows) != 2 || j.Initial != 500*time.Millisecond || j.Duration != 3*time.Second {
		t.Errorf("%+v", j.Options)
	}
	if c := j.search(&j.Rows[0].Profile, 1e6, nil); c.Min != 1e4 || len(c.Goals) != 2 || c.Goals[1].LossRatio != 0.005 || c.Width != 0.005 {
		t.Errorf("%+v", c)
	}
	// So slow that a hundredth would be too few frames to lose one.
	if c := j.search(&j.Rows[0].Profile, 5000, nil); c.Min != 2500 {
		t.Errorf("%+v", c)
	}
	if c := newJob(t, latencyName).search(&j.Rows[0].Profile, 1e6, nil); len(c.Goals) != 1 {
		t.Errorf("%+v", c)
	}
}

// TestProfiles: sizes are with CRC, lengths and bits without.
func TestProfiles(t *testing.T) {
	j := newJob(t, lossName, "--sizes=64,1518,imix", "--max-rate=12Mbps")
	if got := []string{j.Rows[0].Lengths, j.Rows[1].Lengths, j.Rows[2].Lengths}; strings.Join(got, " ") != "60 1514 imix" {
		t.Errorf("%v", got)
	}
	if got := j.Rows[0].frames(j.MaxRate); got != 25000 {
		t.Errorf("12 Mbit/s are %v frames of 64 bytes a second", got)
	}
	bps, wire := j.Rows[0].bits(14880952)
	if wire < 9.9999e9 || wire > 10.0001e9 || bps >= wire {
		t.Errorf("10G Ethernet's line rate is %v of %v bits", bps, wire)
	}
	if m := j.Rows[2].Mean; m < 357.8 || m > 357.9 {
		t.Errorf("imix is %v bytes on average", m)
	}
}

func TestProgress(t *testing.T) {
	var b bytes.Buffer
	p := progress{w: &b, doing: func(string, float64, time.Duration) {}}
	p.row(&Row{Profile: imix}, 2*time.Minute)
	p.trial("NDR", 25000, time.Second, 30*time.Second)
	p.done(&trial.Trial{Kind: search.Valid, Seconds: 1, Load: 25000, Sent: 25000, Lost: 3})
	p.done(&trial.Trial{Kind: search.Invalid, Seconds: 1, Load: 25000, Why: []string{"busy", "late"}})
	want := "imix NDR      25.000 Kpps   1.0 s: lost 3 of 25000 (2 min 29 s left)\n" +
		"imix NDR      25.000 Kpps   1.0 s: invalid: busy; late (2 min 29 s left)\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
