package netmap

import "fmt"

// A Pool is a stack of spare buffers of one [Memory], for programs that keep
// packets: put a spare buffer into the packet's slot, and the packet's buffer
// is yours until you give it back.
//
//	spare, ok := pool.Get()
//	if ok {
//		kept := slot.BufIdx
//		slot.BufIdx, slot.Flags = spare, slot.Flags|netmap.BufChanged
//		…
//		pool.Put(kept)
//	}
//
// A Pool belongs to one goroutine. Get and Put do not allocate.
type Pool struct {
	mem  *Memory
	idx  []uint32
	size int
}

// NewPool takes n free buffers of the memory, of those its config set aside as
// extra or of rings not made yet.
func (m *Memory) NewPool(n int) (*Pool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n < 0 || n > len(m.free) {
		return nil, fmt.Errorf("netmap: pool of %d buffers: %d of this memory are free", n, len(m.free))
	}
	p := &Pool{mem: m, idx: make([]uint32, n), size: n}
	for i := range p.idx {
		p.idx[i] = m.takeLocked()
	}
	return p, nil
}

// Len returns how many spare buffers there are.
func (p *Pool) Len() int { return len(p.idx) }

// Get takes a spare buffer; ok is false if there is none. The index is the
// caller's until Put.
func (p *Pool) Get() (buf uint32, ok bool) {
	n := len(p.idx)
	if n == 0 {
		return 0, false
	}
	buf, p.idx = p.idx[n-1], p.idx[:n-1]
	return buf, true
}

// Put gives a buffer to the pool: any buffer of the same memory that is in no
// slot. It reports false, and leaves the buffer with the caller, if the index
// is none of the memory's or the pool already holds as many as it was made
// with.
func (p *Pool) Put(buf uint32) bool {
	if buf < reservedBufs || int(buf) >= p.mem.numBufs || len(p.idx) == p.size {
		return false
	}
	p.idx = append(p.idx, buf)
	return true
}

// Bytes returns a whole buffer of the pool's memory in place. It panics if the
// index is beyond the memory.
func (p *Pool) Bytes(buf uint32) []byte {
	i := p.mem.bufOfs + int(buf)*p.mem.bufSize
	return p.mem.region[i : i+p.mem.bufSize : i+p.mem.bufSize]
}

// Close gives the spare buffers back to the memory.
func (p *Pool) Close() {
	p.mem.mu.Lock()
	defer p.mem.mu.Unlock()
	p.mem.free = append(p.mem.free, p.idx...)
	p.idx, p.size = nil, 0
}
