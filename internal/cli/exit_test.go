package cli

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestFail(t *testing.T) {
	cause := errors.New("the kernel said no")
	for _, c := range []struct {
		err    error
		status int
		out    string
	}{
		{nil, 0, ""},
		{pflag.ErrHelp, 0, ""},
		{cause, 1, "pktgen: the kernel said no\n"},
		{Usagef("no interface: %w", cause), 2, "pktgen: no interface: the kernel said no\npktgen -h tells the flags\n"},
		{fmt.Errorf("judged: %w", Shortf("%d of %d", 9, 10)), 3, "pktgen: judged: 9 of 10\n"},
	} {
		var out strings.Builder
		if got := Fail(&out, "pktgen", c.err); got != c.status || out.String() != c.out {
			t.Errorf("Fail(%v) = %d, %q; want %d, %q", c.err, got, out.String(), c.status, c.out)
		}
	}
	if !errors.Is(Usagef("no interface: %w", cause), cause) {
		t.Error("Usagef loses the wrapped error")
	}
}

func TestParseFlagsRefusals(t *testing.T) {
	for args, want := range map[string]string{
		"-R abc":         `-R, --rate: rate "abc" is not a number; write packets a second above zero, such as 100000, 14.88M or 1.5Mpps, or 5Gbps, 5Gbps-wire, 50%`,
		"-b 0":           `-b, --burst: count "0" is below one; write a whole number from 1, such as 1000000, 1M or 1e6`,
		"--max-loss 200": `--max-loss: percentage "200" is out of range; write a number from 0 to 100, such as 0.1`,
		"--no-such":      `unknown flag: --no-such`,
		"-R":             `flag needs an argument: 'R' in -R`,
		"-n 5 eth0":      `argument "eth0" is not part of a flag`,
	} {
		fs, _ := newFlags()
		err := ParseFlags(fs, strings.Fields(args))
		if Status(err) != ExitUsage || err.Error() != want {
			t.Errorf("%s: status %d, %v; want 2, %s", args, Status(err), err, want)
		}
	}
	fs, _ := newFlags()
	if err := ParseFlags(fs, []string{"-h"}); Status(err) != ExitOK || !errors.Is(err, pflag.ErrHelp) {
		t.Errorf("-h: %v; want pflag.ErrHelp", err)
	}
}

func TestVersion(t *testing.T) {
	vcs := []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.time", Value: "2026-05-04T03:02:01Z"}, {Key: "vcs.modified", Value: "true"},
	}
	for _, c := range []struct {
		info         debug.BuildInfo
		want, commit string
	}{
		{debug.BuildInfo{Main: debug.Module{Version: "v0.2.0"}, Settings: vcs}, "v0.2.0", " (commit 0123456789ab of 2026-05-04, changed since)"},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: vcs}, "devel-0123456789ab-dirty", " (commit 0123456789ab of 2026-05-04, changed since)"},
		{debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: vcs[:2]}, "devel-0123456789ab", " (commit 0123456789ab of 2026-05-04)"},
		{debug.BuildInfo{Main: debug.Module{Version: "v0.2.0"}}, "v0.2.0", ""},
		{debug.BuildInfo{}, "devel", ""},
	} {
		if got := version(&c.info); got != c.want {
			t.Errorf("version = %q, want %q", got, c.want)
		}
		if got := commit(&c.info); got != c.commit {
			t.Errorf("commit = %q, want %q", got, c.commit)
		}
	}
	if Version() == "" {
		t.Error("Version is empty")
	}
}
