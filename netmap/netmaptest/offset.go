package netmaptest

import (
	"math"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

// offset is where a slot's packet begins in its buffer (nm_get_offset).
func (k *kring) offset(s *netmap.Slot) int { return int(min(s.Ptr&k.ofsMask, k.ofsMax)) }

// setOffset is nm_write_offset.
func (k *kring) setOffset(s *netmap.Slot, at int) {
	s.Ptr = s.Ptr&^k.ofsMask | uint64(at)&k.ofsMask
}

// landing is where a VALE switch puts a packet whose source begins at offset from
// in its own buffer: not where the slot says, but beside it, at the same place
// in a cache line as the source. Where the ring has no offsets its user looks at
// the buffer's start all the same (nm_vale_flush).
func (k *kring) landing(s *netmap.Slot, from int) int {
	at := k.offset(s)
	line := at &^ (cacheLine - 1)
	if at%cacheLine < from%cacheLine {
		line += cacheLine
	}
	return line + from%cacheLine
}

// initOffsets is netmap_offsets_init.
func (f *file) initOffsets(o *netmap.OptOffsets) syscall.Errno {
	if m, ok := f.na.ops.(*monitor); ok && m.zero() {
		return unix.EOPNOTSUPP
	}
	mask := uint64(math.MaxUint64)
	if o.Bits > 0 && o.Bits < 64 {
		mask = 1<<o.Bits - 1
	}
	limit := o.Max
	if o.Bits > 64 || limit > uint64(f.na.mem.bufSize()) || limit&mask != limit || o.Initial > limit {
		return unix.EINVAL
	}
	var errno syscall.Errno
	f.each(func(k *kring) {
		switch {
		case errno != 0:
			return
		case k.ofsMask == 0:
			k.ofsMask, k.ofsMax = mask, limit
			k.ring.OffsetMask = mask
		case k.ofsMask&mask != mask || k.ofsMax < limit:
			errno = unix.EBUSY
			return
		default:
			mask, limit = k.ofsMask, k.ofsMax
		}
		if o.Initial == 0 || k.users > 1 {
			return
		}
		for i := range k.slots {
			k.setOffset(&k.slots[i], int(o.Initial))
		}
	})
	if errno == 0 {
		o.Max = limit
	}
	return errno
}
