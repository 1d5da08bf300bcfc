package conformance

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
)

// oneWay opens a pipe's ends in one direction each, and finds that the other
// ones of the end that comes second have no buffers.
func oneWay(e *env) error {
	for _, first := range []struct{ fits, other string }{{"/T", "/R"}, {"/R", "/T"}} {
		if _, err := e.open(e.t.A+first.fits, nil); err != nil {
			return err
		}
		for _, wrong := range []string{"", first.fits} {
			p, err := e.open(e.t.B+wrong, nil)
			if err == nil {
				return fmt.Errorf("%s%s was opened after %s%s, with %d and %d queues", e.t.B, wrong, e.t.A, first.fits, len(p.TX()), len(p.RX()))
			}
			if !strings.Contains(err.Error(), "no buffers") {
				return err
			}
		}
		// The kernel itself says nothing, and gives slots that all name buffer 0.
		f, reg, err := e.register(e.t.B, netmap.RegisterReq{})
		if err != nil {
			return err
		}
		if got, err := bound(f, reg); err != nil || got != [4]int{1, 1, 0, 0} {
			return fmt.Errorf("the other end bound rings %v: %w", got, err)
		}
		if err := e.cleanup(); err != nil {
			return err
		}
		a, err := e.open(e.t.A+first.fits, nil)
		if err != nil {
			return err
		}
		b, err := e.open(e.t.B+first.other, nil)
		if err != nil {
			return err
		}
		if first.fits == "/R" {
			a, b = b, a
		}
		if _, err := e.newFlow(a, b, macA).run(1000, func(int) int { return e.size() }); err != nil {
			return fmt.Errorf("%s%s and %s%s: %w", e.t.A, first.fits, e.t.B, first.other, err)
		}
		if err := e.cleanup(); err != nil {
			return err
		}
	}
	return nil
}

// manyDescriptors opens more queues than a region has descriptors for.
func manyDescriptors(e *env) error {
	const options = "@conf:rings=8"
	_, err := e.open(e.t.A+options, nil)
	if err := wantErr("a pipe of 16 queues in a region of its own", err, syscall.ENOMEM); err != nil {
		return err
	}
	for _, what := range []string{"netmap_ifs", "17", "single descriptor", "priv_if_num"} {
		if !strings.Contains(err.Error(), what) {
			return fmt.Errorf("the error does not say %q: %v", what, err)
		}
	}
	if err := e.cleanup(); err != nil {
		return err
	}
	// Both remedies.
	for _, c := range []struct {
		options string
		single  bool
	}{{options, true}, {"@1" + options + ",slots=64", false}} {
		a, b, err := e.pair(c.options, &netmap.Config{Single: c.single})
		if err != nil {
			return err
		}
		if len(a.TX()) != 8 || len(b.RX()) != 8 {
			return fmt.Errorf("%s has %d transmit queues, %s %d receive queues", e.t.A, len(a.TX()), e.t.B, len(b.RX()))
		}
		f := e.newFlow(a, b, macA)
		f.fill = fillIP
		if _, err := f.run(1000, func(int) int { return e.size() }); err != nil {
			return err
		}
		if err := e.cleanup(); err != nil {
			return err
		}
	}
	return nil
}
