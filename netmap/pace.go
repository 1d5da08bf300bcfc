package netmap

import "time"

// A rawPace decides which syncs of a queue are raw system calls. A raw one
// spares the handing over of the processor, which under User-Mode Linux is half
// of a sync's cost, but holds up the whole process's garbage collection for as
// long as it takes; and a sync can sleep, while others open or close the port.
//
//	raw raw … raw timed   raw raw … raw timed   ordinary … ordinary timed
//	         fast ───────┘           slow ─────┘           fast or slow ─┘
//
// So one raw sync in timedSyncs is timed (the clock costs more than the sync
// where there is no vDSO). When it was slow, some ordinary ones follow, twice as
// many each time, until a timed one is fast again: a port whose syncs are slow
// by nature makes next to no raw ones, and one that was held up once is back
// soon.
type rawPace struct {
	raw      uint32 // syncs until the next timed one
	ordinary uint32 // syncs until the next raw one
	penalty  uint32 // ordinary syncs after the last slow one
}

const (
	timedSyncs = 64
	slowSync   = 200 * time.Microsecond
	maxPenalty = 1 << 16
)

// next says how the next sync is to be made. After a timed one took must be
// called.
func (p *rawPace) next() (raw, timed bool) {
	if p.ordinary > 0 {
		p.ordinary--
		return false, false
	}
	if p.raw > 0 {
		p.raw--
		return true, false
	}
	return true, true
}

// took learns how long a timed sync lasted.
func (p *rawPace) took(d time.Duration) {
	if d <= slowSync {
		p.raw, p.penalty = timedSyncs-1, 0
		return
	}
	p.penalty = min(max(2*p.penalty, timedSyncs), maxPenalty)
	p.ordinary = p.penalty
}
