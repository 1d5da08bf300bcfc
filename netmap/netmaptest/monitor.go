package netmaptest

import (
	"fmt"
	"slices"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

const maxMonitorSlots = 4096

// A monitor is a port whose receive rings get what goes through the rings of
// another one: copies on the way, or in exchange for their own buffers what
// is done with (struct netmap_monitor_adapter).
type monitor struct {
	adapter
	parent *adapter // nil once it has left netmap mode
	flags  netmap.Flags
}

// monitored is what a kring under observation has.
type monitored struct {
	by     []*kring // those that get copies
	zero   *kring   // the one that gets the buffers
	chain  []*kring // all zero-copy monitors of a port's ring: zero, and those after it
	tail   uint32   // of what the monitors have seen
	sync   func(*kring, syncFlags) bool
	notify func(*kring)
}

// getMonitor is netmap_get_monitor_na.
func (d *Device) getMonitor(name string, r *netmap.RegisterReq, m *memory) (*adapter, error) {
	const both = netmap.FlagMonitorTx | netmap.FlagMonitorRx
	zero := r.Flags&netmap.FlagZCopyMon != 0
	if zero {
		r.Flags |= both
	}
	if r.Flags&both == 0 {
		return nil, nil
	}
	of := *r
	of.Flags &^= both | netmap.FlagZCopyMon
	parent, err := d.getPort(name, &of, m)
	if err != nil {
		return nil, err
	}
	if !parent.on {
		parent.put()
		return nil, unix.EINVAL
	}
	if _, _, err := parent.ringIDs(r); err != nil {
		parent.put()
		return nil, err
	}
	n := &monitor{parent: parent, flags: r.Flags & (both | netmap.FlagZCopyMon), adapter: adapter{
		name:    fmt.Sprintf("%s#%d", name, parent.monitors),
		hasHost: parent.hasHost,
		nrings:  [2]int{tx: 1, rx: max(parent.nrings[tx], parent.nrings[rx])},
		nslots: [2]int{
			tx: bound(int(r.TxSlots), parent.nslots[tx], 1, maxMonitorSlots),
			rx: bound(int(r.RxSlots), parent.nslots[rx], 1, maxMonitorSlots),
		},
	}}
	parent.monitors++
	mem := parent.mem
	if n.memOwner = zero; !zero {
		if mem, err = d.privateMemory(&n.adapter, 0, 0); err != nil {
			parent.put()
			return nil, err
		}
	}
	d.attach(&n.adapter, n, mem)
	return n.get(), nil
}

// txSync is netmap_monitor_txsync: monitors send nothing.
func (n *monitor) txSync(*kring, syncFlags) bool { return false }

// rxSync is netmap_monitor_rxsync.
func (n *monitor) rxSync(k *kring, _ syncFlags) bool {
	if n.parent == nil {
		return false
	}
	k.hwcur = k.rhead
	return true
}

func (n *monitor) pending(*kring) bool { return false }

// watches calls do for each ring that a ring of the monitor watches: the one
// with its number in each direction (netmap_monitor_reg_common).
func (n *monitor) watches(k *kring, do func(watched *kring)) {
	flag := [2]netmap.Flags{tx: netmap.FlagMonitorTx, rx: netmap.FlagMonitorRx}
	for t := range flag {
		if n.flags&flag[t] != 0 && k.id <= n.parent.nrings[t] {
			do(n.parent.rings[t][k.id])
		}
	}
}

// register is netmap_monitor_reg_common.
func (n *monitor) register(on bool) error {
	if on && n.parent == nil {
		return unix.ENXIO
	}
	for t, rings := range n.rings {
		for _, k := range rings {
			if k.pendingOn != on || k.on == on {
				continue
			}
			k.on = on
			if netmap.Dir(t) == tx || n.parent == nil {
				continue
			}
			n.watches(k, func(w *kring) {
				if on {
					w.watch(k)
				} else {
					w.unwatch(k)
				}
			})
		}
	}
	n.on = on || n.on && n.active > 0
	return nil
}

func (n *monitor) zero() bool { return n.flags&netmap.FlagZCopyMon != 0 }

// watch is netmap_monitor_add.
func (k *kring) watch(by *kring) {
	m := k.mon
	if by.na.ops.(*monitor).zero() {
		k.link(append(m.chain, by))
	} else {
		k.observe(append(m.by, by), m.zero)
	}
}

// unwatch is netmap_monitor_del.
func (k *kring) unwatch(by *kring) {
	isIt := func(m *kring) bool { return m == by }
	if slices.Contains(k.mon.chain, by) {
		k.link(slices.DeleteFunc(slices.Clone(k.mon.chain), isIt))
		if k.dir == rx {
			by.observe(nil, nil)
		}
	} else {
		k.observe(slices.DeleteFunc(slices.Clone(k.mon.by), isIt), k.mon.zero)
	}
}

// link makes a ring's chain of zero-copy monitors: it gives its buffers to the
// first, which gives what its user returns to the second, and so on. Only the
// chain of a receive ring is followed beyond the first, as in the kernel, which
// syncs a monitor's ring as a receive ring: where the port has as many rings of
// both directions, that chain carries the packets of both.
func (k *kring) link(chain []*kring) {
	var first *kring
	if len(chain) > 0 {
		first = chain[0]
	}
	k.observe(k.mon.by, first)
	k.mon.chain = chain
	if k.dir == tx {
		return
	}
	for i, m := range chain {
		var next *kring
		if i+1 < len(chain) {
			next = chain[i+1]
		}
		m.observe(nil, next)
	}
}

// observe sets who gets copies and who gets buffers, and puts itself before the
// ring's own sync as long as anybody does.
func (k *kring) observe(by []*kring, zero *kring) {
	was, is := k.watched(), len(by) > 0 || zero != nil
	k.mon.by, k.mon.zero = by, zero
	switch {
	case is && !was:
		k.mon.sync, k.mon.notify = k.sync, k.notify
		k.mon.tail = k.hwtail
		k.sync = (*kring).syncWatchedTX
		if k.dir == rx {
			k.sync = (*kring).syncWatchedRX
			k.notify = (*kring).notifyWatched
		}
	case was && !is:
		k.sync, k.notify = k.mon.sync, k.mon.notify
		k.mon = monitored{}
	}
}

func (k *kring) watched() bool { return len(k.mon.by) > 0 || k.mon.zero != nil }

// syncWatchedTX is netmap_monitor_parent_txsync: copies are made of what is
// about to go, buffers are taken of what has gone.
func (k *kring) syncWatchedTX(f syncFlags) bool {
	k.show(k.hwcur, k.ahead(k.hwcur, k.rhead))
	first := k.next(k.hwtail)
	if !k.mon.sync(k, f) {
		return false
	}
	k.give(first, k.ahead(first, k.next(k.hwtail)))
	return true
}

// syncWatchedRX is netmap_monitor_parent_rxsync: buffers are taken of what the
// user returns, copies are made of what is new.
func (k *kring) syncWatchedRX(f syncFlags) bool {
	k.give(k.hwcur, k.ahead(k.hwcur, k.rhead))
	if !k.mon.sync(k, f) {
		return false
	}
	k.show(k.mon.tail, k.ahead(k.mon.tail, k.hwtail))
	k.mon.tail = k.hwtail
	return true
}

// notifyWatched is netmap_monitor_parent_notify: copies need not wait for the
// owner's next sync.
func (k *kring) notifyWatched() {
	if k.dead() {
		return
	}
	if len(k.mon.by) > 0 {
		k.syncWatchedRX(forceRead)
	}
	k.mon.notify(k)
}

// give exchanges the buffers of n slots from first on, the last ones if there
// is not room for all, with the zero-copy monitor's (netmap_zmon_parent_sync).
func (k *kring) give(first, n uint32) {
	m := k.mon.zero
	if m == nil || n == 0 {
		return
	}
	c := min(n, m.n-1-m.ahead(m.hwcur, m.hwtail))
	if c == 0 {
		return
	}
	for i := (first + n - c) % k.n; c > 0; c-- {
		s, t := &k.slots[i], &m.slots[m.hwtail]
		s.BufIdx, t.BufIdx = t.BufIdx, s.BufIdx
		s.Len, t.Len = t.Len, s.Len
		t.Flags = k.seen(s)
		s.Flags |= netmap.BufChanged
		i, m.hwtail = k.next(i), m.next(m.hwtail)
	}
	m.notify(m)
}

// seen is the flags that a monitor's slot gets.
func (k *kring) seen(s *netmap.Slot) netmap.SlotFlags {
	if k.dir == tx {
		return s.Flags | netmap.TxMon
	}
	return s.Flags &^ netmap.TxMon
}

// show copies n slots from first on to all monitors, the last ones if a
// monitor has no room for all (netmap_monitor_parent_sync).
func (k *kring) show(first, n uint32) {
	if n == 0 {
		return
	}
	for _, m := range k.mon.by {
		room := m.n - 1 - m.ahead(m.hwcur, m.hwtail)
		if room == 0 {
			continue
		}
		i, c := first, min(n, room)
		i = (i + n - c) % k.n
		for ; c > 0; c-- {
			s, t := &k.slots[i], &m.slots[m.hwtail]
			t.Len = uint16(copy(m.buf(t), k.buf(s)[:k.clip(s)]))
			t.Flags = k.seen(s)
			i, m.hwtail = k.next(i), m.next(m.hwtail)
		}
		m.notify(m)
	}
}

// stopMonitors tells the monitors of a port that it leaves netmap mode
// (netmap_monitor_stop).
func (na *adapter) stopMonitors() {
	na.each(func(k *kring) {
		all := slices.Concat(k.mon.by, k.mon.chain)
		for _, m := range all {
			n := m.na.ops.(*monitor)
			n.parent.put()
			n.parent = nil
			k.unwatch(m)
		}
	})
}

func (n *monitor) dtor() { n.parent.put() }
