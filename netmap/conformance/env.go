package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
)

// env is what one run of one check has.
type env struct {
	ctx  context.Context
	t    *Target
	log  func(string, ...any)
	opt  Options
	hold *holder
	undo []func() error
}

// runHeld is Run while the target's ports are held.
func (c *Check) runHeld(ctx context.Context, t *Target, log func(string, ...any), opt *Options, h *holder) error {
	held := Check{run: func(e *env) error {
		e.hold = h
		return c.run(e)
	}}
	return held.Run(ctx, t, log, opt)
}

// later has f called at the end of the check, last asked first.
func (e *env) later(f func() error) { e.undo = append(e.undo, f) }

func (e *env) cleanup() error {
	var errs []error
	for i := len(e.undo) - 1; i >= 0; i-- {
		errs = append(errs, e.undo[i]())
	}
	e.undo = nil
	return errors.Join(errs...)
}

// fresh ends the hold of the ports, for a check that needs rings nobody has.
func (e *env) fresh() error {
	if e.hold == nil {
		return nil
	}
	return e.hold.release()
}

// spec is what a port spec and its options say. A null port has no text: it is
// told by the target.
func (e *env) spec(text string) (netmap.Spec, error) {
	sp, err := netmap.ParseSpec(text)
	if err == nil && e.t.Kind == Null {
		sp = nullSpec(sp)
	}
	return sp, err
}

// nullSpec makes a spec a null port's, in the global memory, with as many rings
// as asked for, or two.
func nullSpec(sp netmap.Spec) netmap.Spec {
	sp.Mode, sp.MemID = netmap.ModeNull, 1
	if c := &sp.Conf; c.TxRings == 0 {
		c.TxRings, c.RxRings, c.TxSlots, c.RxSlots = 2, 1, 256, 128
	}
	return sp
}

// open opens a port until the check's end.
func (e *env) open(spec string, c *netmap.Config) (*netmap.Port, error) {
	sp, err := e.spec(spec)
	if err != nil {
		return nil, err
	}
	var cfg netmap.Config
	if c != nil {
		cfg = *c
	}
	cfg.Device = e.t.device()
	p, err := netmap.OpenSpec(sp, &cfg)
	if err != nil {
		return nil, err
	}
	e.later(p.Close)
	return p, nil
}

// pair opens both ends, options appended to their specs, and waits until the
// link between them carries frames.
func (e *env) pair(options string, c *netmap.Config) (a, b *netmap.Port, err error) {
	if a, err = e.open(e.t.A+options, c); err != nil {
		return nil, nil, err
	}
	if b, err = e.open(e.t.B+options, c); err != nil {
		return nil, nil, err
	}
	return a, b, e.settle(a, b)
}

// file opens a bare descriptor until the check's end.
func (e *env) file() (netmap.File, error) {
	f, err := e.t.device().Open()
	if err != nil {
		return nil, err
	}
	e.later(f.Close)
	return f, nil
}

// register binds a new bare descriptor to a port, as want says; a zero Mode is
// that of the spec. It returns the kernel's answer.
func (e *env) register(spec string, want netmap.RegisterReq) (netmap.File, *netmap.RegisterReq, error) {
	sp, err := e.spec(spec)
	if err != nil {
		return nil, nil, err
	}
	if want.Mode == 0 {
		want.Mode = sp.Mode
	}
	if e.t.Kind == Null && want.Mode == netmap.ModeNull && want.MemID == 0 {
		c := &sp.Conf
		want.MemID, want.TxRings, want.RxRings, want.TxSlots, want.RxSlots = 1, c.TxRings, c.RxRings, c.TxSlots, c.RxSlots
	}
	f, err := e.file()
	if err != nil {
		return nil, nil, err
	}
	err = f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: sp.Name, Body: &want})
	return f, &want, err
}

// portInfo asks for a port's sizes.
func (e *env) portInfo(spec string) (*netmap.PortInfoReq, error) {
	sp, err := e.spec(spec)
	if err != nil {
		return nil, err
	}
	f, err := e.file()
	if err != nil {
		return nil, err
	}
	r := &netmap.PortInfoReq{}
	return r, f.Ctrl(&netmap.Request{Type: netmap.ReqPortInfoGet, Name: sp.Name, Body: r})
}

// sleep sleeps, less if the check's time is up.
func (e *env) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-e.ctx.Done():
	}
}

// until is how long a wait may take: d, less if the check's time is up before.
func (e *env) until(d time.Duration) time.Duration {
	if end, ok := e.ctx.Deadline(); ok {
		d = max(0, min(d, time.Until(end)))
	}
	return d
}

// eventually retries f until it returns nil.
func (e *env) eventually(d time.Duration, f func() error) error {
	deadline := time.Now().Add(d)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := f()
		if err == nil {
			return nil
		}
		if e.ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("still after %v: %w", d, err)
		}
		e.sleep(pause)
	}
}

// wantErr says what is wrong with an error that should wrap a certain one.
func wantErr(what string, got, want error) error {
	switch {
	case errors.Is(got, want):
		return nil
	case got == nil:
		return fmt.Errorf("%s succeeded, want the error %q", what, want)
	}
	return fmt.Errorf("%s failed with %q, want the error %q", what, got, want)
}

// A holder keeps a target's ports registered, without ever syncing them.
type holder struct{ ports []netmap.File }

func (h *holder) hold(t *Target) error {
	if !t.Hold || h.ports != nil {
		return nil
	}
	for _, text := range []string{t.A, t.B} {
		if text == "" {
			continue
		}
		sp, err := netmap.ParseSpec(text)
		if err != nil {
			return err
		}
		f, err := t.device().Open()
		if err != nil {
			return err
		}
		h.ports = append(h.ports, f)
		r := netmap.RegisterReq{Mode: sp.Mode, Flags: netmap.FlagNoTxPoll}
		if err := f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: sp.Name, Body: &r}); err != nil {
			return errors.Join(err, h.release())
		}
	}
	return nil
}

func (h *holder) release() error {
	var errs []error
	for _, f := range h.ports {
		errs = append(errs, f.Close())
	}
	h.ports = nil
	return errors.Join(errs...)
}
