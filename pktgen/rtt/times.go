package rtt

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Times are the figures of some round trips. Least, most and mean are exact,
// the percentiles are to three digits.
type Times struct {
	Count                               uint64
	Min, Mean, P50, P90, P99, P999, Max time.Duration
}

// sample is round trips: a histogram, and what a histogram only has roughly.
type sample struct {
	hist     *hdrhistogram.Histogram
	min, max int64
	sum      float64
}

func newSample(most time.Duration) *sample {
	return &sample{hist: hdrhistogram.New(1, int64(most), 3)}
}

func (s *sample) add(ns int64) {
	if s.hist.TotalCount() == 0 || ns < s.min {
		s.min = ns
	}
	s.max = max(s.max, ns)
	s.sum += float64(ns)
	// What is beyond the histogram's range was late and is not here.
	_ = s.hist.RecordValue(max(ns, 0))
}

func (s *sample) merge(t *sample) {
	if t.hist.TotalCount() == 0 {
		return
	}
	if s.hist.TotalCount() == 0 || t.min < s.min {
		s.min = t.min
	}
	s.max = max(s.max, t.max)
	s.sum += t.sum
	s.hist.Merge(t.hist)
}

func (s *sample) reset() {
	s.hist.Reset()
	s.min, s.max, s.sum = 0, 0, 0
}

func (s *sample) times() Times {
	n := s.hist.TotalCount()
	if n == 0 {
		return Times{}
	}
	at := func(p float64) time.Duration {
		// The histogram answers with the upper end of a step.
		return time.Duration(min(max(s.hist.ValueAtPercentile(p), s.min), s.max))
	}
	return Times{
		Count: uint64(n), Min: time.Duration(s.min), Mean: time.Duration(s.sum / float64(n)), Max: time.Duration(s.max),
		P50: at(50), P90: at(90), P99: at(99), P999: at(99.9),
	}
}

// A log takes times from the thread that measures and gives them to those who
// report. The writer holds mu for one batch, a reader only to exchange two
// pointers: merging, which takes long, is done with what the writer no longer
// has.
//
//	writer ──▶ fresh ⇄ spare ──▶ since the last interval ──▶ all
type log struct {
	mu    sync.Mutex
	fresh *sample

	reading           sync.Mutex // of the readers
	spare, since, all *sample
}

func (l *log) init(most time.Duration) {
	l.fresh, l.spare, l.since, l.all = newSample(most), newSample(most), newSample(most), newSample(most)
}

func (l *log) add(times []int64) {
	if len(times) == 0 {
		return
	}
	l.mu.Lock()
	for _, t := range times {
		l.fresh.add(t)
	}
	l.mu.Unlock()
}

// collect takes over what is fresh. The caller holds reading.
func (l *log) collect() {
	l.mu.Lock()
	l.fresh, l.spare = l.spare, l.fresh
	l.mu.Unlock()
	l.since.merge(l.spare)
	l.all.merge(l.spare)
	l.spare.reset()
}

func (l *log) total() Times {
	l.reading.Lock()
	defer l.reading.Unlock()
	l.collect()
	return l.all.times()
}

func (l *log) interval() Times {
	l.reading.Lock()
	defer l.reading.Unlock()
	l.collect()
	t := l.since.times()
	l.since.reset()
	return t
}
