package conformance

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// csb tries what a CSB must not be, and what must not be done with one.
func csb(e *env) error {
	if err := e.fresh(); err != nil {
		return err
	}
	sp, err := e.spec(e.t.A)
	if err != nil {
		return err
	}
	info, err := e.portInfo(e.t.A)
	if err != nil {
		return err
	}
	rings := int(info.TxRings + info.RxRings)
	start := func(f netmap.File, sleep uint32, opts ...netmap.Option) error {
		return f.Ctrl(&netmap.Request{Type: netmap.ReqSyncKloopStart, Body: &netmap.SyncKloopStartReq{SleepUs: sleep}, Options: opts})
	}
	register := func(flags netmap.Flags, opts ...netmap.Option) (netmap.File, error) {
		f, err := e.file()
		if err != nil {
			return nil, err
		}
		return f, f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: sp.Name, Options: opts,
			Body: &netmap.RegisterReq{Mode: sp.Mode, Flags: flags}})
	}
	for _, bad := range []struct {
		what  string
		flags netmap.Flags
		csb   *netmap.OptCSB
		errno syscall.Errno
	}{
		{"a CSB on rings that are not exclusive", 0, netmap.NewCSB(rings), syscall.EINVAL},
		{"a CSB that is not aligned", netmap.FlagExclusive, misaligned(rings), syscall.EINVAL},
		{"a CSB nowhere", netmap.FlagExclusive, &netmap.OptCSB{}, syscall.EFAULT},
	} {
		_, err := register(bad.flags, bad.csb)
		if err := wantOption(bad.what, err, netmap.OptTypeCSB, bad.errno); err != nil {
			return err
		}
	}
	f, err := e.file()
	if err != nil {
		return err
	}
	if err := wantErr("a loop before REGISTER", start(f, 0), syscall.ENXIO); err != nil {
		return err
	}
	if f, err = register(netmap.FlagExclusive); err != nil {
		return err
	}
	if err := wantErr("a loop without a CSB", start(f, 0), syscall.EINVAL); err != nil {
		return err
	}
	if err := wantErr("CSB_ENABLE without a CSB", f.Ctrl(&netmap.Request{Type: netmap.ReqCSBEnable}), syscall.EINVAL); err != nil {
		return err
	}
	block := netmap.NewCSB(rings)
	if err := f.Ctrl(&netmap.Request{Type: netmap.ReqCSBEnable, Options: []netmap.Option{block}}); err != nil {
		return fmt.Errorf("CSB_ENABLE: %w", err)
	}
	if tail := block.KToA[0].HwTail; tail != info.TxSlots-1 {
		return fmt.Errorf("the CSB says tail %d of a transmit ring of %d slots", tail, info.TxSlots)
	}
	for _, d := range []netmap.Dir{netmap.TX, netmap.RX} {
		if err := wantErr(fmt.Sprintf("a %v sync in CSB mode", d), f.Sync(d, false), syscall.EBUSY); err != nil {
			return err
		}
	}
	if revents, err := pollFile(f, pollIn, 0); err != nil || revents&pollErr == 0 {
		return fmt.Errorf("a poll in CSB mode gave %#x, %v; want POLLERR", revents, err)
	}
	if err := wantErr("a loop that sleeps two seconds", start(f, 2e6), syscall.EINVAL); err != nil {
		return err
	}
	fds := make([]netmap.KloopEventFD, rings+1)
	for i := range fds {
		fds[i] = netmap.KloopEventFD{IOEvent: -1, IRQ: -1}
	}
	for _, n := range []int{rings - 1, rings + 1} {
		if err := wantOption(fmt.Sprintf("%d eventfds for %d rings", n, rings), start(f, 0, &netmap.OptSyncKloopEventFDs{EventFDs: fds[:n]}), netmap.OptTypeSyncKloopEventFDs, syscall.EINVAL); err != nil {
			return err
		}
	}
	if err := wantOption("mode 4", start(f, 0, &netmap.OptSyncKloopMode{Mode: 4}), netmap.OptTypeSyncKloopMode, syscall.EINVAL); err != nil {
		return err
	}
	direct := &netmap.OptSyncKloopMode{Mode: netmap.KloopDirectTx}
	return wantOption("direct mode without eventfds", start(f, 0, direct, &netmap.OptSyncKloopEventFDs{EventFDs: fds[:rings]}), netmap.OptTypeSyncKloopEventFDs, syscall.EINVAL)
}

// kloop has the kernel's loop sync the rings of one end, in every way of waking
// it, and sends frames in both directions.
func kloop(e *env) error {
	if err := e.fresh(); err != nil {
		return err
	}
	for _, c := range []netmap.KloopConfig{
		{Sleep: 50 * time.Microsecond}, {Events: true},
		{Events: true, Mode: netmap.KloopDirectTx}, {Events: true, Mode: netmap.KloopDirectTx | netmap.KloopDirectRx},
	} {
		if err := e.looped(c); err != nil {
			return fmt.Errorf("%+v: %w", c, err)
		}
		if err := e.cleanup(); err != nil {
			return err
		}
	}
	return nil
}

func (e *env) looped(c netmap.KloopConfig) error {
	a, err := e.open(e.t.A+"/x", &netmap.Config{Kloop: &c})
	if err != nil {
		return err
	}
	b, err := e.open(e.t.B, nil)
	if err != nil {
		return err
	}
	ended := make(chan error, 3)
	run := func() { ended <- a.RunKloop() }
	go run()
	go run()
	// One of two wins.
	select {
	case err := <-ended:
		if err := wantErr("the second of two loops", err, syscall.EBUSY); err != nil {
			return err
		}
	case <-time.After(soon):
		return errors.New("two loops run on one port")
	}
	e.later(func() error { return errors.Join(a.StopKloop(), <-ended) })
	if err := e.settle(a, b); err != nil {
		return err
	}
	for _, f := range []*flow{e.newFlow(a, b, macA), e.newFlow(b, a, macB)} {
		if _, err := f.run(2000, func(i int) int { return e.size() + i%100 }); err != nil {
			return err
		}
	}
	// A wait that nobody ends takes its time, and one that somebody does does not.
	begin := time.Now()
	if err := a.RX()[0].Wait(50 * time.Millisecond); err != nil {
		return err
	}
	if d := time.Since(begin); d < 50*time.Millisecond && a.RX()[0].Ring().Space() == 0 {
		return fmt.Errorf("a wait of 50ms for nothing took %v", d)
	}
	// It stops, and starts again.
	if err := errors.Join(a.StopKloop(), <-ended); err != nil {
		return err
	}
	go run()
	f := e.newFlow(a, b, macA)
	if _, err := f.run(100, func(int) int { return e.size() }); err != nil {
		return fmt.Errorf("after another start: %w", err)
	}
	return nil
}
