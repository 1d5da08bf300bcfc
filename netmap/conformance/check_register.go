package conformance

import (
	"fmt"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
)

func portInfo(e *env) error {
	info, err := e.portInfo(e.t.A)
	if err != nil {
		return err
	}
	if info.MemSize == 0 || info.TxSlots == 0 || info.RxSlots == 0 || info.TxRings == 0 || info.RxRings == 0 {
		return fmt.Errorf("PORT_INFO_GET: a size is zero: %+v", *info)
	}
	const flags = netmap.FlagNoTxPoll
	_, reg, err := e.register(e.t.A, netmap.RegisterReq{Flags: flags})
	if err != nil {
		return err
	}
	if reg.Mode != netmap.ModeAllNIC || reg.RingID != 0 || reg.Flags != flags {
		return fmt.Errorf("REGISTER gave back %v, ring %d, flags %#x", reg.Mode, reg.RingID, reg.Flags)
	}
	after, err := e.portInfo(e.t.A)
	if err != nil {
		return err
	}
	got := netmap.PortInfoReq{MemSize: reg.MemSize, TxSlots: reg.TxSlots, RxSlots: reg.RxSlots, TxRings: reg.TxRings, RxRings: reg.RxRings,
		HostTxRings: reg.HostTxRings, HostRxRings: reg.HostRxRings, MemID: reg.MemID}
	if got != *after {
		return fmt.Errorf("REGISTER answered %+v, PORT_INFO_GET %+v", got, *after)
	}
	if info.TxRings != after.TxRings || info.RxRings != after.RxRings || info.TxSlots != after.TxSlots || info.RxSlots != after.RxSlots {
		return fmt.Errorf("PORT_INFO_GET answered %+v before, %+v after REGISTER", *info, *after)
	}
	return nil
}

func layout(e *env) error {
	p, err := e.open(e.t.A, &netmap.Config{Single: true})
	if err != nil {
		return err
	}
	in := p.Info()
	if len(p.TX()) != in.TxRings || len(p.RX()) != in.RxRings {
		return fmt.Errorf("%d and %d rings are bound, the port has %d and %d", len(p.TX()), len(p.RX()), in.TxRings, in.RxRings)
	}
	bufs := map[uint32]string{}
	for _, qs := range [][]*netmap.Queue{p.TX(), p.RX()} {
		for i, q := range qs {
			r := q.Ring()
			h := r.Header()
			slots := in.TxSlots
			if q.Dir() == netmap.RX {
				slots = in.RxSlots
			}
			if int(h.RingID) != i || h.Dir != uint16(q.Dir()) || int(h.NumSlots) != slots || int(h.BufSize) != in.BufSize {
				return fmt.Errorf("%v ring %d says id %d, direction %d, %d slots, buffers of %d; the port says %d slots, buffers of %d",
					q.Dir(), i, h.RingID, h.Dir, h.NumSlots, h.BufSize, slots, in.BufSize)
			}
			if err := indices(q); err != nil {
				return err
			}
			for j := range r.Slots() {
				b := r.Slots()[j].BufIdx
				where := fmt.Sprintf("slot %d of %v ring %d", j, q.Dir(), i)
				if b < 2 {
					return fmt.Errorf("%s has the reserved buffer %d", where, b)
				}
				if other := bufs[b]; other != "" {
					return fmt.Errorf("%s and %s both have buffer %d", where, other, b)
				}
				bufs[b] = where
				_ = r.Buffer(&r.Slots()[j]) // panics where it leads out of the region
			}
		}
	}
	for _, q := range p.TX() {
		if r := q.Ring(); r.Space() != r.NumSlots()-1 && !e.t.Hold {
			return fmt.Errorf("tx ring %d begins with %d of %d slots free", r.Header().RingID, r.Space(), r.NumSlots()-1)
		}
	}
	return nil
}

func modes(e *env) error {
	info, err := e.portInfo(e.t.A)
	if err != nil {
		return err
	}
	tx, rx := int(info.TxRings), int(info.RxRings)
	for _, c := range []struct {
		text   string
		tx, rx int
	}{
		{"", tx, rx}, {"/R", 0, rx}, {"/T", tx, 0}, {"-0", 1, 1}, {"-0/R", 0, 1}, {"-0/T", 1, 0},
	} {
		for _, single := range []bool{true, false} {
			p, err := e.open(e.t.A+c.text, &netmap.Config{Single: single})
			if err != nil {
				return err
			}
			if len(p.TX()) != c.tx || len(p.RX()) != c.rx {
				return fmt.Errorf("%s%s (single %t): %d tx and %d rx rings are bound, want %d and %d", e.t.A, c.text, single, len(p.TX()), len(p.RX()), c.tx, c.rx)
			}
			if err := syncAll(append(p.TX(), p.RX()...)...); err != nil {
				return fmt.Errorf("%s%s: %w", e.t.A, c.text, err)
			}
			if err := p.Close(); err != nil {
				return err
			}
		}
	}
	for _, c := range []struct {
		what string
		req  netmap.RegisterReq
	}{
		{"ring 4000", netmap.RegisterReq{Mode: netmap.ModeOneNIC, RingID: 4000}},
		{"mode 99", netmap.RegisterReq{Mode: 99}},
		{"pipe mode 5", netmap.RegisterReq{Mode: 5}},
		{"pipe mode 6", netmap.RegisterReq{Mode: 6}},
	} {
		_, _, err := e.register(e.t.A, c.req)
		if err := wantErr("REGISTER of "+c.what, err, syscall.EINVAL); err != nil {
			return err
		}
	}
	return nil
}

func hostModes(e *env) error {
	want := map[netmap.Mode][4]int{} // NIC and host rings bound, tx and rx
	host := e.t.Caps&HostRings != 0
	if host {
		info, err := e.portInfo(e.t.A)
		if err != nil {
			return err
		}
		tx, rx, htx, hrx := int(info.TxRings), int(info.RxRings), int(info.HostTxRings), int(info.HostRxRings)
		want[netmap.ModeSW] = [4]int{0, 0, htx, hrx}
		want[netmap.ModeNICSW] = [4]int{tx, rx, htx, hrx}
		want[netmap.ModeOneSW] = [4]int{0, 0, 1, 1}
	}
	for _, mode := range []netmap.Mode{netmap.ModeSW, netmap.ModeNICSW, netmap.ModeOneSW} {
		f, reg, err := e.register(e.t.A, netmap.RegisterReq{Mode: mode})
		if !host {
			if err := wantErr("REGISTER of "+mode.String(), err, syscall.EINVAL); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("%v: %w", mode, err)
		}
		got, err := bound(f, reg)
		if err != nil {
			return err
		}
		if got != want[mode] {
			return fmt.Errorf("%v bound %d NIC tx, %d NIC rx, %d host tx, %d host rx rings, want %v", mode, got[0], got[1], got[2], got[3], want[mode])
		}
	}
	if !host {
		return nil
	}
	_, _, err := e.register(e.t.A, netmap.RegisterReq{Mode: netmap.ModeOneSW, RingID: 4000})
	if err := wantErr("REGISTER of host ring 4000", err, syscall.EINVAL); err != nil {
		return err
	}
	return manyHostRings(e)
}

// manyHostRings asks for 5 and 4 host rings, which the first registration of a
// port may.
func manyHostRings(e *env) error {
	if err := e.cleanup(); err != nil {
		return err
	}
	if err := e.fresh(); err != nil {
		return err
	}
	f, reg, err := e.register(e.t.A, netmap.RegisterReq{Mode: netmap.ModeSW, HostTxRings: 5, HostRxRings: 4})
	if err != nil {
		return fmt.Errorf("5 and 4 host rings: %w", err)
	}
	got, err := bound(f, reg)
	if err != nil {
		return err
	}
	if got != [4]int{0, 0, 5, 4} || reg.HostTxRings != 5 || reg.HostRxRings != 4 {
		return fmt.Errorf("asked for 5 and 4 host rings, REGISTER says %d and %d, bound are %v", reg.HostTxRings, reg.HostRxRings, got)
	}
	f, reg, err = e.register(e.t.A, netmap.RegisterReq{Mode: netmap.ModeOneSW, RingID: 1})
	if err != nil {
		return fmt.Errorf("host ring 1 of 5: %w", err)
	}
	if got, err = bound(f, reg); err == nil && got != [4]int{0, 0, 1, 1} {
		err = fmt.Errorf("host ring 1 of 5 bound %v", got)
	}
	if err != nil {
		return err
	}
	// Whoever comes next should find the port as it was.
	if err := e.cleanup(); err != nil {
		return err
	}
	_, _, err = e.register(e.t.A, netmap.RegisterReq{Mode: netmap.ModeSW, HostTxRings: 1, HostRxRings: 1})
	return err
}

func nullRings(e *env) error {
	f, reg, err := e.register("netmap:conf0@conf:tx-rings=10,rx-rings=5,tx-slots=256,rx-slots=100", netmap.RegisterReq{
		Mode: netmap.ModeNull, MemID: 1, TxRings: 10, RxRings: 5, TxSlots: 256, RxSlots: 100})
	if err != nil {
		return err
	}
	if reg.TxRings != 10 || reg.RxRings != 5 || reg.TxSlots != 256 || reg.RxSlots != 100 {
		return fmt.Errorf("asked for 10 rings of 256 and 5 of 100 slots, got %d of %d and %d of %d", reg.TxRings, reg.TxSlots, reg.RxRings, reg.RxSlots)
	}
	for _, d := range []netmap.Dir{netmap.TX, netmap.RX} {
		if err := f.Sync(d, false); err != nil {
			return fmt.Errorf("%v sync of a null port: %w", d, err)
		}
	}
	_, _, err = e.register("netmap:conf1", netmap.RegisterReq{Mode: netmap.ModeNull, TxRings: 1, RxRings: 1, TxSlots: 64, RxSlots: 64, MemID: 64999})
	return wantErr("REGISTER of a null port in memory 64999", err, syscall.EINVAL)
}

func registerTwice(e *env) error {
	f, reg, err := e.register(e.t.A, netmap.RegisterReq{})
	if err != nil {
		return err
	}
	sp, err := e.spec(e.t.A)
	if err != nil {
		return err
	}
	again := netmap.RegisterReq{Mode: reg.Mode, MemID: reg.MemID, TxRings: reg.TxRings, RxRings: reg.RxRings, TxSlots: reg.TxSlots, RxSlots: reg.RxSlots}
	err = f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: sp.Name, Body: &again})
	if err := wantErr("the second REGISTER of one descriptor", err, syscall.EBUSY); err != nil {
		return err
	}
	// The first one still holds.
	return f.Sync(netmap.TX, false)
}

func unbound(e *env) error {
	f, err := e.file()
	if err != nil {
		return err
	}
	for _, d := range []netmap.Dir{netmap.TX, netmap.RX} {
		if err := wantErr(d.String()+" sync before REGISTER", f.Sync(d, false), syscall.ENXIO); err != nil {
			return err
		}
	}
	if _, err := f.Map(4096); err == nil {
		return fmt.Errorf("mapping before REGISTER succeeded")
	} else if err := wantErr("mapping before REGISTER", err, syscall.EINVAL); err != nil {
		return err
	}
	revents, err := pollFile(f, pollIn, 0)
	if err != nil || revents&pollErr == 0 {
		return fmt.Errorf("a poll before REGISTER gave %#x, %v; want POLLERR", revents, err)
	}
	return nil
}

func unknown(e *env) error {
	f, err := e.file()
	if err != nil {
		return err
	}
	sp, err := e.spec(e.t.A)
	if err != nil {
		return err
	}
	err = f.Ctrl(&netmap.Request{Type: 99, Name: sp.Name})
	if err := wantErr("request 99", err, syscall.EINVAL); err != nil {
		return err
	}
	err = f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: sp.Name})
	return wantErr("REGISTER without a body", err, syscall.EINVAL)
}
