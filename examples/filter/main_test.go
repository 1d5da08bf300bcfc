package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestUsage(t *testing.T) { exampletest.Usage(t, 2) }

// mixed is frames of which every third is refused, in runs of all lengths, and
// those that pass.
func mixed(from, to byte) (all, pass [][]byte) {
	for i := range uint16(99) {
		f := exampletest.Frame(from, to, 1000, 53, i)
		if i%9 != 1 && i%9 != 4 && i%9 != 5 {
			f = exampletest.Frame(from, to, 53, 1000, i)
			pass = append(pass, f)
		}
		all = append(all, f)
	}
	return all, pass
}

func wantFrames(t *testing.T, what string, got, want [][]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%s: %d frames came of %d, or others did", what, len(got), len(want))
	}
}

// Between a NIC's rings and the host's stack.
func TestNetmap(t *testing.T) {
	*udp = 53
	d := exampletest.Netmap(t, 1)
	p := exampletest.Open(t, nil, "netmap:nm0", &engine.Config{Device: d})
	stop := exampletest.Go(t, func(ctx context.Context, out io.Writer) error {
		return filter(ctx, "netmap:nm1", "netmap:nm1^", d, out)
	})
	all, pass := mixed(1, 2)
	exampletest.Send(t, p.TX()[0], all...)
	var up [][]byte
	for begin := time.Now(); len(up) < len(pass) && time.Since(begin) < 10*time.Second; {
		if f, ok := d.HostReceive("nm1"); ok {
			up = append(up, f)
		} else {
			time.Sleep(time.Millisecond)
		}
	}
	wantFrames(t, "up", up, pass)

	all, pass = mixed(2, 1)
	for _, f := range all {
		if err := d.HostSend("nm1", f); err != nil {
			t.Fatal(err)
		}
	}
	wantFrames(t, "down", exampletest.Receive(t, p, len(pass)), pass)
	exampletest.Quiet(t, p)
	if _, ok := d.HostReceive("nm1"); ok {
		t.Error("the host received more")
	}
	if out := stop(); !strings.Contains(out, "66 packets to UDP port 53 dropped") {
		t.Error(out)
	}
}

func TestVeth(t *testing.T) {
	m, ends := exampletest.Middle(t, 2)
	stop := exampletest.Start(t, m, "-drop-udp", "53", "packet:m0", "packet:m1")
	for i := range ends {
		all, pass := mixed(byte(1+i), byte(2-i))
		exampletest.Send(t, ends[i].TX()[0], all...)
		wantFrames(t, fmt.Sprintf("from %d", i), exampletest.Receive(t, ends[1-i], len(pass)), pass)
		exampletest.Quiet(t, ends[1-i])
	}
	if out := stop(); !strings.Contains(out, "66 packets to UDP port 53 dropped") {
		t.Error(out)
	}
}

// Without netmap here the interface is left as it was, with a word on why.
func TestInterface(t *testing.T) {
	if status, out := exampletest.Status(t, "nosuch0"); status != 1 || !strings.Contains(out, `no interface "nosuch0"`) {
		t.Errorf("status %d, %s", status, out)
	}
}

func FuzzRefused(f *testing.F) {
	f.Add(exampletest.Frame(1, 2, 3, 9, 5))
	f.Fuzz(func(t *testing.T, b []byte) { refused(b[:len(b):len(b)]) })
}
