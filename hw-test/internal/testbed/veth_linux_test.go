package testbed

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/hw-test/internal/hop"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// TestMain makes the test binary the hop that a testbed starts.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "hw-test" {
		os.Exit(m.Run())
	}
	ctx, stop := cli.Signals(context.Background())
	defer stop()
	if err := hop.Run(ctx, 0, [2]string{os.Args[2], os.Args[3]}, os.Stderr); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func TestVeth(t *testing.T) {
	testnet.NS(t) // skips where there are no rights
	for _, c := range []struct {
		o       Options
		devices string
		kinds   string
		what    string
	}{
		{Options{}, "tg-a tg-b", "noqueue noqueue", "no device between"},
		{Options{Burn: 200}, "tg-a tg-b", "noqueue noqueue", "pktgen burns 200ns of CPU time more for each frame"},
		{Options{OwnBPS: 1e6}, "tg-a tg-b", "tbf noqueue", "1 Mbit/s on the sender's own device"},
		{Options{Hop: Bridge, HopBPS: 12e6}, "tg-a hop-a hop-b tg-b", "noqueue noqueue tbf noqueue", "the kernel's bridge between them in a third; a token bucket of 12 Mbit/s"},
		{Options{Hop: Forward, HopBPS: 1e6}, "tg-a hop-a hop-b tg-b", "noqueue noqueue tbf noqueue", "a forwarding program"},
	} {
		env, err := NewVeth(c.o)
		if err != nil {
			t.Fatalf("%+v: %v", c.o, err)
		}
		list, err := env.Counters()
		if err != nil {
			t.Fatal(err)
		}
		var devices, kinds []string
		for _, n := range list {
			devices, kinds = append(devices, n.Device), append(kinds, n.Qdisc.Kind)
			// Nothing on the way sends anything of its own.
			if n.RxPackets != 0 || n.TxPackets != 0 {
				t.Errorf("%+v: before the first frame: %+v", c.o, n)
			}
		}
		if strings.Join(devices, " ") != c.devices || strings.Join(kinds, " ") != c.kinds || list[0].Role != Sender || list[len(list)-1].Role != Receiver {
			t.Errorf("%+v: devices %v with %v", c.o, devices, kinds)
		}
		if d := env.Describe(); !strings.Contains(d.What, c.what) || d.Limits == nil {
			t.Errorf("%+v: %+v", c.o, d)
		}
		if env.Flows()[0].From.Spec != "packet:tg-a" || env.Flows()[0].To.Spec != "packet:tg-b" || !env.Flows()[0].From.Exact {
			t.Errorf("%+v, %+v", env.Flows()[0].From, env.Flows()[0].To)
		}
		if burns := slices.Contains(env.Flows()[0].From.Flags, "--burn"); burns != (c.o.Burn > 0) {
			t.Errorf("%+v: flags %q", c.o, env.Flows()[0].From.Flags)
		}
		if err := env.Close(); err != nil {
			t.Errorf("%+v: close: %v", c.o, err)
		}
	}
	for _, o := range []Options{{HopBPS: 1e6}, {Hop: "nosuch"}} {
		if _, err := NewVeth(o); err == nil {
			t.Errorf("%+v is made", o)
		}
	}
}

func TestSince(t *testing.T) {
	before := Counters{RxPackets: 1, TxPackets: 2, TxDropped: 3, Qdisc: Qdisc{Packets: 4, Drops: 5, Overlimits: 6, Backlog: 7}}
	after := Counters{RxPackets: 11, TxPackets: 22, TxDropped: 33, Qdisc: Qdisc{Packets: 44, Drops: 55, Overlimits: 66, Backlog: 77}}
	if got, want := after.Since(before), (Counters{RxPackets: 10, TxPackets: 20, TxDropped: 30, Qdisc: Qdisc{Packets: 40, Drops: 50, Overlimits: 60, Backlog: 77}}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if after.Restarted(before) || before.Restarted(before) || !before.Restarted(after) {
		t.Error("counters only go up, or begin anew")
	}
	after.Qdisc.Packets = 0
	if !after.Restarted(before) {
		t.Error("another qdisc counts from the beginning")
	}
	before.Qdisc.Packets, after.Qdisc.Packets = 1<<32-10, 5
	if n := after.Since(before).Qdisc.Packets; after.Restarted(before) || n != 15 {
		t.Errorf("a counter of 32 bits went on by 15, not %d", n)
	}
}

// TestHopIsGone: what a hop that has died does not hand on is no loss.
func TestHopIsGone(t *testing.T) {
	testnet.NS(t) // skips where there are no rights
	env, err := NewVeth(Options{Hop: Forward})
	if err != nil {
		t.Fatal(err)
	}
	defer env.Close()
	if _, err := env.Counters(); err != nil {
		t.Error(err)
	}
	v := env.(*veth)
	v.stop()
	v.hop.Wait()
	if _, err := env.Counters(); err == nil || !strings.Contains(err.Error(), "the hop is gone") {
		t.Error(err)
	}
}
