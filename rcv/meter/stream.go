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
	next   uint64               // highest distinct number of this epoch, plus one
	far    candidate            // a number beyond the window
	epoch

	packets, distinct, duplicates, reordered, late, absurd uint64

	ends    uint64 // end records received
	extents extents
	delay   delays
}

func newStream(id uint16, anywhere bool) *stream {
	return &stream{id: id, anywhere: anywhere, epoch: epoch{former: never}}
}

// A candidate is a probe that another one must confirm before it counts.
type candidate struct {
	lane      *lane // nil: there is none
	seq, sent uint64
}

// mark checks off a sequence number that was sent at a time by the sender's
// clock, 0 if it says none. It reports whether the number is new. The caller
// holds the stream's mutex.
func (l *lane) mark(seq, sent uint64) bool {
	s := l.stream
	s.packets++
	if l.turn != s.turn {
		l.reset()
	}
	if (seq < s.next || s.ended) && sent > s.newest || sent < s.begin || seq >= s.former {
		if known, fresh := l.foreign(seq, sent); known {
			return fresh
		}
	}
	if seq>>chunkBits-s.base >= windowChunks && !l.reach(seq, sent) {
		return false
	}
	return l.set(seq, sent)
}

// set checks off a number within the window, and reports whether it is new.
func (l *lane) set(seq, sent uint64) bool {
	s := l.stream
	p := &s.window[seq>>chunkBits%windowChunks]
	if *p == nil {
		*p = new(chunk)
	}
	w, bit := &(*p)[seq>>6%uint64(len(*p))], uint64(1)<<(seq%64)
	fresh := *w&bit == 0
	if fresh {
		*w |= bit
		s.distinct++
		if seq < l.next {
			s.reordered++
			s.extents.add(l.extent(seq))
		}
	} else {
		s.duplicates++
	}
	if seq >= l.next {
		l.ahead(seq)
	}
	if fresh {
		l.came++
	}
	if s.anywhere && (s.next == 0 || seq < s.first) {
		s.first = seq
	}
	if seq >= s.next {
		s.next = seq + 1
		if sent > s.newest || !s.ended { // an end record may overtake
			s.newest = sent
		}
	}
	return fresh
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
// It reports false, having counted the number, if seq lies before the window,
// or so far ahead that another number must confirm it first: else a single
// absurd one would cost all the window knows.
func (l *lane) reach(seq, sent uint64) bool {
	s, f := l.stream, l.stream.far
	n, far := seq>>chunkBits, f.seq>>chunkBits
	switch {
	case n < s.base && s.lone():
		// Of two numbers so far apart the first was the absurd one.
		s.disown()
		l.reset()
		s.move(n)
	case n < s.base:
		s.late++
		return false
	case s.next == 0 && !s.anywhere || seq-s.next < window:
		s.move(n)
	case f.lane != nil && seq != f.seq && max(n, far)-min(n, far) < windowChunks:
		s.move(max(n, far))
	default:
		s.far = candidate{l, seq, sent}
		s.absurd++
		return false
	}
	if f = s.far; f.lane != nil && far-s.base < windowChunks {
		// What was taken for absurd was not.
		s.far.lane = nil
		s.absurd--
		f.lane.set(f.seq, f.sent)
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

// forget empties the window and puts it at the numbers' beginning.
func (s *stream) forget() {
	for _, c := range s.window {
		if c != nil {
			*c = chunk{}
		}
	}
	s.base, s.next, s.far.lane = 0, 0, nil
	s.turn++
}
