package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestUsage(t *testing.T) { exampletest.Usage(t, 2) }

func frames(n uint16) (list [][]byte) {
	for i := range n {
		list = append(list, exampletest.Frame(1, 2, 1000, 2000, i))
	}
	return list
}

// written waits until the file holds n frames.
func written(t *testing.T, name string, n int) {
	t.Helper()
	const header, record = 24, 16 + 60
	for begin := time.Now(); time.Since(begin) < 10*time.Second; time.Sleep(time.Millisecond) {
		if st, err := os.Stat(name); err == nil && st.Size() >= int64(header+n*record) {
			return
		}
	}
	t.Errorf("%s does not get %d frames", name, n)
}

// wantFile reads the capture file.
func wantFile(t *testing.T, name string, want [][]byte) {
	t.Helper()
	p := exampletest.Open(t, nil, "pcap:"+name, &engine.Config{RX: 1})
	if got := exampletest.Receive(t, p, len(want)); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%d frames of %d are in the file, or others", len(got), len(want))
	}
	if err := p.RX()[0].Sync(); err != io.EOF {
		t.Errorf("after them comes %v", err)
	}
}

// What one NIC sends and the other receives, both are tapped and undisturbed.
func TestNetmap(t *testing.T) {
	d := exampletest.Netmap(t, 1)
	cfg := &engine.Config{Device: d}
	from, to := exampletest.Open(t, nil, "netmap:nm0", cfg), exampletest.Open(t, nil, "netmap:nm1", cfg)
	sent, received := filepath.Join(t.TempDir(), "sent.pcap"), filepath.Join(t.TempDir(), "received.pcap")
	run := func(spec, file string) func() string {
		return exampletest.Go(t, func(ctx context.Context, out io.Writer) error { return tap(ctx, spec, file, d, out) })
	}
	stopTX, stopRX := run("netmap:nm0/t", sent), run("netmap:nm1/r", received)
	want := frames(100)
	exampletest.Send(t, from.TX()[1], want...)
	if got := exampletest.Receive(t, to, len(want)); len(got) != len(want) {
		t.Errorf("the owner received %d frames of %d", len(got), len(want))
	}
	written(t, sent, len(want))
	written(t, received, len(want))
	for _, stop := range []func() string{stopTX, stopRX} {
		if out := stop(); !strings.Contains(out, "received 100 packets; sent 0\n") || !strings.Contains(out, "received 0 packets; sent 100\n") {
			t.Error(out)
		}
	}
	wantFile(t, sent, want)
	wantFile(t, received, want)
}

func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 1)
	file := filepath.Join(t.TempDir(), "a.pcap")
	stop := exampletest.Start(t, m, "packet:m0", file)
	want := frames(100)
	exampletest.Send(t, ends[0].TX()[0], want...)
	written(t, file, len(want))
	out := stop()
	if !strings.Contains(out, "received 100 packets; sent 0\n") {
		t.Error(out)
	}
	wantFile(t, file, want)
}
