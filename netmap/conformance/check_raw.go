package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// Offsets in struct netmap_ring.
const (
	ringNumSlots = 8
	ringHead     = 20
	ringCur      = 24
	ringTail     = 28
)

// silentRingError moves head past tail by hand, without package netmap to
// notice: what Queue.Sync is there to catch.
func silentRingError(e *env) error {
	if err := e.fresh(); err != nil {
		return err
	}
	for _, dir := range []netmap.Dir{netmap.RX, netmap.TX} {
		for _, poll := range []bool{true, false} {
			if err := silent(e, dir, poll); err != nil {
				return fmt.Errorf("%v ring: %w", dir, err)
			}
			if err := e.cleanup(); err != nil {
				return err
			}
		}
	}
	return nil
}

// silent tries a poll or a sync, whichever comes first after the error.
func silent(e *env, dir netmap.Dir, poll bool) error {
	event, flags := int16(pollIn), netmap.FlagRxRingsOnly
	if dir == netmap.TX {
		event, flags = pollOut, netmap.FlagTxRingsOnly
	}
	f, reg, err := e.register(e.t.A, netmap.RegisterReq{Flags: flags | netmap.FlagNoTxPoll})
	if err != nil {
		return err
	}
	region, err := f.Map(int(reg.MemSize))
	if err != nil {
		return err
	}
	e.later(func() error { return f.Unmap(region) })
	nif := region[reg.Offset:]
	u32 := func(b []byte, o int) uint32 { return binary.NativeEndian.Uint32(b[o:]) }
	i := 0
	if dir == netmap.RX {
		i = int(u32(nif, ifTxRings) + u32(nif, ifHostTx))
	}
	// The offset may be negative.
	at := int64(reg.Offset) + int64(binary.NativeEndian.Uint64(nif[ifRingOfs+8*i:]))
	ring := region[at:]
	head, tail, n := u32(ring, ringHead), u32(ring, ringTail), u32(ring, ringNumSlots)
	bad := (tail + 1) % n
	if bad == head {
		bad = n + 1 // a transmit ring of which all is free has no such slot
	}
	binary.NativeEndian.PutUint32(ring[ringHead:], bad)
	binary.NativeEndian.PutUint32(ring[ringCur:], bad)
	if poll {
		revents, err := pollFile(f, event, 0)
		if err != nil || revents&pollErr == 0 {
			return fmt.Errorf("a poll with head %d, tail %d gave %#x, %v; want POLLERR", bad, tail, revents, err)
		}
		return nil
	}
	if err := f.Sync(dir, false); err != nil {
		return fmt.Errorf("a sync with head %d, tail %d failed: %w; the kernel's returns 0", bad, tail, err)
	}
	if bad > n && (u32(ring, ringHead) >= n || u32(ring, ringCur) >= n) {
		return fmt.Errorf("a sync left head %d on %d slots as it was; the kernel puts it right", bad, n)
	}
	return nil
}

// pollFile is f.Poll, tried again with the time that is left when a signal
// interrupts it: the Go runtime sends itself some.
func pollFile(f netmap.File, events int16, d time.Duration) (revents int16, err error) {
	end := time.Now().Add(d)
	for {
		revents, err = f.Poll(events, d)
		if !errors.Is(err, syscall.EINTR) {
			return revents, err
		}
		d = max(0, time.Until(end))
	}
}
