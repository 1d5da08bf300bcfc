package harness

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// quick are flags of suites that are over soon.
var quick = []string{"--env=veth", "--sizes=64", "--max-rate=100", "--duration=300ms", "--initial=300ms", "--settle=200ms", "--rate-tolerance=30"}

func sessionOf(t *testing.T, h *hwtest) *results.Session {
	t.Helper()
	out, status := h.end()
	var s results.Session
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, h.stderr.String())
	}
	if s.ExitStatus != status {
		t.Errorf("status %d, in the session %d", status, s.ExitStatus)
	}
	t.Logf("%s", h.stderr.String())
	return &s
}

// TestRun has two suites in one directory, as root and in a user namespace.
func TestRun(t *testing.T) {
	for _, nobody := range []bool{false, true} {
		if nobody {
			needUserNS(t)
		} else {
			testnet.NS(t)
		}
		base := t.TempDir()
		for _, d := range []string{base, filepath.Dir(base)} {
			if err := os.Chmod(d, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		h := command(t, append([]string{"run", "throughput", "self", "--json", "--results=" + base}, quick...)...)
		if nobody {
			h.asNobody()
		}
		h.start()
		s := sessionOf(t, h)
		if len(s.Suites) != 2 || s.Suites[0].Name != "self" || s.Suites[1].Name != "throughput" || s.Host.UserNS != nobody {
			t.Fatalf("%+v", s)
		}
		for _, u := range s.Suites {
			for _, c := range u.Cases {
				if c.Verdict != results.Passed && c.Verdict != results.Invalid || len(c.Trials) == 0 { // busy machines
					t.Errorf("%s %+v", u.Name, c)
				}
			}
		}
		dirs, err := filepath.Glob(filepath.Join(base, "*"))
		if err != nil || len(dirs) != 1 || !strings.HasSuffix(h.stderr.String(), dirs[0]+"/report.html\n") {
			t.Errorf("%q, %v", dirs, err)
		}
		if back, err := results.Load(dirs[0]); err != nil || len(back.Suites) != 2 || strings.Contains(strings.Join(back.Command, " "), "inside") {
			t.Errorf("%+v, %v", back, err)
		}
	}
}

// TestRunGate has pktgen send less than it is told, so that nothing is to be
// measured with it.
func TestRunGate(t *testing.T) {
	testnet.NS(t)
	h := command(t, append([]string{"run", "self", "loss", "--json"}, quick...)...)
	h.Env = append(h.Env, faultEnv+"=few:pktgen")
	h.start()
	s := sessionOf(t, h)
	c := s.Suites[1].Cases[0]
	if s.ExitStatus != cli.ExitFailed || c.Verdict != results.Invalid || !strings.HasPrefix(c.Sentence, "the self-test fails: 60 bytes, 1 queue, paced: ") {
		t.Errorf("%+v, status %d", c, s.ExitStatus)
	}
}

// TestRunInterrupted ends the self-test by ^C: the other suite is there.
func TestRunInterrupted(t *testing.T) {
	testnet.NS(t)
	h := command(t, append([]string{"run", "self", "loss", "mirror", "sockets", "conformance", "--json"}, quick...)...)
	h.start()
	h.pid("pktgen")
	syscall.Kill(-h.Process.Pid, syscall.SIGINT)
	s := sessionOf(t, h)
	if !s.Interrupted || s.ExitStatus != cli.ExitFailed || len(s.Suites) != 5 {
		t.Fatalf("%+v", s)
	}
	for _, u := range s.Suites[1:] {
		if len(u.Cases) == 0 {
			t.Errorf("%s has no cases", u.Name)
		}
		for _, c := range u.Cases {
			if c.Verdict != results.Unfinished {
				t.Errorf("%s: %+v", u.Name, c)
			}
		}
	}
}
