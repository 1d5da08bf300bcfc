package engine

import "github.com/ringwalk/ringwalk/engine/internal/backend"

// Steer is how the kernel spreads packets over the receive queues of a packet:
// or udp: port. A netmap port's are the NIC's own, which spreads as it is set up.
type Steer uint8

// The ways to spread.
const (
	// SteerHash keeps a flow (addresses and ports) in one queue: SO_REUSEPORT's
	// own way, PACKET_FANOUT_HASH.
	SteerHash Steer = iota
	// SteerCPU gives a packet to the queue of the CPU that received it, so that
	// with threads and interrupts bound to their CPUs no packet changes caches:
	// a classic BPF program at the SO_REUSEPORT group, or PACKET_FANOUT_CPU. See
	// Config.SteerCPUs for which CPU is whose.
	SteerCPU
	// SteerRandom chooses a queue for each packet by chance: as even as it can
	// be without memory, and a flow's packets pass each other. A classic BPF
	// program, or PACKET_FANOUT_RND. Packets that a sender on this host, or the
	// NIC, has merged go together.
	SteerRandom
	// SteerRoundRobin gives each queue one packet in turn: PACKET_FANOUT_LB.
	// It needs a counter in the kernel, which an SO_REUSEPORT group has not, so
	// that udp: ports refuse it; SteerRandom comes nearest.
	SteerRoundRobin
)

var steerNames = [...]string{"hash", "cpu", "random", "round-robin"}

// String returns the way's name: hash, cpu, random or round-robin.
func (s Steer) String() string {
	if int(s) < len(steerNames) {
		return steerNames[s]
	}
	return "unknown"
}

// ParseSteer is String's reverse; ok is false for a name that is none.
func ParseSteer(name string) (s Steer, ok bool) {
	for i, n := range steerNames {
		if n == name {
			return Steer(i), true
		}
	}
	return 0, false
}

// The backends have the same numbers.
var (
	_ = [1]int{}[SteerCPU-Steer(backend.SteerCPU)]
	_ = [1]int{}[SteerRandom-Steer(backend.SteerRandom)]
	_ = [1]int{}[SteerRoundRobin-Steer(backend.SteerRoundRobin)]
)
