package netmap

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// Limits of [MemoryConfig].
const (
	MinSlots   = 2
	MaxSlots   = 1 << 16
	MinBufSize = 64
	MaxBufSize = 1<<16 - 1
)

// MemoryConfig says how large a region in process memory is. The zero value of
// a field is its default.
type MemoryConfig struct {
	Rings   int // rings it has room for; 2
	Slots   int // most slots of a ring, MinSlots to MaxSlots; 1024
	BufSize int // bytes of a buffer at least, MinBufSize to MaxBufSize; 2048
	Extra   int // buffers beyond those the rings need, for a [Pool]; 0
}

// A Memory is one region of rings and buffers. Rings of one Memory may
// exchange buffers; rings of two may not, and [Move] copies between them.
//
// Its methods may be called from any goroutine; they are for setting up, not
// for the data path.
type Memory struct {
	id       uint32
	region   []byte
	meta     []Meta // by buffer index; nil in a kernel's region
	bufOfs   int    // of buffer 0
	bufSize  int
	numBufs  int
	ringSize int // bytes set aside for each ring
	slots    int

	mu    sync.Mutex
	free  []uint32 // buffers that are in no ring and no pool
	rings []*Ring  // by place; nil where free; none in a kernel's region
}

// The kernel's region ids are 16 bits wide; those in process memory come after.
var lastMemoryID atomic.Uint32

const firstProcessMemory = 1 << 16

// reservedBufs is how many buffers at the region's start are never given out,
// as in the kernel: index 0 means none, 1 is spare.
const reservedBufs = 2

// NewMemory makes a region in process memory, for the rings of sockets, of
// tests, and of data planes without a NIC. It is laid out as the kernel's and
// is freed by the garbage collector when nothing refers to it any more.
func NewMemory(c *MemoryConfig) (*Memory, error) {
	var d MemoryConfig
	if c != nil {
		d = *c
	}
	defaultTo(&d.Rings, 2)
	defaultTo(&d.Slots, 1024)
	defaultTo(&d.BufSize, 2048)
	switch {
	case d.Rings < 1 || d.Rings > 1<<12:
		return nil, fmt.Errorf("netmap: memory of %d rings: want 1 to %d", d.Rings, 1<<12)
	case d.Slots < MinSlots || d.Slots > MaxSlots:
		return nil, fmt.Errorf("netmap: rings of %d slots: want %d to %d", d.Slots, MinSlots, MaxSlots)
	case d.BufSize < MinBufSize || d.BufSize > MaxBufSize:
		return nil, fmt.Errorf("netmap: buffers of %d bytes: want %d to %d", d.BufSize, MinBufSize, MaxBufSize)
	case d.Extra < 0 || d.Extra > 1<<20:
		return nil, fmt.Errorf("netmap: %d extra buffers: want 0 to %d", d.Extra, 1<<20)
	}
	m := &Memory{
		id: firstProcessMemory + lastMemoryID.Add(1),
		// An odd number of cache lines: at a distance of 2048 bytes all
		// buffers' first lines share a few sets of the cache, and a walk
		// over 1024 of them takes twice as long.
		bufSize:  roundUp(d.BufSize, 64) | 64,
		numBufs:  reservedBufs + d.Rings*d.Slots + d.Extra,
		ringSize: roundUp(ringHeaderSize+d.Slots*slotSize, 128),
		slots:    d.Slots,
		rings:    make([]*Ring, d.Rings),
	}
	m.bufOfs = roundUp(d.Rings*m.ringSize, 4096)
	// Indexes are 32 bits, and Go's heap aligns what is this large to a page.
	m.region = make([]byte, m.bufOfs+m.numBufs*m.bufSize)
	m.meta = make([]Meta, m.numBufs)
	m.free = make([]uint32, 0, m.numBufs-reservedBufs)
	for i := m.numBufs - 1; i >= reservedBufs; i-- {
		m.free = append(m.free, uint32(i))
	}
	return m, nil
}

func defaultTo(p *int, v int) {
	if *p == 0 {
		*p = v
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// ID identifies the region: rings with equal ids may exchange buffers. The
// kernel's regions have its nr_mem_id, 1 to 65535; those in process memory
// have larger numbers, unique in the process.
func (m *Memory) ID() uint32 { return m.id }

// BufSize returns the size of a buffer in bytes.
func (m *Memory) BufSize() int { return m.bufSize }

// MaxSlots returns the most slots a ring of this region can have.
func (m *Memory) MaxSlots() int { return m.slots }

// NewRing makes a ring of n slots (0: as many as the region's rings may have)
// with a buffer in each. A transmit ring starts with all slots free, n-1 of
// them the user's; a receive ring starts empty.
func (m *Memory) NewRing(dir Dir, id uint16, n int) (*Ring, error) {
	if n == 0 {
		n = m.slots
	}
	if n < MinSlots || n > m.slots {
		return nil, fmt.Errorf("netmap: ring of %d slots: this memory has room for %d to %d", n, MinSlots, m.slots)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	place := -1
	for i, r := range m.rings {
		if r == nil {
			place = i
			break
		}
	}
	if place < 0 {
		return nil, fmt.Errorf("netmap: no room for another ring: all %d of this memory are in use", len(m.rings))
	}
	if n > len(m.free) {
		return nil, fmt.Errorf("netmap: ring of %d slots: only %d buffers of this memory are free", n, len(m.free))
	}
	ofs := place * m.ringSize
	h := headerAt(m.region, ofs)
	*h = RingHeader{
		BufOfs:   int64(m.bufOfs - ofs),
		NumSlots: uint32(n),
		BufSize:  uint32(m.bufSize),
		RingID:   id,
		Dir:      uint16(dir),
	}
	if dir == TX {
		h.Tail = uint32(n - 1)
	}
	r := m.ringAt(ofs)
	for i := range r.slots {
		r.slots[i] = Slot{BufIdx: m.takeLocked()}
	}
	m.rings[place] = r
	return r, nil
}

// ringAt makes the view of the ring whose header is at ofs.
func (m *Memory) ringAt(ofs int) *Ring {
	h := headerAt(m.region, ofs)
	return &Ring{
		hdr:     h,
		slots:   slotsAt(m.region, ofs, int(h.NumSlots)),
		bufs:    m.region[ofs+int(h.BufOfs):],
		meta:    m.meta,
		bufSize: uint64(h.BufSize),
		ofsMask: h.OffsetMask & MaxBufSize, // no offset is longer than a buffer
		mem:     m,
	}
}

// FreeRing takes a ring back: its place and the buffers now in its slots are
// free again. The ring must not be used any more; one that is not of this
// memory is left alone.
func (m *Memory) FreeRing(r *Ring) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, q := range m.rings {
		if q != r || r == nil {
			continue
		}
		m.rings[i] = nil
		for j := range r.slots {
			m.free = append(m.free, r.slots[j].BufIdx)
		}
	}
}

func (m *Memory) takeLocked() uint32 {
	i := m.free[len(m.free)-1]
	m.free = m.free[:len(m.free)-1]
	return i
}
