package meter

import "sync/atomic"

// A chunk is the bitmap of 32,768 consecutive sequence numbers.
type chunk [1 << (chunkBits - 6)]uint64

const (
	chunkBits = 15
	// windowChunks is how many chunks a lane keeps: sequence numbers may be
	// late by two million before the stream must be asked, and by as many
	// again before the stream has forgotten.
	windowChunks = 64
)

// set marks a number and reports whether it was marked already.
func (c *chunk) set(seq uint64) bool {
	w, bit := &c[seq>>6&(uint64(len(c))-1)], uint64(1)<<(seq&63)
	old := *w&bit != 0
	*w |= bit
	return old
}

// A lane is one stream as one queue sees it. Its worker alone uses it, but for
// the published fields.
type lane struct {
	stream *stream
	base   uint64 // number of the window's first chunk
	window [windowChunks]*chunk
	next   uint64 // highest sequence number seen, plus one

	packets, duplicates, reordered uint64
	dirty                          bool // not published since the last batch

	// Published once per batch, for readers anywhere.
	pub struct {
		next, packets, duplicates, reordered atomic.Uint64
	}
}

// mark checks off a sequence number.
func (l *lane) mark(seq uint64) {
	l.packets++
	n := seq >> chunkBits
	if n-l.base >= windowChunks && !l.moveTo(n) {
		// Older than the window: the stream knows, or says late.
		if l.stream.mark(seq) {
			l.duplicates++
		} else {
			l.reordered++
		}
		return
	}
	c := l.window[n%windowChunks]
	if c == nil {
		c = l.stream.newChunk()
		l.window[n%windowChunks] = c
	}
	switch {
	case c.set(seq):
		l.duplicates++
	case seq >= l.next:
		l.next = seq + 1
	default:
		l.reordered++
	}
}

// moveTo moves the window forward until it holds chunk n; it reports false if n
// lies before it. What falls out goes to the stream.
func (l *lane) moveTo(n uint64) bool {
	if n < l.base {
		return false
	}
	base := n - windowChunks + 1
	for i := l.base; i < min(base, l.base+windowChunks); i++ {
		if c := l.window[i%windowChunks]; c != nil {
			l.window[i%windowChunks] = nil
			l.stream.retire(i, c)
		}
	}
	l.base = base
	return true
}

// flush gives all of the window to the stream, at the end. It closes nothing:
// other lanes are still to come.
func (l *lane) flush() {
	l.stream.mu.Lock()
	defer l.stream.mu.Unlock()
	for i := l.base; i < l.base+windowChunks; i++ {
		if c := l.window[i%windowChunks]; c != nil {
			l.window[i%windowChunks] = nil
			l.stream.merge(i, c)
		}
	}
}

func (l *lane) publish() {
	l.pub.next.Store(l.next)
	l.pub.packets.Store(l.packets)
	l.pub.duplicates.Store(l.duplicates)
	l.pub.reordered.Store(l.reordered)
	l.dirty = false
}
