package page

import (
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/ringwalk/ringwalk/hw-test/internal/machine"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

var look = flag.String("look", "", "write the example's report to this file, to be looked at in a browser")

// render writes the report on s and holds what every report keeps: it is well
// formed, has no script, and reaches for nothing outside of its directory.
func render(t testing.TB, s *results.Session) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	wellFormed(t, b.String())
	doc, err := html.Parse(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for n := range doc.Descendants() {
		if n.Type == html.ElementNode && (n.Data == "script" || n.Data == "link" || n.Data == "iframe" || n.Data == "img" || n.Data == "foreignObject") {
			t.Errorf("the page has a <%s>", n.Data)
		}
		for _, a := range n.Attr {
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "src", a.Key == "xlink:href":
				t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			case a.Key == "href" && !strings.HasPrefix(a.Val, "./") && !strings.HasPrefix(a.Val, "#suite-"):
				t.Errorf("a link leads to %q", a.Val)
			case a.Key == "id" && ids[a.Val]:
				t.Errorf("the id %q is twice", a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "style" && strings.Contains(a.Val, "#0"):
				t.Errorf("a colour has no name: %s", a.Val)
			case a.Key != "href" && strings.Contains(a.Val, "NaN"):
				t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
			}
		}
	}
	return b.String()
}

// wellFormed finds elements that are not closed, which browsers close for one
// somewhere.
func wellFormed(t testing.TB, page string) {
	t.Helper()
	void := map[string]bool{"meta": true}
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			if err := z.Err(); !errors.Is(err, io.EOF) || len(open) > 0 {
				t.Errorf("the page ends in %v: %v", open, err)
			}
			return
		case html.StartTagToken:
			if name, _ := z.TagName(); !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Errorf("</%s> in %v", name, open)
				return
			}
			open = open[:len(open)-1]
		}
	}
}

// words is the page's text, as it is read.
func words(t testing.TB, page string) string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "style" {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestExample(t *testing.T) {
	s := example()
	page := render(t, s)
	if strings.Contains(page, "http:") || strings.Contains(page, "https:") {
		t.Error("the page refers to the network")
	}
	text := words(t, page)
	for _, suite := range s.Suites {
		for _, c := range suite.Cases {
			for _, want := range []string{c.Name, string(c.Verdict), c.Sentence} {
				if !strings.Contains(text, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
		}
	}
	for _, want := range []string{
		"3 suites: 10 of 16 cases passed; failed: self/udp, loopback", "7 of 8 cases passed; generator-limited: 64",
		"2026-11-27 20:13:00 UTC, took 30m43s", "16 × Intel(R) Xeon(R) Gold 6326 CPU @ 2.90GHz", "netmap 14 (2024-11)", "from a changed tree",
		`hw-test all --lab lab.yaml --sizes 64,128,256,512,1024,1280,1518,imix --note 'before the driver'\''s update'`,
		"overruled by --force", "1 fail, 2 warn, 3 pass, 2 skipped", "ethtool -A eth1 autoneg off rx off tx off", "changed: eth1 offload rx-gro: off, was on",
		"isolcpus=2-7", "gonum.org/v1/plot v0.17.0", "go1.26.8", "1.173 Mpps", "9.800 Gbit/s", "36.52 ns/packet",
		"a hop between two veth pairs", "both ends of the tester share one NUMA node", "the bridge was restarted once", "pdr_loss_ratio", "eth2 was renamed",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, want := range []string{`href="./suites/throughput.json"`, `href="./trials/latency-0003.json"`, `href="./lab.yaml"`, `href="#suite-3"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if fail, warn := strings.Index(text, "pause eth1"), strings.Index(text, "rings eth1"); fail < 0 || fail > warn {
		t.Errorf("the check that fails is at %d, one that warns at %d", fail, warn)
	}
	for _, want := range []string{"64: loss against rate", "64: delay percentiles"} { // whose case it is, once
		if !strings.Contains(page, "<figcaption>"+want+"</figcaption>") {
			t.Errorf("no picture has the title %q", want)
		}
	}
	if n := strings.Count(page, "<svg "); n != 12 {
		t.Errorf("%d pictures, want 12", n)
	}
	if *look != "" {
		if err := os.WriteFile(*look, []byte(page), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// Of several hosts each has its kernel in a line of its own, and this one is
// the controller.
func TestHostsKernels(t *testing.T) {
	s := example()
	s.Hosts = []results.RemoteHost{{Name: "root@gen"}, {Name: "root@sink"}}
	s.Preflight = preflight.Join([]string{"root@gen", "root@sink"}, map[string]*preflight.Report{
		"root@gen": {Kernel: "6.1", CommandLine: `quiet dyndbg="file a +p; file b +p"`}, "root@sink": {Kernel: "6.2"},
	})
	page := render(t, s)
	for _, want := range []string{
		"<dt>controller</dt><dd>16 × Intel", "<dt>kernel of the controller</dt><dd>linux 6.12.8-lab amd64</dd>",
		"<dt>kernel of root@gen</dt><dd>6.1: <code>quiet dyndbg=&#34;file a &#43;p; file b &#43;p&#34;</code></dd>", "<dt>kernel of root@sink</dt><dd>6.2</dd>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in the page", want)
		}
	}
	if strings.Contains(page, "<dt>where</dt>") || strings.Contains(page, "its command line") {
		t.Error("the page says it as of one host")
	}
	if page = render(t, example()); !strings.Contains(page, "<dt>where</dt>") || !strings.Contains(page, "<dt>its command line</dt><dd><code>BOOT_IMAGE") {
		t.Error("of one host it does not say where, or the command line")
	}
}

// TestSigns: verdicts can be told apart without colours.
func TestSigns(t *testing.T) {
	seen := map[string]results.Verdict{}
	for _, v := range results.Order {
		sign := markOf(v).Sign
		if other, twice := seen[sign]; twice || sign == "" {
			t.Errorf("%s has the sign %q, and so has %s", v, sign, other)
		}
		seen[sign] = v
	}
}

func TestEmpty(t *testing.T) {
	text := words(t, render(t, &results.Session{}))
	for _, want := range []string{"no suite was run", "The host was not looked at before"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page of nothing lacks %q: %s", want, text)
		}
	}
	stopped := &results.Session{Preflight: &preflight.Report{Checks: []preflight.Check{{Name: "link", Port: "eth1", Verdict: preflight.Fail}}}}
	if text := words(t, render(t, stopped)); !strings.Contains(text, "not run: the preflight fails: eth1 link") {
		t.Errorf("the page of a stopped run says %s", text)
	}
	render(t, &results.Session{Suites: []*results.Suite{{}}})
	render(t, &results.Session{Suites: []*results.Suite{{Cases: []*results.Case{{}}, Plots: []results.Plot{{}}}}})
}

// TestHuge: a page of 300 cases folds its pictures, and figures of 20 names
// are listed.
func TestHuge(t *testing.T) {
	suite := &results.Suite{Name: "throughput"}
	plot := throughput().Cases[0].Plots[0]
	for i := range 300 {
		c := &results.Case{Name: "case", Verdict: results.Failed, Sentence: "lost"}
		if i%10 == 0 {
			c.Plots = []results.Plot{plot}
		}
		for i := range 20 {
			c.Figures = append(c.Figures, results.Figure{Name: strings.Repeat("f", i+1), Value: float64(i)})
		}
		suite.Cases = append(suite.Cases, c)
	}
	page := render(t, &results.Session{Suites: []*results.Suite{suite}})
	if text := words(t, page); !strings.Contains(text, "throughput: 0 of 300 cases passed; failed: case, case, case, case and 296 more") ||
		!strings.Contains(text, "30 plots of the cases") {
		t.Errorf("the page begins %.300s", text)
	}
	if len(page) > 1<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
}

// hostile is a session with s wherever a text may be, and v wherever a number.
func hostile(s string, v float64) *results.Session {
	plots := []results.Plot{
		{Title: s, X: s, Y: s, Series: []results.Series{
			{Name: s, Style: results.Line, X: []float64{1, v, 3}, Y: []float64{v, 2, v}}, {Name: s, Style: results.Style(s), X: []float64{v}, Y: []float64{4}},
			{Name: s, Style: results.Reference, X: []float64{v}, Y: []float64{v}},
		}},
		{Title: s, LogX: true, LogY: true, Series: []results.Series{{Name: s, X: []float64{1, v}, Y: []float64{v, 1}, Labels: []string{s, s, s}}}},
	}
	return &results.Session{
		Tool: s, Command: []string{s, s}, Seconds: v, Interrupted: true, Notes: []string{s}, ExitStatus: -1,
		Host:  machine.Host{OS: s, Arch: s, Kernel: s, CPU: s, CPUs: -1, Netmap: s, UserNS: true},
		Build: results.Build{Version: s, Go: s, Revision: s, Time: s, Modules: map[string]string{s: s}},
		Preflight: &preflight.Report{
			Kernel: s, CommandLine: s, Kernels: []preflight.Kernel{{Host: s, Release: s, CommandLine: s}}, Ports: []preflight.Port{{Spec: s, Interface: s}},
			Checks: []preflight.Check{
				{Name: s, Port: s, Verdict: preflight.Fail, Found: s, Want: s, Why: s, Do: []string{s}},
				{Name: s, Verdict: preflight.Verdict(s)}, {Name: s, Verdict: preflight.Pass, Found: s}, {Name: s, Verdict: preflight.Skipped, Why: s},
			},
			Fixed: []preflight.Setting{{What: s, Name: s, Port: s, Was: s, Set: s}}, Notes: []string{s},
		},
		Suites: []*results.Suite{
			{
				Name: s, Environment: testbed.Description{Kind: s, What: s, Limits: []string{s}}, Settings: map[string]any{s: v}, Seconds: v, Notes: []string{s}, Plots: plots,
				Cases: []*results.Case{{
					Name: s, Verdict: results.Verdict(s), Sentence: s, Seconds: v, Plots: plots, Trials: []string{s, "../" + s, "/" + s, "trials/" + s, "javascript:" + s},
					Figures: []results.Figure{{Name: s, Value: v, Unit: s, Better: results.Better(s)}, {Name: "rate", Value: v, Unit: "pps"}},
				}},
			},
			{Name: s, Cases: []*results.Case{{Name: s, Verdict: results.Passed}}},
		},
	}
}

var (
	hostileTexts = []string{
		"", `<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `javascript:alert(1)`, `//evil.example/x`, `</style><b>`, `</svg></title>`,
		`style="fill:#010000;font-family:Liberation Sans"`, "{{.}}", "a\x00b\x1b[31m\xff\xfe", "\u202e\u2028\ufffe", "line\nline", "-->", "]]>", "../../etc/passwd", "&lt;&#34;", strings.Repeat("long ", 500), strings.Repeat("x", 5000),
	}
	hostileNumbers = []float64{0, 1, -1, 0.1, 1e-320, 1e-30, -1e15, 123456.789, 1e30, 1e300, -1e300, math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1)}
)

func TestHostile(t *testing.T) {
	for i, s := range hostileTexts {
		page := render(t, hostile(s, hostileNumbers[i%len(hostileNumbers)]))
		if bare := strings.TrimSpace(s); len(bare) > 2 && strings.ContainsAny(bare, `<>"`) && strings.Contains(page, bare) {
			t.Errorf("%q is in the page as it is", s)
		}
	}
	for i, v := range hostileNumbers {
		render(t, hostile(hostileTexts[i%len(hostileTexts)], v))
	}
}

type broken struct{}

var errBroken = errors.New("no space left")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteError(t *testing.T) {
	if err := Write(broken{}, example()); !errors.Is(err, errBroken) {
		t.Errorf("on a full disk: %v", err)
	}
}
