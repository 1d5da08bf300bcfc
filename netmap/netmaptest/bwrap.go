package netmaptest

import (
	"runtime"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// A bwrap is what a switch has of an attached NIC (struct netmap_bwrap_adapter):
// the registration of its rings, and two ports by which they go to and from the
// switch, of the NIC and, if asked for, of the host's stack.
type bwrap struct {
	nic    *nicPort
	file   *file
	ports  []*valePort
	polled bool
}

// wrap is netmap_bwrap_attach and netmap_bwrap_bdg_ctl.
func (d *Device) wrap(n *nicPort, b *bridge, name string, r *netmap.RegisterReq) (*valePort, error) {
	switch {
	case n.active > 0 || n.busy:
		return nil, unix.EBUSY
	case r.RingID != 0 || r.Mode != netmap.ModeAllNIC && r.Mode != netmap.ModeNICSW:
		return nil, unix.EINVAL
	}
	w := &bwrap{nic: n, file: &file{dev: d}}
	if err := w.file.bind(n.get(), &netmap.Request{}, r); err != nil {
		n.put()
		return nil, err
	}
	n.busy = true
	w.port(d, b, name, n.rings[tx][:n.nrings[tx]], n.rings[rx][:n.nrings[rx]])
	if r.Mode == netmap.ModeNICSW {
		w.port(d, b, name+"^", n.rings[tx][n.nrings[tx]:], n.rings[rx][n.nrings[rx]:])
	}
	return w.ports[0], nil
}

// port makes a port of the switch whose receive rings are transmit rings of the
// NIC, or of the host, and puts it there.
func (w *bwrap) port(d *Device, b *bridge, name string, out, in []*kring) {
	p := &valePort{last: ^uint64(0), wrap: w, adapter: adapter{
		name: name, on: true, busy: true,
		nrings: [2]int{tx: len(in), rx: len(out)},
	}}
	d.attach(&p.adapter, p, w.nic.mem)
	p.get()
	for i, hw := range out {
		k := &kring{na: &p.adapter, id: i, dir: rx, n: hw.n, on: true, ring: hw.ring, slots: hw.slots, hwcur: hw.next(hw.hwtail), hwtail: hw.rhead}
		// netmap_bwrap_notify: what the switch put in is sent.
		k.notify = func(k *kring) {
			hw.rhead, hw.rcur = k.hwtail, k.hwtail
			hw.sync(hw, forceReclaim)
			k.hwcur = hw.next(hw.hwtail)
		}
		p.rings[rx] = append(p.rings[rx], k)
	}
	for _, hw := range in {
		// netmap_bwrap_intr_notify: what arrived goes to the switch.
		hw.notify = func(hw *kring) {
			hw.sync(hw, forceRead)
			first, end := hw.hwcur, hw.hwtail
			p.forward(hw, end)
			hw.hwcur = first
			hw.rhead, hw.rcur = end, end
			hw.sync(hw, 0)
		}
	}
	d.join(b, p)
	w.ports = append(w.ports, p)
}

// unwrap is the other half of netmap_bwrap_bdg_ctl.
func (w *bwrap) unwrap() {
	w.file.unbind()
	w.nic.busy = false
	for _, p := range w.ports {
		p.dev.leave(p)
		p.put()
	}
}

// poll is nm_bdg_ctl_polling_start and nm_bdg_ctl_polling_stop. Nothing else
// comes of it here: a NIC needs no interrupts.
func (w *bwrap) poll(on bool, q *netmap.VALEPollingReq) error {
	if on == w.polled {
		return unix.EFAULT
	}
	if on {
		end := uint64(q.FirstCPU) + uint64(q.NumCPUs)
		switch {
		case q.NumCPUs == 0 || q.NumCPUs >= uint32(runtime.NumCPU()):
			return unix.EINVAL
		case q.Mode == netmap.PollingSingleCPU && q.NumCPUs == 1:
		case q.Mode == netmap.PollingMultiCPU && end <= uint64(w.ports[0].nrings[rx]): // those the NIC sends by
		default:
			return unix.EINVAL
		}
	}
	w.polled = on
	return nil
}
