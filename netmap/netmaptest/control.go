package netmaptest

import (
	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// noPort is what VALE_LIST says of a name that is no port's (NM_BDG_NOPORT).
const noPort = maxPorts + 1

// valeList is netmap_vale_list.
func (d *Device) valeList(r *netmap.Request, q *netmap.VALEListReq) error {
	if r.Name != "" {
		p, ok := d.findVALE(r.Name)
		if !ok {
			return unix.EINVAL
		}
		sw, _ := bridgeOf(r.Name)
		b := d.bridges[sw]
		if b == nil {
			return unix.ENOENT
		}
		q.BridgeIdx, q.PortIdx = uint16(b.number), noPort
		if p != nil {
			q.PortIdx = uint32(p.index)
		}
		return nil
	}
	for ; q.BridgeIdx < maxBridges; q.BridgeIdx++ {
		for _, b := range d.bridges {
			if b.number != int(q.BridgeIdx) {
				continue
			}
			for ; q.PortIdx < maxPorts; q.PortIdx++ {
				if p := b.ports[q.PortIdx]; p != nil {
					r.Name = p.name
					return nil
				}
			}
		}
		q.PortIdx = 0
	}
	return unix.ENOENT
}

// valeAttach is netmap_bdg_attach.
func (d *Device) valeAttach(name string, r *netmap.VALEAttachReq) error {
	var m *memory
	if r.Reg.MemID != 0 {
		if m = d.memories[r.Reg.MemID]; m == nil {
			return unix.EINVAL
		}
	}
	p, ok := d.findVALE(name)
	switch {
	case p != nil:
		return unix.EBUSY
	case !ok:
		return unix.EINVAL
	}
	b, iface, err := d.bridgeFor(name)
	if err != nil {
		return err
	}
	na := d.ifaces[iface]
	if na == nil {
		return unix.EINVAL
	}
	na.wantMemory(m)
	if n, ok := na.ops.(*nicPort); ok {
		if p, err = d.wrap(n, b, name, &r.Reg); err != nil {
			return err
		}
		r.PortIndex = uint32(p.index)
		return nil
	}
	p, ok = na.ops.(*valePort)
	if !ok {
		return unix.EOPNOTSUPP
	}
	if na.active > 0 || p.bridge != nil {
		// The kernel leaves a port that is open on the switch as well, and
		// wraps one that another switch has.
		return unix.EBUSY
	}
	p.name = name
	d.join(b, p)
	p.get()
	r.PortIndex = uint32(p.index)
	return nil
}

// valeDetach is netmap_bdg_detach_locked.
func (d *Device) valeDetach(name string, r *netmap.VALEDetachReq) error {
	p, ok := d.findVALE(name)
	switch {
	case !ok:
		return unix.EINVAL
	case p == nil:
		return unix.ENXIO
	}
	r.PortIndex = uint32(p.index)
	switch {
	case p.wrap != nil && p != p.wrap.ports[0]:
		return unix.EBUSY // the host's goes with the NIC's
	case p.wrap != nil && p.wrap.polled:
		return unix.EBUSY
	case p.wrap != nil:
		p.wrap.unwrap()
		return nil
	case p.ifName == "":
		return nil // a program's port goes with the program
	}
	p.name = p.ifName
	d.leave(p)
	p.put()
	return nil
}

// valeNewIf is nm_vi_create.
func (d *Device) valeNewIf(name string, r *netmap.VALENewIfReq) error {
	p, err := d.persist(name, &netmap.RegisterReq{
		TxSlots: r.TxSlots, RxSlots: r.RxSlots, TxRings: r.TxRings, RxRings: r.RxRings, MemID: r.MemID,
	}, nil, false)
	if err != nil {
		return err
	}
	p.get()
	r.TxRings, r.RxRings = uint16(p.nrings[tx]), uint16(p.nrings[rx])
	r.TxSlots, r.RxSlots = uint32(p.nslots[tx]), uint32(p.nslots[rx])
	r.MemID = p.mem.id
	return nil
}

// valeDelIf is nm_vi_destroy.
func (d *Device) valeDelIf(name string) error {
	na := d.ifaces[name]
	if na == nil {
		return unix.ENXIO
	}
	p, ok := na.ops.(*valePort)
	switch {
	case !ok || p.auto:
		return unix.EINVAL
	case p.active > 0 || p.refs > 1:
		return unix.EBUSY
	}
	p.put()
	return nil
}

// valePolling is nm_bdg_polling.
func (d *Device) valePolling(r *netmap.Request, q *netmap.VALEPollingReq) error {
	p, ok := d.findVALE(r.Name)
	switch {
	case !ok:
		return unix.EINVAL
	case p == nil:
		return unix.ENXIO
	}
	if p.wrap == nil || p != p.wrap.ports[0] {
		return unix.EOPNOTSUPP
	}
	return p.wrap.poll(r.Type == netmap.ReqVALEPollingEnable, q)
}

// setHdr is NETMAP_REQ_PORT_HDR_SET in netmap_ioctl.
func (d *Device) setHdr(name string, r *netmap.PortHdrReq) error {
	if r.HdrLen != 0 && r.HdrLen != 10 && r.HdrLen != 12 {
		return unix.EINVAL
	}
	p, _ := d.findVALE(name)
	if p == nil {
		return unix.ENXIO
	}
	p.hdrLen = r.HdrLen
	return nil
}

// getHdr is NETMAP_REQ_PORT_HDR_GET in netmap_ioctl.
func (d *Device) getHdr(name string, r *netmap.PortHdrReq) error {
	na := d.lookup(name)
	if na == nil {
		return unix.ENXIO
	}
	r.HdrLen = na.hdrLen
	return nil
}
