package netmaptest

import "golang.org/x/sys/unix"

// A Call is a set of calls that can be made to fail.
type Call uint8

// The calls.
const (
	CallOpen     Call = 1 << iota // Device.Open
	CallRegister                  // File.Ctrl with REGISTER
	CallRequest                   // File.Ctrl with anything else
	CallMap
	CallSync
	CallPoll // each time a wait looks
)

type fault struct {
	calls Call
	err   error
	n     int
}

// Fail makes the next n of the calls return err, with nothing done: EINTR, ENOMEM
// or whatever is to be met. Faults of the same call come in the order in which
// they were asked for.
func (d *Device) Fail(calls Call, err error, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n > 0 {
		d.faults = append(d.faults, fault{calls, err, n})
	}
}

func (d *Device) fail(c Call) error {
	for i := range d.faults {
		if f := &d.faults[i]; f.calls&c != 0 {
			err := f.err
			if f.n--; f.n == 0 {
				d.faults = append(d.faults[:i], d.faults[i+1:]...)
			}
			return err
		}
	}
	return nil
}

// SetCarrier unplugs or plugs in the cable at a NIC, and thereby at the NIC it
// is joined to. Without a carrier, syncs succeed and move nothing. The error is
// ENXIO for a name that is no NIC's.
func (d *Device) SetCarrier(nic string, up bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nic(nic)
	if n == nil {
		return unix.ENXIO
	}
	n.noLink = !up
	n.each((*kring).wake)
	if n.peer != nil {
		n.peer.each((*kring).wake)
	}
	return nil
}

// SetDown resets a port: as long as it is down, syncs return EIO and polls
// POLLERR, from the next call on (netmap_disable_all_rings, which is what
// setting an interface down does). Rings of a later first registration are up
// again. The error is ENXIO for a name that is no port's.
func (d *Device) SetDown(port string, down bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	na := d.lookup(port)
	if na == nil {
		return unix.ENXIO
	}
	na.each(func(k *kring) {
		k.stopped = down
		k.level()
	})
	return nil
}

// Remove takes a NIC away. Its name is gone at once; who has it open gets EIO
// and POLLERR from the next call on, but is not woken (NETDEV_GOING_DOWN and
// netmap_make_zombie). The error is ENXIO for a name that is no NIC's.
func (d *Device) Remove(nic string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nic(nic)
	if n == nil {
		return unix.ENXIO
	}
	delete(d.ifaces, nic)
	n.zombie, n.removed = true, true
	if n.peer != nil {
		n.peer.peer = nil
		n.peer.noLink = n.peer != n
	}
	n.peer = nil
	n.each((*kring).level)
	n.put()
	return nil
}

// SetLimit makes a NIC or VALE port take at most slots slots of each transmit
// ring at a sync, and a NIC give no more packets than fit in that many of a
// receive ring (but at least one); 0 ends it. What a NIC has not taken stays
// in its ring until a later sync. The error is ENXIO for a name that is no
// port's, EOPNOTSUPP for another kind of port.
func (d *Device) SetLimit(port string, slots int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	na, err := d.lossy(port)
	if err != nil {
		return err
	}
	na.limit = max(0, slots)
	na.each((*kring).wake)
	return nil
}

// Corrupt makes the next n slots that a NIC or VALE port receives name buffer
// buf, whether there is one or not, instead of their own. A slot that comes
// back gets its own buffer again. Errors are those of SetLimit.
func (d *Device) Corrupt(port string, buf uint32, n int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	na, err := d.lossy(port)
	if err != nil {
		return err
	}
	na.badBuf, na.badLeft = buf, max(0, n)
	return nil
}

// lossy finds a NIC or a VALE port.
func (d *Device) lossy(name string) (*adapter, error) {
	na := d.lookup(name)
	if na == nil {
		return nil, unix.ENXIO
	}
	switch na.ops.(type) {
	case *nicPort, *valePort:
		return na, nil
	}
	return nil, unix.EOPNOTSUPP
}

// corrupt makes slot i bad, if that is due.
func (k *kring) corrupt(i uint32) {
	if k.na.badLeft == 0 {
		return
	}
	k.na.badLeft--
	if k.bad == nil {
		k.bad = map[uint32]uint32{}
	}
	k.bad[i] = k.slots[i].BufIdx
	k.slots[i].BufIdx = k.na.badBuf
}

// restore makes slot i good again. If its owner has put another buffer in, its
// own is free.
func (k *kring) restore(i uint32) {
	own, is := k.bad[i]
	if !is {
		return
	}
	delete(k.bad, i)
	if s := &k.slots[i]; s.BufIdx == k.na.badBuf {
		s.BufIdx = own
	} else {
		k.na.mem.freeBuf(own)
	}
}
