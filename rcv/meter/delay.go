package meter

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// digits is the precision of the histograms: values are known to 1 %, and one
// takes some 40 KB.
const digits = 2

// farthest is the greatest distance from its anchor at which a delay is told
// from others, in ns: 18 minutes.
const farthest = 1 << 40

// A spread is a distribution of times in ns that may be any 64 bits at all:
// clocks that are not one may be years apart. It is therefore kept by the
// distance from an anchor, which is the shortest of the first ones, and is
// exact to 1 % of that distance: however far the clocks are apart, and however
// long the way, what varies is seen.
//
//	      below         above
//	◀────────────┼─────────────────▶
//	  min      anchor            max
type spread struct {
	anchor       int64
	above, below *hdrhistogram.Histogram // nil: nothing there
	min, max     int64
	count        uint64
	sum          float64 // of the distances
}

func newSpread(anchor int64) spread {
	return spread{anchor: anchor, min: math.MaxInt64, max: math.MinInt64}
}

// add records n times that are the same.
func (s *spread) add(ns, n int64) {
	side, far := &s.above, ns-s.anchor
	s.sum += float64(far) * float64(n)
	if far < 0 {
		side, far = &s.below, -far
	}
	if *side == nil {
		*side = hdrhistogram.New(1, farthest, digits)
	}
	_ = (*side).RecordValues(max(0, min(far, farthest)), n)
	s.min, s.max = min(s.min, ns), max(s.max, ns)
	s.count += uint64(n)
}

// each gives all the times that it has, to its precision.
func (s *spread) each(f func(ns, n int64)) {
	put := func(h *hdrhistogram.Histogram, sign int64) {
		if h == nil {
			return
		}
		for _, b := range h.Distribution() {
			if b.Count > 0 {
				f(min(max(s.anchor+sign*b.To, s.min), s.max), b.Count)
			}
		}
	}
	put(s.below, -1)
	put(s.above, 1)
}

func (s *spread) clone() spread {
	c := *s
	if s.above != nil {
		c.above = s.above.Clone()
	}
	if s.below != nil {
		c.below = s.below.Clone()
	}
	return c
}

// at is a percentile; there must be something.
func (s *spread) at(p float64) int64 {
	var below int64
	if s.below != nil {
		below = s.below.TotalCount()
	}
	rank := min(max(int64(p/100*float64(s.count)+0.5), 1), int64(s.count))
	ns := s.anchor
	if rank <= below {
		ns -= s.below.ValueAtPercentile(100 * float64(below-rank+1) / float64(below))
	} else if s.above != nil {
		ns += s.above.ValueAtPercentile(100 * float64(rank-below) / float64(s.above.TotalCount()))
	}
	// The histogram answers with the upper end of a step.
	return min(max(ns, s.min), s.max)
}

// Times are the figures of some times. Count, Min, Mean and Max are exact, the
// percentiles to 1 % of their distance from the shortest one at the beginning.
type Times struct {
	Count                               uint64
	Min, Mean, P50, P90, P99, P999, Max time.Duration
}

// times are the figures, each less zero ns.
func (s *spread) times(zero int64) Times {
	if s.count == 0 {
		return Times{}
	}
	d := func(ns int64) time.Duration { return time.Duration(ns - zero) }
	return Times{
		Count: s.count, Min: d(s.min), Max: d(s.max),
		Mean: d(s.anchor) + time.Duration(s.sum/float64(s.count)),
		P50:  d(s.at(50)), P90: d(s.at(90)), P99: d(s.at(99)), P999: d(s.at(99.9)),
	}
}

// delays are a stream's. The first ones are kept as they are, to find the
// anchor.
type delays struct {
	spread
	early    [64]struct{ ns, n int64 }
	waiting  int    // of early
	settled  bool   // the anchor is set, and nothing waits
	negative uint64 // those below 0, which is no delay by one clock
}

// add records n probes with the same delay.
func (d *delays) add(ns, n int64) {
	if ns < 0 {
		d.negative += uint64(n)
	}
	if d.settled {
		d.spread.add(ns, n)
		return
	}
	d.early[d.waiting].ns, d.early[d.waiting].n = ns, n
	if d.waiting++; d.waiting == len(d.early) {
		d.settle()
	}
}

func (d *delays) settle() {
	anchor := int64(math.MaxInt64)
	for _, e := range d.early[:d.waiting] {
		anchor = min(anchor, e.ns)
	}
	d.spread = newSpread(anchor)
	for _, e := range d.early[:d.waiting] {
		d.spread.add(e.ns, e.n)
	}
	d.waiting, d.settled = 0, true
}

// snapshot is a copy of what there is until now. The caller holds the stream's
// mutex, and has the copy for itself.
func (d *delays) snapshot() *delays {
	c := *d
	if c.spread = d.clone(); c.waiting > 0 {
		c.settle()
	}
	return &c
}

// A sameness is probes of one stream that were sent and received at the same
// times, as those of a batch are where nobody stamps each: they are recorded at
// once.
type sameness struct {
	sent uint64
	recv int64
	n    int64
}

// add records one more; the caller holds the stream's mutex.
func (r *sameness) add(st *stream, sent uint64, recv int64) {
	if sent != r.sent || recv != r.recv {
		r.flush(st)
		r.sent, r.recv = sent, recv
	}
	r.n++
}

func (r *sameness) flush(st *stream) {
	if r.n > 0 {
		st.delay.add(r.recv-int64(r.sent), r.n)
		r.n = 0
	}
}
