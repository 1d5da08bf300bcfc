package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/exampletest"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestUsage(t *testing.T) { exampletest.Usage(t, 2) }

// spread sends frames of many flows, both directions of each in turn, and wants
// all of a flow at one consumer, and some at each.
func spread(t *testing.T, from engine.TxQueue, to []*engine.Port) {
	t.Helper()
	const flows, rounds = 40, 3
	at := map[uint16]int{}
	for range rounds {
		for sport := range uint16(flows) {
			exampletest.Send(t, from, exampletest.Frame(1, 2, 1000+sport, 2000, sport), exampletest.Frame(2, 1, 2000, 1000+sport, sport))
		}
	}
	count := 0
	for i, p := range to {
		got := exampletest.Receive(t, p, 2*rounds*flows/len(to)/4) // a share that any hash gives
		more := exampletest.Pending(t, p)
		for _, f := range append(got, more...) {
			number := uint16(f[42])<<8 | uint16(f[43])
			if j, ok := at[number]; ok && j != i {
				t.Errorf("flow %d came to %d and to %d", number, i, j)
			}
			at[number] = i
			count++
		}
		if len(got)+len(more) == 0 {
			t.Errorf("nothing came to %d", i)
		}
	}
	if count != 2*rounds*flows || len(at) != flows {
		t.Errorf("%d frames of %d came, %d flows of %d", count, 2*rounds*flows, len(at), flows)
	}
}

// consumer opens the far end of a pipe as a program does that only receives: the
// balancer has opened the near end to send.
func consumer(d *netmaptest.Device) *engine.Config {
	return &engine.Config{Device: d, RX: engine.All}
}

func TestNetmap(t *testing.T) {
	d := exampletest.Netmap(t, 1)
	cfg := &engine.Config{Device: d}
	from := exampletest.Open(t, nil, "netmap:nm0", cfg)
	outs := []string{"netmap:nm1{0", "netmap:nm1{1", "netmap:nm1{2"}
	stop := exampletest.Go(t, func(ctx context.Context, out io.Writer) error {
		return balance(ctx, "netmap:nm1", outs, d, out)
	})
	var to []*engine.Port
	for i := range outs {
		to = append(to, exampletest.Open(t, nil, fmt.Sprintf("netmap:nm1}%d", i), consumer(d)))
	}
	spread(t, from.TX()[0], to)
	if out := stop(); strings.Count(out, ": 0 dropped") != 3 {
		t.Error(out)
	}
}

// A consumer that does not read loses its own frames and nobody else's.
func TestSlowConsumer(t *testing.T) {
	d := exampletest.Netmap(t, 1)
	cfg := &engine.Config{Device: d}
	from := exampletest.Open(t, nil, "netmap:nm0", cfg)
	stop := exampletest.Go(t, func(ctx context.Context, out io.Writer) error {
		return balance(ctx, "netmap:nm1", []string{"netmap:nm1{0", "netmap:nm1{1"}, d, out)
	})
	slow, fast := exampletest.Open(t, nil, "netmap:nm1}0", consumer(d)), exampletest.Open(t, nil, "netmap:nm1}1", consumer(d))
	flows := [2][]byte{}
	for sport := uint16(1); flows[0] == nil || flows[1] == nil; sport++ {
		f := exampletest.Frame(1, 2, sport, 2000, 0)
		flows[flow(f)%2] = f
	}
	const each = 2000 // more than a pipe holds
	got := 0
	for range each {
		exampletest.Send(t, from.TX()[0], flows[0], flows[1])
		got += len(exampletest.Receive(t, fast, 1))
	}
	held := len(exampletest.Pending(t, slow))
	out := stop()
	if got != each {
		t.Errorf("the fast consumer got %d of %d", got, each)
	}
	if held == 0 || held == each || !strings.Contains(out, fmt.Sprintf("netmap:nm1{0: %d dropped", each-held)) {
		t.Errorf("the slow consumer's pipe holds %d of %d: %s", held, each, out)
	}
}

func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 3)
	stop := exampletest.Start(t, m, "packet:m0", "packet:m1", "packet:m2")
	spread(t, ends[0].TX()[0], ends[1:])
	if out := stop(); strings.Count(out, ": 0 dropped") != 2 {
		t.Error(out)
	}
}

// The hash is the same both ways, and spreads what differs in one field.
func TestFlow(t *testing.T) {
	for _, vary := range []func(i uint16) []byte{
		func(i uint16) []byte { return exampletest.Frame(1, 2, i, 2000, 0) },
		func(i uint16) []byte { return exampletest.Frame(1, 2, i, i, 0) },
		func(i uint16) []byte { return exampletest.Frame(byte(i), 200, 7, 7, 0) },
		func(i uint16) []byte { return exampletest.Frame(byte(i), byte(i+1), 7, 7, 0) },
	} {
		const n, buckets = 240, 4
		var in [buckets]int
		for i := range uint16(n) {
			in[flow(vary(i))%buckets]++
		}
		for _, k := range in {
			if k < n/buckets/2 || k > n/buckets*2 {
				t.Errorf("%d flows are spread as %v", n, in)
			}
		}
	}
}

func FuzzFlow(f *testing.F) {
	f.Add(exampletest.Frame(1, 2, 3, 4, 5))
	f.Fuzz(func(t *testing.T, b []byte) { flow(b[:len(b):len(b)]) })
}
