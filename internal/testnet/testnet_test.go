package testnet

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/internal/netlab"
)

// playEnv makes the tests named TestPlay… do something in a process of their
// own, whose verdict is then looked at.
const playEnv = "RINGWALK_TESTNET_PLAY"

func play(t *testing.T) {
	t.Helper()
	if os.Getenv(playEnv) == "" {
		t.Skip("played by TestRule")
	}
}

func TestPlayPair(t *testing.T) { play(t); Pair(t, nil) }

func TestPlayBroken(t *testing.T) { play(t); Pair(t, &netlab.PairOptions{MTU: -1}) }

func TestPlayTool(t *testing.T) { play(t); t.Log(NeedTool(t, "go-no-such-tool")) }

func TestRule(t *testing.T) {
	for _, c := range []struct {
		test   string
		as     func(*testing.T, *exec.Cmd) // nil is this user
		noSkip string
		says   []string
		passes bool
	}{
		{"TestPlayTool", nil, "", []string{"--- SKIP", "this test needs go-no-such-tool"}, true},
		{"TestPlayTool", nil, "1", []string{"--- FAIL", "this test needs go-no-such-tool", "RINGWALK_NO_SKIP is set"}, false},
		{"TestPlayPair", asNobody, "", []string{"--- SKIP", "make a network namespace", "needs root"}, true},
		{"TestPlayPair", asNobody, "1", []string{"--- FAIL", "make a network namespace", "needs root"}, false},
		{"TestPlayPair", asRoot, "1", []string{"--- PASS"}, true},
		{"TestPlayBroken", asRoot, "", []string{"--- FAIL", "invalid argument"}, false},
	} {
		t.Run(c.test+c.noSkip, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+c.test+"$")
			cmd.Env = append(os.Environ(), playEnv+"=1", "RINGWALK_NO_SKIP="+c.noSkip)
			if c.as != nil {
				c.as(t, cmd)
			}
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				Skip(t, "cannot run as another user here: %v", err) // root of a user namespace
			}
			for _, s := range c.says {
				if !strings.Contains(string(out), s) {
					t.Errorf("lacks %q:\n%s", s, out)
				}
			}
			if passed := err == nil; passed != c.passes {
				t.Errorf("passed is %v, want %v:\n%s", passed, c.passes, out)
			}
		})
	}
}

func TestPair(t *testing.T) {
	var p *netlab.Pair
	watch := NS(t) // skips where there are no rights
	t.Run("inner", func(t *testing.T) {
		p = Pair(t, &netlab.PairOptions{NameA: "left"})
		if _, err := p.A.NS.Counters("left"); err != nil {
			t.Error(err)
		}
		if _, err := netlab.NewPair(p.B.NS, watch, &netlab.PairOptions{NameA: "w", NameB: "watch"}); err != nil {
			t.Error(err)
		}
	})
	for _, n := range []*netlab.NS{p.A.NS, p.B.NS} {
		if err := n.Do(func() error { return nil }); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after the test a namespace is still open: %v", err)
		}
	}
	// The far end of a pair goes when the namespace itself is gone.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if _, err := watch.Counters("watch"); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("10 s after the test its namespace is still there")
		}
	}
}
