package netmaptest

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

const (
	maxBridges   = 8    // vale_max_bridges
	maxPorts     = 254  // NM_BDG_MAXPORTS
	bridgeHash   = 1024 // NM_BDG_HASH
	bridgeBatch  = 1024 // NM_BDG_BATCH
	maxVALERings = 16
	maxVALESlots = 4096
	defVALESlots = 1024
	ifNameSize   = 16
)

// A bridge is a VALE switch (struct nm_bridge). It is there as long as it has
// ports.
type bridge struct {
	name   string
	number int
	ports  [maxPorts]*valePort
	used   int
	table  [bridgeHash]struct {
		mac  uint64
		port int
	}
	batches uint64
}

// A valePort is a port of a switch, or of none: those that pipes make for
// themselves (struct netmap_vp_adapter).
type valePort struct {
	adapter
	bridge *bridge
	index  int
	last   uint64 // the source address learned last
	ifName string // of a persistent port: its name as an interface
	auto   bool   // a persistent port that goes with its last user
	wrap   *bwrap // of an attached NIC
}

// bridgeOf takes the switch out of a port's name (nm_bdg_name_validate).
func bridgeOf(name string) (string, bool) {
	i := 0
	for ; i < len(name) && i < ifNameSize && name[i] != ':'; i++ {
		c := name[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return "", false
		}
	}
	if i == len(name) || name[i] != ':' || len(name)-i > ifNameSize {
		return "", false
	}
	return name[:i], true
}

// findVALE looks a port up by name (netmap_get_bdg_na that is not to create).
// ok is false for a name that is no switch's port.
func (d *Device) findVALE(name string) (p *valePort, ok bool) {
	if !strings.HasPrefix(name, "vale") {
		return nil, false
	}
	sw, _ := bridgeOf(name)
	if b := d.bridges[sw]; b != nil {
		for _, p := range b.ports {
			if p != nil && p.name == name {
				return p, true
			}
		}
	}
	return nil, true
}

// bridgeFor returns the switch of a port that is to be made, and the interface
// that is named with it.
func (d *Device) bridgeFor(name string) (b *bridge, iface string, err error) {
	sw, ok := bridgeOf(name)
	if !ok {
		return nil, "", unix.ENOMEM
	}
	if b = d.bridges[sw]; b == nil {
		b = &bridge{name: sw}
		for b.number < maxBridges && slices.ContainsFunc(slices.Collect(maps.Values(d.bridges)), func(o *bridge) bool { return o.number == b.number }) {
			b.number++
		}
	}
	if b.number == maxBridges || b.used+2 >= maxPorts {
		return nil, "", unix.ENOMEM
	}
	return b, name[len(sw)+1:], nil
}

// getVALE is netmap_get_bdg_na for a REGISTER, which makes the port and its
// switch.
func (d *Device) getVALE(name string, r *netmap.RegisterReq, m *memory) (*adapter, error) {
	p, ok := d.findVALE(name)
	if p != nil {
		return p.get(), nil
	}
	if !ok {
		return nil, nil
	}
	b, iface, err := d.bridgeFor(name)
	if err != nil {
		return nil, err
	}
	if d.ifaces[iface] != nil {
		return nil, unix.EINVAL // an interface is attached, not opened, under such a name
	}
	if p, err = d.newVALE(name, r, m); err != nil {
		return nil, err
	}
	d.join(b, p)
	return p.get(), nil
}

// join puts a port on a switch.
func (d *Device) join(b *bridge, p *valePort) {
	p.bridge, p.index = b, slices.Index(b.ports[:], nil)
	b.ports[p.index] = p
	b.used++
	d.bridges[b.name] = b
}

// leave is netmap_bdg_detach_common.
func (d *Device) leave(p *valePort) {
	b := p.bridge
	if b == nil {
		return
	}
	p.bridge, b.ports[p.index] = nil, nil
	if b.used--; b.used == 0 {
		delete(d.bridges, b.name)
	}
}

// newVALE is netmap_vale_vp_create.
func (d *Device) newVALE(name string, r *netmap.RegisterReq, m *memory) (*valePort, error) {
	p := &valePort{last: ^uint64(0), adapter: adapter{
		name: name,
		nrings: [2]int{
			tx: bound(int(r.TxRings), 1, 1, maxVALERings),
			rx: bound(int(r.RxRings), 1, 1, maxVALERings),
		},
		nslots: [2]int{
			tx: bound(int(r.TxSlots), defVALESlots, 1, maxVALESlots),
			rx: bound(int(r.RxSlots), defVALESlots, 1, maxVALESlots),
		},
	}}
	r.ExtraBufs = uint32(min(int(r.ExtraBufs), maxExtraCreate))
	if m == nil {
		var err error
		if m, err = d.privateMemory(&p.adapter, int(r.ExtraBufs), 2); err != nil {
			return nil, err
		}
	}
	d.attach(&p.adapter, p, m)
	return p, nil
}

// persist makes a port of no switch: auto for a pipe's sake, else for good
// (netmap_vi_create).
func (d *Device) persist(name string, r *netmap.RegisterReq, m *memory, auto bool) (*valePort, error) {
	switch {
	case strings.HasPrefix(name, "vale") || len(name) >= ifNameSize:
		return nil, unix.EINVAL
	case d.ifaces[name] != nil:
		return nil, unix.EEXIST
	}
	if m == nil && r.MemID != 0 {
		if m = d.memories[r.MemID]; m == nil {
			return nil, unix.EINVAL
		}
	}
	p, err := d.newVALE(name, r, m)
	if err != nil {
		return nil, err
	}
	p.ifName, p.auto = name, auto
	d.ifaces[name] = &p.adapter
	return p, nil
}

// updateConfig is what netmap_update_config does to a name: a persistent port
// that is attached is its switch's by its interface's name from then on, which
// no request can say.
func (na *adapter) updateConfig() {
	if p, ok := na.ops.(*valePort); ok && p.ifName != "" {
		p.name = p.ifName
	}
}

func (p *valePort) register(on bool) error {
	p.commit(on)
	p.setOn(on)
	return nil
}

// dtor is netmap_vale_vp_dtor.
func (p *valePort) dtor() {
	if p.ifName != "" {
		delete(p.dev.ifaces, p.ifName)
	}
	p.dev.leave(p)
}

// rxSync is netmap_vp_rxsync: what came is in the ring already.
func (p *valePort) rxSync(k *kring, _ syncFlags) bool {
	for k.hwcur != k.rhead {
		k.restore(k.hwcur)
		k.slots[k.hwcur].Flags &^= netmap.BufChanged
		k.hwcur = k.next(k.hwcur)
	}
	return true
}

func (p *valePort) pending(*kring) bool { return false }

// txSync is netmap_vale_vp_txsync and nm_vale_preflush.
func (p *valePort) txSync(k *kring, _ syncFlags) bool {
	end := k.rhead
	if n := k.ahead(k.hwcur, end); p.limit > 0 && n > uint32(p.limit) {
		end = (k.hwcur + uint32(p.limit)) % k.n
		for end != k.rhead && k.slots[k.prev(end)].Flags&netmap.MoreFrag != 0 {
			end = k.next(end) // a packet is taken whole
		}
	}
	if p.bridge == nil {
		k.hwcur = end
	} else {
		p.forward(k, end)
	}
	k.hwtail = k.prev(k.hwcur)
	return true
}

// forward sends the packets up to end, in batches as the kernel's, and a last
// one without its end as if it were whole.
func (p *valePort) forward(k *kring, end uint32) {
	b := p.bridge
	b.batches++
	first, slots := k.hwcur, 0
	var woken [maxPorts][maxVALERings]bool
	for frags := uint32(1); k.hwcur != end; frags++ {
		s := &k.slots[k.hwcur]
		s.Flags &^= netmap.BufChanged
		k.hwcur = k.next(k.hwcur)
		slots++
		if s.Flags&netmap.MoreFrag != 0 && k.hwcur != end {
			continue
		}
		p.dispatch(k, first, frags, &woken)
		first, frags = k.hwcur, 0
		if slots >= bridgeBatch {
			b.batches++
			slots = 0
		}
	}
	for i, rings := range woken {
		for q, yes := range rings {
			if yes {
				r := b.ports[i].rings[rx][q]
				r.notify(r)
			}
		}
	}
}

// dispatch sends one packet where it belongs (nm_vale_flush): to one port, on
// the ring with the number of the sender's, or to ring 0 of all.
func (p *valePort) dispatch(k *kring, first, frags uint32, woken *[maxPorts][maxVALERings]bool) {
	b := p.bridge
	p.count.Sent++
	to, all := b.learn(p, k, first)
	if !all {
		if to >= 0 && to != p.index && b.ports[to] != nil {
			b.ports[to].deliver(p, k, first, frags, k.id, woken)
		}
		return
	}
	for i, v := range b.ports {
		if v != nil && i != p.index {
			v.deliver(p, k, first, frags, 0, woken)
		}
	}
}

// learn is netmap_vale_learning; to is -1 for a packet of no use. Neither
// NS_NO_LEARN nor a slot's port index changes anything, in the kernel too.
func (b *bridge) learn(p *valePort, k *kring, first uint32) (to int, all bool) {
	s, at, ok := p.ethernet(k, first)
	if !ok || int(s.Len)-at < 14 {
		return -1, false
	}
	buf := k.source(s, at+12)
	if buf == nil {
		return -1, false
	}
	buf = buf[at:]
	dst, src := mac(buf), mac(buf[6:])
	if buf[6]&1 == 0 && p.last != src {
		e := &b.table[hashMAC(src)]
		e.mac, e.port = src, p.index
		p.last = src
	}
	if buf[0]&1 == 0 {
		if e := b.table[hashMAC(dst)]; e.mac == dst {
			return e.port, false
		}
	}
	return 0, true
}

func mac(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}

func hashMAC(m uint64) uint64 { return m * 0x9e3779b97f4a7c15 >> 54 } // the upper 10 bits

// deliver copies a packet into a receive ring, if that is open and has room for
// all of it. After one that finds none, the rest of the batch is dropped too.
func (v *valePort) deliver(p *valePort, from *kring, first, frags uint32, ring int, woken *[maxPorts][maxVALERings]bool) {
	if !v.on {
		v.count.Dropped++
		return
	}
	ring %= v.nrings[rx]
	k := v.rings[rx][ring]
	if k.ring == nil || !k.on || k.stopped {
		v.count.Dropped++
		return
	}
	if frags > k.n-1-k.ahead(k.hwcur, k.hwtail) || k.full == v.bridge.batches {
		k.full = v.bridge.batches
		v.count.Dropped++
		return
	}
	v.count.Received++
	woken[v.index][ring] = true
	if v.hdrLen != p.hdrLen {
		v.deliverAcross(from, first, frags, k, p)
		return
	}
	for i := range frags {
		s, t := &from.slots[first], &k.slots[k.hwtail]
		n := int(s.Len)
		if n > from.clip(s) {
			n = 0
		}
		at, to := k.landing(t, from.offset(s)), -1
		if s.Flags&netmap.Indirect != 0 {
			// It is put at the buffer's start, whatever the offset says then.
			at, to = k.landing(t, int(s.Ptr%cacheLine)), 0
		}
		if n > v.mem.bufSize()-at {
			n, at = 0, k.offset(t)
		}
		if to < 0 {
			to = at
		}
		n = copy(v.mem.buf(t.BufIdx)[to:], from.source(s, n))
		k.setOffset(t, at)
		t.Len = uint16(n)
		t.Flags = netmap.SlotFlags(frags << 8)
		if i < frags-1 {
			t.Flags |= netmap.MoreFrag
		}
		k.corrupt(k.hwtail)
		first, k.hwtail = from.next(first), k.next(k.hwtail)
	}
}
