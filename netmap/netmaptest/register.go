package netmaptest

import (
	"encoding/binary"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// register is NETMAP_REQ_REGISTER in netmap_ioctl.
func (f *file) register(req *netmap.Request, r *netmap.RegisterReq) error {
	d := f.dev
	if f.bound {
		return unix.EBUSY
	}
	var m *memory
	if e, status := option[*netmap.OptExtMem](req); e != nil {
		var errno syscall.Errno
		m, errno = d.lent(e)
		if *status = errno; errno != 0 {
			return errno
		}
		defer d.putMemory(m)
	} else if r.MemID != 0 {
		if m = d.memories[r.MemID]; m == nil {
			return unix.EINVAL
		}
	}
	na, err := d.getPort(req.Name, r, m)
	if err != nil {
		return err
	}
	if na.busy {
		na.put()
		return unix.EBUSY
	}
	if na.hdrLen != 0 && r.Flags&netmap.FlagAcceptVnetHdr == 0 {
		na.put()
		return unix.EIO
	}
	if err := f.bind(na, req, r); err != nil {
		f.na = nil
		na.put()
		return err
	}
	if o, status := option[*netmap.OptCSB](req); o != nil {
		err = verdict(status, f.enableCSB(o))
	}
	if err == nil {
		f.info(r)
		err = checkOptions(req)
	}
	if err != nil {
		f.unbind()
		return err
	}
	return nil
}

// bind is netmap_do_regif.
func (f *file) bind(na *adapter, req *netmap.Request, r *netmap.RegisterReq) (err error) {
	if err := na.mem.finalize(f.dev); err != nil {
		return err
	}
	f.na = na
	defer func() {
		if err != nil {
			na.dropMemory()
		}
	}()
	if f.first, f.last, err = na.ringIDs(r); err != nil {
		return err
	}
	f.flags = r.Flags
	f.sync = 0
	if f.first[tx] == 0 && f.last[tx] >= na.nrings[tx] {
		f.sync = canForwardDown
	}
	// netmap_buf_size_validate: a NIC's buffers hold its MTU.
	if n, ok := na.ops.(*nicPort); ok && na.active == 0 && f.last[rx] > f.first[rx] && na.mem.bufSize() < n.mtu {
		return unix.EINVAL
	}
	if na.active == 0 {
		na.ops.createRings()
	}
	if err = f.grab(); err == nil {
		if err = na.makeRings(); err == nil {
			if o, status := option[*netmap.OptOffsets](req); o != nil {
				err = verdict(status, f.initOffsets(o))
			}
		}
		if err == nil {
			err = na.mem.newIf(f)
		}
		if err == nil {
			na.commitHost()
			if na.active == 0 || f.modeChanges() {
				if err = na.ops.register(true); err != nil {
					na.mem.freeIf(f)
				}
			}
		}
		if err != nil {
			f.release()
			na.commitHost()
			na.dropRings()
		}
	}
	if err != nil {
		if na.active == 0 {
			na.ops.deleteRings()
		}
		return err
	}
	na.active++
	f.bound = true
	f.each(func(k *kring) { k.files = append(k.files, f) })
	f.level()
	return nil
}

// unbind is netmap_do_unregif.
func (f *file) unbind() {
	na := f.na
	na.active--
	f.each(func(k *kring) { k.forget(f) })
	f.release()
	if na.active == 0 {
		na.stopMonitors()
	}
	na.commitHost()
	if na.active == 0 || f.modeChanges() {
		_ = na.ops.register(false) // only entering netmap mode can fail
	}
	na.dropRings()
	if na.active == 0 {
		na.ops.deleteRings()
		if na.hasHost {
			na.nhost = [2]int{1, 1}
		} else {
			na.nhost = [2]int{}
		}
	}
	na.mem.freeIf(f)
	na.dropMemory()
	f.bound, f.na, f.csb = false, nil, nil
	na.put()
}

// each goes through the rings of a registration.
func (f *file) each(do func(k *kring)) {
	for t := range f.first {
		for i := f.first[t]; i < f.last[t]; i++ {
			do(f.na.rings[t][i])
		}
	}
}

// grab is netmap_krings_get: either all rings or none.
func (f *file) grab() error {
	excl := f.flags&netmap.FlagExclusive != 0
	busy := false
	f.each(func(k *kring) { busy = busy || k.exclusive || k.users > 0 && excl })
	if busy {
		return unix.EBUSY
	}
	f.each(func(k *kring) {
		k.users++
		k.exclusive = k.exclusive || excl
		k.pendingOn = true
	})
	return nil
}

// release is netmap_krings_put.
func (f *file) release() {
	f.each(func(k *kring) {
		if f.flags&netmap.FlagExclusive != 0 {
			k.exclusive = false
		}
		if k.users--; k.users == 0 {
			k.pendingOn = false
		}
	})
}

// modeChanges is nm_kring_pending.
func (f *file) modeChanges() (yes bool) {
	f.each(func(k *kring) { yes = yes || k.on != k.pendingOn })
	return yes
}

// info answers a registration.
func (f *file) info(r *netmap.RegisterReq) {
	na, m := f.na, f.na.mem
	r.TxRings, r.RxRings = uint16(na.nrings[tx]), uint16(na.nrings[rx])
	r.TxSlots, r.RxSlots = uint32(na.nslots[tx]), uint32(na.nslots[rx])
	r.HostTxRings, r.HostRxRings = uint16(na.nhost[tx]), uint16(na.nhost[rx])
	r.MemSize, r.MemID = uint64(m.size()), m.id
	head := uint32(0)
	if r.ExtraBufs > 0 {
		var got int
		head, got = m.extra(int(r.ExtraBufs))
		r.ExtraBufs = uint32(got)
	}
	binary.NativeEndian.PutUint32(m.ifBytes(f)[niBufsHead:], head)
	r.Offset = uint64(f.ifPlace * m.pools[ifPool].size)
}

// portInfo is NETMAP_REQ_PORT_INFO_GET: of a port, which is made if it can be
// and goes again, or without a name only of a region.
func (d *Device) portInfo(name string, r *netmap.PortInfoReq) error {
	if name == "" {
		id := r.MemID
		if id == 0 {
			id = 1
		}
		m := d.memories[id]
		if m == nil {
			return unix.EINVAL
		}
		r.MemSize, r.MemID = uint64(m.size()), m.id
		return m.err
	}
	na, err := d.getPort(name, &netmap.RegisterReq{
		Mode: netmap.ModeAllNIC, MemID: r.MemID, TxSlots: r.TxSlots, RxSlots: r.RxSlots,
		TxRings: r.TxRings, RxRings: r.RxRings, HostTxRings: r.HostTxRings, HostRxRings: r.HostRxRings,
	}, nil)
	if err != nil {
		return err
	}
	defer na.put()
	if na.mem.err != nil {
		return na.mem.err
	}
	r.MemSize, r.MemID = uint64(na.mem.size()), na.mem.id
	r.TxRings, r.RxRings = uint16(na.nrings[tx]), uint16(na.nrings[rx])
	r.TxSlots, r.RxSlots = uint32(na.nslots[tx]), uint32(na.nslots[rx])
	r.HostTxRings, r.HostRxRings = uint16(na.nhost[tx]), uint16(na.nhost[rx])
	return nil
}

// poolsInfo is NETMAP_REQ_POOLS_INFO_GET.
func (d *Device) poolsInfo(name string, r *netmap.PoolsInfoReq) error {
	na, err := d.getPort(name, &netmap.RegisterReq{Mode: netmap.ModeAllNIC, MemID: r.MemID}, nil)
	if err != nil {
		return err
	}
	defer na.put()
	m := na.mem
	if m.err != nil {
		return m.err
	}
	m.active++
	defer na.dropMemory()
	r.MemSize, r.MemID = uint64(m.size()), m.id
	p := &m.pools
	r.IfOffset, r.IfObjTotal, r.IfObjSize = 0, uint32(p[ifPool].total), uint32(p[ifPool].size)
	r.RingOffset, r.RingObjTotal, r.RingObjSize = uint64(m.ringsAt()), uint32(p[ringPool].total), uint32(p[ringPool].size)
	r.BufOffset, r.BufObjTotal, r.BufObjSize = uint64(m.bufsAt()), uint32(p[bufPool].total), uint32(p[bufPool].size)
	return nil
}
