package harness

import (
	"encoding/json"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/suite"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// suiteReport runs a suite as somebody would who starts it.
func suiteReport(t *testing.T, args ...string) *suite.Report {
	t.Helper()
	h := command(t, append(args, "--json", "--settle=200ms")...)
	h.start()
	return reportOf(t, h)
}

func reportOf(t *testing.T, h *hwtest) *suite.Report {
	t.Helper()
	out, status := h.end()
	var rep suite.Report
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, h.stderr.String())
	}
	if rep.ExitStatus != status {
		t.Errorf("status %d, in the report %d", status, rep.ExitStatus)
	}
	if strings.Contains(out, "null") {
		t.Errorf("a list is null: %s", out)
	}
	t.Logf("%s", h.stderr.String())
	return &rep
}

// once more runs f until it says that the machine was not too busy, five times
// at most: what a suite calls invalid is no fault of the suite.
func unlessBusy(t *testing.T, f func() (busy bool)) {
	t.Helper()
	for range 5 {
		if !f() {
			return
		}
	}
	t.Error("five times the trials were invalid")
}

// busy tells whether the tester was at fault.
func busy(rep *suite.Report) bool {
	for _, row := range rep.Rows {
		if row.Verdict == results.Invalid || row.Verdict == results.Unfinished {
			return true
		}
	}
	return false
}

// TestThroughput finds the rate of a token bucket, in a search too short and
// coarse to be good for more.
func TestThroughput(t *testing.T) {
	testnet.NS(t)
	const rate = 1e6 / 8 / 1514
	unlessBusy(t, func() bool {
		rep := suiteReport(t, "throughput", "--tbf=1Mbps", "--sizes=1518", "--max-rate=160", "--min-rate=40",
			"--duration=1s", "--initial=1s", "--width=4", "--confirm=2", "--pdr=10", "--rate-tolerance=3")
		row := rep.Rows[0]
		if busy(rep) {
			return true
		}
		if row.Verdict != results.Passed || rep.ExitStatus != cli.ExitOK || rep.Environment.Kind != "veth-dut" || row.Lengths != "1514" {
			t.Errorf("%+v: %s", row.Verdict, row.Sentence)
		}
		for _, g := range row.Search.Goals {
			// The bucket and its queue hold four frames: 5 % of a second's.
			if g.Verdict != search.Found || g.Throughput < 0.9*rate || g.Throughput > 1.1*rate {
				t.Errorf("%s: %+v, want %.1f", g.Name, g, rate)
			}
		}
		dropped := uint64(0)
		for _, tr := range row.Trials {
			if len(tr.Before) != 4 || len(tr.Pktgen) != 1 || len(tr.Rcv) != 1 || tr.Sent != tr.Pktgen[0].Packets {
				t.Errorf("a trial without its raw results: %+v", tr)
			}
			for _, d := range tr.Drops {
				if d.Role != testbed.HopOut || d.By != "tbf" {
					t.Errorf("trial %d: %+v", tr.Number, d)
				}
				dropped += d.Frames
			}
		}
		if dropped == 0 {
			t.Error("the bucket dropped nothing")
		}
		return false
	})
}

// TestNoNDR has a device that loses one frame in a hundred at any rate.
func TestNoNDR(t *testing.T) {
	testnet.NS(t)
	unlessBusy(t, func() bool {
		rep := suiteReport(t, "throughput", "--dut=forward", "--lose=100", "--sizes=64", "--max-rate=500", "--min-rate=400",
			"--duration=500ms", "--initial=500ms", "--pdr=3", "--stall=1s", "--rate-tolerance=30")
		row := rep.Rows[0]
		last := row.Trials[len(row.Trials)-1].After
		in, out := last[1].RxPackets, last[2].TxPackets
		if last[1].Role != testbed.HopIn || in == 0 || in-out != in/100 {
			t.Errorf("of %d frames %d came through: not one in a hundred is lost", in, out)
		}
		if busy(rep) {
			return true
		}
		ndr, pdr := row.Search.Goals[0], row.Search.Goals[1]
		if ndr.Verdict != search.None || ndr.Lower != 0 || pdr.Verdict != search.AtLeast || pdr.Lower != 500 {
			t.Errorf("%+v", row.Search.Goals)
		}
		if row.Verdict != results.None || rep.ExitStatus != cli.ExitShort || !strings.Contains(row.Sentence, "no NDR") {
			t.Errorf("%s: %s, status %d", row.Verdict, row.Sentence, rep.ExitStatus)
		}
		return false
	})
}

// TestGeneratorLimited has the bucket on the sender's own device.
func TestGeneratorLimited(t *testing.T) {
	testnet.NS(t)
	unlessBusy(t, func() bool {
		rep := suiteReport(t, "throughput", "--own-tbf=1Mbps", "--sizes=1518", "--max-rate=400", "--min-rate=40", "--duration=1s", "--initial=1s", "--rate-tolerance=3")
		if busy(rep) {
			return true
		}
		row := rep.Rows[0]
		if row.Verdict != results.Limited || rep.ExitStatus != cli.ExitShort || !strings.Contains(row.Sentence, "its own device took no more") {
			t.Errorf("%s: %s, status %d", row.Verdict, row.Sentence, rep.ExitStatus)
		}
		return false
	})
}

// TestLoss measures what a bucket of half the rate loses.
func TestLoss(t *testing.T) {
	testnet.NS(t)
	unlessBusy(t, func() bool {
		rep := suiteReport(t, "loss", "--tbf=1Mbps", "--sizes=1518", "--max-rate=2Mbps", "--duration=1s", "--rate-tolerance=3")
		if busy(rep) {
			return true
		}
		points := rep.Rows[0].Loss
		if rep.ExitStatus != cli.ExitOK || len(points) < 6 || len(points) > 9 {
			t.Fatalf("status %d, points %+v", rep.ExitStatus, points)
		}
		if p := points[0]; p.Share != 1 || math.Abs(p.LossRatio-0.5) > 0.06 {
			t.Errorf("at the highest rate: %+v", p)
		}
		for i, p := range points {
			if (p.Lost == 0) != (i >= len(points)-2) {
				t.Errorf("point %d: %+v", i, p)
			}
		}
		return false
	})
}

// TestLatency measures delays at shares of a rate.
func TestLatency(t *testing.T) {
	testnet.NS(t)
	unlessBusy(t, func() bool {
		rep := suiteReport(t, "latency", "--sizes=64", "--max-rate=200", "--duration=500ms", "--rate-tolerance=20")
		if busy(rep) {
			return true
		}
		row := rep.Rows[0]
		if row.Verdict != results.Passed || len(row.Latency) != 3 {
			t.Fatalf("%s: %s", row.Verdict, row.Sentence)
		}
		for i, want := range []float64{20, 100, 180} {
			p := row.Latency[i]
			if p.Load != want || p.Delay == nil || p.Delay.Count == 0 || p.Delay.MinNS <= 0 || p.Delay.MaxNS < p.Delay.P50NS {
				t.Errorf("%+v", p)
			}
		}
		return false
	})
}

// TestSuiteInUserNS needs no rights.
func TestSuiteInUserNS(t *testing.T) {
	needUserNS(t)
	unlessBusy(t, func() bool {
		h := command(t, "throughput", "--env=veth", "--sizes=64,imix", "--max-rate=100", "--duration=300ms", "--initial=300ms", "--json", "--settle=200ms", "--rate-tolerance=10")
		h.asNobody()
		h.start()
		rep := reportOf(t, h)
		if busy(rep) {
			return true
		}
		if rep.ExitStatus != cli.ExitOK || len(rep.Rows) != 2 || rep.Rows[1].Search.Goals[0].Verdict != search.AtLeast {
			t.Errorf("%+v", rep)
		}
		return false
	})
}

// TestSuiteInterrupted ends a search by ^C: there is a report of what there is.
func TestSuiteInterrupted(t *testing.T) {
	testnet.NS(t)
	h := command(t, "throughput", "--env=veth", "--sizes=64,128", "--max-rate=100", "--duration=20s", "--initial=20s", "--json")
	h.start()
	h.pid("pktgen")
	began := time.Now()
	h.Process.Signal(syscall.SIGINT)
	rep := reportOf(t, h)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it ended %v after the signal", took)
	}
	if !rep.Interrupted || rep.ExitStatus != cli.ExitFailed || len(rep.Rows) != 2 || rep.Rows[0].Verdict != results.Unfinished ||
		rep.Rows[1].Sentence != "not begun" || !strings.Contains(h.stderr.String(), "Interrupted.") {
		t.Errorf("%+v\n%s", rep, h.stderr.String())
	}
}

// TestSuitePlans runs nothing.
func TestSuitePlans(t *testing.T) {
	for args, want := range map[string]string{
		"throughput --list --sizes=64,imix":         "64\nimix\n",
		"throughput --dry-run --sizes=64":           "about 8 × 10 s: full length, bounds to the width",
		"throughput --dry-run --quick":              "1518: frames of 1514 bytes without CRC",
		"loss --dry-run --sizes=64 --max-rate=1000": "10 × 10 s: from the highest rate down by tenths",
	} {
		if stdout, stderr, status := run(strings.Fields(args)...); status != cli.ExitOK || !strings.Contains(stdout, want) || stderr != "" {
			t.Errorf("%s: status %d, prints %q, %q", args, status, stdout, stderr)
		}
	}
	for args, want := range map[string]string{
		"throughput --sizes=63":                   "neither imix nor a size from 64 to 1518",
		"throughput --sizes=64,64":                "there twice",
		"throughput --env=veth --tbf=1Mbps":       "--env veth has no device",
		"throughput --lose=5":                     "--lose needs --dut forward",
		"throughput --tbf=100":                    "a token bucket counts bits",
		"throughput --env=vm":                     "--env vm: say which ports",
		"loss --env=x":                            "none of veth-dut, veth, local, ssh and vm",
		"latency --ports=va":                      "not two ports",
		"throughput --dut=x":                      "neither bridge nor forward",
		"throughput --duration=0":                 "--duration: 0s is not from",
		"throughput --width=50":                   "--width: 50 is not from",
		"throughput --confirm=0":                  "--confirm",
		"throughput --max-rate=50%":               "no line rate",
		"throughput x":                            `"x" is neither`,
		"loss --pdr=1":                            "unknown flag: --pdr",
		"forward packet:a":                        "takes two ports",
		"throughput --settle=10ms --duration=10s": "--settle: 10ms is not from",
	} {
		if stdout, stderr, status := run(strings.Fields(args)...); status != cli.ExitUsage || !strings.Contains(stderr, want) || stdout != "" {
			t.Errorf("%s: status %d, prints %q, %q", args, status, stdout, stderr)
		}
	}
}

// TestForward runs over the hop that hw-test starts by its own name, which
// loses nothing.
func TestForward(t *testing.T) {
	testnet.NS(t)
	unlessBusy(t, func() bool {
		rep := suiteReport(t, "loss", "--dut=forward", "--sizes=64", "--max-rate=200", "--duration=0.3s")
		if busy(rep) {
			return true
		}
		if row := rep.Rows[0]; row.Verdict != results.Passed || rep.ExitStatus != cli.ExitOK || len(row.Loss) != 2 {
			t.Errorf("%s: %s", row.Verdict, row.Sentence)
		}
		return false
	})
}

// TestLatencyOfLoss: delays of what is left are no result where a third is lost.
func TestLatencyOfLoss(t *testing.T) {
	testnet.NS(t)
	unlessBusy(t, func() bool {
		rep := suiteReport(t, "latency", "--tbf=1Mbps", "--sizes=1518", "--max-rate=160", "--duration=1s", "--rate-tolerance=3")
		if busy(rep) {
			return true
		}
		row := rep.Rows[0]
		if row.Verdict != results.Failed || rep.ExitStatus != cli.ExitFailed || !strings.Contains(row.Sentence, "% are lost") ||
			!strings.Contains(row.Sentence, "in shares of 160.000 pps, --max-rate: at 10 % (16.000 pps) p50") {
			t.Errorf("%s: %s", row.Verdict, row.Sentence)
		}
		return false
	})
}
