package conformance

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// wantOption says what is wrong with an error that should be the refusal of one
// option.
func wantOption(what string, err error, t netmap.OptType, want error) error {
	var opt *netmap.OptionError
	if !errors.As(err, &opt) || opt.Type != t {
		return fmt.Errorf("%s: %v, want an error that names %v", what, err, t)
	}
	return wantErr(what, err, want)
}

func options(e *env) error {
	sp, err := e.spec(e.t.A)
	if err != nil {
		return err
	}
	f, err := e.file()
	if err != nil {
		return err
	}
	register := func(opts ...netmap.Option) (*netmap.Request, error) {
		r := &netmap.Request{Type: netmap.ReqRegister, Name: sp.Name, Body: &netmap.RegisterReq{Mode: sp.Mode}, Options: opts}
		return r, f.Ctrl(r)
	}
	_, err = register(netmap.OptUnknown(77))
	if err := wantOption("an unknown option", err, 77, syscall.EOPNOTSUPP); err != nil {
		return err
	}
	_, err = register(&netmap.OptSyncKloopMode{})
	if err := wantOption("another request's option", err, netmap.OptTypeSyncKloopMode, syscall.EOPNOTSUPP); err != nil {
		return err
	}
	_, err = register(netmap.OptUnknown(0))
	if err := wantOption("option 0", err, 0, syscall.EINVAL); err != nil {
		return err
	}
	r, err := register(&netmap.OptCSB{}, netmap.OptUnknown(77), &netmap.OptCSB{})
	if err := wantOption("an option twice", err, netmap.OptTypeCSB, syscall.EINVAL); err != nil {
		return err
	}
	if r.Status[0] != syscall.EINVAL || r.Status[1] != 0 || r.Status[2] != syscall.EINVAL {
		return fmt.Errorf("an option twice has the statuses %v", r.Status)
	}
	if _, err := register(&netmap.OptSyncKloopEventFDs{EventFDs: make([]netmap.KloopEventFD, 600)}); err != nil {
		if err := wantErr("an option longer than a request", err, syscall.EMSGSIZE); err != nil {
			return err
		}
	}
	info := &netmap.PortInfoReq{}
	err = f.Ctrl(&netmap.Request{Type: netmap.ReqPortInfoGet, Name: sp.Name, Body: info, Options: []netmap.Option{&netmap.OptSyncKloopMode{}}})
	if err := wantOption("an option that is passed over", err, netmap.OptTypeSyncKloopMode, syscall.EOPNOTSUPP); err != nil {
		return err
	}
	if info.TxSlots == 0 {
		return errors.New("the request whose option was passed over was not answered")
	}
	if f.Polls() { // a list in Go is no loop: only a real kernel can be given one
		for t, want := range map[netmap.OptType]syscall.Errno{77: syscall.EMSGSIZE, netmap.OptTypeOffsets: syscall.EINVAL} {
			if err := wantErr(fmt.Sprintf("a list of option %d that is a loop", t), loop(f.FD(), sp.Name, t), want); err != nil {
				return err
			}
		}
	}
	// After all that the descriptor is still good.
	_, err = register()
	return err
}

// The offsets of the checks: the switch moves a packet within its buffer by up to
// a cache line.
const (
	firstOffset = 64
	lastOffset  = 256
	offsetBits  = 16
)

func offsets(e *env) error {
	if err := e.fresh(); err != nil {
		return err
	}
	for _, bad := range []netmap.OptOffsets{{Max: 1 << 17}, {Max: 64, Initial: 65}, {Max: 64, Bits: 6}, {Bits: 65}} {
		_, err := e.open(e.t.A, &netmap.Config{Offsets: &bad})
		if err := wantOption(fmt.Sprintf("offsets %+v", bad), err, netmap.OptTypeOffsets, syscall.EINVAL); err != nil {
			return err
		}
	}
	for _, flags := range []string{"", "/x"} {
		a, b, err := e.pair(flags, &netmap.Config{Offsets: &netmap.OptOffsets{Max: lastOffset, Initial: firstOffset, Bits: offsetBits}})
		if err != nil {
			return err
		}
		for _, q := range append(append(a.TX(), a.RX()...), append(b.TX(), b.RX()...)...) {
			h := q.Ring().Header()
			if h.OffsetMask != 1<<offsetBits-1 {
				return fmt.Errorf("%v ring %d has the offset mask %#x", q.Dir(), h.RingID, h.OffsetMask)
			}
		}
		for _, ends := range [][2]*netmap.Port{{a, b}, {b, a}} {
			if err := e.offsetFrames(ends[0], ends[1]); err != nil {
				return err
			}
		}
		if err := e.cleanup(); err != nil {
			return err
		}
	}
	return nil
}

// offsetFrames sends frames that begin everywhere in their buffers.
func (e *env) offsetFrames(a, b *netmap.Port) error {
	tx, rx := a.TX()[0], b.RX()[0]
	want := make([]byte, e.size())
	var buf []byte
	for i := range uint32(100) {
		s := tx.Ring().Slot(tx.Ring().Head())
		// Never before the receiver's: a pipe, which hands buffers over, would
		// have it read from there all the same.
		s.Ptr = firstOffset + uint64(i)*29%(lastOffset-firstOffset+1)
		fill(want, broadcast, macA, i)
		s.Len, s.Flags = uint16(copy(tx.Ring().Buffer(s), want)), s.Flags&netmap.BufChanged
		tx.Ring().Advance(1)
		if err := syncAll(tx); err != nil {
			return err
		}
		if err := e.eventually(patience, func() error {
			if err := rx.Wait(time.Millisecond); err != nil {
				return err
			}
			for {
				packet, slots := take(rx, buf)
				buf = packet[:0]
				if slots == 0 {
					return errors.New("it has not arrived")
				}
				if n, ok := ours(packet); ok && n == i {
					return same(packet, want)
				}
			}
		}); err != nil {
			return fmt.Errorf("frame %d, sent at offset %d of its buffer: %w", i, s.Ptr, err)
		}
	}
	return syncAll(tx, rx)
}

// extMem makes VALE ports of lent memory. A module without the option must say
// so.
func extMem(e *env) error {
	const size = 16 << 20
	conf := func(m *netmap.OptExtMem) (*netmap.Port, error) {
		// Rings of a page: objects across two pages want these to be
		// neighbours.
		m.Info.RingObjSize, m.Info.RingObjTotal = 4096, 64
		return e.open("valeext:a@conf:slots=128,rings=2", &netmap.Config{ExtMem: m})
	}
	lent, unmap, err := anonymous(size)
	if err != nil {
		return err
	}
	a, err := conf(&netmap.OptExtMem{Memory: lent})
	if errors.Is(err, syscall.EOPNOTSUPP) {
		e.log("the module has no external memory: %v", err)
		return wantOption("external memory", err, netmap.OptTypeExtMem, syscall.EOPNOTSUPP)
	}
	if err != nil {
		return err
	}
	b, err := e.open("valeext:b", nil)
	if err != nil {
		return err
	}
	if a.Info().MemID == b.Info().MemID || a.Info().MemSize > size {
		return fmt.Errorf("a port of %d lent bytes has region %d of %d bytes, its neighbour region %d", size, a.Info().MemID, a.Info().MemSize, b.Info().MemID)
	}
	for _, f := range []*flow{e.newFlow(a, b, macA), e.newFlow(b, a, macB)} {
		f.tx = f.tx[:1]
		if _, err := f.run(1000, func(i int) int { return 60 + i%1000 }); err != nil {
			return err
		}
	}
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		return err
	}
	_, err = e.open("valeext:c", &netmap.Config{ExtMem: &netmap.OptExtMem{Memory: lent, Info: netmap.PoolsInfoReq{RingObjTotal: 16, RingObjSize: 1 << 20}}})
	if err := wantOption("16 rings of a megabyte in as many megabytes", err, netmap.OptTypeExtMem, syscall.ENOMEM); err != nil {
		return err
	}
	_, err = e.open("valeext:d", &netmap.Config{ExtMem: &netmap.OptExtMem{Memory: lent[:1<<20]}})
	if err := wantOption("a megabyte for more", err, netmap.OptTypeExtMem, syscall.ENOMEM); err != nil {
		return err
	}
	unmap()
	return nil
}
