package conform

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/netmap/conformance"
)

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		says   string // on stdout or stderr
	}{
		{[]string{"--help"}, exitOK, "--targets"},
		{[]string{"--list"}, exitOK, "transfer"},
		{[]string{"--nonsense"}, exitUsage, "nonsense"},
		{[]string{"eth0"}, exitUsage, "no arguments"},
		{[]string{"--nics", "eth0"}, exitUsage, "--nics"},
		{[]string{"--checks", "no-such"}, exitUsage, "no-such"},
		{[]string{"--targets", "no-such"}, exitUsage, "vale, pipe"},
	} {
		var out, errs bytes.Buffer
		if got := Main(c.args, &out, &errs); got != c.status || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("%q: status %d, want %d; said %q", c.args, got, c.status, out.String()+errs.String())
		}
	}
}

// TestHere runs the checks where there is a netmap, and else looks at what is
// said.
func TestHere(t *testing.T) {
	var out, errs bytes.Buffer
	if _, err := os.Stat("/dev/netmap"); err == nil {
		if got := Main([]string{"--targets", "vale,pipe,null", "--packets", "10000", "--cycles", "20"}, &out, &errs); got != exitOK {
			t.Errorf("status %d\n%s%s", got, errs.String(), out.String())
		}
		return
	}
	if got := Main(nil, &out, &errs); got != exitFailure || !strings.Contains(errs.String(), "build-netmap.sh") {
		t.Errorf("without netmap the status is %d, and it says %q", got, errs.String())
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
