package netmaptest

import "github.com/ringwalk/ringwalk/netmap"

const (
	tx = netmap.TX
	rx = netmap.RX
)

// Flags of a sync, as the NAF_ flags that a kernel's caller passes.
type syncFlags uint8

const (
	forceReclaim   syncFlags = 1 << iota // from NIOCTXSYNC: look what has been sent
	forceRead                            // from NIOCRXSYNC
	canForwardDown                       // all of the NIC's transmit rings are bound
)

// A kring is the kernel's view of a ring (struct netmap_kring). All indices are
// good whatever the user writes into the ring itself.
type kring struct {
	na  *adapter
	id  int
	dir netmap.Dir
	n   uint32 // slots

	ring  *netmap.RingHeader // nil where nobody has bound the ring
	slots []netmap.Slot
	at    int // offset in the region
	place int // in the ring pool

	ofsMask, ofsMax uint64 // of slots' Ptr: the bits, and the largest offset, bytes

	rhead, rcur, rtail uint32 // the ring's head, cur and tail as of the last sync
	hwcur, hwtail      uint32 // what the port has got to

	users         int
	exclusive     bool
	fake, needed  bool // NKR_FAKERING, NKR_NEEDRING
	on, pendingOn bool // nr_mode, nr_pending_mode
	stopped       bool // NM_KR_STOPPED
	forward       bool // NR_FORWARD in nr_kflags
	files         []*file

	// sync reports false where the kernel's callback returns an error.
	sync   func(k *kring, f syncFlags) bool
	notify func(k *kring)

	peer     *kring // pipes
	pipeTail uint32

	nic   nicRing
	queue [][]byte          // frames from the host stack
	bad   map[uint32]uint32 // the buffers that slots with a corrupt index stand for
	full  uint64            // VALE: the last batch that found no room

	mon monitored
}

func (k *kring) next(i uint32) uint32 {
	if i++; i == k.n {
		return 0
	}
	return i
}

func (k *kring) prev(i uint32) uint32 {
	if i == 0 {
		return k.n - 1
	}
	return i - 1
}

// ahead is how far b lies after a.
func (k *kring) ahead(a, b uint32) uint32 {
	if b >= a {
		return b - a
	}
	return b + k.n - a
}

// txPrologue checks what the user set, in the ring or in a CSB's shadow of it
// (nm_txsync_prologue).
func (k *kring) txPrologue(ring *netmap.RingHeader) bool {
	head, cur := ring.Head, ring.Cur
	if k.rtail >= k.rhead {
		if head < k.rhead || head > k.rtail || cur < head || cur > k.rtail {
			return false
		}
	} else if head > k.rtail && head < k.rhead {
		return false
	} else if head <= k.rtail {
		if cur < head || cur > k.rtail {
			return false
		}
	} else if cur > k.rtail && cur < head {
		return false
	}
	ring.Tail = k.rtail
	k.rhead, k.rcur = head, cur
	return head < k.n // a cur beyond the ring passes, as in the kernel
}

// rxPrologue is nm_rxsync_prologue: unlike the transmit side's it believes
// head and cur before it checks them.
func (k *kring) rxPrologue(ring *netmap.RingHeader) bool {
	head, cur := ring.Head, ring.Cur
	k.rhead, k.rcur = head, cur
	if k.hwtail >= k.hwcur {
		if head < k.hwcur || head > k.hwtail || cur < head || cur > k.hwtail {
			return false
		}
	} else if head < k.hwcur && head > k.hwtail {
		return false
	} else if head <= k.hwtail {
		if cur < head || cur > k.hwtail {
			return false
		}
	} else if cur < head && cur > k.hwtail {
		return false
	}
	ring.Tail = k.rtail
	return head < k.n
}

// reinit is what a violation leads to: bad buffer indices and lengths are
// zeroed everywhere in the ring, and the indices go back to the kernel's only if
// one of them is beyond the ring (netmap_ring_reinit).
func (k *kring) reinit() (reset bool) {
	h := k.ring
	k.rhead, k.rcur, k.rtail = h.Head, h.Cur, h.Tail
	m := k.na.mem
	for i := range k.slots {
		s := &k.slots[i]
		switch {
		case s.BufIdx < reservedBufs || int(s.BufIdx) >= m.pools[bufPool].total:
			s.BufIdx, s.Len = 0, 0
		case int(s.Len) > m.bufSize():
			s.Len = 0
		}
	}
	if h.Cur < k.n && h.Head < k.n && h.Tail < k.n {
		return false
	}
	h.Head, k.rhead = k.hwcur, k.hwcur
	h.Cur, k.rcur = k.hwcur, k.hwcur
	h.Tail, k.rtail = k.hwtail, k.hwtail
	return true
}

// finalize tells the user (nm_sync_finalize).
func (k *kring) finalize() {
	k.rtail = k.hwtail
	k.ring.Tail = k.hwtail
}

// ready says that a sync would leave something between cur and tail.
func (k *kring) ready() bool {
	return k.rcur != k.rtail || k.hwtail != k.rtail || k.na.ops.pending(k)
}

// dead says that syncs are refused (nm_kr_tryget).
func (k *kring) dead() bool { return k.stopped || k.na.zombie }

// wake is netmap_notify.
func (k *kring) wake() {
	for _, f := range k.files {
		f.level()
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// buf is the buffer of a slot from its offset on.
func (k *kring) buf(s *netmap.Slot) []byte { return k.na.mem.buf(s.BufIdx)[k.offset(s):] }

// clip is a slot's length, bounded by its buffer (NM_CHECK_ADDR_LEN_OFF).
func (k *kring) clip(s *netmap.Slot) int { return min(int(s.Len), k.na.mem.bufSize()-k.offset(s)) }
