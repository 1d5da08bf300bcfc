// Package backend is what the engine asks of a source or sink of packets: a
// ring, a sync, and something to wait for. All else (stopping, closing while
// in use, checking the ring, waiting, draining) the engine does once for all
// backends.
//
//	engine queue ── Sync ──▶ Queue ── recvmmsg, sendmmsg, read, ioctl ──▶ kernel
//	     │                     │
//	     └──── walks ───▶ netmap.Ring ◀── fills or empties ──┘
package backend

import (
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/bpf"

	"github.com/ringwalk/ringwalk/netmap"
)

// A Queue is one direction of one queue of a port. The engine calls Sync, Poll
// and Polled from the queue's one owner goroutine, Collect from any goroutine
// but never two at a time, and Close once, when no other call is running or
// will come.
type Queue interface {
	Ring() *netmap.Ring
	// Sync takes what the user gave back, moves tail, and never waits. The
	// engine has checked the ring's indices. io.EOF says that no packet will
	// ever come again.
	Sync() error
	// Poll says what the queue waits for in its present state.
	Poll() Wait
	// Polled ends a wait: revents is what poll(2) said, 0 if time ran out. It
	// leaves the ring synced.
	Polled(revents int16) error
	Counters() *Counters
	// Collect brings in counters that the kernel keeps.
	Collect()
	Close() error
}

// A Polling queue is one that polling its descriptor may sync, as the kernel's
// netmap does.
type Polling interface {
	// Polls reports whether a poll syncs the ring. If so, BeginPoll, a poll(2)
	// of what it returns, and EndPoll with what that said are a Sync. A
	// transmit ring is synced also if no event is asked for.
	Polls() bool
	BeginPoll() (fd int, events int16)
	EndPoll(revents int16) error
}

// A Wait is what a queue waits for: a descriptor, a time, both or nothing.
type Wait struct {
	FD     int           // descriptor for poll(2), -1 if none
	Events int16         // POLLIN or POLLOUT
	After  time.Duration // ready after this long whatever poll says; negative: never
	Syncs  bool          // polling FD syncs the ring, and the wait is likely to be short: it begins with a raw system call
}

// Now is the Wait of a queue that is ready.
var Now = Wait{FD: -1, After: 0}

// Never is the Wait of a queue that has nothing to wait for.
var Never = Wait{FD: -1, After: -1}

// Counters are the figures of one queue. Only the queue's owner writes them
// (those of Collect: only Collect), with [Add]; anyone may read them.
type Counters struct {
	Packets      atomic.Uint64
	Bytes        atomic.Uint64
	Syncs        atomic.Uint64
	Batches      atomic.Uint64
	Truncated    atomic.Uint64
	TooLong      atomic.Uint64
	Backpressure atomic.Uint64
	NoPeer       atomic.Uint64
	Merged       atomic.Uint64
	GSORefused   atomic.Uint64
	KernelDrops  atomic.Uint64 // by Collect

	SuperFrames      atomic.Uint64
	PartialChecksums atomic.Uint64
	Undescribed      atomic.Uint64
}

// Add adds to a counter that has a single writer, without a locked
// instruction's read-modify-write.
func Add(c *atomic.Uint64, n uint64) {
	if n != 0 {
		c.Store(c.Load() + n)
	}
}

// All as a number of queues is as many as the port has.
const All = -1

// AnyVnetHdr as Options.VnetHdr is the virtio-net header that a port has.
const AnyVnetHdr = -1

// A Users queue's port can send from the process's own memory.
type Users interface {
	NewUserBufs(n, size int) (*netmap.UserBufs, error)
}

// A Clock stamps received packets.
type Clock uint8

const (
	NoClock     Clock = iota
	KernelClock       // the kernel, by CLOCK_REALTIME, when it has the packet from the driver
	NICClock          // the NIC, by a clock of its own
)

// Options are what a backend's Open is asked for. Zero values are defaults.
type Options struct {
	RX, TX      int // queues of each direction; All: only for a backend whose ports have a number of their own
	Slots       int
	BufSize     int
	Promisc     bool
	QdiscBypass bool
	DropTooLong bool
	RecvBuf     int // bytes
	SendBuf     int // bytes
	NoGSO       bool
	NoGRO       bool
	Steer       Steer
	SteerCPUs   []int // by receive queue; empty: CPU number modulo queues
	Vector      int   // most packets a system call moves
	Timestamps  Clock
	Multicast   []net.HardwareAddr
	AllMulti    bool
	SuperFrames bool
	Filter      []bpf.RawInstruction // nil: none
	Memory      *netmap.Memory
	Device      netmap.Device // nil: the kernel's
	VnetHdr     int           // of netmap ports: 0, 10, 12 or AnyVnetHdr
}

// Steer is how packets are spread over receive queues.
type Steer uint8

// The ways; package engine has their meaning.
const (
	SteerHash Steer = iota
	SteerCPU
	SteerRandom
	SteerRoundRobin
)

// Facts are what a backend knows of what it opened.
type Facts struct {
	Interface string
	Index     int
	MAC       []byte
	MTU       int // 0: none
	VnetHdr   int
	MaxFrame  int // longest frame or payload that can be sent, bytes
	Payload   bool
	RecvBuf   int
	Peers     bool  // each packet is sent to the address in its netmap.Meta
	Copies    int   // addresses that each packet is sent to; 0: one
	Clock     Clock // that stamps what is received
	Notes     []string
}

// Rings makes a port's rings: its queues' number and size as asked, in the
// memory given or in one of its own with room for just these.
func Rings(o *Options) (rx, tx []*netmap.Ring, err error) {
	mem := o.Memory
	if mem == nil {
		mem, err = netmap.NewMemory(&netmap.MemoryConfig{
			Rings: o.RX + o.TX, Slots: o.Slots, BufSize: o.BufSize,
		})
		if err != nil {
			return nil, nil, err
		}
	}
	free := func() {
		for _, r := range append(rx, tx...) {
			mem.FreeRing(r)
		}
	}
	for i := range o.RX {
		r, err := mem.NewRing(netmap.RX, uint16(i), o.Slots)
		if err != nil {
			free()
			return nil, nil, err
		}
		rx = append(rx, r)
	}
	for i := range o.TX {
		r, err := mem.NewRing(netmap.TX, uint16(i), o.Slots)
		if err != nil {
			free()
			return nil, nil, err
		}
		tx = append(tx, r)
	}
	return rx, tx, nil
}
