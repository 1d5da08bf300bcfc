package engine

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/net/bpf"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/netmap"
)

// Config says how to open a port. The zero value of each field is its default.
type Config struct {
	// RX and TX are the numbers of queues of each direction, or All. Both zero
	// means All of each; otherwise zero means none.
	RX, TX int
	// Slots is the size of each ring made in process memory, 2 to 65536; 1024.
	Slots int
	// BufSize is the size of a buffer in process memory in bytes, at least;
	// enough for the interface's MTU and at least 2048, for pcap: 16384.
	BufSize int
	// Memory gives the rings a place in an existing region, so that packets
	// can be swapped between this port and others in it. It must have room;
	// BufSize is then the region's. nil: a region of the port's own. A netmap
	// port is in the kernel's memory and has no use for it.
	Memory *netmap.Memory
	// Promisc receives frames for other addresses too, for as long as the
	// port is open.
	Promisc bool
	// Multicast has an interface receive these multicast addresses too, and
	// AllMulticast all of them, for as long as the port is open; packet: only.
	Multicast    []net.HardwareAddr
	AllMulticast bool
	// Filter has the kernel pass only frames for which this program of classic
	// BPF (bpf(4), socket(7)) does not return 0, and does not count the others;
	// packet: only. The program sees a frame without its VLAN tag where the NIC
	// or the kernel has taken it out (SKF_AD_VLAN_TAG is that tag's value), and
	// before any other change; what it returns does not shorten a frame.
	// [ParseFilter] reads what tcpdump -ddd prints.
	Filter []bpf.RawInstruction
	// SuperFrames has a packet: port look for super-frames (PACKET_VNET_HDR);
	// without it Stats.SuperFrames is 0 and netmap.Meta.SegmentSize left as it
	// is, and neither means anything. It takes the kernel some 50 ns a frame
	// while frames are in the processor's caches, and 140 ns of a long backlog,
	// which is 13 to 18 % (60-byte frames over veth, Linux 6.18).
	SuperFrames bool
	// Timestamps says who is to stamp each packet received; see
	// Info.Timestamps for who does. packet: and udp: only. It costs
	// about 10 ns a packet here, and a clock reading for each packet that any of
	// the host's interfaces receives.
	Timestamps Timestamps
	// QdiscBypass sends past the interface's queueing discipline
	// (PACKET_QDISC_BYPASS): faster, with drops reported as ENOBUFS where a
	// queueing discipline would hold the packets.
	QdiscBypass bool
	// DropTooLong has transmit queues of sockets drop a packet that is longer
	// than the interface's MTU allows, and count it in Stats.TooLong, where
	// Sync would fail: for those who forward what others sent.
	DropTooLong bool
	// RecvBuf and SendBuf are the sizes of each socket's buffers in bytes.
	// RecvBuf: 64 MiB for packet:, as far as the kernel grants it (see
	// Info.RecvBuf); SendBuf: the kernel's default.
	RecvBuf, SendBuf int
	// NoGSO has udp: ports hand over each packet by itself. As a rule a run of
	// packets of one length to one address goes to the kernel as one long
	// datagram to be cut up there (UDP_SEGMENT): see Stats.Merged.
	NoGSO bool
	// NoGRO has udp: ports take each datagram from the kernel by itself. As a
	// rule the kernel may hand over several of one flow in one (UDP_GRO), which
	// are apart again in the ring: see Stats.Merged and Stats.KernelDrops.
	NoGRO bool
	// Steer is how packets are spread over the receive queues of a packet: or
	// udp: port. SteerHash.
	Steer Steer
	// SteerCPUs, with SteerCPU, has CPU SteerCPUs[i] feed receive queue i, for
	// whose thread it is the best one to run on. A CPU that is not named feeds
	// the queue of its number modulo that of queues. Empty: none is named.
	SteerCPUs []int
	// Vector is the most packets that one system call of a socket moves, up to
	// 1024, and a receive queue's Sync is then one such call: with 1 each packet
	// is passed on before the next is taken. Nothing is merged then. 0: 1024, and a Sync takes all that
	// there is.
	Vector int
	// Device is where netmap ports are opened; nil: the kernel's /dev/netmap.
	Device netmap.Device
	// VnetHdr is the length in bytes of the virtio-net header that each packet
	// in the rings begins with: 10 or 12 for a port of a VALE switch, which has
	// it as long as it is open; or AnyVnetHdr for what a netmap port has, if
	// any: see Info.VnetHdr. 0: none; a port that has one is not opened.
	VnetHdr int
}

// AnyVnetHdr as Config.VnetHdr is the virtio-net header that a port has.
const AnyVnetHdr = backend.AnyVnetHdr

// All as a number of queues means as many as a netmap port has rings, and one
// on every other port.
const All = backend.All

// MaxQueues is the most queues a port can be opened with in one direction.
const MaxQueues = 256

// Open opens a port by its spec; the package documentation lists the kinds. A
// nil Config is the zero one. Nothing is sent by opening, and the caller must
// Close the port.
//
// A spec that names no port at all is refused with a *netmap.SpecError. Other
// errors are *netmap.OpError, which wraps the kernel's errno, or
// netmap.ErrNotSupported where this system cannot open such a port.
func Open(spec string, c *Config) (*Port, error) {
	p, err := open(spec, c)
	if err == nil {
		return p, nil
	}
	if bad, ok := errors.AsType[*netmap.SpecError](err); ok {
		return nil, bad
	}
	if op, ok := errors.AsType[*netmap.OpError](err); ok {
		err = op.Err // netmap's own
	}
	return nil, &netmap.OpError{Op: "open", Port: spec, Err: err}
}

// opener is a backend's Open: arg is the spec after the backend's prefix.
type opener func(arg string, o *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error)

func open(spec string, c *Config) (*Port, error) {
	var cfg Config
	if c != nil {
		cfg = *c
	}
	o, err := options(&cfg)
	if err != nil {
		return nil, err
	}
	if err := cfg.checkReceive(); err != nil {
		return nil, err
	}
	resolved, why, err := Resolve(spec)
	if err != nil {
		return nil, err
	}
	name, arg, f, err := choose(resolved)
	if err != nil {
		return nil, err
	}
	if name != "packet" {
		if what := cfg.packetOnly(); what != "" {
			return nil, fmt.Errorf("%s is for packet: ports only: %w", what, netmap.ErrNotSupported)
		}
	}
	if name != "netmap" && o.VnetHdr > 0 {
		return nil, fmt.Errorf("packets with a virtio-net header of %d bytes are for ports of VALE switches only: %w", o.VnetHdr, netmap.ErrNotSupported)
	}
	if name != "netmap" {
		o.RX, o.TX = one(o.RX), one(o.TX)
	}
	rx, tx, facts, err := f(arg, o)
	if err != nil {
		return nil, noDescriptors(err)
	}
	p := &Port{spec: spec}
	p.info = Info{
		Spec: spec, Backend: name, Why: why,
		Interface: facts.Interface, Index: facts.Index, MAC: net.HardwareAddr(facts.MAC),
		MTU: facts.MTU, MaxFrame: facts.MaxFrame, RecvBuf: facts.RecvBuf, Notes: facts.Notes,
		VnetHdr: facts.VnetHdr,
		Copies:  max(facts.Copies, 1), Peers: facts.Peers,
	}
	if o.Steer != backend.SteerHash && name != "packet" && name != "udp" {
		p.info.Notes = append(p.info.Notes, fmt.Sprintf("%s: ports are not steered by %v: what a queue gets is not the engine's to say", name, Steer(o.Steer)))
	}
	p.info.Timestamps = Timestamps(facts.Clock)
	if c := cfg.Timestamps; c != NoTimestamps && len(rx) > 0 && p.info.Timestamps != c {
		p.info.Notes = append(p.info.Notes, noClock(name, c, p.info.Timestamps))
	}
	if facts.Payload {
		p.info.Link = Payload
	}
	if facts.Interface != "" {
		p.info.DefaultRoute = carriesDefaultRoute(facts.Index)
	}
	for _, r := range rx {
		q := newQueue(r, p)
		p.rx, p.all = append(p.rx, q), append(p.all, q)
	}
	for _, t := range tx {
		q := newQueue(t, p)
		p.tx, p.all = append(p.tx, q), append(p.all, q)
	}
	return p, nil
}

// one makes All one.
func one(n int) int {
	if n == All {
		return 1
	}
	return n
}

func options(c *Config) (*backend.Options, error) {
	if c.RX == 0 && c.TX == 0 {
		c.RX, c.TX = All, All
	}
	for _, v := range []struct {
		what     string
		n        int
		min, max int
	}{
		{"receive queues", c.RX, All, MaxQueues},
		{"transmit queues", c.TX, All, MaxQueues},
		{"bytes of receive buffer", c.RecvBuf, 0, 1 << 30},
		{"bytes of send buffer", c.SendBuf, 0, 1 << 30},
		{"packets per system call", c.Vector, 0, 1024},
	} {
		if v.n < v.min || v.n > v.max {
			return nil, fmt.Errorf("%d %s: want %d to %d", v.n, v.what, v.min, v.max)
		}
	}
	switch c.VnetHdr {
	case 0, 10, 12, AnyVnetHdr:
	default:
		return nil, fmt.Errorf("a virtio-net header of %d bytes: want 0, 10 or 12", c.VnetHdr)
	}
	switch n := len(c.SteerCPUs); {
	case c.Steer > SteerRoundRobin:
		return nil, fmt.Errorf("%d is no Steer: want SteerHash to SteerRoundRobin", c.Steer)
	case n > 0 && c.Steer != SteerCPU:
		return nil, fmt.Errorf("SteerCPUs are for SteerCPU, not for steering by %v: leave them out", c.Steer)
	case n > 0 && n != max(c.RX, 1):
		return nil, fmt.Errorf("%d SteerCPUs for %d receive queues: want one for each, or none", n, max(c.RX, 1))
	}
	for i, cpu := range c.SteerCPUs {
		if cpu < 0 || slices.Contains(c.SteerCPUs[:i], cpu) {
			return nil, fmt.Errorf("CPU %d in SteerCPUs: want each CPU once, as it feeds one queue", cpu)
		}
	}
	o := &backend.Options{
		RX: c.RX, TX: c.TX, Slots: c.Slots, BufSize: c.BufSize, Memory: c.Memory,
		Promisc: c.Promisc, QdiscBypass: c.QdiscBypass, DropTooLong: c.DropTooLong,
		RecvBuf: c.RecvBuf, SendBuf: c.SendBuf, Vector: c.Vector, Device: c.Device, VnetHdr: c.VnetHdr,
		NoGSO: c.NoGSO, NoGRO: c.NoGRO, Steer: backend.Steer(c.Steer), SteerCPUs: c.SteerCPUs,
		Multicast: c.Multicast, AllMulti: c.AllMulticast, SuperFrames: c.SuperFrames, Filter: c.Filter, Timestamps: backend.Clock(c.Timestamps),
	}
	if c.Memory != nil {
		o.BufSize = c.Memory.BufSize()
	}
	return o, nil
}
