package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
)

// vnetHeader gives VALE ports a virtio-net header, which must be accepted, which
// the switch looks behind for addresses, and which it takes off and puts on
// for ports without one.
func vnetHeader(e *env) error {
	a, b, err := e.pair("", nil)
	if err != nil {
		return err
	}
	c, err := e.open(e.t.C, nil)
	if err != nil {
		return err
	}
	control := netmap.Control{Device: e.t.device()}
	for _, n := range []int{10, 12} {
		for _, spec := range []string{e.t.A, e.t.B} {
			if err := control.SetPortHdr(spec, n); err != nil {
				return err
			}
		}
		_, err = e.open(e.t.A, nil)
		if err := wantErr("opening a port with a virtio-net header as one without", err, syscall.EIO); err != nil {
			return err
		}
		if !strings.Contains(err.Error(), "AcceptVnetHdr") {
			return fmt.Errorf("the error does not say how to accept the header: %v", err)
		}
		again, err := e.open(e.t.A, &netmap.Config{AcceptVnetHdr: true})
		if err != nil {
			return err
		}
		if got := again.Info().VnetHdr; got != n {
			return fmt.Errorf("the header has %d bytes, the port says %d", n, got)
		}
		if err := again.Close(); err != nil {
			return err
		}
		if err := e.headed(a, b, c, n, uint32(n)<<8); err != nil {
			return fmt.Errorf("with headers of %d bytes: %w", n, err)
		}
	}
	for _, spec := range []string{e.t.A, e.t.B} {
		if err := control.SetPortHdr(spec, 0); err != nil {
			return err
		}
	}
	_, err = e.newFlow(a, b, macA).run(10, func(int) int { return e.size() })
	return err
}

// headed sends frames from A, to B, which have headers of n bytes, and C, which
// has none.
func (e *env) headed(a, b, c *netmap.Port, n int, number uint32) error {
	frame := func(dst, src mac) []byte {
		number++
		f := make([]byte, e.size())
		fill(f, dst, src, number)
		return f
	}
	send := func(p *netmap.Port, parts ...[]byte) error {
		r := p.TX()[0].Ring()
		for i, b := range parts {
			s := r.Slot(r.Head())
			s.Len, s.Flags = uint16(copy(r.Buffer(s), b)), 0
			if i < len(parts)-1 {
				s.Flags = netmap.MoreFrag
			}
			r.Advance(1)
		}
		return syncAll(p.TX()[0])
	}
	got := func(what string, p *netmap.Port, want []byte) error {
		if err := syncAll(p.RX()[0]); err != nil {
			return err
		}
		b, slots := take(p.RX()[0], nil)
		if want == nil && slots == 0 {
			return nil
		}
		if !bytes.Equal(b, want) {
			return fmt.Errorf("%s: port %s received %x, want %x", what, p.Info().Spec, b, want)
		}
		return nil
	}
	head := make([]byte, n)
	for i := range head[2:] { // no checksum, no segments: the rest is passed on
		head[2+i] = byte(i)
	}
	head[1] = 0
	none := make([]byte, n)
	for _, split := range []bool{false, true} {
		what := fmt.Sprintf("header in a slot of its own %t", split)
		f := frame(broadcast, macA)
		whole := append(bytes.Clone(head), f...)
		parts := [][]byte{whole}
		if split {
			parts = [][]byte{head, f}
		}
		if err := errors.Join(send(a, parts...), got(what, b, whole), got(what, c, f), got(what, a, nil)); err != nil {
			return err
		}
	}
	f := frame(macA, macB)
	whole := append(bytes.Clone(head), f...)
	if err := errors.Join(send(b, whole), got("to A, learned", a, whole), got("to A, learned", c, nil)); err != nil {
		return err
	}
	f = frame(broadcast, macC)
	whole = append(none, f...)
	return errors.Join(send(c, f), got("from a port without header", a, whole), got("from a port without header", b, whole))
}
