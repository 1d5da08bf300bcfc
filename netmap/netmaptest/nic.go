package netmaptest

import (
	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// NIC is the shape of a network interface. The zero value of a field is its
// default.
type NIC struct {
	TxRings, RxRings         int // 1
	TxSlots, RxSlots         int // of each ring, also of the host's: 256
	HostTxRings, HostRxRings int // 1; a registration may ask for others
	MTU                      int // 1500; buffers must hold it
}

// A nicPort is a NIC with a native driver. With a real one in mind: hwcur is
// where the driver has got to, nicRing.at where the hardware has.
type nicPort struct {
	adapter
	mtu     int
	peer    *nicPort
	noLink  bool
	host    [][]byte // frames for the host stack
	woken   []bool   // by receive ring, during a sync of the peer
	removed bool
}

// nicRing is the hardware's side of a ring.
type nicRing struct {
	at     uint32   // next slot that it sends or fills
	dma    []uint32 // receive: the buffer of each slot as the driver wrote it down
	refill uint32   // receive: slots whose buffer is to be written down on return
	frag   []byte   // transmit: of a packet of several slots, those seen so far
}

// hostQueue is the most frames that wait for the host stack.
const hostQueue = 1024

// AddNIC adds a network interface, up and with a carrier. The error is EEXIST
// where there is one of that name, EINVAL for a shape that no NIC has.
func (d *Device) AddNIC(name string, c NIC) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ifaces[name] != nil {
		return unix.EEXIST
	}
	n := &nicPort{mtu: bound(c.MTU, 1500, 1, 65535), adapter: adapter{
		name: name, hasHost: true,
		nrings: [2]int{tx: bound(c.TxRings, 1, 1, 1024), rx: bound(c.RxRings, 1, 1, 1024)},
		nslots: [2]int{tx: bound(c.TxSlots, 256, 1, netmap.MaxSlots), rx: bound(c.RxSlots, 256, 1, netmap.MaxSlots)},
		nhost:  [2]int{tx: c.HostTxRings, rx: c.HostRxRings},
	}}
	if name == "" || len(name) >= ifNameSize || min(n.nslots[tx], n.nslots[rx]) < netmap.MinSlots || min(c.HostTxRings, c.HostRxRings) < 0 {
		return unix.EINVAL
	}
	d.attach(&n.adapter, n, d.memories[1])
	d.ifaces[name] = n.get()
	return nil
}

// Loop joins two NICs by a cable: what one sends, the other receives, on the
// receive ring that a hash of IP addresses and ports picks (ring 0 for what is
// not IP). A frame for a ring that is not open goes to the host stack. A NIC
// may be joined to itself. The error is ENXIO for a name that is no NIC's.
func (d *Device) Loop(a, b string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, m := d.nic(a), d.nic(b)
	if n == nil || m == nil {
		return unix.ENXIO
	}
	n.peer, m.peer = m, n
	return nil
}

func (d *Device) nic(name string) *nicPort {
	if na := d.ifaces[name]; na != nil {
		n, _ := na.ops.(*nicPort)
		return n
	}
	return nil
}

// carrier needs both ends of the cable.
func (n *nicPort) carrier() bool { return !n.noLink && (n.peer == nil || !n.peer.noLink) }

// createRings is netmap_hw_krings_create.
func (n *nicPort) createRings() {
	n.adapter.createRings()
	for t, sync := range []func(*kring, syncFlags) bool{tx: n.hostTX, rx: n.hostRX} {
		for _, k := range n.rings[t][n.nrings[t]:] {
			k.sync = sync
		}
	}
}

// register is netmap_hw_reg and what a driver does then: whenever a ring comes
// or goes, all are set up anew.
func (n *nicPort) register(on bool) error {
	if n.zombie {
		if on {
			return unix.ENXIO
		}
		n.on = false
		return nil
	}
	n.commit(on)
	n.setOn(on)
	for t := range n.rings {
		for _, k := range n.rings[t][:n.nrings[t]] {
			if k.pendingOn {
				k.reset()
				k.notify(k)
			}
		}
	}
	return nil
}

// reset is netmap_reset: what was to be sent counts as sent, what has arrived
// unseen is lost, and the hardware gets the buffers of the slots that are the
// kernel's; those of the user follow when they are returned.
func (k *kring) reset() {
	k.hwcur = k.rhead
	if k.dir == tx {
		k.hwtail = k.prev(k.rhead)
		k.nic.at, k.nic.frag = k.rhead, nil
		return
	}
	k.nic.at = k.hwtail
	k.nic.refill = k.ahead(k.rhead, k.hwtail)
	if k.nic.dma == nil {
		k.nic.dma = make([]uint32, k.n)
	}
	for i, c := k.hwtail, k.n-k.nic.refill; c > 0; c-- {
		k.nic.dma[i] = k.slots[i].BufIdx
		i = k.next(i)
	}
}

func (n *nicPort) dtor() {}

func (n *nicPort) pending(k *kring) bool {
	switch {
	case k.id >= n.nrings[k.dir]:
		return len(k.queue) > 0
	case !n.carrier():
		return false
	case k.dir == tx:
		return k.nic.at != k.hwcur
	}
	return k.nic.at != k.hwtail
}

// txSync follows e1000_netmap_txsync: without a carrier nothing moves.
func (n *nicPort) txSync(k *kring, f syncFlags) bool {
	if !n.carrier() {
		return true
	}
	k.hwcur = k.rhead
	n.transmit(k)
	if f&forceReclaim != 0 || k.rhead == k.hwtail {
		k.hwtail = k.prev(k.nic.at)
	}
	return true
}

// transmit is the hardware's part: the slots up to hwcur go onto the cable.
func (n *nicPort) transmit(k *kring) {
	for left := n.limit; k.nic.at != k.hwcur; left-- {
		if left == 0 && n.limit > 0 {
			break
		}
		s := &k.slots[k.nic.at]
		more := s.Flags&netmap.MoreFrag != 0
		s.Flags &^= netmap.Report | netmap.BufChanged | netmap.MoreFrag
		data := k.buf(s)[:k.clip(s)]
		k.nic.at = k.next(k.nic.at)
		if more || len(k.nic.frag) > 0 {
			k.nic.frag = append(k.nic.frag, data...)
			data = k.nic.frag
		}
		if more {
			continue
		}
		n.count.Sent++
		if n.peer != nil {
			n.peer.receive(data)
		}
		k.nic.frag = k.nic.frag[:0]
	}
	if n.peer != nil {
		n.peer.interrupt()
	}
}

// receive is the hardware's other part: a frame from the cable is put into the
// buffers that the driver has given, unseen until the next sync.
func (n *nicPort) receive(frame []byte) {
	q := int(flowHash(frame) % uint32(n.nrings[rx]))
	if n.removed {
		return
	}
	if !n.on || !n.rings[rx][q].on {
		n.toHost(frame)
		return
	}
	k := n.rings[rx][q]
	size := n.mem.bufSize() - int(k.ofsMax)
	if need := max(1, (len(frame)+size-1)/size); uint32(need) > k.n-1-k.ahead(k.hwcur, k.nic.at) {
		n.count.Dropped++
		return
	}
	n.count.Received++
	for {
		i := k.nic.at
		got := copy(n.mem.buf(k.nic.dma[i])[k.offset(&k.slots[i]):][:size], frame)
		frame = frame[got:]
		k.slots[i].Len, k.slots[i].Flags = uint16(got), 0
		k.corrupt(i)
		k.nic.at = k.next(i)
		if len(frame) == 0 {
			break
		}
		k.slots[i].Flags = netmap.MoreFrag
	}
	if n.woken == nil {
		n.woken = make([]bool, n.nrings[rx])
	}
	n.woken[q] = true
}

func (n *nicPort) interrupt() {
	for q, yes := range n.woken {
		if yes {
			n.woken[q] = false
			k := n.rings[rx][q]
			k.notify(k)
		}
	}
}

// rxSync follows e1000_netmap_rxsync. The hardware goes on filling the buffer
// it was told of unless a returned slot has NS_BUF_CHANGED.
func (n *nicPort) rxSync(k *kring, _ syncFlags) bool {
	if !n.carrier() {
		return true
	}
	left := n.limit
	for i := k.hwtail; i != k.nic.at; {
		more := k.slots[i].Flags&netmap.MoreFrag != 0
		i = k.next(i)
		if left--; more {
			continue
		}
		k.hwtail = i
		if n.limit > 0 && left <= 0 {
			break
		}
	}
	for i := k.hwcur; i != k.rhead; i = k.next(i) {
		k.restore(i)
		s := &k.slots[i]
		if b := s.BufIdx; b == 0 || int(b) >= n.mem.pools[bufPool].total {
			return !k.reinit() // the ring is stuck at this slot from now on
		}
		if s.Flags&netmap.BufChanged != 0 || k.nic.refill > 0 {
			k.nic.dma[i] = s.BufIdx
			s.Flags &^= netmap.BufChanged
			k.nic.refill -= min(k.nic.refill, 1)
		}
	}
	k.hwcur = k.rhead
	return true
}
