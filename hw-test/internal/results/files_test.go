package results

import (
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/machine"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

// session has a case of every verdict.
func session() *Session {
	return &Session{
		Format: Format, Tool: "hw-test", Command: []string{"throughput"},
		Start: time.Date(2026, 11, 27, 21, 13, 0, 5e8, time.FixedZone("CET", 3600)), Seconds: 93.5,
		Host:  machine.Host{OS: "linux", Arch: "amd64", Kernel: "6.1.0", CPU: "A CPU", CPUs: 2},
		Build: Build{Version: "v1.2.3", Go: "go1.26", Revision: "abc"},
		Suites: []*Suite{
			{
				Name: "throughput", Environment: testbed.Description{Kind: "veth-dut", What: "a hop between two veth pairs"}, Seconds: 61.25,
				Cases: []*Case{
					{Name: "64", Verdict: Passed, Sentence: "NDR 812.743 Kpps", Seconds: 30.0004, Figures: []Figure{
						{"NDR", 812743.25, "pps", Higher}, {"pktgen CPU", 84.5, "ns/packet", Lower}, {"threads", 1, "", Neither},
					}},
					{Name: "imix", Verdict: None, Sentence: "loses at every rate", Seconds: 10, Figures: []Figure{{"PDR", 1e21, "pps", Higher}}},
					{Name: "1518", Verdict: Limited, Sentence: "the device refused frames"},
				},
			},
			{
				Name: "self", Seconds: 2, Start: time.Date(2026, 11, 27, 21, 14, 2, 0, time.FixedZone("CET", 3600)),
				Cases: []*Case{
					{Name: "veth", Verdict: Failed, Sentence: `lost 3 of 10 <"frames">`},
					{Name: "vale", Verdict: Skipped, Sentence: "no /dev/netmap"},
					{Name: "udp", Verdict: Invalid, Sentence: "counters\x00 disagree\xff\ntwice"},
					{Name: "a, \"b\"", Verdict: Unfinished, Sentence: "not begun"},
				},
			},
			{Name: "empty"},
		},
	}
}

func TestCSV(t *testing.T) {
	var b strings.Builder
	if err := CSV(&b, session()); err != nil {
		t.Fatal(err)
	}
	const want = `suite,case,verdict,figure,value,unit,better
throughput,64,passed,NDR,812743.25,pps,higher
throughput,64,passed,pktgen CPU,84.5,ns/packet,lower
throughput,64,passed,threads,1,,
throughput,imix,no throughput,PDR,1000000000000000000000,pps,higher
throughput,1518,generator-limited,,,,
self,veth,failed,,,,
self,vale,skipped,,,,
self,udp,invalid,,,,
self,"a, ""b""",unfinished,,,,
`
	if b.String() != want {
		t.Errorf("CSV is\n%s\nwant\n%s", b.String(), want)
	}
	if lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll(); err != nil || len(lines) != 10 {
		t.Errorf("read back: %d lines, %v; want 10", len(lines), err)
	}
}

func TestJUnit(t *testing.T) {
	var b strings.Builder
	if err := JUnit(&b, session()); err != nil {
		t.Fatal(err)
	}
	const properties = `    <properties>
      <property name="version" value="v1.2.3"></property>
      <property name="revision" value="abc"></property>
      <property name="go" value="go1.26"></property>
      <property name="os" value="linux"></property>
      <property name="arch" value="amd64"></property>
      <property name="kernel" value="6.1.0"></property>
      <property name="cpu" value="A CPU"></property>
`
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="hw-test" tests="7" failures="2" errors="3" time="93.500">
  <testsuite name="throughput" tests="3" failures="1" errors="1" skipped="0" time="61.250" timestamp="2026-11-27T20:13:00">
` + properties + `      <property name="environment" value="a hop between two veth pairs"></property>
    </properties>
    <testcase classname="hw-test.throughput" name="64" time="30.000">
      <system-out>NDR: 812743.25 pps&#xA;pktgen CPU: 84.5 ns/packet&#xA;threads: 1&#xA;</system-out>
    </testcase>
    <testcase classname="hw-test.throughput" name="imix" time="10.000">
      <failure type="no throughput" message="loses at every rate">loses at every rate</failure>
      <system-out>PDR: 1000000000000000000000 pps&#xA;</system-out>
    </testcase>
    <testcase classname="hw-test.throughput" name="1518" time="0.000">
      <error type="generator-limited" message="the device refused frames">the device refused frames</error>
    </testcase>
  </testsuite>
  <testsuite name="self" tests="4" failures="1" errors="2" skipped="1" time="2.000" timestamp="2026-11-27T20:14:02">
` + properties + `    </properties>
    <testcase classname="hw-test.self" name="veth" time="0.000">
      <failure type="failed" message="lost 3 of 10 &lt;&#34;frames&#34;&gt;">lost 3 of 10 &lt;&#34;frames&#34;&gt;</failure>
    </testcase>
    <testcase classname="hw-test.self" name="vale" time="0.000">
      <skipped type="skipped" message="no /dev/netmap">no /dev/netmap</skipped>
    </testcase>
    <testcase classname="hw-test.self" name="udp" time="0.000">
      <error type="invalid" message="counters` + "\ufffd disagree\ufffd" + `&#xA;twice">counters` + "\ufffd disagree\ufffd" + `&#xA;twice</error>
    </testcase>
    <testcase classname="hw-test.self" name="a, &#34;b&#34;" time="0.000">
      <error type="unfinished" message="not begun">not begun</error>
    </testcase>
  </testsuite>
  <testsuite name="empty" tests="0" failures="0" errors="0" skipped="0" time="0.000" timestamp="2026-11-27T20:13:00">
` + properties + `    </properties>
  </testsuite>
</testsuites>
`
	if b.String() != want {
		t.Errorf("JUnit XML is\n%s\nwant\n%s", b.String(), want)
	}
}

// TestJUnitPreflight: a run that the preflight stopped is not a success of no
// tests; one that went on all the same is judged by its cases.
func TestJUnitPreflight(t *testing.T) {
	s := &Session{Preflight: &preflight.Report{Checks: []preflight.Check{{Name: "pause", Port: "eth1", Verdict: preflight.Fail}}}}
	for forced, want := range map[bool]junitFile{
		false: {Tests: 1, Errors: 1, Suites: []junitSuite{{Cases: []junitCase{{Name: "preflight", Error: &junitResult{
			Type: "invalid", Message: "the preflight fails: eth1 pause", Text: "the preflight fails: eth1 pause",
		}}}}}},
		true: {},
	} {
		s.Forced = forced
		got := readJUnit(t, s)
		if got.Tests != want.Tests || got.Errors != want.Errors || len(got.Suites) != len(want.Suites) {
			t.Errorf("forced %v: %d tests, %d errors in %d suites, want %d, %d in %d", forced,
				got.Tests, got.Errors, len(got.Suites), want.Tests, want.Errors, len(want.Suites))
			continue
		}
		for i := range want.Suites {
			if e := got.Suites[i].Cases[0].Error; e == nil || *e != *want.Suites[i].Cases[0].Error {
				t.Errorf("forced %v: the error is %+v, want %+v", forced, e, want.Suites[i].Cases[0].Error)
			}
		}
	}
}

// TestJUnitLacks: a system that lacks what it takes is no error.
func TestJUnitLacks(t *testing.T) {
	s := &Session{Preflight: &preflight.Report{Checks: []preflight.Check{{Name: "netmap", Port: "eth1", Verdict: preflight.Fail, Lacks: true}}}}
	if got := readJUnit(t, s); got.Tests != 1 || got.Errors != 0 || got.Suites[0].Skipped != 1 {
		t.Errorf("%+v", got)
	}
}

// readJUnit writes s and reads it back as a strict reader does.
func readJUnit(t *testing.T, s *Session) (f junitFile) {
	t.Helper()
	var b strings.Builder
	if err := JUnit(&b, s); err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal([]byte(b.String()), &f); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	return f
}

// TestJUnitHostile: no character and no number makes XML that cannot be read.
func TestJUnitHostile(t *testing.T) {
	var hostile strings.Builder
	for r := rune(0); r < 0x120; r++ {
		hostile.WriteRune(r)
	}
	h := hostile.String() + "]]>\xc3(\ufffe\uffff\U0010ffff"
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, math.MaxFloat64} {
		f := readJUnit(t, &Session{Seconds: v, Suites: []*Suite{{Name: h, Seconds: v, Cases: []*Case{
			{Name: h, Verdict: Verdict(h), Sentence: h, Seconds: v, Figures: []Figure{{h, v, h, Better(h)}}},
		}}}})
		if len(f.Suites) != 1 || f.Suites[0].Errors != 1 || !strings.Contains(f.Suites[0].Cases[0].Error.Message, "]]>") {
			t.Errorf("read back as %+v", f)
		}
		if v != math.MaxFloat64 && f.Time != "0.000" {
			t.Errorf("%v s are %q", v, f.Time)
		}
	}
}

type broken struct{}

var errBroken = errors.New("no space left")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteErrors(t *testing.T) {
	for name, write := range map[string]func(io.Writer, *Session) error{"CSV": CSV, "JUnit": JUnit} {
		if err := write(broken{}, session()); !errors.Is(err, errBroken) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s on a full disk: %v", name, err)
		}
	}
}
