package gen

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A spread is the distribution of the times between the batches of one thread,
// taken from the clock that pacing has read anyhow.
type spread struct {
	hist        *hdrhistogram.Histogram // ns
	first, last int64                   // batches' times, ns of engine.Clock; 0: none
	batches     uint64
}

// longest time that is told from longer ones, and significant digits.
const (
	maxGap    = int64(time.Hour)
	gapDigits = 3
)

func newSpread() *spread {
	return &spread{hist: hdrhistogram.New(1, maxGap, gapDigits)}
}

// depart counts a batch that goes at now.
func (s *spread) depart(now int64) {
	if s.batches++; s.batches > 1 {
		// The value is in range, the one thing it can fail of.
		_ = s.hist.RecordValue(min(max(now-s.last, 1), maxGap))
	} else {
		s.first = now
	}
	s.last = now
}

// Departures says how evenly a paced run let its frames go: it is of the times
// between consecutive batches of one thread, over all threads, each taken when
// the batch was put into the ring, right before the sync that hands it over.
// What the kernel and the interface do to the frames after that is not in it.
type Departures struct {
	Batches uint64        // let go; fewer than two have no times between them
	Mean    time.Duration // exact; the others are to three digits
	Min     time.Duration
	P50     time.Duration
	P90     time.Duration
	P99     time.Duration
	P999    time.Duration
	Max     time.Duration
	StdDev  time.Duration
}

// departures sums up the spreads of all threads.
func departures(all []*spread) Departures {
	sum := newSpread()
	var d Departures
	var total int64
	for _, s := range all {
		sum.hist.Merge(s.hist)
		d.Batches += s.batches
		total += s.last - s.first
	}
	h := sum.hist
	if n := h.TotalCount(); n > 0 {
		d.Mean = time.Duration(total / n)
		d.Min, d.Max = time.Duration(h.Min()), time.Duration(h.Max())
		d.P50, d.P90 = time.Duration(h.ValueAtQuantile(50)), time.Duration(h.ValueAtQuantile(90))
		d.P99, d.P999 = time.Duration(h.ValueAtQuantile(99)), time.Duration(h.ValueAtQuantile(99.9))
		d.StdDev = time.Duration(h.StdDev())
	}
	return d
}
