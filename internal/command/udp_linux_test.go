package command_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/ringwalk/ringwalk/internal/testnet"
)

// TestPongOfSeveral has one pong on a UDP port answer several pings at a time,
// each to whom it came from.
func TestPongOfSeveral(t *testing.T) {
	ns := testnet.NS(t)
	const pings, each = 4, 100
	end := other(t, ns, "pktgen", fmt.Sprintf("-f pong -i udp:@127.0.0.1:4000 -n %d --json", pings*each))
	got := make([]outcome, pings)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			got[i] = in(ns, fmt.Sprintf("pktgen -f ping -i udp:@127.0.0.1:0,127.0.0.1:4000 -n %d -R 2000 --best-effort --timeout 10s --max-loss 0 --json", each))
		})
	}
	wg.Wait()
	for i, o := range got {
		r, _ := o.result(t)
		if p := r.Ping; o.status != 0 || p == nil || p.Received != each || p.Foreign+p.Duplicates+p.Late != 0 {
			t.Errorf("ping %d: status %d, %+v\n%s", i, o.status, p, o.stderr)
		}
	}
	o := end()
	r, _ := o.result(t)
	if o.status != 0 || r.Packets != pings*each || r.Pong.NoPeer != 0 || r.Pong.Truncated+r.Pong.KernelDrops != 0 {
		t.Errorf("pong: status %d, %d packets, %+v\n%s", o.status, r.Packets, r.Pong, o.stderr)
	}
}

// TestSeveralRemotes sends every frame of a run to two receivers, merged and
// one by one; one of them has two queues fed by chance.
func TestSeveralRemotes(t *testing.T) {
	ns := testnet.NS(t)
	for _, flags := range []string{"", " --gso=false"} {
		one := other(t, ns, "rcv", "-i udp:@127.0.0.1:4001 --expect 3000 --max-loss 0 --idle 500ms --json")
		two := other(t, ns, "rcv", "-i udp:@127.0.0.1:4002 --gro=false -p 2 --steer random --expect 3000 --max-loss 0 --idle 500ms")
		sent := in(ns, "pktgen -i udp:127.0.0.1:4001,127.0.0.1:4002 -n 3000 -b 100 -R 200k --best-effort --json"+flags)
		if r, _ := sent.result(t); sent.status != 0 || r.Packets != 3000 || r.Undrained != 0 {
			t.Errorf("pktgen%s: %+v", flags, sent)
		}
		if o := one(); o.status != 0 {
			t.Errorf("after pktgen%s: %+v", flags, o)
		}
		o := two()
		m := regexp.MustCompile(`\nBalance: (\d+)\.\d% \d+\.\d%; the fullest queue has 1\.\d\d times the mean\n`).FindStringSubmatch(o.stderr)
		if o.status != 0 || m == nil {
			t.Errorf("after pktgen%s: %+v", flags, o)
		}
	}
}

// TestSocketFlags has what cannot be meant.
func TestSocketFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"rcv -i udp:@127.0.0.1:4000 --steer odd", `--steer: "odd" is no way to spread packets`},
		{"rcv -i udp:@127.0.0.1:4000 -p 3 --steer cpu -a 0,1", "3 queues need as many CPUs: -a names 2"},
		{"rcv -i udp:@127.0.0.1:4000 -p 2 --steer cpu -a 0 -c 1", "each CPU once"},
		{"rcv -i udp:@127.0.0.1:4000 -p 2 --steer round-robin", "steer at random"},
		{"pktgen -i udp:@127.0.0.1:4000 -n 1", "add REMOTE:PORT"},
		{"pktgen -f ping -i udp:@127.0.0.1:4000 -n 1", "add REMOTE:PORT"},
		{"pktgen -f rx -i udp:@127.0.0.1:4000 --gso=false", "--gso means nothing with -f rx"},
	} {
		o := play(strings.Fields(c.args)...)
		if o.status == 0 || !strings.Contains(o.stderr, c.want) {
			t.Errorf("%s: status %d, %s; want %q", c.args, o.status, o.stderr, c.want)
		}
	}
}
