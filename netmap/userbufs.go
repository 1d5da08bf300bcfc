package netmap

import (
	"fmt"
	"runtime"
)

// UserBufs are buffers of the process, not of netmap's memory, that transmit
// slots of a VALE port may send from (NS_INDIRECT): a packet that lies there
// already reaches its receivers in one copy, where the way through a netmap
// buffer takes two.
//
//	slot ── Ptr ──▶ buffer 0 │ buffer 1 │ … │ buffer n-1     off Go's heap
//
// The memory is the port's: it neither moves nor ends before the port is closed,
// so that no slot can name memory that has become something else. It may be
// written to like any other, by whoever owns the buffer: that is the caller
// until [UserBufs.Put], then the kernel, which reads it inside a sync, until the
// sync that takes the slot has returned. Nothing keeps count of that.
//
// Not on a port whose packets begin with a virtio-net header: on the way to a
// port with another one, or none, the switch reads it as if the address were the
// kernel's (bdg_mismatch_datapath), and the kernel panics. Who sets a header on
// a port with user buffers brings that about.
//
// Methods may be called from any goroutine; Put as the slot's owner.
type UserBufs struct {
	region []byte
	stride int
	size   int
	n      int
}

// userBufAlign is NM_BUF_ALIGN: the switch copies from a multiple of it on, and
// from an address that is none it reads past the packet's end.
const userBufAlign = 64

// NewUserBufs makes n buffers of size bytes. The error wraps ErrNotSupported on
// a port that is none of a VALE switch, was opened with offsets or had a
// virtio-net header then: other ports send what is in the slot's own buffer,
// whatever Ptr says.
func (p *Port) NewUserBufs(n, size int) (*UserBufs, error) {
	fail := func(err error) (*UserBufs, error) {
		return nil, &OpError{Op: "user buffers", Port: p.name, Err: err}
	}
	switch {
	case !p.info.Spec.VALE() || len(p.tx) == 0:
		return fail(fmt.Errorf("only transmit rings of VALE ports send from the process's own memory (NS_INDIRECT): %w", ErrNotSupported))
	case p.info.VnetHdr > 0:
		return fail(fmt.Errorf("packets begin with a virtio-net header, which the kernel would read from the process's memory as from its own: %w", ErrNotSupported))
	case p.tx[0].ring.ofsMask != 0:
		return fail(fmt.Errorf("a slot's Ptr holds an offset on this port and cannot hold an address (NS_INDIRECT): %w", ErrNotSupported))
	case n < 1 || n > 1<<20 || size < 1 || size > p.info.BufSize:
		return fail(fmt.Errorf("%d buffers of %d bytes: want 1 to %d of 1 to %d, for what a receiver's buffer cannot take is lost", n, size, 1<<20, p.info.BufSize))
	}
	stride := roundUp(size, userBufAlign)
	region, err := mapAnonymous(n * stride)
	if err != nil {
		return fail(fmt.Errorf("%d buffers of %d bytes: %w", n, size, err))
	}
	u := &UserBufs{region: region, stride: stride, size: size, n: n}
	runtime.AddCleanup(u, unmapAnonymous, region)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fail(ErrClosed)
	}
	p.users = append(p.users, u)
	return u, nil
}

// Len returns how many buffers there are.
func (u *UserBufs) Len() int { return u.n }

// Bytes returns a whole buffer in place. The view is good as long as the port is
// open or u is in use; i is 0 to Len-1, it panics beyond.
func (u *UserBufs) Bytes(i int) []byte {
	if uint(i) >= uint(u.n) {
		panic("netmap: there is no such user buffer")
	}
	return u.region[i*u.stride : i*u.stride+u.size : i*u.stride+u.size]
}

// Put makes a transmit slot of the port carry the first n bytes of buffer i as
// a packet of its own; add MoreFrag to the slot's flags for a part of one. The
// slot keeps its netmap buffer, and keeps naming buffer i until its flags are
// written anew. It panics if there are no n bytes.
func (u *UserBufs) Put(s *Slot, i, n int) {
	s.Ptr = addressOf(u.Bytes(i)[:n])
	s.Len, s.Flags = uint16(n), s.Flags&BufChanged|Indirect
}
