package self

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/internal/netlab"
)

// A lab is where both programs run: two ports with something in between.
type lab struct {
	send, receive  program.Launcher
	txPort, rxPort string
	// headers is how many bytes of a frame the ports do not carry.
	headers int
	// flags are more of pktgen's flags for a row.
	flags func(*Row) []string
	// receiving are more of rcv's.
	receiving []string
	close     func() error
}

// vethFlags makes a row's flows differ from the other rows'. Which queue a
// flow goes to is the kernel's choice by a hash that stays the same until
// reboot: flows that never change might all share one queue in every row.
//
// The frames are addressed to nobody, so that the receiving namespace's own
// network stack drops them at once and has nothing to answer.
func vethFlags(r *Row) []string {
	return []string{"-s", fmt.Sprintf("10.0.0.1:%d", 1024+64*r.index), "--dst-mac", "02:00:00:00:00:02"}
}

// vethLab makes two namespaces joined by a veth pair.
func vethLab() (_ *lab, err error) {
	a, err := netlab.NewNS()
	if err != nil {
		return nil, err
	}
	b, err := netlab.NewNS()
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	l := &lab{
		send: program.Process(a.Start), receive: program.Process(b.Start), txPort: "packet:rw-a", rxPort: "packet:rw-b", flags: vethFlags,
		// The namespaces go with the last process in them, the pair with them.
		close: func() error { return errors.Join(a.Close(), b.Close()) },
	}
	if _, err := netlab.NewPair(a, b, &netlab.PairOptions{NameA: "rw-a", NameB: "rw-b"}); err != nil {
		return nil, errors.Join(err, l.close())
	}
	return l, nil
}

// udpHeaders is what a payload lacks to the frame it is sent in: Ethernet 14,
// IPv4 20, UDP 8.
const udpHeaders = 14 + 20 + 8

// udpLab finds a free port on loopback.
func udpLab(queues int) (*lab, error) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("find a free UDP port on 127.0.0.1: %w", err)
	}
	// Both programs' workers and the rest, in one Go scheduler.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 2*queues+1))
	addr := c.LocalAddr().String()
	return &lab{
		send: program.Goroutine, receive: program.Goroutine, txPort: "udp:" + addr, rxPort: "udp:@" + addr, headers: udpHeaders,
		flags: func(*Row) []string { return nil },
		// The kernel counts what it drops by what it hands over: each datagram by
		// itself, then.
		receiving: []string{"--gro=false"},
		close:     func() error { return nil },
	}, c.Close()
}

// run runs both programs for one row, which sends for d, and judges it.
func (l *lab) run(ctx context.Context, row *Row, rate float64, d time.Duration) {
	if row.Pace == Paced {
		row.Asked = uint64(max(1, math.Round(rate*d.Seconds())))
	}
	ctx, cancel := context.WithTimeout(ctx, d+slack)
	defer cancel()
	tx := program.Outcome{Failure: "was not started, because rcv did not get ready"}
	rcv := program.Start(ctx, l.receive, "rcv", append(row.rcvArgs(l.rxPort), l.receiving...))
	if rcv.IsReady() {
		args := append(row.pktgenArgs(l.txPort, row.Size-l.headers, rate, d), l.flags(row)...)
		tx = program.Start(ctx, l.send, "pktgen", args).Wait()
	}
	row.judge(tx, rcv.Wait())
}
