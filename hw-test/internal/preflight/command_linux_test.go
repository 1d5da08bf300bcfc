package preflight

import (
	"reflect"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/testnet"
)

// --fix stays over the end of the command, --restore puts it back.
func TestCommandFix(t *testing.T) {
	for _, c := range Run(t.Context(), nil, nil).Checks {
		if len(c.fix) > 0 {
			t.Logf("not tried: the command would change this host's %s", c.Name)
			return // the same is tried without the host by TestKeep
		}
	}
	pair := testnet.Pair(t, nil)
	ns, name := pair.A.NS, pair.A.Name
	before := features(t, ns, name)
	in := func(args ...string) (out string) {
		t.Helper()
		err := ns.Do(func() (err error) {
			_, out, err = hwTest(args...)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return out
	}
	if out := in("packet:"+name, "--fix"); !strings.Contains(out, "changed: "+name+" offload tx-tcp-segmentation: off, was on\n") ||
		!strings.Contains(out, "  pass  offloads       none in the way\n") || !strings.HasSuffix(out, "put it back: hw-test preflight --restore\n") {
		t.Error(out)
	}
	if features(t, ns, name)["tx-tcp-segmentation"].Active {
		t.Error("it did not stay")
	}
	if out := in("--restore", name); out != name+": settings put back\n" {
		t.Error(out)
	}
	if out := in("--restore", name); out != "nothing is remembered that could be put back\n" {
		t.Error(out)
	}
	if after := features(t, ns, name); !reflect.DeepEqual(before, after) {
		t.Errorf("was %v\nis  %v", before, after)
	}
	nothingLeft(t)
}
