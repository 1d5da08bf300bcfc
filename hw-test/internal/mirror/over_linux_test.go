package mirror

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/carried"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// TestMain makes the test binary pktgen, too.
func TestMain(m *testing.M) {
	if main := carried.Lookup(os.Args[0]); main != nil {
		os.Exit(main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// hosts is a veth pair whose namespaces stand for two hosts.
type hosts struct{ *own }

func newHosts(t *testing.T) hosts {
	t.Helper()
	testnet.NS(t) // skips where there are no rights
	o, err := newOwn()
	if err != nil {
		t.Fatal(err)
	}
	o.from.Host, o.to.Host = "near", "far"
	o.from.Flags, o.from.MAC, o.to.MAC = nil, o.A.MAC, o.B.MAC
	o.to.Flags = []string{"--clocks", "same"} // which pong does not know
	return hosts{o}
}

func (h hosts) Describe() testbed.Description {
	return testbed.Description{Kind: "ssh", What: "two hosts", Limits: []string{"they are one"}}
}

// over runs the suite over such ports.
func over(t *testing.T, h hosts, o *Options) (*runner, *results.Suite, string) {
	t.Helper()
	made := 0
	r, err := newRunner(o, maker{func() (testbed.Environment, error) { made++; return h, nil }}, "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	s := new(session.Session)
	s.Preflight = new(preflight.Report)
	var table strings.Builder
	if err := r.Run(t.Context(), s, &table, io.Discard); err != nil || made != 1 {
		t.Fatalf("%v, made %d times", err, made)
	}
	return r, s.Suites[0], table.String()
}

func quick(ports string) *Options {
	o := defaults(1)
	o.Ports, o.Loads, o.Send = ports, "2k", 200*time.Millisecond
	return o
}

// Over ports that are there, all messages come back by each kind that they can
// have, and what they cannot is left out, or skipped if it was asked for.
func TestOver(t *testing.T) {
	r, u, table := over(t, newHosts(t), quick(""))
	var cases []string
	for i, c := range u.Cases {
		cases = append(cases, c.Name)
		row := r.rep.Rows[i]
		if row.Sent == 0 || row.Sent != row.Received+row.Lost || row.Foreign != 0 || row.Calls <= 0 || row.CPU <= 0 || row.Mean <= 0 ||
			c.Verdict != results.Passed && c.Verdict != results.Limited {
			t.Errorf("%+v\n%s", row, table)
		}
	}
	if got := strings.Join(cases, " "); got != "udp/2000/one udp/2000/batch packet/2000/one packet/2000/batch" {
		t.Error(got)
	}
	if u.Environment.Kind != "ssh" || len(u.Environment.Limits) != 1 || r.rep.Ports.What != "two hosts" || !strings.Contains(table, "CPUs\ntwo hosts\n") || !strings.HasPrefix(table, "hw-test "+cli.Version()+", controller: kernel ") {
		t.Errorf("%+v\n%s", u.Environment, table)
	}

	h := newHosts(t)
	h.to.Host = h.from.Host
	r, u, table = over(t, h, quick(""))
	if len(u.Cases) != 2 || u.Cases[0].Name != "packet/2000/one" || len(r.rep.Notes) != 1 || !strings.Contains(table, "udp is left out: both ports are on one host") ||
		len(u.Notes) == 0 || u.Notes[0] != r.rep.Notes[0] {
		t.Errorf("%+v\n%s", u, table)
	}

	h = newHosts(t)
	h.to.Addrs = nil
	r, u, table = over(t, h, quick("udp,packet,netmap"))
	if n := len(u.Cases); n != 5 || len(r.rep.Notes) != 0 {
		t.Fatalf("%d cases\n%s", n, table)
	}
	for i, c := range u.Cases {
		packets := i == 2 || i == 3
		if skipped := c.Verdict == results.Skipped; skipped == packets || skipped && !strings.Contains(c.Sentence, []string{0: "no addresses", 1: "no addresses", 4: "is a netmap port"}[i]) {
			t.Errorf("%+v", c)
		}
	}
}

// A program that fails makes its row invalid, and says why.
func TestProgramsThatFail(t *testing.T) {
	for mode, says := range map[string]string{
		"ping": "pktgen -f ping ended with status 1: ", "pong": "pktgen -f pong ended with status 1: ",
	} {
		h := newHosts(t)
		for i, p := range []*testbed.Port{&h.from, &h.to} {
			launch := p.Launch
			if mode == []string{"ping", "pong"}[i] {
				p.Launch = func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
					return launch(ctx, name, append(args, "-i", "packet:nosuch"), stdout, stderr)
				}
			}
		}
		began := time.Now()
		_, u, table := over(t, h, quick("packet"))
		for _, c := range u.Cases {
			if c.Verdict != results.Invalid || !strings.Contains(c.Sentence, says) || !strings.Contains(c.Sentence, `"nosuch"`) || strings.Contains(c.Sentence, "\n") {
				t.Errorf("%s: %+v\n%s", mode, c, table)
			}
		}
		if u.ExitStatus != cli.ExitFailed || time.Since(began) > 5*time.Second {
			t.Errorf("%s: status %d after %v", mode, u.ExitStatus, time.Since(began))
		}
	}
}

// Nothing that answers is no result but one: none came back.
func TestNobodyThere(t *testing.T) {
	h := newHosts(t)
	h.to.Launch = func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
		fmt.Fprintln(stderr, "pktgen: ready: says a test")
		return func() (int, error) {
			<-ctx.Done()
			fmt.Fprintln(stdout, `{"packets": 0, "pong": {"calls": 1}, "errors": []}`)
			return 0, nil
		}, nil
	}
	_, u, table := over(t, h, quick("udp"))
	for _, c := range u.Cases {
		if c.Verdict != results.Failed || !strings.Contains(c.Sentence, "none of ") {
			t.Errorf("%+v\n%s", c, table)
		}
	}
}
