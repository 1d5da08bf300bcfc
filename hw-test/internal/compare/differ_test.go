package compare

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// What differs comes before the figures; what most runs have is what counts, and
// what varies within a group is told as well.
func TestDifferences(t *testing.T) {
	a := tens(t, 1e6, 200, func(i int, s *results.Session) {
		if i < 3 {
			s.Preflight.Checks[0].Found, s.Preflight.Checks[0].Verdict = "powersave", preflight.Warn
		}
		s.Preflight.Checks = append(s.Preflight.Checks, preflight.Check{Name: "memory", Verdict: preflight.Pass, Found: fmt.Sprint(i), Varies: true})
	})
	b := tens(t, 1e6, 200, func(i int, s *results.Session) {
		s.Preflight.Checks[0].Found = "schedutil"
		s.Preflight.Checks = append(s.Preflight.Checks, preflight.Check{Name: "memory", Verdict: preflight.Warn, Found: fmt.Sprint(i), Varies: true},
			preflight.Check{Name: "pause", Port: "eth1", Verdict: preflight.Pass})
		s.Build.Revision, s.Build.Modules["x/z"] = "def", "v2"
		s.Interrupted = i == 4
		s.Command = []string{"throughput", "--results=elsewhere", "--quick"}
		if i == 0 {
			s.Host.Kernel, s.Preflight.Kernel, s.Build.Version = "6.2", "6.2", ""
		}
	})
	_, out, err := play(t, a, b)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"varies within A: preflight governor: pass: performance in 7 of 10 runs, else warn: powersave",
		"varies within B: kernel: 6.1 in 9 of 10 runs, else 6.2",
		"varies within B: build: v1 in 9 of 10 runs, else nothing",
		"B against A differs also in:",
		"preflight governor: pass: performance -> pass: schedutil",
		"preflight memory: pass -> warn",
		"preflight eth1 pause: not there -> pass",
		"revision: abc -> def",
		"command of throughput: throughput -> throughput --quick",
		"module x/z: nothing -> v2",
		"Note: 1 of 10 runs of B were interrupted",
		"throughput 64 NDR",
	}
	rest := out
	for _, w := range want {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("%q is not there, or not in this order:\n%s", w, out)
			continue
		}
		rest = after
	}
	for _, not := range []string{"kernel: 6.1 ->", "elsewhere", "x/y", "system:", "preflight kernel"} {
		if strings.Contains(out, not) {
			t.Errorf("%q is there:\n%s", not, out)
		}
	}
	_, out, _ = play(t, a, tens(t, 1e6, 200, func(_ int, s *results.Session) { s.Preflight = nil }))
	if !strings.Contains(out, "preflight: looked -> not looked") {
		t.Error(out)
	}
}

// Figures that were measured in another way are not compared unless told to.
func TestUnfair(t *testing.T) {
	a := tens(t, 1e6, 200, nil)
	longer := func(_ int, s *results.Session) { s.Suites[0].Settings.(map[string]any)["final_seconds"] = 60 }
	for _, c := range []struct {
		b    string
		says string
	}{
		{tens(t, 1e6, 200, longer), "(throughput final_seconds is 10 in A and 60 in B): --force compares them all the same"},
		{tens(t, 1e6, 200, func(i int, s *results.Session) {
			if i == 9 {
				longer(i, s)
			}
		}), "(throughput final_seconds is 10 in one run of B and 60 in another)"},
		{tens(t, 1e6, 200, func(_ int, s *results.Session) { s.Suites[0].Environment.What = "a bridge" }), "throughput environment is a veth pair in A and a bridge in B"},
		{tens(t, 1e6, 200, func(_ int, s *results.Session) {
			s.Suites[0].Settings = map[string]any{"final_seconds": 1, "search": map[string]any{"width": 1}}
			s.Suites[0].Environment.What = "x"
		}), "throughput search width is 0.005 in A and 1 in B"},
	} {
		status, out, err := play(t, a, c.b)
		if status != cli.ExitUsage || out != "" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("status %d, %v, want %q", status, err, c.says)
		}
		if status, _, err := play(t, "--force", a, c.b); status != cli.ExitOK {
			t.Errorf("with --force: status %d, %v", status, err)
		}
	}
	_, out, _ := play(t, "--force", a, tens(t, 1e6, 200, longer))
	if !strings.Contains(out, "throughput final_seconds: 10 -> 60 (measured in another way)") {
		t.Error(out)
	}
	// A setting that only one of two builds knows is told, and no more.
	status, out, err := play(t, a, tens(t, 1e6, 200, func(_ int, s *results.Session) { s.Suites[0].Settings.(map[string]any)["news"] = true }))
	if status != cli.ExitOK || !strings.Contains(out, "throughput news: nothing -> true\n") {
		t.Errorf("status %d, %v\n%s", status, err, out)
	}
}
