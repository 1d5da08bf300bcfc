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

func TestUsage(t *testing.T) { exampletest.Usage(t, 1) }

// echo sends frames and wants each back, turned around.
func echo(t *testing.T, p *engine.Port) {
	t.Helper()
	var sent, want [][]byte
	for i := range uint16(100) {
		sent = append(sent, exampletest.Frame(1, 2, 1000+i, 2000, i))
		want = append(want, exampletest.Frame(2, 1, 2000, 1000+i, i))
	}
	exampletest.Send(t, p.TX()[0], sent...)
	got := exampletest.Receive(t, p, len(want))
	// Several rings have no common order.
	slices.SortFunc(got, slices.Compare)
	slices.SortFunc(want, slices.Compare)
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%d frames came back of %d, or they are not turned around", len(got), len(want))
	}
	exampletest.Quiet(t, p)
}

func TestNetmap(t *testing.T) {
	for _, c := range [][2]string{{"netmap:nm0", "netmap:nm1"}, {"vale0:a", "vale0:b"}, {"netmap:p{1", "netmap:p}1"}} {
		d := exampletest.Netmap(t, 1)
		p := exampletest.Open(t, nil, c[0], &engine.Config{Device: d})
		stop := exampletest.Go(t, func(ctx context.Context, out io.Writer) error {
			return reflect(ctx, c[1], d, out)
		})
		echo(t, p)
		if out := stop(); !strings.Contains(out, "received 100 packets; sent 100\n") {
			t.Errorf("%s: %s", c, out)
		}
	}
}

func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 1)
	stop := exampletest.Start(t, m, "packet:m0")
	echo(t, ends[0])
	if out := stop(); !strings.Contains(out, "received 100 packets; sent 100\n") {
		t.Error(out)
	}
}

// Whatever a frame says, turn stays inside of it, and turning twice is nothing.
func FuzzTurn(f *testing.F) {
	f.Add(exampletest.Frame(1, 2, 3, 4, 5))
	six := make([]byte, 70)
	six[12], six[13], six[14], six[20] = 0x86, 0xdd, 0x60, 17
	f.Add(six)
	f.Add(six[:54])
	f.Fuzz(func(t *testing.T, b []byte) {
		b = slices.Clip(b)
		was := slices.Clone(b)
		turn(b)
		turn(b)
		if !slices.Equal(b, was) {
			t.Errorf("%x became %x", was, b)
		}
	})
}
