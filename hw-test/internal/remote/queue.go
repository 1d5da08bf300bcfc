package remote

import (
	"io"
	"os"
	"sync"
)

// A queue keeps bytes, and not many, from one goroutine for another.
type queue struct {
	mu    sync.Mutex
	moved *sync.Cond // something below has changed
	bytes []byte
	limit int
	loose bool  // Write does not wait for room
	why   error // what Read returns when bytes are through, nil if more may come
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.moved = sync.NewCond(&q.mu)
	return q
}

// Write waits for room, unless loosen was called: then, what does not fit and
// all that follows is gone, and that is an error. After the end it does nothing.
func (q *queue) Write(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for rest := b; len(rest) > 0 && q.why == nil; {
		n := min(len(rest), q.limit-len(q.bytes))
		switch {
		case n > 0:
			q.bytes, rest = append(q.bytes, rest[:n]...), rest[n:]
			q.moved.Broadcast()
		case q.loose:
			q.limit = 0 // the rest missing is better than a hole
			return len(b) - len(rest), io.ErrShortWrite
		default:
			q.moved.Wait()
		}
	}
	return len(b), nil
}

// Read waits for something to read.
func (q *queue) Read(b []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.bytes) == 0 && q.why == nil && len(b) > 0 {
		q.moved.Wait()
	}
	if len(q.bytes) == 0 {
		return 0, q.why
	}
	n := copy(b, q.bytes)
	if q.bytes = q.bytes[n:]; len(q.bytes) == 0 {
		q.bytes = nil
	}
	q.moved.Broadcast()
	return n, nil
}

func (q *queue) loosen() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.loose = true
	q.moved.Broadcast()
}

// end says why nothing follows. The first reason counts.
func (q *queue) end(why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.why == nil {
		q.why = why
	}
	q.moved.Broadcast()
}

// drop is for when nobody reads any more.
func (q *queue) drop() {
	q.end(os.ErrClosed)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes, q.why = nil, os.ErrClosed
}

// A credit is how many bytes may be sent.
type credit struct {
	mu    sync.Mutex
	moved *sync.Cond // something below has changed
	n     int
	why   error // why none may be sent any more
}

func newCredit(n int) *credit {
	c := &credit{n: n}
	c.moved = sync.NewCond(&c.mu)
	return c
}

func (c *credit) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n += n
	c.moved.Broadcast()
}

// end says why nothing may be sent. The first reason counts.
func (c *credit) end(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == nil {
		c.why = why
	}
	c.moved.Broadcast()
}

// take waits until something may be sent, and takes at most n of it.
func (c *credit) take(n int) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.n <= 0 && c.why == nil {
		c.moved.Wait()
	}
	if c.why != nil {
		return 0, c.why
	}
	n = min(n, c.n)
	c.n -= n
	return n, nil
}
