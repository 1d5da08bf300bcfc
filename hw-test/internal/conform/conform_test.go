package conform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/session"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/conformance"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// run runs the subcommand.
func run(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	t.Setenv(results.Env, results.NoDir)
	var o, e bytes.Buffer
	cmd := Command(&status)
	cmd.SetArgs(args)
	cmd.SetOut(&o)
	cmd.SetErr(&e)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.Execute(); err != nil {
		status = cli.Fail(&e, "hw-test", err)
	}
	return o.String(), e.String(), status
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		says   string // on stdout or stderr
	}{
		{[]string{"--help"}, cli.ExitOK, "--targets"},
		{[]string{"--list"}, cli.ExitOK, "transfer"},
		{[]string{"--dry-run", "--targets", "vale"}, cli.ExitOK, "vale: "},
		{[]string{"eth0"}, cli.ExitUsage, "eth0"},
		{[]string{"--nics", "eth0"}, cli.ExitUsage, "--nics"},
		{[]string{"--checks", "no-such"}, cli.ExitUsage, "no-such"},
		{[]string{"--targets", "no-such"}, cli.ExitUsage, "vale, pipe"},
	} {
		out, errs, got := run(t, c.args...)
		if got != c.status || !strings.Contains(out+errs, c.says) {
			t.Errorf("%q: status %d, want %d; said %q", c.args, got, c.status, out+errs)
		}
	}
}

// TestHere runs the checks where there is a netmap, and else looks at what is
// said.
func TestHere(t *testing.T) {
	if _, err := os.Stat("/dev/netmap"); err == nil {
		if out, errs, got := run(t, "--targets", "vale,pipe,null", "--packets", "10000", "--cycles", "20"); got != cli.ExitOK {
			t.Errorf("status %d\n%s%s", got, errs, out)
		}
		return
	}
	out, errs, got := run(t)
	if got != cli.ExitShort || !strings.Contains(out, "vale, pipe, null, sink, veth, native: skipped: this kernel has no netmap") || !strings.Contains(out, "build-netmap.sh") || errs != "" {
		t.Errorf("without netmap the status is %d, and it says %q, %q", got, out, errs)
	}
}

// broken is a netmap whose ports cannot be opened, or never hear anything.
type broken struct {
	netmap.Device
	err error
}

type deafFile struct{ netmap.File }

func (deafFile) Sync(netmap.Dir, bool) error { return nil }

func (d broken) Open() (netmap.File, error) {
	if d.err != nil {
		return nil, d.err
	}
	f, err := d.Device.Open()
	return deafFile{f}, err
}

// TestVerdicts holds what a session keeps against what there was to check.
func TestVerdicts(t *testing.T) {
	pipe := func(d netmap.Device) *conformance.Target {
		return &conformance.Target{Name: "pipe", Kind: conformance.Pipe, Device: d, A: "netmap:x{1", B: "netmap:x}1",
			Caps: conformance.Ends | conformance.Lossless | conformance.Named | conformance.Withholds}
	}
	good := netmaptest.New(nil)
	nothing := func() error { return nil }
	for _, c := range []struct {
		what    string
		args    []string // targets
		here    error
		found   []*conformance.Target
		missing []absent
		want    string // cases with their verdicts
		says    string
		status  int
	}{
		{"all passes", []string{"pipe"}, nil, []*conformance.Target{pipe(good)}, nil,
			"pipe/pending passed, pipe/withhold passed, pipe/learn skipped", "it is not a switch", cli.ExitOK},
		{"nothing arrives", []string{"pipe"}, nil, []*conformance.Target{pipe(broken{Device: good})}, nil,
			"pipe/pending failed, pipe/withhold failed, pipe/learn skipped", "", cli.ExitFailed},
		{"ports that do not open", []string{"pipe"}, nil, []*conformance.Target{{Name: "pipe", Kind: conformance.Pipe, Device: broken{good, unix.EBUSY},
			A: "netmap:x{1", B: "netmap:x}1", Hold: true, Caps: pipe(nil).Caps}}, nil,
			"pipe/pending invalid, pipe/withhold invalid, pipe/learn skipped", "cannot be held", cli.ExitShort},
		{"a target that is not there", nil, nil, []*conformance.Target{pipe(good)}, []absent{{"vale", absence{"no such switch"}}, {"null", absence{"x"}}, {"sink", absence{"x"}}, {"veth", absence{"x"}}, {"native", absence{"x"}}},
			"vale skipped, pipe/pending passed, pipe/withhold passed, pipe/learn skipped, null skipped, sink skipped, veth skipped, native skipped", "no such switch", cli.ExitOK},
		{"a named target that is not there", []string{"pipe", "native"}, nil, []*conformance.Target{pipe(good)}, []absent{{"native", absence{"no NICs"}}},
			"pipe/pending passed, pipe/withhold passed, pipe/learn skipped, native skipped", "no NICs", cli.ExitShort},
		{"a target that cannot be made", []string{"pipe", "veth"}, nil, []*conformance.Target{pipe(good)}, []absent{{"veth", unix.EPERM}},
			"pipe/pending passed, pipe/withhold passed, pipe/learn skipped, veth invalid", "not permitted", cli.ExitFailed},
		{"no netmap", []string{"pipe", "vale"}, errors.ErrUnsupported, nil, nil, "pipe skipped, vale skipped", "unsupported", cli.ExitShort},
		{"no rights", []string{"pipe", "vale"}, unix.EACCES, nil, nil, "pipe invalid, vale invalid", "permission denied", cli.ExitFailed},
	} {
		r, err := newRunner(&options{targets: c.args, checks: []string{"pending", "withhold", "learn"}})
		if err != nil {
			t.Fatal(err)
		}
		r.here = func() error { return c.here }
		r.discover = func(*config, []string) ([]*conformance.Target, []absent, func() error) {
			return c.found, c.missing, nothing
		}
		s := new(session.Session)
		s.Preflight = new(preflight.Report)
		var out strings.Builder
		if err := r.Run(t.Context(), s, &out, io.Discard); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		u := s.Suites[0]
		var got []string
		for _, c := range u.Cases {
			got = append(got, fmt.Sprintf("%s %s", c.Name, c.Verdict))
			if c.Sentence == "" {
				t.Errorf("%+v", c)
			}
		}
		if strings.Join(got, ", ") != c.want || u.ExitStatus != c.status || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: %q, status %d; want %s, %d\n%s", c.what, got, u.ExitStatus, c.want, c.status, out.String())
		}
	}
}

// TestNotReached: checks after ^C, and targets before it, are unfinished.
func TestNotReached(t *testing.T) {
	r, err := newRunner(&options{targets: []string{"pipe", "null"}, checks: []string{"withhold", "pending"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.here = func() error { return nil }
	r.discover = func(*config, []string) ([]*conformance.Target, []absent, func() error) {
		cancel()
		return []*conformance.Target{{Name: "pipe", Kind: conformance.Pipe, Device: netmaptest.New(nil), A: "netmap:x{1", B: "netmap:x}1"}}, nil, func() error { return nil }
	}
	s := new(session.Session)
	s.Preflight = new(preflight.Report)
	if err := r.Run(ctx, s, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	u := s.Suites[0]
	if len(u.Cases) != 3 || u.Cases[0].Name != "pipe/withhold" || u.Cases[2].Name != "null" || u.ExitStatus != cli.ExitFailed ||
		slices.ContainsFunc(u.Cases, func(c *results.Case) bool { return c.Verdict != results.Unfinished }) {
		t.Errorf("%+v", u.Cases)
	}
}

// TestKinds holds the names together.
func TestKinds(t *testing.T) {
	for _, k := range []conformance.Kind{conformance.VALE, conformance.Pipe, conformance.Null, conformance.Sink, conformance.Native} {
		found := false
		for _, name := range kinds {
			found = found || name == string(k)
		}
		if !found {
			t.Errorf("kind %s is no target", k)
		}
	}
}
