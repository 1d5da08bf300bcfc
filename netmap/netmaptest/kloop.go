package netmaptest

import (
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// krings lists the rings of a registration in the order of a CSB.
func (f *file) krings() (all []*kring) {
	for _, t := range []netmap.Dir{tx, rx} {
		all = append(all, f.na.rings[t][f.first[t]:f.last[t]]...)
	}
	return all
}

// enableCSB is netmap_csb_validate.
func (f *file) enableCSB(o *netmap.OptCSB) syscall.Errno {
	if f.kloop {
		return unix.EBUSY
	}
	if !f.bound {
		return 0 // the kernel takes a CSB of no rings
	}
	rings := f.krings()
	switch {
	case len(rings) == 0:
		return 0
	case f.flags&netmap.FlagExclusive == 0, !aligned(o):
		return unix.EINVAL
	case len(o.AToK) < len(rings) || len(o.KToA) < len(rings):
		return unix.EFAULT // the kernel cannot know, and meets whatever lies behind
	}
	f.csb = o
	for i, k := range rings {
		a, b := &o.AToK[i], &o.KToA[i]
		atomic.StoreUint32(&a.Head, k.rhead)
		atomic.StoreUint32(&a.Cur, k.rcur)
		atomic.StoreUint32(&a.NeedKick, 1)
		atomic.StoreUint32(&a.SyncFlags, 1)
		atomic.StoreUint32(&b.HwCur, k.hwcur)
		atomic.StoreUint32(&b.HwTail, k.hwtail)
		atomic.StoreUint32(&b.NeedKick, 1)
	}
	f.level()
	return 0
}

// startKloop is netmap_sync_kloop: it syncs the rings until stopKloop. The
// caller holds the device's lock, which the loop gives up between its rounds.
func (f *file) startKloop(r *netmap.Request, q *netmap.SyncKloopStartReq) error {
	switch {
	case q.SleepUs > 1e6:
		return unix.EINVAL
	case !f.bound || !f.na.on:
		return unix.ENXIO
	case f.csb == nil:
		return unix.EINVAL
	case f.kloop:
		return unix.EBUSY
	}
	f.kloop = true
	defer func() {
		f.kloop, f.stopping = false, false
		f.drop()
	}()
	rings := f.krings()
	var mode netmap.KloopMode
	if o, status := option[*netmap.OptSyncKloopMode](r); o != nil {
		if mode = o.Mode; mode&^(netmap.KloopDirectTx|netmap.KloopDirectRx) != 0 {
			return verdict(status, unix.EINVAL)
		}
		*status = 0
	}
	fds := make([]netmap.KloopEventFD, len(rings))
	for i := range fds {
		fds[i] = netmap.KloopEventFD{IOEvent: -1, IRQ: -1}
	}
	woken := false
	if o, status := option[*netmap.OptSyncKloopEventFDs](r); o != nil {
		if len(o.EventFDs) != len(rings) {
			return verdict(status, unix.EINVAL)
		}
		*status, woken = 0, true
		for i, e := range o.EventFDs {
			fds[i] = e
			woken = woken && e.IOEvent >= 0
		}
		if !woken && mode != 0 {
			return verdict(status, unix.EINVAL)
		}
	}
	for !f.stopping {
		for i, k := range rings {
			f.round(k, &f.csb.AToK[i], &f.csb.KToA[i], int(fds[i].IRQ), woken)
		}
		f.dev.mu.Unlock()
		if woken {
			listen(fds)
		} else {
			time.Sleep(max(20*time.Microsecond, time.Duration(q.SleepUs)*time.Microsecond))
		}
		f.dev.mu.Lock()
	}
	return nil
}

// kloopTick is how long the loop waits for the application. In the kernel it is
// woken by the port as well; here it looks.
const kloopTick = time.Millisecond

// listen waits until the application kicks, or for a tick.
func listen(fds []netmap.KloopEventFD) {
	all := make([]unix.PollFd, 0, len(fds))
	for _, e := range fds {
		all = append(all, unix.PollFd{Fd: e.IOEvent, Events: unix.POLLIN})
	}
	_, _ = unix.Poll(all, int(kloopTick.Milliseconds()))
}

// round is netmap_sync_kloop_tx_ring and netmap_sync_kloop_rx_ring.
func (f *file) round(k *kring, a *netmap.CSBAToK, b *netmap.CSBKToA, irq int, kicked bool) {
	if k.dead() {
		return
	}
	atomic.StoreUint32(&b.NeedKick, 0)
	defer func() {
		if kicked {
			atomic.StoreUint32(&b.NeedKick, 1)
		}
	}()
	for {
		// Head before cur: the application writes cur first.
		shadow := netmap.RingHeader{Head: atomic.LoadUint32(&a.Head)}
		shadow.Cur = atomic.LoadUint32(&a.Cur)
		legal := false
		if k.dir == tx {
			legal = k.txPrologue(&shadow)
		} else {
			legal = k.rxPrologue(&shadow)
		}
		if !legal || !k.sync(k, f.sync|forceReclaim|forceRead) {
			return // the kernel says so in its log only
		}
		atomic.StoreUint32(&b.HwCur, k.hwcur)
		atomic.StoreUint32(&b.HwTail, k.hwtail)
		if moved := k.rtail != k.hwtail; moved {
			k.rtail = k.hwtail
			if irq >= 0 && atomic.LoadUint32(&a.NeedKick) != 0 {
				_, _ = unix.Write(irq, []byte{1, 0, 0, 0, 0, 0, 0, 0})
			}
		}
		if atomic.LoadUint32(&a.Head) == k.rhead {
			return
		}
	}
}

// stopKloop is netmap_sync_kloop_stop. Where no loop runs, the next one ends at
// once.
func (f *file) stopKloop() error {
	if !f.bound || !f.na.on {
		return unix.ENXIO
	}
	f.stopping = true
	for f.kloop {
		f.dev.mu.Unlock()
		time.Sleep(time.Millisecond)
		f.dev.mu.Lock()
	}
	return nil
}
