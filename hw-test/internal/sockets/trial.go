package sockets

import "time"

// A usage is what one side of a trial took. Where the sides take turns, the
// times are as if all turns had been as the one at the first decile: what else
// the machine does only adds to a turn, and a turn is short enough for some to
// be without it.
type usage struct {
	wall  time.Duration
	cpu   time.Duration // of its threads, with what the kernel does in their calls
	calls uint64
}

// turned are the times of one side's turns.
type turned struct{ wall, cpu []time.Duration }

func (t *turned) add(u usage) {
	t.wall, t.cpu = append(t.wall, u.wall), append(t.cpu, u.cpu)
}

// usage puts the turns together.
func (t *turned) usage() (u usage) {
	if n := time.Duration(len(t.wall)); n > 0 {
		u.wall, u.cpu = n*decile(t.wall), n*decile(t.cpu)
	}
	return u
}

// A trial is what became of some packets.
type trial struct {
	sent        uint64 // taken by the kernel
	received    uint64
	notTaken    uint64
	socketDrops uint64
	deviceDrops uint64
	queues      []uint64 // received, by queue
	send, recv  usage
	fill        int // packets sent at a time
}

// missing is how many packets are neither received nor known to be dropped;
// negative: more came than were sent.
func (t *trial) missing() int64 {
	return int64(t.sent) - int64(t.received) - int64(t.socketDrops) - int64(t.deviceDrops)
}

// A kind is how the two sides take turns.
type kind int

const (
	// turns: one thread fills the receiving socket, then empties it, over and
	// over; no side waits for the other or disturbs it.
	turns kind = iota
	// parallel: as turns, but each receive queue is emptied by a thread of its
	// own, all at once.
	parallel
	// together: the sender sends at full speed while the receivers receive.
	together
)

// How many packets are sent before the receivers' turn: few stay in the CPU's
// caches, as in traffic that is received while it comes; several threads need
// more, or their start would be what is measured.
const (
	fillTurns    = 1024
	fillParallel = 16384
)
