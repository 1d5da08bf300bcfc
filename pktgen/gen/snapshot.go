package gen

import (
	"time"

	"github.com/ringwalk/ringwalk/engine"
)

// A Queue is what one transmit queue sent.
type Queue struct {
	Packets, Bytes uint64
}

// A Snapshot is what has been sent until now.
type Snapshot struct {
	Packets    uint64        // frames that have left, end records not among them
	Bytes      uint64        // of those, without CRC
	Batches    uint64        // syncs that moved at least one of those
	EndRecords uint64        // end records that have left
	Undrained  uint64        // frames that were in the rings and had not left when the run ended
	GivenUp    time.Duration // of a paced schedule, over all threads: time that was too far behind to catch up
	Behind     time.Duration // of a paced run: the furthest that a batch was behind its schedule
	Departures Departures    // of a paced run
	Replay     *Replayed     // of a replay; else nil
	Start      time.Time     // when the first thread began to send; zero: none has
	Seconds    float64       // from the start until now, or until the last frame had left
	CPU        time.Duration // of the threads, user and system, until the last frame had left; see cputime.Meter.Used
	Queues     []Queue
	Engine     engine.Stats // of all queues, end records among the packets
}

// Snapshot may be called from any goroutine at any time. Undrained, GivenUp,
// Behind, Departures and Replay are there only after Run.
func (g *Generator) Snapshot() Snapshot {
	var sn Snapshot
	var spreads []*spread
	done := g.ended.Load()
	for _, s := range g.senders {
		n, ends, batches := s.sent()
		q := Queue{Packets: n, Bytes: s.sentBytes(n)}
		sn.Queues = append(sn.Queues, q)
		sn.Packets += q.Packets
		sn.Bytes += q.Bytes
		sn.EndRecords += ends
		sn.Batches += batches
		sn.CPU += s.cpu.Used()
		if ns := s.began.Load(); ns != 0 {
			if t := time.Unix(0, ns); sn.Start.IsZero() || t.Before(sn.Start) {
				sn.Start = t
			}
		}
		sn.Engine.Add(s.queue.Stats())
		if done {
			sn.Undrained += s.undrained
			if s.pace != nil {
				sn.GivenUp += time.Duration(s.pace.lost)
				sn.Behind = max(sn.Behind, time.Duration(s.pace.behind))
				spreads = append(spreads, s.pace.gaps)
			}
		}
	}
	if done {
		sn.Replay = g.replay
	}
	if len(spreads) > 0 {
		sn.Departures = departures(spreads)
	}
	switch begin := g.begin.Load(); {
	case begin == 0:
	case done:
		sn.Seconds = g.seconds
	default:
		sn.Seconds = max(0, float64(engine.Monotonic()-begin)/1e9)
	}
	return sn
}
