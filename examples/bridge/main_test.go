package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestUsage(t *testing.T) { exampletest.Usage(t, 2) }

// cross sends different numbers of frames both ways and wants them all.
func cross(t *testing.T, a, b *engine.Port) {
	t.Helper()
	for round := range uint16(3) {
		for dir, p := range [][2]*engine.Port{{a, b}, {b, a}} {
			var sent [][]byte
			for i := range 100 + 17*uint16(dir) {
				sent = append(sent, exampletest.Frame(byte(dir+1), byte(2-dir), 1000, 2000, 1000*round+i))
			}
			exampletest.Send(t, p[0].TX()[0], sent...)
			if got := exampletest.Receive(t, p[1], len(sent)); !slices.EqualFunc(got, sent, slices.Equal) {
				t.Errorf("%d frames came of %d, or others did", len(got), len(sent))
			}
			exampletest.Quiet(t, p[1])
		}
	}
}

func wantCounts(t *testing.T, out string) {
	t.Helper()
	if !strings.Contains(out, "received 300 packets; sent 351\n") || !strings.Contains(out, "received 351 packets; sent 300\n") {
		t.Errorf("the counts are not right: %s", out)
	}
}

// Pipes of one memory, and NICs with several rings each.
func TestNetmap(t *testing.T) {
	for _, c := range [][4]string{
		{"netmap:p{1", "netmap:p}1", "netmap:p{2", "netmap:p}2"},
		{"netmap:nm0", "netmap:nm1", "netmap:nm2", "netmap:nm3"},
		{"netmap:nm0", "netmap:nm1", "vale0:a", "vale0:b"}, // two memories
	} {
		d := exampletest.Netmap(t, 2)
		cfg := &engine.Config{Device: d}
		a, b := exampletest.Open(t, nil, c[0], cfg), exampletest.Open(t, nil, c[3], cfg)
		stop := exampletest.Go(t, func(ctx context.Context, out io.Writer) error {
			return bridge(ctx, c[1], c[2], d, out)
		})
		cross(t, a, b)
		wantCounts(t, stop())
	}
}

func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 2)
	stop := exampletest.Start(t, m, "-b", "64", "packet:m0", "m1")
	cross(t, ends[0], ends[1])
	out := stop()
	wantCounts(t, out)
	if !strings.Contains(out, "m1 is opened as packet") {
		t.Errorf("nothing is said of the choice: %s", out)
	}
}
