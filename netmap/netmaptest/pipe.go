package netmaptest

import (
	"strings"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

const (
	maxPipes     = 64 // NM_MAXPIPES
	maxPipeRings = 256
	maxPipeSlots = 4096
)

// A pipe is one end of a pipe (struct netmap_pipe_adapter). Both ends live and
// die together: where only one is in use, it holds a reference to the other.
//
// The rings of one end are those of the other with the directions exchanged:
// slot i of a transmit ring and slot i of the peer's receive ring name the
// same buffer, and a slot's content goes from the one to the other and back.
// Nothing is copied and nothing is lost; without a reader all stays pending.
type pipe struct {
	adapter
	role    byte // '{' master, '}' slave
	id      string
	parent  *adapter
	peer    *pipe
	peerRef bool
}

// pipeName takes a pipe's name apart; ok is false if it is none's.
func pipeName(name string) (parent, id string, role byte, ok bool) {
	i := strings.LastIndexByte(name, '{')
	if i < 0 {
		i = strings.LastIndexByte(name, '}')
	}
	if i < 0 {
		return "", "", 0, false
	}
	return name[:i], name[i+1:], name[i], true
}

// getPipe is netmap_get_pipe_na. A parent that is no interface is made, as a
// port of no switch.
func (d *Device) getPipe(name string, r *netmap.RegisterReq, m *memory) (*adapter, error) {
	parentName, id, role, ok := pipeName(name)
	switch {
	case !ok:
		return nil, nil
	case id == "" || parentName == "", r.Mode != netmap.ModeAllNIC && r.Mode != netmap.ModeOneNIC:
		return nil, unix.EINVAL
	}
	parent, err := d.getPort(parentName, r, m)
	if err == unix.ENXIO {
		if _, fail := d.persist(parentName, r, m, true); fail == nil {
			parent, err = d.getPort(parentName, r, m)
		}
	}
	if err != nil {
		return nil, err
	}
	if p := parent.pipes[id]; p != nil {
		parent.put() // the pipe has one already
		if p.role != role {
			p = p.peer
		}
		return p.get(), nil
	}
	if len(parent.pipes) == maxPipes {
		parent.put()
		return nil, unix.EINVAL
	}
	master := &pipe{role: '{', id: id, parent: parent, adapter: adapter{
		name: parent.name + "{" + id,
		nrings: [2]int{
			tx: bound(int(r.TxRings), 1, 1, maxPipeRings),
			rx: bound(int(r.RxRings), 1, 1, maxPipeRings),
		},
		nslots: [2]int{
			tx: bound(int(r.TxSlots), parent.nslots[tx], 1, maxPipeSlots),
			rx: bound(int(r.RxSlots), parent.nslots[rx], 1, maxPipeSlots),
		},
		memOwner: true,
	}}
	slave := &pipe{role: '}', id: id, parent: parent.get(), adapter: adapter{
		name:     parent.name + "}" + id,
		nrings:   [2]int{tx: master.nrings[rx], rx: master.nrings[tx]},
		nslots:   [2]int{tx: master.nslots[rx], rx: master.nslots[tx]},
		memOwner: true,
	}}
	d.attach(&master.adapter, master, parent.mem)
	d.attach(&slave.adapter, slave, parent.mem)
	master.peer, slave.peer = slave, master
	if parent.pipes == nil {
		parent.pipes = map[string]*pipe{}
	}
	parent.pipes[id] = master
	p := master
	if role == '}' {
		p = slave
	}
	p.peerRef = true
	p.peer.get()
	return p.get(), nil
}

// txSync is netmap_pipe_txsync: whole packets are handed to the peer's ring.
func (p *pipe) txSync(k *kring, _ syncFlags) bool {
	r := k.peer
	k.hwtail = k.pipeTail
	if k.hwcur == k.rhead {
		return true
	}
	publish, complete := k.n, false
	packets := uint64(0)
	for k.hwcur != k.rhead {
		t := &k.slots[k.hwcur]
		s := &r.slots[k.hwcur]
		least := r.offset(s)
		*s = *t
		if r.offset(s) < least {
			r.setOffset(s, least)
		}
		t.Flags &^= netmap.BufChanged
		complete = t.Flags&netmap.MoreFrag == 0
		k.hwcur = k.next(k.hwcur)
		if complete {
			publish = k.hwcur
			packets++
		}
	}
	if publish < k.n {
		r.pipeTail = publish
		p.count.Sent += packets
		p.peer.count.Received += packets
		r.notify(r)
	}
	return true
}

// rxSync is netmap_pipe_rxsync: released slots go back to the sender, with
// whatever buffer is in them now.
func (p *pipe) rxSync(k *kring, _ syncFlags) bool {
	t := k.peer
	k.hwtail = k.pipeTail
	if k.hwcur == k.rhead {
		return true
	}
	for k.hwcur != k.rhead {
		s := &k.slots[k.hwcur]
		t.slots[k.hwcur] = *s
		s.Flags &^= netmap.BufChanged
		k.hwcur = k.next(k.hwcur)
	}
	t.pipeTail = k.prev(k.hwcur)
	t.notify(t)
	return true
}

func (p *pipe) pending(k *kring) bool { return k.peer != nil && k.pipeTail != k.hwtail }

// createRings is netmap_pipe_krings_create: the first end makes both ends'.
func (p *pipe) createRings() {
	if !p.peerRef {
		return
	}
	p.adapter.createRings()
	p.peer.adapter.createRings()
	for t := range p.rings {
		for i, k := range p.rings[t][:p.nrings[t]] {
			k2 := p.peer.rings[1-t][i]
			k.peer, k2.peer = k2, k
			k2.fake = true // its buffers are this end's
			k.pipeTail, k2.pipeTail = k.hwtail, k2.hwtail
		}
	}
}

// deleteRings is netmap_pipe_krings_delete.
func (p *pipe) deleteRings() {
	if !p.peerRef {
		return // the other end needs them
	}
	// A buffer is in a slot of both ends: each end keeps those in the user's
	// part of its rings, so that each is freed once.
	for _, e := range [2]*pipe{p, p.peer} {
		e.each(func(k *kring) {
			if k.ring == nil || k.id >= e.nrings[k.dir] {
				return
			}
			if k.dir == rx {
				k.slots[k.pipeTail].BufIdx = 0
			}
			for j := k.next(k.pipeTail); j != k.hwcur; j = k.next(j) {
				k.slots[j].BufIdx = 0
			}
			k.fake, k.needed = false, false
		})
	}
	for _, e := range [2]*pipe{p, p.peer} {
		e.dropRings()
		e.adapter.deleteRings()
	}
}

// register is netmap_pipe_reg.
func (p *pipe) register(on bool) error {
	if on {
		if err := p.openBoth(); err != nil {
			return err
		}
		p.setOn(true)
	} else {
		p.setOn(false)
		p.commit(false)
	}
	switch {
	case p.active > 0 || p.peerRef:
	case on:
		// This end was held by the other: from now on its user holds it.
		p.peer.peerRef = false
		p.put()
	default:
		p.get()
		p.peer.peerRef = true
	}
	return nil
}

// openBoth is netmap_pipe_reg_both: it makes the peer's rings of those that are
// being bound, with the same buffers in them.
func (p *pipe) openBoth() error {
	each := func(do func(k *kring)) {
		for t := range p.rings {
			for _, k := range p.rings[t][:p.nrings[t]] {
				if k.pendingOn && !k.on {
					do(k)
				}
			}
		}
	}
	each(func(k *kring) { k.peer.needed = true })
	if err := p.peer.makeRings(); err != nil {
		return err
	}
	each(func(k *kring) {
		k.on = true
		if k.fake && k.peer.fake {
			return // open again, while the other end kept it
		}
		copy(k.peer.slots, k.slots)
		k.peer.ring.OffsetMask = k.ring.OffsetMask
		k.fake, k.needed = true, true // deleteRings frees the buffers
	})
	return nil
}

// dtor is netmap_pipe_dtor.
func (p *pipe) dtor() {
	if p.peerRef {
		p.peerRef = false
		p.peer.put()
	}
	if p.role == '{' {
		delete(p.parent.pipes, p.id)
	}
	p.parent.put()
}
