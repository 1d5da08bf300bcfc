package conformance

import (
	"strings"

	"github.com/ringwalk/ringwalk/netmap"
)

// Kind is what sort of ports a target is, for the list of what does not apply.
type Kind string

// The kinds.
const (
	VALE     Kind = "vale"     // two ports of a VALE switch, made by opening them
	Pipe     Kind = "pipe"     // the two ends of a pipe
	Null     Kind = "null"     // a null port
	Sink     Kind = "sink"     // nmsink0, which swallows what it is sent
	Emulated Kind = "emulated" // two joined interfaces without native support, such as a veth pair
	Native   Kind = "native"   // two joined NICs with native drivers
	Looped   Kind = "looped"   // the fake's pair of joined NICs
)

// Caps is a set of things a target can do.
type Caps uint32

// What targets can do. Those with a hook follow from it and need not be set.
const (
	Ends       Caps = 1 << iota // what A sends arrives at B, and the other way round
	Lossless                    // a full receiver holds the sender up; nothing is lost
	Swallows                    // what A sends leaves its ring, though B may not read
	Frags                       // packets may have several fragments
	Withholds                   // the start of a packet is not delivered before its end
	OneMemory                   // A and B are in one memory region
	Conf                        // @conf sets the slots and rings of a port when it is opened
	Queues                      // has, or with Conf can be given, several rings
	HostRings                   // has host rings
	Switches                    // is a learning switch: see Target.C
	Monitors                    // can be monitored by copy
	ZCMonitors                  // can be monitored without copies
	SecondPair                  // C and D are another pair, in the same memory region as A and B
	Named                       // has a name by which requests find it

	hasLinkDown
	hasRemove
	hasMemory
	hasHost
)

var capNames = []string{
	"two ends", "losslessness", "a transmit ring that drains", "fragments", "whole packets only", "one memory for both ends", "@conf", "several rings",
	"host rings", "a learning switch", "copy monitors", "zero-copy monitors", "a second pair", "a name",
	"a way to set the link down", "a way to remove the interface", "a measure of the kernel's memory",
	"a way to use the host's stack",
}

// String lists the set.
func (c Caps) String() string {
	var s []string
	for i, n := range capNames {
		if c&(1<<i) != 0 {
			s = append(s, n)
		}
	}
	return strings.Join(s, ", ")
}

// A Target is what checks run on.
type Target struct {
	Name   string // in the table
	Kind   Kind
	Device netmap.Device // nil: [netmap.Kernel]
	A, B   string        // port specs without flags or options; B is "" where there is no other end
	C, D   string        // with SecondPair another pair; with Switches C is a third port
	Caps   Caps

	MinFrame int  // bytes; shorter frames would be padded; 0: none would
	MaxFrame int  // bytes; longer ones are not carried; 0: only the rings limit
	Hold     bool // keep the ports registered between checks, where each last close resets or leaks something
	Settles  bool // after an open the link takes a while to carry frames
	Rings    int  // to ask for in the queues check, with Conf; 0: 4
	Packets  int  // for the wrap check, instead of Options.Packets; 0: as that
	Cycles   int  // of opening and closing, instead of Options.Cycles; 0: as that

	// Unordered says that frames may overtake each other, as they do where the
	// kernel's stack queues them by processor.
	Unordered bool
	// Keeps says that the device leaves a closed port's memory as it was,
	// instead of laying zeros over it, as one on the heap must.
	Keeps bool

	// Interrupt makes the device's polls end with EINTR every few milliseconds
	// until stop; nil: signals to the polling thread do.
	Interrupt func() (stop func())
	// LinkDown sets A's link down or up again; nil: it cannot be done.
	LinkDown func(down bool) error
	// Remove takes A's interface away, and restore makes it as it was; nil: it
	// cannot be done. It must not wait for ports that are open: the kernel
	// lets go of an interface only when they are closed, which restore awaits.
	Remove func() (restore func() error, err error)
	// Host opens the host's network stack on A's interface; nil: there is none.
	Host func() (*HostStack, error)
	// KernelMemory returns how many bytes the netmap under test has in use,
	// besides what the process itself has; nil: it cannot be told.
	KernelMemory func() (int64, error)
	// Noise is how much KernelMemory may grow in a run of cycles without
	// there being a leak, in bytes.
	Noise int64
}

// caps is what the target can do, hooks included.
func (t *Target) caps() Caps {
	c := t.Caps
	if t.LinkDown != nil {
		c |= hasLinkDown
	}
	if t.Remove != nil {
		c |= hasRemove
	}
	if t.KernelMemory != nil {
		c |= hasMemory
	}
	if t.Host != nil {
		c |= hasHost
	}
	return c
}

func (t *Target) device() netmap.Device {
	if t.Device == nil {
		return netmap.Kernel
	}
	return t.Device
}
