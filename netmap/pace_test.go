package netmap

import (
	"testing"
	"time"
)

// run makes n syncs that take d each and returns how many were raw.
func (p *rawPace) run(n int, d time.Duration) (raws int) {
	for range n {
		raw, timed := p.next()
		if raw {
			raws++
		}
		if timed {
			p.took(d)
		}
	}
	return raws
}

func TestRawPace(t *testing.T) {
	var p rawPace
	if n := p.run(1000, time.Microsecond); n != 1000 {
		t.Errorf("%d of 1000 fast syncs were raw, want all", n)
	}
	// The first timed one that is slow ends the raw ones, after 64 at most;
	// then one in 64, in 128, … is tried.
	if n := p.run(1<<20, time.Millisecond); n < 10 || n > timedSyncs+30 {
		t.Errorf("%d of %d slow syncs were raw, want a handful", n, 1<<20)
	}
	if p.ordinary > maxPenalty || p.penalty != maxPenalty {
		t.Errorf("penalty %d, %d to go; want at most %d", p.penalty, p.ordinary, maxPenalty)
	}
	// Fast again: it is found out at the end of the penalty.
	p.run(maxPenalty, time.Microsecond)
	if n := p.run(1000, time.Microsecond); n != 1000 {
		t.Errorf("%d of 1000 syncs were raw after the slow ones, want all", n)
	}
	// One slow one among fast ones costs one short penalty.
	p.run(int(p.raw), time.Microsecond)
	if n := p.run(1, time.Second) + p.run(1000, time.Microsecond); n != 1001-timedSyncs {
		t.Errorf("%d of 1001 were raw, want all but %d", n, timedSyncs)
	}
}
