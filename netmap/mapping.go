package netmap

import (
	"fmt"
	"runtime"
)

// mapRegion maps the region of the port that f is bound to and makes it a
// Memory. The mapping stays until Close has made it vanish and nobody refers to
// the Memory, or a Ring in it, any more.
func mapRegion(f File, r *RegisterReq) (*Memory, error) {
	region, err := f.Map(int(r.MemSize))
	if err != nil {
		return nil, fmt.Errorf("the port's memory (%d bytes) cannot be mapped: %w", r.MemSize, err)
	}
	m := &Memory{id: uint32(r.MemID), region: region}
	runtime.AddCleanup(m, func(b []byte) { _ = f.Unmap(b) }, region)
	return m, nil
}

// lentRegion makes the port's region a Memory where it lies in memory that was
// lent to the kernel. A file's mapping stays until nobody refers to the Memory,
// or a Ring in it, any more.
func (p *Port) lentRegion(r *RegisterReq) (*Memory, error) {
	if r.MemSize > uint64(len(p.lent)) {
		return nil, fmt.Errorf("netmap uses %d bytes of the %d that it was lent: another netmap version?", r.MemSize, len(p.lent))
	}
	m := &Memory{id: uint32(r.MemID), region: p.lent[:r.MemSize:r.MemSize]}
	if p.file != nil {
		runtime.AddCleanup(m, unmapFile, p.file)
	}
	return m, nil
}

// boundRings returns the rings that a registration bound, views of the region,
// by direction: the NIC's in order, then the host's.
func (m *Memory) boundRings(reg *registered) (rings [2][]*Ring, err error) {
	r := &reg.req
	defer func() {
		// The offsets are the kernel's; one that leads out of the region is
		// not to be believed.
		if e := recover(); e != nil {
			err = fmt.Errorf("the port's memory is not laid out as it should be (%v): another netmap version?", e)
		}
	}()
	h, ofs := ifAt(m.region, int(r.Offset))
	tx := int(h.TxRings) + int(h.HostTxRings)
	for i, o := range ofs {
		if o == 0 {
			continue
		}
		d := TX
		if i >= tx {
			d = RX
		}
		at := int(r.Offset) + int(o)
		if m.bufSize == 0 {
			hdr := headerAt(m.region, at)
			m.bufSize = int(hdr.BufSize)
			m.bufOfs = at + int(hdr.BufOfs)
			m.numBufs = (len(m.region) - m.bufOfs) / m.bufSize
		}
		ring := m.ringAt(at)
		if ring.Dir() != d || ring.NumSlots() < MinSlots {
			return rings, fmt.Errorf("ring %d of the port is a %v ring of %d slots: another netmap version?", i, ring.Dir(), ring.NumSlots())
		}
		ring.ofsMax = reg.max
		if !reg.offsets {
			ring.ofsMask = 0 // what the header says may be left over from an earlier ring
		}
		m.slots = max(m.slots, ring.NumSlots())
		rings[d] = append(rings[d], ring)
	}
	return rings, haveBuffers(rings)
}

// extraBufs takes the registration's list of extra buffers, in which the first
// four bytes of each name the next.
func (m *Memory) extraBufs(r *RegisterReq) (*Pool, error) {
	h, _ := ifAt(m.region, int(r.Offset))
	p := &Pool{mem: m, size: int(r.ExtraBufs)}
	for i := h.BufsHead; i != 0; {
		if int(i) >= m.numBufs || len(p.idx) == p.size {
			return nil, fmt.Errorf("the list of %d extra buffers is corrupt at buffer %d", p.size, i)
		}
		p.idx = append(p.idx, i)
		i = *nextBuf(p.Bytes(i))
	}
	h.BufsHead = 0
	return p, nil
}

// returnBufs links the pool's buffers into the list that the kernel frees when
// the descriptor is closed.
func (m *Memory) returnBufs(r *RegisterReq, p *Pool) {
	h, _ := ifAt(m.region, int(r.Offset))
	head := uint32(0)
	for _, i := range p.idx {
		*nextBuf(p.Bytes(i)) = head
		head = i
	}
	h.BufsHead = head
	p.idx, p.size = nil, 0
}
