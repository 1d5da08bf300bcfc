package main

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		text   string
	}{
		{nil, 2, "usage: dnsfilter"},
		{[]string{"-workers", "0", "packet:a", "packet:b"}, 2, "usage: dnsfilter"},
		{[]string{"packet:nosuch0", "packet:nosuch1"}, 1, "nosuch0"},
	} {
		if status, out := exampletest.Status(t, c.args...); status != c.status || !strings.Contains(out, c.text) {
			t.Errorf("%v: status %d, %q", c.args, status, out)
		}
	}
}

// Many flows over two workers, both ways: what is DNS goes, the rest comes, in
// the order of its flow.
func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 2)
	stop := exampletest.Start(t, m, "-workers", "2", "packet:m0", "packet:m1")
	for i := range ends {
		from, to := byte(1+i), byte(2-i)
		var all, pass [][]byte
		for number := range uint16(120) {
			sport, dport := 1000+number%8, uint16(2000)
			switch number % 12 {
			case 3, 4:
				dport = 53
			case 9:
				sport, dport = 53, sport
			}
			f := exampletest.Frame(from, to, sport, dport, number)
			if all = append(all, f); sport != 53 && dport != 53 {
				pass = append(pass, f)
			}
		}
		exampletest.Send(t, ends[i].TX()[0], all...)
		got := exampletest.Receive(t, ends[1-i], len(pass))
		flow := func(a, b []byte) int { return bytes.Compare(a[26:38], b[26:38]) }
		slices.SortStableFunc(got, flow)
		slices.SortStableFunc(pass, flow)
		if !slices.EqualFunc(got, pass, slices.Equal) {
			t.Errorf("from %d: %d frames came of %d, or others did", i, len(got), len(pass))
		}
		exampletest.Quiet(t, ends[1-i])
	}
	out := stop()
	for _, port := range []string{"packet:m0", "packet:m1"} {
		want := port + ": received 120, 30 of them DNS and dropped; 0 dropped by the kernel; sent 90, 0 did not leave"
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in what it said: %s", want, out)
		}
	}
}

// A worker that fails ends the others, and its error is the run's.
func TestTogether(t *testing.T) {
	list := make([]engine.Worker, 3)
	for i := range list {
		list[i].Stage = &filter{} // without queues it waits
	}
	list[1].Stage = nil
	if err := together(context.Background(), list); err == nil || err.Error() != "a worker without a stage" {
		t.Errorf("together returned %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := together(ctx, list[:1]); err != nil {
		t.Errorf("a run that was told to end returned %v", err)
	}
}
