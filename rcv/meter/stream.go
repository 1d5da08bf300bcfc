package meter

import "sync"

const (
	chunkBits    = 15
	windowChunks = 64
	window       = windowChunks << chunkBits // numbers
)

// A chunk is the bitmap of 32,768 consecutive sequence numbers.
type chunk [1 << (chunkBits - 6)]uint64

// A stream is one stream id, whichever queues it comes by. Its mutex guards
// all of it, and the lanes.
type stream struct {
	id uint16
	// anywhere says that the numbers begin anywhere, and not with 0. The first
	// one must then be confirmed by another, as any that is far from the rest.
	anywhere bool

	mu     sync.Mutex
	first  uint64               // lowest distinct number, if they begin anywhere
	base   uint64               // number of the window's first chunk
	window [windowChunks]*chunk // chunk n at n % windowChunks; nil until used
	next   uint64               // highest distinct number, plus one
	far    struct {             // the candidate; no lane: there is none
		lane *lane
		seq  uint64 // always beyond the window
	}

	packets, distinct, duplicates, reordered, late uint64

	ends  uint64 // end records received
	total uint64 // what they say
}

// A lane is a stream as one queue sees it.
type lane struct {
	stream *stream
	next   uint64 // highest number this queue brought, plus one
}

// mark checks off a sequence number. The caller holds the stream's mutex.
func (l *lane) mark(seq uint64) {
	s := l.stream
	s.packets++
	if seq>>chunkBits-s.base >= windowChunks && !l.reach(seq) {
		s.late++
		return
	}
	l.set(seq)
}

// set checks off a number within the window.
func (l *lane) set(seq uint64) {
	s := l.stream
	p := &s.window[seq>>chunkBits%windowChunks]
	if *p == nil {
		*p = new(chunk)
	}
	w, bit := &(*p)[seq>>6%uint64(len(*p))], uint64(1)<<(seq%64)
	if *w&bit != 0 {
		s.duplicates++
	} else {
		*w |= bit
		s.distinct++
		if seq < l.next {
			s.reordered++
		}
	}
	if s.anywhere && (s.next == 0 || seq < s.first) {
		s.first = seq
	}
	l.next, s.next = max(l.next, seq+1), max(s.next, seq+1)
}

// unwrap returns the number whose low 32 bits are n and that is nearest to the
// highest so far. There is room below the first, for those that it overtook.
func (s *stream) unwrap(n uint32) uint64 {
	if s.next == 0 {
		return 1<<32 | uint64(n)
	}
	last := s.next - 1
	return last + uint64(int64(int32(n-uint32(last))))
}

// reach moves the window forward so that it holds seq, a number outside of it.
// It reports false if seq lies before the window, or so far ahead that another
// number must confirm it first: else a single absurd one would cost all the
// window knows.
func (l *lane) reach(seq uint64) bool {
	s, f := l.stream, l.stream.far
	n, far := seq>>chunkBits, f.seq>>chunkBits
	switch {
	case n < s.base:
		return false
	case s.packets == 1 && !s.anywhere || seq-s.next < window:
		s.move(n)
	case f.lane != nil && seq != f.seq && max(n, far)-min(n, far) < windowChunks:
		s.move(max(n, far))
	default:
		s.far.lane, s.far.seq = l, seq
		return false
	}
	if f.lane != nil && far-s.base < windowChunks {
		// What was taken for absurd was not: it is late no longer.
		s.far.lane = nil
		s.late--
		f.lane.set(f.seq)
	}
	return true
}

// move makes n the window's last chunk, or leaves the window at the numbers'
// beginning. Chunks that fall out are used again in place.
func (s *stream) move(n uint64) {
	base := max(n, windowChunks-1) - (windowChunks - 1)
	for i := max(base, s.base+windowChunks); i <= n; i++ {
		if c := s.window[i%windowChunks]; c != nil {
			*c = chunk{}
		}
	}
	s.base = base
}

// end notes an end record. The caller holds the mutex.
func (s *stream) end(total uint64) {
	s.ends++
	s.total = max(s.total, total)
}

func (s *stream) report() Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Stream{
		ID: s.id, Packets: s.packets, Distinct: s.distinct, Duplicates: s.duplicates, Reordered: s.reordered,
		Late: s.late, EndRecords: s.ends, Total: s.next - s.first, Ended: s.ends > 0,
	}
	if s.anywhere && s.next == 0 && s.far.lane != nil {
		r.Distinct, r.Late, r.Total = 1, r.Late-1, 1 // there was no other to confirm it
	}
	if r.Ended {
		r.Total = s.total
	}
	if r.Total > r.Distinct {
		r.Lost = r.Total - r.Distinct
	}
	return r
}
