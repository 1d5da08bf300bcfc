package meter

import "github.com/HdrHistogram/hdrhistogram-go"

// A lane is a stream as one queue sees it. What it knows is of one turn of the
// stream.
type lane struct {
	stream *stream
	turn   uint32
	next   uint64 // highest number this queue brought, plus one
	came   uint64 // distinct numbers it brought: the arrival index of the next one

	// A run is numbers that came one after the other without a gap. What is
	// kept of it is where it began, of the last so many runs.
	shift uint64 // number minus arrival index, the same through a run
	begun uint64 // runs so far
	runs  *[maxRuns]start
}

// maxRuns bounds how far back a reordered number is followed.
const maxRuns = 256

// A start is the first number of a run, and its arrival index.
type start struct{ seq, at uint64 }

func (l *lane) reset() {
	*l = lane{stream: l.stream, turn: l.stream.turn, runs: l.runs}
}

// ahead notes a number that is higher than all before.
func (l *lane) ahead(seq uint64) {
	if shift := seq - l.came; shift != l.shift || l.begun == 0 {
		if l.runs == nil {
			l.runs = new([maxRuns]start)
		}
		l.runs[l.begun%maxRuns] = start{seq, l.came}
		l.begun++
		l.shift = shift
	}
	l.next = seq + 1
}

// extent is the reordering extent (RFC 4737, 4.2.1) of a number that has just
// come though a higher one had: how many numbers ago the first higher one came.
// It is exact as long as that one's run is known, else the least it can be.
func (l *lane) extent(seq uint64) (n uint64, exact bool) {
	oldest := l.begun - min(l.begun, maxRuns)
	lo, hi := oldest, l.begun // the first run that begins above seq
	for lo < hi {
		if mid := (lo + hi) / 2; l.runs[mid%maxRuns].seq > seq {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	if lo == l.begun {
		return 1, false // a copy of what another queue brought was the higher one
	}
	return max(1, l.came-l.runs[lo%maxRuns].at), lo > oldest || oldest == 0
}

// extents are the reordering extents of a stream.
type extents struct {
	hist    *hdrhistogram.Histogram // nil until one is reordered
	max     uint64
	sum     float64
	clipped uint64
}

// maxExtent is the greatest that is told apart.
const maxExtent = 1 << 32

func (e *extents) add(n uint64, exact bool) {
	if e.hist == nil {
		e.hist = hdrhistogram.New(1, maxExtent, digits)
	}
	if !exact {
		e.clipped++
	}
	e.max = max(e.max, n)
	e.sum += float64(n)
	_ = e.hist.RecordValue(int64(min(n, maxExtent)))
}

// An Extent says how far back the reordered probes came from: for each, how
// many new ones ago the same queue had brought the first one with a higher
// number (RFC 4737, 4.2.1). The percentiles are to two digits.
type Extent struct {
	Mean          float64
	P50, P99, Max uint64
	// Clipped is how many came from so far back that theirs is known to be this
	// much at least: more than 256 gaps in the numbers had come since.
	Clipped uint64
}

func (e *extents) report() Extent {
	if e.hist == nil {
		return Extent{}
	}
	at := func(p float64) uint64 { return min(uint64(e.hist.ValueAtPercentile(p)), e.max) }
	return Extent{
		Mean: e.sum / float64(e.hist.TotalCount()), P50: at(50), P99: at(99), Max: e.max, Clipped: e.clipped,
	}
}

// merge adds those of another stream.
func (e *extents) merge(t *extents) {
	if t.hist == nil {
		return
	}
	if e.hist == nil {
		e.hist = hdrhistogram.New(1, maxExtent, digits)
	}
	e.hist.Merge(t.hist)
	e.max, e.sum, e.clipped = max(e.max, t.max), e.sum+t.sum, e.clipped+t.clipped
}
