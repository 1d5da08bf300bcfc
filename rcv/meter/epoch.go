package meter

// An epoch is what a stream was sent in one go. A sender that begins again
// under the same id begins another one, with numbers from 0 on and later times.
//
//	numbers  0 ──────────────▶ 900 │ 0 ──────▶ 1500
//	sent     10:00:00 ─ 10:00:09   │ 10:05:00 …
//
// Within an epoch numbers and times go up together. So a number at or below the
// highest one, but sent after it, is from another epoch; a duplicate or an
// overtaken probe was sent before. One such probe alone is only late. The epoch
// begins with the second one that agrees with the first, or with an end record
// that says that so many were sent; the number must be within a window of 0,
// since a sender's clock that was set back looks like this as well. Two senders
// that use an id at once look like it, too, until the first one goes on.
type epoch struct {
	turn   uint32 // counts up whenever the window is emptied
	begin  uint64 // when the epoch's first probe was sent; 0 in a stream's first epoch
	newest uint64 // when its highest number was sent, or an end record
	again  candidate

	epochs uint64 // those that are over
	// former is the highest number of the epoch before plus one, until this one
	// has come as far; else none is as high. shared says that the one before
	// went on from there: two senders at once, whose numbers cannot be told
	// apart, and there are no further epochs.
	former uint64
	shared bool
	// Of those that are over; lost is what was lost of them.
	closed struct{ total, distinct, lost uint64 }

	ended bool   // an end record of this epoch came
	total uint64 // what it says
}

// foreign deals with a probe that may not be of this epoch. It reports false if
// it is to be taken as any other.
func (l *lane) foreign(seq, sent uint64) (known, fresh bool) {
	s, c := l.stream, l.stream.again
	switch {
	case sent < s.begin: // of an epoch that is over
		s.late++
		return true, false
	case seq >= s.former:
		s.shared = s.shared || seq > s.next && seq-s.former < alive
		s.former = never
		return false, false
	case s.shared, seq >= window, s.lone() && !s.ended && seq>>chunkBits < s.base:
		return false, false
	case c.lane == nil || seq == c.seq || sent != c.sent && (seq > c.seq) != (sent > c.sent):
		s.again = candidate{l, seq, sent}
		s.late++
		return true, false
	}
	s.restart(min(c.sent, sent))
	l.reset()
	return true, l.set(seq, sent)
}

// never is above all numbers, and alive is how far a sender may have come by the
// time that another has begun.
const (
	never = 1 << 63
	alive = 1 << 16
)

// restart begins the epoch whose first probe is the candidate.
func (s *stream) restart(begin uint64) {
	c := s.again
	total := s.sum()
	distinct := s.distinct - s.closed.distinct
	s.closed.total += total
	s.closed.lost += max(total, distinct) - distinct
	s.closed.distinct = s.distinct
	former := s.next
	if s.ended {
		former = never // it does not go on
	}
	s.forget()
	s.epoch = epoch{turn: s.turn, begin: begin, former: former, epochs: s.epochs + 1, closed: s.closed}
	s.late--
	c.lane.reset()
	c.lane.set(c.seq, c.sent)
}

// sum is how many were sent in this epoch, as far as one knows.
func (s *stream) sum() uint64 {
	if s.ended {
		return s.total
	}
	return s.next - s.first
}

// end notes an end record. The caller holds the mutex.
func (s *stream) end(total, sent uint64) {
	s.ends++
	if sent < s.begin {
		return // of an epoch that is over
	}
	if c := s.again; c.lane != nil && total > c.seq && sent >= c.sent {
		s.restart(c.sent)
	}
	s.ended = true
	s.total = max(s.total, total)
	s.newest = max(s.newest, sent)
}

// lone reports that one probe is all there is of this epoch.
func (s *stream) lone() bool { return !s.anywhere && s.distinct-s.closed.distinct == 1 }

// disown takes a lone probe for absurd.
func (s *stream) disown() {
	s.distinct--
	s.absurd++
	s.forget()
}
