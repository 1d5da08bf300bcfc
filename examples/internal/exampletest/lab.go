package exampletest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// Go runs an example in this process, on the test's own netmap, and returns when
// it is ready; stop ends it and returns what it said.
func Go(t *testing.T, run func(ctx context.Context, out io.Writer) error) (stop func() string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	out, ended := &output{}, make(chan error, 1)
	go func() { ended <- run(ctx, out) }()
	for begin := time.Now(); !strings.Contains(out.String(), "running"); time.Sleep(time.Millisecond) {
		if time.Since(begin) > limit {
			t.Fatalf("it is not ready: %s", out)
		}
	}
	return func() string {
		t.Helper()
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("it ended with %v: %s", err, out)
			}
		case <-time.After(limit):
			t.Fatalf("it does not end: %s", out)
		}
		return out.String()
	}
}

// Netmap is a netmap with pairs of joined NICs nm0 and nm1, nm2 and nm3, …, of
// two rings each. All must be closed when the test ends.
func Netmap(t *testing.T, pairs int) *netmaptest.Device {
	t.Helper()
	d := netmaptest.New(nil)
	for i := range 2 * pairs {
		if err := d.AddNIC(fmt.Sprintf("nm%d", i), netmaptest.NIC{TxRings: 2, RxRings: 2}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range pairs {
		if err := d.Loop(fmt.Sprintf("nm%d", 2*i), fmt.Sprintf("nm%d", 2*i+1)); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if n := d.OpenFiles(); n != 0 {
			t.Errorf("%d descriptors are still open at the end", n)
		}
	})
	return d
}

// Middle is a namespace in which the example is to run, with interfaces m0, m1,
// …, and a port at the other end of each, in a namespace of its own.
func Middle(t *testing.T, n int) (m *netlab.NS, ends []*engine.Port) {
	t.Helper()
	m = testnet.NS(t)
	for i := range n {
		far := testnet.NS(t)
		pair, err := netlab.NewPair(m, far, &netlab.PairOptions{NameA: fmt.Sprintf("m%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, Open(t, far, "packet:"+pair.B.Name, nil))
	}
	return m, ends
}
