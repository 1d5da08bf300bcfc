package gen

import (
	"net"
	"net/netip"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
)

// Probe says whether frames are numbered and timed.
type Probe uint8

// Auto is On, unless the frame length asked for leaves no room for a probe. Seq
// numbers frames as pkt-gen's txseq does, from one thread, without time and end
// records.
const (
	Auto Probe = iota
	On
	Off
	Seq
)

// Config says what to send. The zero value sends probes of 60 bytes from
// 10.0.0.1:1234 to 10.1.0.1:1234, as fast as it goes, until its context ends.
type Config struct {
	Count    uint64        // frames of all threads together; 0: no limit
	Duration time.Duration // 0: no limit
	Burst    int           // most frames per batch and thread; as many as the ring holds
	// StartAt is when the first frame goes, and Duration and the schedule begin;
	// the zero Time, and one that has passed: at once. Run looks at the clock
	// once for it: how far that is stepped meanwhile, the start is off.
	StartAt time.Time

	Rate float64 // of Units a second, of all threads together; 0: as fast as it goes
	Unit Unit    // Frames
	Gaps Gaps    // Constant
	// BurstSize is how many frames of one thread are due together, at a Rate
	// in frames: bursts begin every BurstSize/Rate seconds, and the threads
	// take turns. 0 and 1: each frame on its own.
	BurstSize int
	// Seed makes what is random the same in every run.
	Seed uint64

	// Len is the length of a frame without CRC in bytes, of a payload on a
	// port that carries payloads. 0: the larger of 60 and what a probe needs.
	Len            int
	Src, Dst       netip.AddrPort   // zero: see above; if nothing varies, thread i sends from the source port + i
	SrcMAC, DstMAC net.HardwareAddr // nil: the port's own, and broadcast
	// Shape is all else that frames can be. Where it makes them differ, frame n
	// of the run has the n-th values, whichever thread sends it: thread i of t
	// sends the frames i, i+t, i+2t, …, so that Count frames are the first
	// Count ones.
	Shape   frame.Shape
	Rubbish bool // send what the buffers hold: nothing is written but lengths
	Probe   Probe
	Stream  uint16 // stream id of the first thread; thread i has Stream + i

	// Frags is how many slots of a netmap port a frame is sent from, 1 to 63,
	// all of one length to the byte; 0 and 1: one. FragSize is the most bytes
	// of one, where a buffer's are too many; frames for which Frags are too few
	// then go in more, all but the last of that size, as those longer than
	// Frags buffers do. Bytes are copied for it, and a frame that leaves a NIC
	// is the same as from one slot.
	Frags, FragSize int

	// Indirect sends from memory of the process in place of the ring's buffers
	// (NS_INDIRECT), which ports of VALE switches can.
	Indirect bool

	// Replay sends a capture file's frames instead; nil: not.
	Replay *Replay

	// CPUs are those the threads run on, thread i on CPUs[i mod len]; empty:
	// each on any of Node.
	CPUs []int
	// Node are CPUs that all threads keep to, those of a NUMA node as a rule;
	// empty: any.
	Node []int
	// Wrap, if not nil, is given the stage of each thread and returns the one
	// that is run in its place.
	Wrap func(engine.Stage) engine.Stage
	// DrainTimeout bounds the wait for frames in the rings to leave at the
	// end; 1 s.
	DrainTimeout time.Duration
}
