package netmaptest

import (
	"slices"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// A file is one open descriptor (struct netmap_priv_d).
type file struct {
	dev *Device
	na  *adapter

	bound       bool // np_nifp is set
	first, last [2]int
	flags       netmap.Flags
	sync        syncFlags
	ifPlace     int

	csb             *netmap.OptCSB // in CSB mode
	kloop, stopping bool           // NM_SYNC_KLOOP_RUNNING, NM_SYNC_KLOOP_STOPPING

	// A mapping holds the file: its release comes when both are gone.
	closed           bool
	mapped, vanished int

	wake  chan struct{}
	timer *time.Timer // of Poll, which one goroutine at a time is in
	bell  *bell
}

// Map returns the first size bytes of the region (linux_netmap_mmap).
func (f *file) Map(size int) ([]byte, error) {
	f.dev.mu.Lock()
	defer f.dev.mu.Unlock()
	if err := f.dev.fail(CallMap); err != nil {
		return nil, err
	}
	switch {
	case f.closed:
		return nil, unix.EBADF
	case !f.bound || size <= 0 || size > f.na.mem.size():
		return nil, unix.EINVAL
	}
	f.mapped++
	return f.na.mem.region[:size:size], nil
}

// Vanish ends a mapping; its memory stays as it is.
func (f *file) Vanish([]byte) error {
	f.dev.mu.Lock()
	defer f.dev.mu.Unlock()
	if f.mapped == 0 {
		return unix.EINVAL
	}
	f.mapped--
	f.vanished++
	f.drop()
	return nil
}

// Unmap ends a mapping, one that vanished before others.
func (f *file) Unmap([]byte) error {
	f.dev.mu.Lock()
	defer f.dev.mu.Unlock()
	switch {
	case f.vanished > 0:
		f.vanished--
	case f.mapped > 0:
		f.mapped--
		f.drop()
	default:
		return unix.EINVAL
	}
	return nil
}

// Close closes the descriptor. Its port is released now, or when the last
// mapping of it ends.
func (f *file) Close() error {
	f.dev.mu.Lock()
	defer f.dev.mu.Unlock()
	if f.closed {
		return unix.EBADF
	}
	f.closed = true
	if f.bell != nil {
		f.bell.close()
		f.bell = nil
	}
	f.drop()
	return nil
}

// drop is netmap_priv_delete, once nothing holds the file; a loop does.
func (f *file) drop() {
	if !f.closed || f.mapped > 0 || f.kloop {
		return
	}
	f.dev.files--
	if f.bound {
		f.unbind()
	}
}

// Sync is the ioctl NIOCTXSYNC or NIOCRXSYNC. What the port's own sync says goes
// nowhere, in the kernel too: only rings that are stopped give an error.
func (f *file) Sync(dir netmap.Dir, raw bool) error {
	f.dev.mu.Lock()
	defer f.dev.mu.Unlock()
	if err := f.dev.fail(CallSync); err != nil {
		return err
	}
	switch {
	case f.closed:
		return unix.EBADF
	case !f.bound:
		return unix.ENXIO
	case f.csb != nil:
		return unix.EBUSY
	}
	var err error
	for _, k := range f.na.rings[dir][f.first[dir]:f.last[dir]] {
		switch {
		case k.dead():
			err = unix.EIO
			continue
		case dir == rx:
			f.syncRX(k, forceRead)
		case !k.txPrologue(k.ring):
			k.reinit()
		case k.sync(k, f.sync|forceReclaim):
			k.finalize()
		}
		k.level()
	}
	return err
}

// syncRX is a receive sync as netmap_ioctl and netmap_poll make it: an illegal
// ring is put right as far as it can be and synced all the same.
func (f *file) syncRX(k *kring, how syncFlags) (legal, synced bool) {
	if legal = k.rxPrologue(k.ring); !legal {
		k.reinit()
	}
	if k.mayForwardUp() {
		k.grab(false)
	}
	k.forward = false
	if synced = k.sync(k, f.sync|how); synced {
		k.finalize()
	}
	now := time.Now()
	k.ring.TS.Sec, k.ring.TS.Usec = now.Unix(), int64(now.Nanosecond()/1000)
	return legal, synced
}

// poll is netmap_poll on Linux, without its second rounds: nothing can come in
// between here.
func (f *file) poll(events int16) (revents int16) {
	if !f.bound || !f.na.on || f.csb != nil {
		return unix.POLLERR
	}
	wantTX, wantRX := events&unix.POLLOUT != 0, events&unix.POLLIN != 0
	na := f.na
	push := func(down bool) {
		if !down && !wantTX && f.flags&netmap.FlagNoTxPoll != 0 {
			return
		}
		for _, k := range na.rings[tx][f.first[tx]:f.last[tx]] {
			if !down && !wantTX && k.ring.Head == k.hwcur {
				continue
			}
			switch {
			case k.dead():
				revents |= unix.POLLERR
				continue
			case !k.txPrologue(k.ring):
				k.reinit()
				revents |= unix.POLLERR
			case !k.sync(k, f.sync):
				revents |= unix.POLLERR
			default:
				k.finalize()
			}
			k.level()
			if wantTX && k.rcur != k.rtail {
				revents |= unix.POLLOUT
				wantTX = false
			}
		}
	}
	push(false)
	if !wantRX {
		return revents
	}
	down := false
	for _, k := range na.rings[rx][f.first[rx]:f.last[rx]] {
		if k.dead() {
			revents |= unix.POLLERR
			continue
		}
		if legal, synced := f.syncRX(k, 0); !legal || !synced {
			revents |= unix.POLLERR
		}
		down = down || k.forward
		k.level()
		if k.rcur != k.rtail {
			revents |= unix.POLLIN
		}
	}
	if down {
		push(true)
	}
	return revents
}

// Poll waits like poll(2) on /dev/netmap. Removal of the interface wakes
// nobody: it is seen when the time is up.
func (f *file) Poll(events int16, d time.Duration) (int16, error) {
	deadline := time.Now().Add(d)
	for last := false; ; {
		f.dev.mu.Lock()
		err := f.dev.fail(CallPoll)
		if f.closed {
			err = unix.EBADF
		}
		var revents int16
		if err == nil {
			revents = f.poll(events)
		}
		f.dev.mu.Unlock()
		rest := time.Until(deadline)
		if err != nil || revents != 0 || last || rest <= 0 {
			return revents, err
		}
		if f.timer == nil {
			f.timer = time.NewTimer(rest)
		} else {
			f.timer.Reset(rest)
		}
		select {
		case <-f.wake:
		case <-f.timer.C:
			last = true // the kernel looks once more
		}
	}
}

// FD is a socket that is readable while receive rings have what their owner has
// not seen, writable while transmit rings have room, and both in error.
// It is -1 if the system gives none.
func (f *file) FD() int {
	f.dev.mu.Lock()
	defer f.dev.mu.Unlock()
	if f.bell == nil && !f.closed {
		b, err := newBell()
		if err != nil {
			return -1
		}
		f.bell = b
		f.level()
	}
	if f.bell == nil {
		return -1
	}
	return f.bell.fd
}

// Polls reports that polling FD syncs nothing.
func (f *file) Polls() bool { return false }

// level sets the descriptor to what the rings demand now.
func (f *file) level() {
	if f.bell == nil {
		return
	}
	if !f.bound || !f.na.on || f.csb != nil {
		f.bell.set(true, true)
		return
	}
	var is [2]bool
	for t := range is {
		is[t] = slices.ContainsFunc(f.na.rings[t][f.first[t]:f.last[t]], func(k *kring) bool { return k.dead() || k.ready() })
	}
	f.bell.set(is[rx], is[tx])
}

// level sets the descriptors of all who have bound the ring.
func (k *kring) level() {
	for _, f := range k.files {
		f.level()
	}
}
