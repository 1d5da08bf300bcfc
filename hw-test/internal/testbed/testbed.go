// Package testbed is where a trial happens: a port that sends, a port that
// receives, and what is between them.
//
//	veth                               veth-dut
//
//	 namespace       namespace          namespace        namespace        namespace
//	┌─────────┐     ┌─────────┐        ┌─────────┐     ┌────────────┐    ┌─────────┐
//	│   tg-a  ├─────┤  tg-b   │        │   tg-a  ├─────┤ hop-a hop-b├────┤  tg-b   │
//	│ pktgen  │veth │   rcv   │        │ pktgen  │veth │   bridge,  │veth│   rcv   │
//	└─────────┘     └─────────┘        └─────────┘     │ or forward │    └─────────┘
//	                                                   └────────────┘
//	                                     token bucket on tg-a ↑   ↑ on hop-b
//
//	local, ssh, and inside of vm
//
//	  netmap:eth0                          netmap:eth1       ports of this host, or of
//	    pktgen ───▶ the device under test ───▶ rcv           others: see Host
//
// The first shows what the tester itself can do; there is no device. In the
// second a device of known behaviour stands for the real one: the kernel's
// bridge, or package hop as a process. Both are made for the run, have no name
// outside of it, and are gone with the process.
//
// An Environment belongs to whoever made it, who closes it; its methods are
// called by one goroutine at a time.
package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
)

// ErrMissing is wrapped where the system lacks what an environment is made of:
// a reason to skip, not to fail. It is errors.ErrUnsupported.
var ErrMissing = fmt.Errorf("this system lacks what the test needs: %w", errors.ErrUnsupported)

// Environment is ports with something between them.
type Environment interface {
	// Describe says what it is, for reports.
	Describe() Description
	// Flows are the ways that frames go, all at once: at least one.
	Flows() []Flow
	// Counters reads the counters of all devices on the way, in the order in
	// which frames pass them.
	Counters() ([]Counters, error)
	// WaitLinks waits until the ports have a link that stays, and what is behind
	// it is ready; for long at first, and once a link was lost.
	WaitLinks(context.Context) error
	// Clocks compares the hosts' clocks with this one's again, for Port.Clock:
	// they drift.
	Clocks() error
	// Close removes it.
	Close() error
}

// A Maker is what an environment is made by, when the time has come.
type Maker interface {
	// Describe says what Open will make.
	Describe() Description
	// Paths name its flows.
	Paths() []string
	// Open makes it; the caller closes it.
	Open(context.Context) (Environment, error)
}

// Description is what a report says of an environment.
type Description struct {
	// Kind is "veth", "veth-dut", "udp", "local", "ssh" or "vm".
	Kind string `json:"kind"`
	// What it is, in a sentence.
	What string `json:"what"`
	// Limits are sentences on what could not be had; never null in JSON.
	Limits []string `json:"limits"`
}

// A Flow is a port that sends and the one that its frames arrive at. Several
// may arrive at one port, which then is the same pointer; none send from one.
type Flow struct{ From, To *Port }

// Port is an end of the tester.
type Port struct {
	// Host is the name of the host that it is on, "" for this one.
	Host string
	// Spec is the port for pktgen and rcv, Device the name of its interface,
	// "" if it has none.
	Spec, Device string
	// MAC and Addrs are the interface's, where it has them.
	MAC   net.HardwareAddr
	Addrs []netip.Prefix
	// Clock is the host's, as of Environment.Clocks.
	Clock Clock
	// Launch starts a program where the port is.
	Launch program.Launcher
	// Flags are more of the program's flags.
	Flags []string
	// Headers is how many bytes of a frame the port does not carry: 0 where it
	// carries frames, 42 where payloads of UDP datagrams.
	Headers int
	// LinkBPS is the link's speed in bits on the wire a second; 0: there is
	// none that would hold frames back.
	LinkBPS float64
	// Exact tells that the device's counters count each frame that passes, at
	// once, so that they must agree with the program's.
	Exact bool
	// Late is how far the device's counters may be behind.
	Late time.Duration
	// Noise is how many frames a second that are not of the test may come.
	Noise float64
}

// FirstFrame is how long a receiver waits for the first frame once the sender is
// started, for when that fails: ample to start a program on another host.
const FirstFrame = 5 * time.Second

// A Clock is how far a host's clock is ahead of this one's, and by how much that
// may be wrong; zero for this host's.
type Clock struct {
	Ahead  time.Duration `json:"ahead_ns"`
	Within time.Duration `json:"within_ns"`
}

// String is the clock in words.
func (c Clock) String() string {
	ahead := "ahead of"
	if c.Ahead < 0 {
		ahead = "behind"
	}
	return fmt.Sprintf("its clock is %v %s this one's, known to ± %v", round(c.Ahead.Abs()), ahead, round(c.Within))
}

// round leaves out digits that nobody knows.
func round(d time.Duration) time.Duration {
	switch {
	case d < 10*time.Microsecond:
		return d.Round(10 * time.Nanosecond)
	case d < 10*time.Millisecond:
		return d.Round(time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// Role is what a device is for.
type Role string

// Roles of devices, in the order in which frames pass them.
const (
	Sender   Role = "sender"
	HopIn    Role = "hop in"
	HopOut   Role = "hop out"
	Receiver Role = "receiver"
)

// Counters are those of one device at a time, since it was made: frames, and
// their bytes without CRC.
type Counters struct {
	Role      Role   `json:"role"`
	Host      string `json:"host,omitempty"` // its name, "" for this one
	Device    string `json:"device"`
	RxPackets uint64 `json:"rx_packets"`
	RxBytes   uint64 `json:"rx_bytes"`
	RxErrors  uint64 `json:"rx_errors"`
	RxDropped uint64 `json:"rx_dropped"`
	// RxMissed are frames for which the device had no room, because whoever
	// reads it was late.
	RxMissed  uint64 `json:"rx_missed"`
	TxPackets uint64 `json:"tx_packets"`
	TxBytes   uint64 `json:"tx_bytes"`
	TxErrors  uint64 `json:"tx_errors"`
	TxDropped uint64 `json:"tx_dropped"`
	// NoLink tells that it had none at that time, and LinkChanges is how often
	// the link has come or gone.
	NoLink      bool   `json:"no_link,omitempty"`
	LinkChanges uint64 `json:"link_changes"`
	// Qdisc is the root queueing discipline on the way out.
	Qdisc Qdisc `json:"qdisc"`
}

// Qdisc is what a queueing discipline counted.
type Qdisc struct {
	Kind       string `json:"kind"`
	Packets    uint64 `json:"packets"`
	Drops      uint64 `json:"drops"`
	Overlimits uint64 `json:"overlimits"` // times that a shaper made frames wait
	Backlog    uint64 `json:"backlog"`    // frames that wait now
}

// Restarted tells that they began anew after an earlier reading, as when a driver
// is loaded again.
func (c Counters) Restarted(before Counters) bool {
	q, was := c.Qdisc, before.Qdisc
	for _, n := range [][2]uint64{{q.Packets, was.Packets}, {q.Drops, was.Drops}, {q.Overlimits, was.Overlimits}} {
		if n[0] < n[1] && !wrapped(n[0], n[1]) {
			return true
		}
	}
	return c.RxPackets < before.RxPackets || c.RxBytes < before.RxBytes || c.RxErrors < before.RxErrors || c.RxDropped < before.RxDropped ||
		c.RxMissed < before.RxMissed || c.TxPackets < before.TxPackets || c.TxBytes < before.TxBytes || c.TxErrors < before.TxErrors ||
		c.TxDropped < before.TxDropped || c.LinkChanges < before.LinkChanges
}

// wrapped tells that a counter of a queueing discipline, of which kernels keep
// 32 bits, has gone over its end.
func wrapped(now, before uint64) bool { return now < 1<<31 && before >= 1<<31 && before < 1<<32 }

// qdiscSince is what such a counter counted.
func qdiscSince(now, before uint64) uint64 {
	if now < before && wrapped(now, before) {
		now += 1 << 32
	}
	return now - before
}

// Since is what was counted after an earlier reading of the same device, which
// has not Restarted. NoLink and Backlog stay what they are now.
func (c Counters) Since(before Counters) Counters {
	c.RxPackets -= before.RxPackets
	c.RxBytes -= before.RxBytes
	c.RxErrors -= before.RxErrors
	c.RxDropped -= before.RxDropped
	c.RxMissed -= before.RxMissed
	c.TxPackets -= before.TxPackets
	c.TxBytes -= before.TxBytes
	c.TxErrors -= before.TxErrors
	c.TxDropped -= before.TxDropped
	c.LinkChanges -= before.LinkChanges
	c.Qdisc.Packets = qdiscSince(c.Qdisc.Packets, before.Qdisc.Packets)
	c.Qdisc.Drops = qdiscSince(c.Qdisc.Drops, before.Qdisc.Drops)
	c.Qdisc.Overlimits = qdiscSince(c.Qdisc.Overlimits, before.Qdisc.Overlimits)
	return c
}

// What a veth-dut environment may have for a device.
const (
	NoHop   = ""        // TG–TG: no device at all
	Bridge  = "bridge"  // the kernel's bridge
	Forward = "forward" // package hop, a program on two sockets
)

// Options are what a veth environment is made of. The zero value is TG–TG.
type Options struct {
	Hop string
	// HopBPS is the rate of a token bucket on the hop's way out, OwnBPS that
	// of one on the sender's own device, in bits of frames without CRC a
	// second, as a qdisc counts them; 0: none.
	HopBPS, OwnBPS float64
	// Lose has a Forward hop lose every so manyth frame; 0: none.
	Lose uint64
	// Burn makes pktgen slower by this much CPU time for each frame, to see
	// whether it is noticed; 0: not.
	Burn time.Duration
}

// NewVeth makes a veth environment. The error wraps ErrMissing if the kernel
// has no bridge or no token bucket, netlab.ErrNoPrivilege if namespaces may not
// be made.
func NewVeth(o Options) (Environment, error) { return newVeth(o) }

// Describe says what the environment will be.
func (o *Options) Describe() Description {
	d := Description{Kind: "veth", What: "pktgen and rcv in two network namespaces joined by a veth pair, no device between them", Limits: []string{}}
	if o.Hop != NoHop {
		d.Kind = "veth-dut"
		d.What = "pktgen and rcv in two network namespaces, the kernel's bridge between them in a third"
		if o.Hop == Forward {
			d.What = "pktgen and rcv in two network namespaces, a forwarding program between them in a third"
		}
	}
	if o.Lose > 0 {
		d.What += fmt.Sprintf("; it loses every frame number %d", o.Lose)
	}
	if o.HopBPS > 0 {
		d.What += fmt.Sprintf("; a token bucket of %.6g Mbit/s on its way out", o.HopBPS/1e6)
	}
	if o.OwnBPS > 0 {
		d.What += fmt.Sprintf("; a token bucket of %.6g Mbit/s on the sender's own device", o.OwnBPS/1e6)
	}
	if o.Burn > 0 {
		d.What += fmt.Sprintf("; pktgen burns %v of CPU time more for each frame", o.Burn)
	}
	return d
}
