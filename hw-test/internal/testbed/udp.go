package testbed

import (
	"context"
	"fmt"
	"net"
	"runtime"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
)

// udpHeaders is what a payload lacks to the frame it is sent in: Ethernet 14,
// IPv4 20, UDP 8.
const udpHeaders = 14 + 20 + 8

type loopback struct{ from, to Port }

// NewUDP makes an environment that needs no rights and no devices: both programs
// in this process, over UDP on loopback. Threads is how many of each program
// move packets at most: so many more Go may run at once from now on.
func NewUDP(threads int) (Environment, error) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0") // finds a free port
	if err != nil {
		return nil, fmt.Errorf("find a free UDP port on 127.0.0.1: %w", err)
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 2*threads+1))
	addr := c.LocalAddr().String()
	return &loopback{
		from: Port{Spec: "udp:" + addr, Launch: program.Goroutine, Headers: udpHeaders},
		// The kernel counts what it drops by what it hands over: each datagram by
		// itself, then.
		to: Port{Spec: "udp:@" + addr, Launch: program.Goroutine, Headers: udpHeaders, Flags: []string{"--gro=false"}},
	}, c.Close()
}

func (l *loopback) Describe() Description {
	return Description{Kind: "udp", What: "pktgen and rcv in one process, over UDP on 127.0.0.1", Limits: []string{}}
}

func (l *loopback) Flows() []Flow { return []Flow{{&l.from, &l.to}} }

// WaitLinks has nothing to wait for.
func (l *loopback) WaitLinks(context.Context) error { return nil }

// Clocks has nothing to do: there is one.
func (l *loopback) Clocks() error { return nil }

// Counters has none: lo is everybody's.
func (l *loopback) Counters() ([]Counters, error) { return []Counters{}, nil }

func (l *loopback) Close() error { return nil }
