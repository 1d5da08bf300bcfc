package netmap

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"
)

// csbQueue is a queue's part of a CSB. Who writes which field, and in which
// order: the owner writes cur, then head, and reads hwtail, then hwcur; the
// kernel reads head, then cur, and writes hwcur, then hwtail. So neither sees
// an index that runs ahead of its companion, nor slots before they are filled
// (nm_sync_kloop_appl_write and _read of net/netmap.h). Go's atomic operations
// keep their order on every machine, and that of the slots around them.
type csbQueue struct {
	atok  *CSBAToK
	ktoa  *CSBKToA
	fds   KloopEventFD
	told  uint32 // head that the kernel was given last
	asks  bool   // somebody polls FD: the kernel is to wake it always
	pause time.Duration
}

// sync gives the kernel head and cur and takes tail. If the loop sleeps and
// there is something new it is woken: that is the only system call.
func (c *csbQueue) sync(h *RingHeader) error {
	head := h.Head
	atomic.StoreUint32(&c.atok.Cur, h.Cur)
	atomic.StoreUint32(&c.atok.Head, head)
	// The order of this store and that load is what keeps a loop from going to
	// sleep over new slots: it does the same the other way round.
	if atomic.LoadUint32(&c.ktoa.NeedKick) != 0 && c.fds.IOEvent >= 0 && head != c.told {
		if err := kick(c.fds.IOEvent); err != nil {
			return err
		}
	}
	c.told = head
	h.Tail = atomic.LoadUint32(&c.ktoa.HwTail)
	_ = atomic.LoadUint32(&c.ktoa.HwCur) // nothing of the ring is read before it
	return nil
}

// shortest pause between two looks at a ring.
const csbPause = 20 * time.Microsecond

// waitCSB is Wait in CSB mode: with eventfds it sleeps until the loop wakes it,
// in slices, else between two looks at the ring.
func (q *Queue) waitCSB(d time.Duration) error {
	deadline := time.Now().Add(d)
	for {
		if err := q.Sync(); err != nil || q.ring.Space() > 0 {
			return err
		}
		slice := waitSlice
		if d >= 0 {
			if slice = min(slice, time.Until(deadline)); slice <= 0 {
				return nil
			}
		}
		if err := q.pauseCSB(slice); err != nil {
			return err
		}
	}
}

func (q *Queue) pauseCSB(d time.Duration) error {
	if err := q.enter(); err != nil {
		return err
	}
	defer q.leave()
	c := q.csb
	if c.fds.IRQ < 0 {
		time.Sleep(min(d, max(c.pause, csbPause)))
		return nil
	}
	if !c.asks {
		atomic.StoreUint32(&c.atok.NeedKick, 1)
		defer atomic.StoreUint32(&c.atok.NeedKick, 0)
		if atomic.LoadUint32(&c.ktoa.HwTail) != q.ring.Tail() {
			return nil // it came before the loop knew that we sleep
		}
	}
	woken, err := heard(c.fds.IRQ, d)
	if errors.Is(err, syscall.EINTR) {
		return nil
	}
	if err == nil && !woken {
		return q.port.alive()
	}
	return err
}
