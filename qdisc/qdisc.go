package qdisc

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

var (
	// ErrNotSupported is wrapped on systems other than Linux.
	ErrNotSupported = fmt.Errorf("queueing disciplines: %w on this system", errors.ErrUnsupported)
	// ErrNoKind is wrapped where this kernel has no qdisc of the kind. The
	// errno is ENOENT, as it is for a device without a qdisc of its own.
	ErrNoKind = errors.New("this kernel has no such kind of qdisc, nor a module for it")
	// ErrNotExact is wrapped where a qdisc could not be put back as it is.
	ErrNotExact = errors.New("it could not be put back exactly")
	// ErrChanged is wrapped where somebody else has changed the qdisc since,
	// so that it is left as it is.
	ErrChanged = errors.New("somebody else has changed it since, so it is left as it is")
	// ErrNetmap is wrapped for a device in emulated netmap mode.
	ErrNetmap = errors.New("it is in emulated netmap mode, whose transmit path is a qdisc of netmap's own")
	// ErrNeedsQueue is wrapped where a device would be left without a queue
	// that it needs.
	ErrNeedsQueue = errors.New("its driver needs a queue: without one the kernel drops what the driver cannot take at once")
	// ErrKept is wrapped for a device whose qdisc was set to stay, by Set.
	ErrKept = errors.New("its qdisc was set to stay")
	// ErrGone is wrapped for a device that was removed, or moved to another
	// namespace; its qdisc went with it.
	ErrGone = errors.New("the device is gone, and its qdisc with it")
)

// OpError is an error of this package: what was done, to which device, and
// why it failed, down to the errno.
type OpError struct {
	Op  string // "look at", "swap", "put back", …
	Dev string
	Err error
}

func (e *OpError) Error() string { return fmt.Sprintf("%s the qdisc of %s: %v", e.Op, e.Dev, e.Err) }

// Unwrap is the cause.
func (e *OpError) Unwrap() error { return e.Err }

// Link names a device by its index if that is not 0, else by its name, in the
// network namespace of NS or, if that is nil, of the calling thread. NS is the
// caller's; it may be closed when a call has returned.
type Link struct {
	Name  string
	Index int
	NS    *os.File // such as /run/netns/NAME or /proc/PID/ns/net, open
}

func (l Link) String() string {
	if l.Index != 0 {
		return fmt.Sprintf("interface %d", l.Index)
	}
	return l.Name
}

// Handle is a qdisc's or class's number, major and minor in 16 bits each, in
// host order (linux/pkt_sched.h). 0 is a qdisc that the kernel attached by
// itself.
type Handle uint32

// Parents that are no class.
const (
	Root    Handle = 0xffffffff // TC_H_ROOT: the device's own
	Ingress Handle = 0xfffffff1 // TC_H_INGRESS: ingress and clsact, on the way in
)

// String writes a handle as tc does: "1:", "1:2", "root".
func (h Handle) String() string {
	switch {
	case h == Root:
		return "root"
	case h == Ingress:
		return "ingress"
	case h&0xffff == 0:
		return fmt.Sprintf("%x:", uint32(h>>16))
	}
	return fmt.Sprintf("%x:%x", uint32(h>>16), uint32(h&0xffff))
}

// MarshalText is String.
func (h Handle) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what String writes.
func (h *Handle) UnmarshalText(b []byte) error {
	switch string(b) {
	case "root":
		*h = Root
		return nil
	case "ingress":
		*h = Ingress
		return nil
	}
	major, minor, ok := strings.Cut(string(b), ":")
	if !ok {
		return fmt.Errorf("handle %q is not like 1: or 1:2", b)
	}
	m, err := strconv.ParseUint(major, 16, 16)
	n := uint64(0)
	if err == nil && minor != "" {
		n, err = strconv.ParseUint(minor, 16, 16)
	}
	*h = Handle(m<<16 | n)
	return err
}

// State is what Get finds of a device: a copy, the caller's.
type State struct {
	Name  string `json:"dev"`
	Index int    `json:"ifindex"`
	// TxQueueLen is the device's txqueuelen in packets: the limit of a pfifo
	// that is given none, and the size of pfifo_fast's rings.
	TxQueueLen int  `json:"txqueuelen"`
	Up         bool `json:"up"`
	// Queues is how many transmit queues the device has.
	Queues int `json:"tx_queues"`
	// DefaultKind is net.core.default_qdisc, "" where it is not to be read:
	// it shows in the first network namespace only.
	DefaultKind string `json:"default_qdisc,omitempty"`
	// Qdiscs are the root and below it its children by parent, then those on
	// the way in; children that a classful qdisc made for itself do not show.
	Qdiscs []Qdisc `json:"qdiscs"`

	needsQueue bool
}

// Default reports whether the device's qdisc is what the kernel attached by
// itself, and would again if one that was set is deleted.
func (s *State) Default() bool { r := s.root(); return r == nil || r.Handle == 0 }

// root is nil if the kernel shows none.
func (s *State) root() *Qdisc {
	if len(s.Qdiscs) > 0 && s.Qdiscs[0].Parent == Root {
		return &s.Qdiscs[0]
	}
	return nil
}

// egress are the qdiscs on the way out, root first.
func (s *State) egress() []Qdisc {
	for i, q := range s.Qdiscs {
		if q.Parent == Ingress {
			return s.Qdiscs[:i]
		}
	}
	return s.Qdiscs
}

// Qdisc is one queueing discipline.
type Qdisc struct {
	Kind   string `json:"kind"`
	Handle Handle `json:"handle"`
	// Parent is Root, Ingress or a class of the qdisc above.
	Parent Handle `json:"parent"`
	// Options are a FIFO, PFIFOFast, TBF, FQ or FQCodel by the kind; nil for
	// kinds without options and for those that are not known here.
	Options any `json:"options,omitempty"`
	// Raw are the options of any kind as the kernel gave them (the payload of
	// TCA_OPTIONS).
	Raw   []byte `json:"raw,omitempty"`
	Stats Stats  `json:"stats"`

	hidden string // what cannot be seen of it, in words; "" if nothing
}

// Stats are a qdisc's counters since it was made (struct gnet_stats_basic and
// gnet_stats_queue, linux/gen_stats.h). A noqueue counts nothing.
type Stats struct {
	Bytes      uint64 `json:"bytes"`
	Packets    uint64 `json:"packets"`
	Drops      uint32 `json:"drops"`
	Overlimits uint32 `json:"overlimits"`
	Requeues   uint32 `json:"requeues"`
	Backlog    uint32 `json:"backlog"` // bytes queued now
	Qlen       uint32 `json:"qlen"`    // packets queued now
}

// Options of Swap and the others; nil and the zero value are the default.
type Options struct {
	// Force swaps even what could not be put back exactly: Restore then puts
	// back what it can and says what it could not. It also takes the queue
	// from a device that needs one.
	Force bool
}

// A Change is an entry of the journal that Recover and Held are about.
type Change struct {
	Dev   string    // the device's name when it was changed
	Index int       // and its index
	Netns string    // the namespace, as the journal names it
	What  string    // "qdisc" for Swap, "guard" for Guard
	To    string    // what was set, a Spec; "" for a guard
	By    string    // the program
	PID   int       // its process id
	Since time.Time // when
	Kept  bool      // set to stay, by Set
}
