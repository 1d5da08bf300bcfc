package netmaptest

import (
	"cmp"
	"slices"
	"sync"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// Config sizes a Device. The zero value of a field is its default.
type Config struct {
	// Memory is region 1, which all NICs share.
	Memory Pools
}

// A Device is a /dev/netmap with its own interfaces, switches and memory. It is
// a [netmap.Device]. All its methods may be called from any goroutine.
type Device struct {
	mu       sync.Mutex
	ifaces   map[string]*adapter // NICs, and the ports that pipes made for themselves
	bridges  map[string]*bridge
	memories map[uint16]*memory
	lastMem  uint16
	spare    [][]byte // regions of private memories that went: clearing 40 MB for each port takes long
	faults   []fault
	files    int
}

var _ netmap.Device = (*Device)(nil)

// New makes a Device without interfaces; nil is the zero Config. With sizes that
// the kernel does not take, every use of the region gets EINVAL, as there.
func New(c *Config) *Device {
	var p Pools
	if c != nil {
		p = c.Memory
	}
	m := newMemory(Pools{
		IfNum: cmp.Or(p.IfNum, 100), IfSize: cmp.Or(p.IfSize, 1024),
		RingNum: cmp.Or(p.RingNum, 64), RingSize: cmp.Or(p.RingSize, 9*pageSize),
		BufNum: cmp.Or(p.BufNum, 8192), BufSize: cmp.Or(p.BufSize, 2048),
	})
	m.id, m.refs = 1, 1
	return &Device{
		ifaces:   map[string]*adapter{},
		bridges:  map[string]*bridge{},
		memories: map[uint16]*memory{1: m},
		lastMem:  1,
	}
}

// Open opens a descriptor that is bound to nothing.
func (d *Device) Open() (netmap.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.fail(CallOpen); err != nil {
		return nil, err
	}
	d.files++
	return &file{dev: d, wake: make(chan struct{}, 1)}, nil
}

// OpenFiles returns how many descriptors are open or held open by a mapping.
func (d *Device) OpenFiles() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files
}

// MemoryInfo is the state of one region.
type MemoryInfo struct {
	Users              int // registrations
	Ifs, Rings, Bufs   int // objects there are; of the buffers without the two reserved ones
	FreeIfs, FreeRings int
	FreeBufs           int
	// Leaked counts the buffers that were in no ring and no list when the
	// last user had left. The region got them back then, as in the kernel.
	Leaked int
}

// Memory returns the state of a region by its id; ok is false if there is
// none. Region 1 is always there; a VALE port or monitor has one of its own.
func (d *Device) Memory(id uint16) (info MemoryInfo, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	m := d.memories[id]
	if m == nil {
		return info, false
	}
	p := &m.pools
	return MemoryInfo{
		Users: m.active, Ifs: p[ifPool].total, Rings: p[ringPool].total, Bufs: max(0, p[bufPool].total-reservedBufs),
		FreeIfs: p[ifPool].nfree, FreeRings: p[ringPool].nfree, FreeBufs: p[bufPool].nfree, Leaked: m.leaked,
	}, true
}

// Memories returns how many regions there are.
func (d *Device) Memories() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.memories)
}

// Counters returns what became of the packets of a NIC, VALE port or pipe end
// by its kernel name, zeros if there is none.
func (d *Device) Counters(port string) Counters {
	d.mu.Lock()
	defer d.mu.Unlock()
	if na := d.lookup(port); na != nil {
		return na.count
	}
	return Counters{}
}

// lookup finds a port that exists.
func (d *Device) lookup(name string) *adapter {
	if na := d.ifaces[name]; na != nil {
		return na
	}
	for _, b := range d.bridges {
		for _, v := range b.ports {
			if v != nil && v.name == name {
				return &v.adapter
			}
		}
	}
	parent, id, role, ok := pipeName(name)
	if !ok {
		return nil
	}
	if na := d.lookup(parent); na != nil {
		if p := na.pipes[id]; p != nil {
			if p.role != role {
				p = p.peer
			}
			return &p.adapter
		}
	}
	return nil
}

// maxSpare is how many regions are kept to be used again.
const maxSpare = 4

// region makes a region, or takes one of that size which nobody uses.
func (d *Device) region(size int) []byte {
	for i, b := range d.spare {
		if len(b) == size {
			d.spare = slices.Delete(d.spare, i, i+1)
			return b
		}
	}
	return make([]byte, size) // Go aligns what is this large to a page
}

// addMemory gives a region an id (nm_mem_assign_id).
func (d *Device) addMemory(m *memory) {
	id := d.lastMem
	for id == 0 || d.memories[id] != nil {
		id++
	}
	m.id, d.lastMem = id, id
	d.memories[id] = m
}

// putMemory is netmap_mem_put.
func (d *Device) putMemory(m *memory) {
	if m.refs--; m.refs > 0 {
		return
	}
	delete(d.memories, m.id)
	if m.region != nil && !m.ext {
		if len(d.spare) == maxSpare { // the oldest goes: its size may never be asked for again
			d.spare = slices.Delete(d.spare, 0, 1)
		}
		d.spare = append(d.spare, m.region)
		m.region = nil
	}
	if d.lastMem == m.id {
		// The next region gets this id again.
		for d.lastMem--; d.memories[d.lastMem] == nil; d.lastMem-- {
		}
	}
}

// privateMemory is netmap_mem_private_new.
func (d *Device) privateMemory(na *adapter, extra, pipes int) (*memory, error) {
	txr, rxr := na.nrings[tx]+1, na.nrings[rx]+1
	txd, rxd := na.nslots[tx], na.nslots[rx]
	m := newMemory(Pools{
		IfNum: max(2, 2+4*pipes), IfSize: max(1024, ifHeaderSize+8*(txr+rxr)),
		RingNum: max(4, txr+rxr+8*pipes), RingSize: max(5*pageSize, ringHeaderSize+slotSize*max(txd, rxd)),
		BufNum:  max(4098, (4*pipes+rxr)*rxd+(4*pipes+txr)*txd+2+extra),
		BufSize: 2048,
	})
	if m.err != nil {
		return nil, m.err
	}
	m.private = true
	d.addMemory(m)
	return m, nil
}

// bound is nm_bound_var.
func bound(v, def, lo, hi int) int {
	if v < lo {
		return max(lo, min(def, hi))
	}
	return min(v, hi)
}

// getPort finds the port that a request means, or makes it, and takes a
// reference to it (netmap_get_na).
func (d *Device) getPort(name string, r *netmap.RegisterReq, m *memory) (*adapter, error) {
	if r.Mode == 5 || r.Mode == 6 { // NR_REG_PIPE_MASTER, NR_REG_PIPE_SLAVE
		return nil, unix.EINVAL
	}
	if m == nil && r.MemID != 0 {
		if m = d.memories[r.MemID]; m == nil {
			return nil, unix.EINVAL
		}
	}
	if r.Mode == netmap.ModeNull {
		return d.getNull(name, r, m)
	}
	if na, err := d.getMonitor(name, r, m); na != nil || err != nil {
		return na, err
	}
	if na, err := d.getPipe(name, r, m); na != nil || err != nil {
		return na, err
	}
	if na, err := d.getVALE(name, r, m); na != nil || err != nil {
		return na, err
	}
	na := d.ifaces[name]
	if na == nil {
		return nil, unix.ENXIO
	}
	na.wantMemory(m)
	if na.hasHost && na.active == 0 {
		if r.HostTxRings != 0 {
			na.nhost[tx] = int(r.HostTxRings)
		}
		if r.HostRxRings != 0 {
			na.nhost[rx] = int(r.HostRxRings)
		}
	}
	return na.get(), nil
}
