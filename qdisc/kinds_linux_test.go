package qdisc_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/qdisc"
)

// A kind that the kernel lacks and a qdisc that is not there are both ENOENT to
// the kernel, and not to us.
func TestNoEntry(t *testing.T) {
	pair := testnet.Pair(t, nil)
	in(t, pair.A.NS, func() error {
		l := qdisc.Link{Name: pair.A.Name}
		err := qdisc.Create(l, "nosuchkind", 0x70000)
		if !errors.Is(err, qdisc.ErrNoKind) || !errors.Is(err, unix.ENOENT) || !strings.Contains(err.Error(), "nosuchkind: this kernel has no such kind") {
			t.Errorf("kind: %v", err)
		}
		if err := qdisc.Remove(l, 0); !errors.Is(err, unix.ENOENT) || errors.Is(err, qdisc.ErrNoKind) {
			t.Errorf("default: %v", err)
		}
		return nil
	})
}

// A tbf of any rate and bucket comes back with what it showed, and with a
// bucket that is not smaller.
func TestAnyTBF(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, dev := pair.A.NS, pair.A.Name
	for range 60 {
		rate := 1000 << rand.N(29) // bits a second
		rate += rand.N(rate)
		burst := 1500 + rand.N(200000)
		script := fmt.Sprintf("tc qdisc replace dev %s root tbf rate %d burst %d limit %d", dev, rate, burst, 10000+rand.N(1000000))
		if rand.N(2) == 0 && rate > 100000 {
			script += fmt.Sprintf(" peakrate %d mtu %d", rate+1+rand.N(rate), 1514+rand.N(9000))
		}
		tc(t, ns, script)
		before := dump(t, ns, dev)
		in(t, ns, func() error {
			s, err := qdisc.Get(qdisc.Link{Name: dev})
			if err != nil {
				return err
			}
			if b := s.Qdiscs[0].Options.(qdisc.TBF); int(b.Burst) < burst && b.Burst != 0 && !cutOff(burst-int(b.Burst), rate) || b.Rate != uint64(rate)/8 {
				t.Errorf("%s: shows %+v", script, b)
			}
			r, err := qdisc.Swap(qdisc.Link{Name: dev}, qdisc.Spec{Kind: qdisc.NoQueue}, nil)
			if err != nil {
				return err
			}
			return r.Restore()
		})
		if !unchanged(t, ns, dev, before) {
			t.Fatal(script)
		}
	}
}

// cutOff reports whether so many bytes take, at so many bits a second, just what
// the kernel cannot show, 2^32 ticks of 64 ns or a multiple: the two sizes then
// look alike to everyone, as 47279 bytes more do at 1383 bits a second.
func cutOff(missing, rate int) bool {
	const shown = 64 << 32 // ns
	ns := float64(missing) * 1e9 / float64(rate/8)
	return ns > shown/2 && math.Abs(math.Remainder(ns, shown)) < 2*64
}

func TestNoRights(t *testing.T) {
	pair := testnet.Pair(t, nil)
	cmd := process(t, pair.A.NS, "swap", pair.A.Name, "noqueue")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	// Not below t.TempDir: its parents may be the builder's own.
	dir := fmt.Sprintf("/tmp/ringwalk-qdisc-%d", os.Getpid())
	defer os.RemoveAll(dir)
	cmd.Env = append(cmd.Env, "RINGWALK_RUN="+dir)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := pair.A.NS.Start(cmd); err != nil {
		testnet.Skip(t, "cannot run as another user here: %v", err)
	}
	err := cmd.Wait()
	if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(out.String(), "this needs root, or CAP_NET_ADMIN") ||
		!strings.Contains(out.String(), "operation not permitted") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("%v: %s", err, out.String())
	}
}
