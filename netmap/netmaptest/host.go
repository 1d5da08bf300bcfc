package netmaptest

import (
	"slices"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// HostSend stands for the host's stack sending a frame, which is copied, on a
// NIC: it goes to a host receive ring if the transmit ring it would take is in
// netmap mode, else onto the cable (netmap_transmit). The error is ENOBUFS if
// the ring is full or the frame longer than a buffer, ENXIO for a name that is
// no NIC's.
func (d *Device) HostSend(nic string, frame []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nic(nic)
	if n == nil {
		return unix.ENXIO
	}
	q := int(flowHash(frame))
	if !n.on || !n.rings[tx][q%n.nrings[tx]].on {
		if n.peer != nil && n.carrier() {
			n.peer.receive(frame)
			n.peer.interrupt()
		}
		return nil
	}
	k := n.rings[rx][n.nrings[rx]+q%n.nhost[rx]]
	defer k.notify(k)
	if len(frame) > n.mem.bufSize() || int(k.ahead(k.hwcur, k.hwtail))+len(k.queue) >= int(k.n)-1 {
		return unix.ENOBUFS
	}
	k.queue = append(k.queue, slices.Clone(frame))
	return nil
}

// HostReceive returns the next frame that has come for the host's stack, by a
// host transmit ring, by NS_FORWARD, or from the cable while no netmap program
// had the ring it came for. ok is false if there is none. At most 1024 wait.
func (d *Device) HostReceive(nic string) (frame []byte, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.nic(nic)
	if n == nil || len(n.host) == 0 {
		return nil, false
	}
	frame, n.host = n.host[0], n.host[1:]
	return frame, true
}

func (n *nicPort) toHost(frame []byte) {
	if len(n.host) == hostQueue {
		n.count.Dropped++
		return
	}
	n.host = append(n.host, slices.Clone(frame))
}

// hostTX is netmap_txsync_to_host: all goes up at once.
func (n *nicPort) hostTX(k *kring, _ syncFlags) bool {
	k.grab(true)
	k.hwcur = k.rhead
	k.hwtail = k.prev(k.hwcur)
	return true
}

// grab hands slots that are being returned to the host's stack, all or those
// with NS_FORWARD (netmap_grab_packets).
func (k *kring) grab(all bool) {
	n := k.na.ops.(*nicPort)
	for i := k.hwcur; i != k.rhead; i = k.next(i) {
		s := &k.slots[i]
		if !all && s.Flags&netmap.Forward == 0 || s.Len < 14 || int(s.Len) > n.mem.bufSize()-k.offset(s) {
			continue
		}
		s.Flags &^= netmap.Forward
		n.toHost(k.buf(s)[:s.Len])
	}
}

// mayForwardUp is nm_may_forward_up.
func (k *kring) mayForwardUp() bool {
	return k.na.hasHost && k.ring.Flags&netmap.RingForward != 0 && k.id != k.na.nrings[rx] && k.isNIC()
}

func (k *kring) isNIC() bool {
	_, ok := k.na.ops.(*nicPort)
	return ok
}

// hostRX is netmap_rxsync_from_host.
func (n *nicPort) hostRX(k *kring, f syncFlags) bool {
	for len(k.queue) > 0 && k.hwtail != k.prev(k.hwcur) {
		s := &k.slots[k.hwtail]
		s.Len = uint16(copy(k.buf(s), k.queue[0]))
		s.Flags = 0
		k.hwtail = k.next(k.hwtail)
		k.queue[0] = nil
		k.queue = k.queue[1:]
	}
	if k.hwcur != k.rhead {
		if f&canForwardDown != 0 && k.ring.Flags&netmap.RingForward != 0 && k.id == n.nrings[rx] {
			k.forward = n.forwardDown(k) || k.forward
		}
		k.hwcur = k.rhead
	}
	return true
}

// forwardDown puts the slots with NS_FORWARD that are being returned into
// transmit rings, by exchange (netmap_sw_to_nic).
func (n *nicPort) forwardDown(k *kring) (any bool) {
	i := k.hwcur
	for _, t := range n.rings[tx][:n.nrings[tx]] {
		h := t.ring
		for ; i != k.rhead && h.Head != h.Tail && h.Head < t.n; i = k.next(i) {
			s := &k.slots[i]
			if s.Flags&netmap.Forward == 0 {
				continue
			}
			o := &t.slots[h.Head]
			s.BufIdx, o.BufIdx = o.BufIdx, s.BufIdx
			s.Flags, o.Flags = netmap.BufChanged, netmap.BufChanged
			o.Len = s.Len
			h.Head = t.next(h.Head)
			h.Cur = h.Head
			any = true
		}
	}
	return any
}
