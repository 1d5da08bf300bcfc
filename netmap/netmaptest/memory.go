package netmaptest

import (
	"encoding/binary"
	"math/bits"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// Pools are the sizes of a region: how many objects of each kind, and their
// size in bytes. Numbers and sizes are rounded up as the kernel does. The zero
// value of a field is its default.
type Pools struct {
	IfNum, IfSize     int // netmap_ifs, one for each registration: 100 of 1024
	RingNum, RingSize int // rings: 64 of 36864, enough for 2288 slots
	BufNum, BufSize   int // buffers: 8192 of 2048
}

// The pools of a region, in the order in which they lie in it.
const (
	ifPool = iota
	ringPool
	bufPool
)

const (
	pageSize       = 4096
	cacheLine      = 64
	maxCluster     = 4 << 20
	ifHeaderSize   = 56 // struct netmap_if up to ring_ofs
	reservedBufs   = 2  // never given out: 0 ends lists, 1 is spare
	maxExtraCreate = 128 * 4096
)

// limits are the kernel's bounds of each pool's objects.
var limits = [3]struct{ minSize, maxSize, minNum, maxNum int }{
	{ifHeaderSize, 4096, 1, 10000},
	{256, 32 * pageSize, 2, 1024},
	{64, 65536, 4, 1000000},
}

// A pool is one kind of object of a region (struct netmap_obj_pool).
type pool struct {
	size, total int // bytes of an object; objects
	bytes       int // of all
	free        []uint64
	nfree       int
}

// newPool rounds as netmap_config_obj_allocator.
func newPool(kind, num, size int) (pool, error) {
	size = roundUp(size, cacheLine)
	l := limits[kind]
	if size < l.minSize || size > l.maxSize || num < l.minNum || num > l.maxNum {
		return pool{}, unix.EINVAL
	}
	cluster := 1 // objects in the smallest whole number of pages
	for cluster*size%pageSize != 0 {
		if cluster++; cluster*size > maxCluster {
			return pool{}, unix.EINVAL
		}
	}
	p := pool{size: size, total: roundUp(num, cluster)}
	p.bytes = p.total * size
	p.reset()
	return p, nil
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// reset makes all objects free (netmap_init_obj_allocator_bitmap).
func (p *pool) reset() {
	p.free = make([]uint64, (p.total+63)/64)
	for i := range p.total {
		p.free[i/64] |= 1 << (i % 64)
	}
	p.nfree = p.total
}

// take is netmap_obj_malloc: the lowest free object, at or after word *pos.
func (p *pool) take(pos *int) (int, bool) {
	for ; *pos < len(p.free); *pos++ {
		if w := p.free[*pos]; w != 0 {
			b := bits.TrailingZeros64(w)
			p.free[*pos] &^= 1 << b
			p.nfree--
			return *pos*64 + b, true
		}
	}
	return 0, false
}

// put is netmap_obj_free; it reports false for a bad index or a double free.
func (p *pool) put(i int) bool {
	if i < 0 || i >= p.total || p.free[i/64]&(1<<(i%64)) != 0 {
		return false
	}
	p.free[i/64] |= 1 << (i % 64)
	p.nfree++
	return true
}

// A memory is a region and its allocator (struct netmap_mem_d).
type memory struct {
	id      uint16
	private bool
	ext     bool // the region is memory that a program lent
	refs    int  // adapters
	active  int  // registrations
	pools   [3]pool
	region  []byte
	leaked  int
	err     error // sizes that cannot be: who wants the region gets this (lasterr)
}

func newMemory(p Pools) *memory {
	m := &memory{}
	for kind, v := range [3][2]int{{p.IfNum, p.IfSize}, {p.RingNum, p.RingSize}, {p.BufNum, p.BufSize}} {
		if m.pools[kind], m.err = newPool(kind, v[0], v[1]); m.err != nil {
			m.pools = [3]pool{}
			return m
		}
	}
	m.reset()
	return m
}

// reset is netmap_mem_init_bitmaps.
func (m *memory) reset() {
	for i := range m.pools {
		m.pools[i].reset()
	}
	if b := &m.pools[bufPool]; b.total > 0 {
		b.free[0] &^= 1<<reservedBufs - 1
		b.nfree -= reservedBufs
	}
}

// size is nm_totalsize.
func (m *memory) size() int {
	return roundUp(m.pools[ifPool].bytes+m.pools[ringPool].bytes+m.pools[bufPool].bytes, pageSize)
}

func (m *memory) ringsAt() int { return m.pools[ifPool].bytes }
func (m *memory) bufsAt() int  { return m.ringsAt() + m.pools[ringPool].bytes }

// finalize adds a user (netmap_mem_finalize).
func (m *memory) finalize(d *Device) error {
	if m.err != nil {
		return m.err
	}
	if m.region == nil {
		m.region = d.region(m.size())
	}
	m.active++
	return nil
}

// deref takes a user away; after the last one nothing is in use any more,
// whatever was not given back (netmap_mem_deref).
func (m *memory) deref() {
	if m.active--; m.active == 0 {
		m.leaked += m.lost()
		m.reset()
	}
}

// lost counts the buffers in use when nobody uses the region.
func (m *memory) lost() int {
	b := &m.pools[bufPool]
	return b.total - reservedBufs - b.nfree
}

// buf is NMB: an index beyond the region names buffer 0.
func (m *memory) buf(i uint32) []byte {
	b := &m.pools[bufPool]
	if int(i) >= b.total {
		i = 0
	}
	at := m.bufsAt() + int(i)*b.size
	return m.region[at : at+b.size : at+b.size]
}

func (m *memory) bufSize() int { return m.pools[bufPool].size }

// newRing gives a ring its place, its header and, unless it is fake, its
// buffers (netmap_mem2_rings_create).
func (m *memory) newRing(k *kring) error {
	p := &m.pools[ringPool]
	if ringHeaderSize+int(k.n)*slotSize > p.size {
		return unix.ENOMEM
	}
	pos := 0
	i, ok := p.take(&pos)
	if !ok {
		return unix.ENOMEM
	}
	k.place = i
	k.at = m.ringsAt() + i*p.size
	clear(m.region[k.at : k.at+p.size])
	k.ring, k.slots = ringAt(m.region[k.at:], int(k.n))
	h := k.ring
	h.BufOfs = int64(m.bufsAt() - k.at)
	h.NumSlots, h.BufSize = k.n, uint32(m.bufSize())
	h.RingID, h.Dir = uint16(k.id), uint16(k.dir)
	h.Head, h.Cur, h.Tail = k.rhead, k.rcur, k.rtail
	for i := range k.slots {
		k.slots[i].Len = uint16(min(m.bufSize(), 1<<16-1))
	}
	if k.fake {
		return nil
	}
	pos = 0
	for i := range k.slots {
		b, ok := m.pools[bufPool].take(&pos)
		if !ok {
			m.freeBufs(k)
			clear(k.slots)
			return unix.ENOMEM
		}
		k.slots[i].BufIdx = uint32(b)
	}
	return nil
}

// freeBufs is netmap_free_bufs.
func (m *memory) freeBufs(k *kring) {
	for i := range k.slots {
		m.freeBuf(k.slots[i].BufIdx)
	}
}

func (m *memory) freeBuf(i uint32) {
	if i >= reservedBufs {
		m.pools[bufPool].put(int(i))
	}
}

// freeRing is the inner part of netmap_mem2_rings_delete.
func (m *memory) freeRing(k *kring) {
	if !k.fake {
		m.freeBufs(k)
	}
	m.pools[ringPool].put(k.place)
	k.ring, k.slots = nil, nil
}

// extra allocates n buffers, or as many as there are, as a list; it returns
// the list's head (netmap_extra_alloc).
func (m *memory) extra(n int) (head uint32, got int) {
	pos := 0
	for ; got < n; got++ {
		i, ok := m.pools[bufPool].take(&pos)
		if !ok {
			break
		}
		binary.NativeEndian.PutUint32(m.buf(uint32(i)), head)
		head = uint32(i)
	}
	return head, got
}

// freeExtra frees the list that the user left in ni_bufs_head, until a bad
// index or a buffer that is free already (netmap_extra_free).
func (m *memory) freeExtra(head uint32) {
	for int(head) >= reservedBufs && int(head) < m.pools[bufPool].total {
		b := m.buf(head)
		cur := head
		head = binary.NativeEndian.Uint32(b)
		binary.NativeEndian.PutUint32(b, 0)
		if !m.pools[bufPool].put(int(cur)) {
			break
		}
	}
}

// Offsets in struct netmap_if.
const (
	niName        = 0
	niFlags       = 20
	niTxRings     = 24
	niRxRings     = 28
	niBufsHead    = 32
	niHostTxRings = 36
	niHostRxRings = 40
	niPrivMem     = 1 // NI_PRIV_MEM in ni_flags
)

// newIf lays out the netmap_if of a registration, with offset 0 for each ring
// that it did not bind (netmap_mem2_if_new).
func (m *memory) newIf(f *file) error {
	na := f.na
	ntx, nrx := na.allRings(tx), na.allRings(rx)
	p := &m.pools[ifPool]
	pos := 0
	if ifHeaderSize+8*(ntx+nrx) > p.size {
		return unix.ENOMEM
	}
	i, ok := p.take(&pos)
	if !ok {
		return unix.ENOMEM
	}
	f.ifPlace = i
	b := m.region[i*p.size : (i+1)*p.size]
	clear(b)
	copy(b[niName:niName+15], na.name)
	put := func(at, v int) { binary.NativeEndian.PutUint32(b[at:], uint32(v)) }
	put(niTxRings, na.nrings[tx])
	put(niRxRings, na.nrings[rx])
	put(niHostTxRings, max(na.nhost[tx], 1))
	put(niHostRxRings, max(na.nhost[rx], 1))
	if m.private {
		put(niFlags, niPrivMem)
	}
	at := ifHeaderSize
	for _, t := range []netmap.Dir{tx, rx} {
		for r, k := range na.rings[t] {
			ofs := int64(0)
			if k.ring != nil && r >= f.first[t] && r < f.last[t] {
				ofs = int64(k.at - i*p.size)
			}
			binary.NativeEndian.PutUint64(b[at:], uint64(ofs))
			at += 8
		}
	}
	return nil
}

// ifBytes returns the netmap_if of a registration.
func (m *memory) ifBytes(f *file) []byte {
	size := m.pools[ifPool].size
	return m.region[f.ifPlace*size : (f.ifPlace+1)*size]
}

// freeIf is netmap_mem2_if_delete.
func (m *memory) freeIf(f *file) {
	m.freeExtra(binary.NativeEndian.Uint32(m.ifBytes(f)[niBufsHead:]))
	m.pools[ifPool].put(f.ifPlace)
}
