package meter

import (
	"math/bits"
	"sync"
)

// A stream is what all lanes of one stream id have in common. Lanes come here
// once per chunk, not per packet.
type stream struct {
	id uint16

	mu       sync.Mutex
	lanes    []*lane
	open     map[uint64]*chunk // by number; chunks some lane may yet add to
	closed   uint64            // chunks before this number are closed
	distinct uint64            // marked in closed chunks
	cross    uint64            // marked by more than one lane
	late     uint64            // came after their chunk was closed: new or twice, nobody can tell
	free     []*chunk

	ends  uint64 // end records received
	total uint64 // what they say
}

// newChunk returns an empty chunk to a lane.
func (s *stream) newChunk() *chunk {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.take()
}

func (s *stream) take() *chunk {
	if n := len(s.free); n > 0 {
		c := s.free[n-1]
		s.free = s.free[:n-1]
		return c
	}
	return new(chunk)
}

func (s *stream) recycle(c *chunk) {
	*c = chunk{}
	s.free = append(s.free, c)
}

// retire takes chunk n from a lane that has moved past it.
func (s *stream) retire(n uint64, c *chunk) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.merge(n, c)
	// Lanes may differ by a window; what is older than that is closed.
	if n >= windowChunks && n-windowChunks > s.closed {
		s.closeBefore(n - windowChunks)
	}
}

// merge adds a lane's chunk to what other lanes have left of the same numbers.
func (s *stream) merge(n uint64, c *chunk) {
	if n < s.closed {
		s.late += c.count()
		s.recycle(c)
		return
	}
	o := s.open[n]
	if o == nil {
		s.open[n] = c
		return
	}
	for i, w := range c {
		s.cross += uint64(bits.OnesCount64(o[i] & w))
		o[i] |= w
	}
	s.recycle(c)
}

func (s *stream) closeBefore(n uint64) {
	for i, c := range s.open {
		if i < n {
			s.distinct += c.count()
			delete(s.open, i)
			s.recycle(c)
		}
	}
	s.closed = n
}

// mark checks off a number that is older than its lane's window. It reports
// whether it was seen before; a number whose chunk is closed counts as late.
func (s *stream) mark(seq uint64) (old bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := seq >> chunkBits
	c := s.open[n]
	// Absurd numbers must not fill the memory with a chunk each.
	if n < s.closed || c == nil && len(s.open) >= 2*windowChunks {
		s.late++
		return false
	}
	if c == nil {
		c = s.take()
		s.open[n] = c
	}
	return c.set(seq)
}

func (c *chunk) count() (n uint64) {
	for _, w := range c {
		n += uint64(bits.OnesCount64(w))
	}
	return n
}

// end notes an end record.
func (s *stream) end(total uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends++
	s.total = max(s.total, total)
}

// report sums the stream up. It is exact when all lanes are flushed; while
// they run, a number that came by two queues still counts as two.
func (s *stream) report(flushed bool) Stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Stream{ID: s.id, Late: s.late, EndRecords: s.ends, Total: s.total, Ended: s.ends > 0}
	var next uint64
	for _, l := range s.lanes {
		r.Packets += l.pub.packets.Load()
		r.Duplicates += l.pub.duplicates.Load()
		r.Reordered += l.pub.reordered.Load()
		next = max(next, l.pub.next.Load())
	}
	if flushed {
		r.Duplicates += s.cross
		r.Distinct = s.distinct
		for _, c := range s.open {
			r.Distinct += c.count()
		}
	} else if n := r.Duplicates + s.late; r.Packets > n {
		r.Distinct = r.Packets - n
	}
	if !r.Ended {
		r.Total = next
	}
	if r.Total > r.Distinct {
		r.Lost = r.Total - r.Distinct
	}
	return r
}
