package netmaptest

import (
	"cmp"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// lent makes a region of memory that a program brings along, or finds the one
// that is made of it already (netmap_mem_ext_create). Pages here are always
// neighbours, so no object is lost for lying across two that are not.
func (d *Device) lent(o *netmap.OptExtMem) (*memory, syscall.Errno) {
	b, in := o.Memory, &o.Info
	if len(b) == 0 {
		return nil, unix.EFAULT
	}
	for p, def := range map[*uint32]uint32{
		&in.IfObjTotal: 2, &in.IfObjSize: 1024, &in.RingObjTotal: 4, &in.RingObjSize: 5 * pageSize,
		&in.BufObjTotal: 4098, &in.BufObjSize: 2048,
	} {
		*p = cmp.Or(*p, def)
	}
	in.MemSize = uint64(len(b))
	for _, m := range d.memories {
		if m.ext && len(m.region) == len(b) && &m.region[0] == &b[0] {
			m.refs++
			return m, 0
		}
	}
	left := len(b)
	num := [3]int{int(in.IfObjTotal), int(in.RingObjTotal), int(in.BufObjTotal)}
	size := [3]int{int(in.IfObjSize), int(in.RingObjSize), int(in.BufObjSize)}
	for kind := range num {
		if left -= num[kind] * size[kind]; left < 0 {
			return nil, unix.ENOMEM
		}
	}
	num[bufPool] += (left + size[bufPool] - 1) / size[bufPool] // what is left over is buffers
	m := &memory{ext: true, private: true, region: b, refs: 1}
	left = len(b)
	for kind := range num {
		p, err := newPool(kind, num[kind], size[kind])
		if err != nil {
			return nil, unix.EINVAL
		}
		p.total = min(num[kind], left/p.size)
		p.bytes = min(roundUp(p.total*p.size, pageSize), left)
		left -= p.bytes
		m.pools[kind] = p
	}
	m.reset()
	d.addMemory(m)
	return m, 0
}
