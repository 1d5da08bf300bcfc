//go:build linux

package udp_test

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

func freePort(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func open(t *testing.T, spec string, c *engine.Config) *engine.Port {
	t.Helper()
	p, err := engine.Open(spec, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("%s: close: %v", spec, err)
		}
	})
	return p
}

// TestPort sends from one port to another through package engine, waiting as
// its users do.
func TestPort(t *testing.T) {
	addr := freePort(t)
	in := open(t, "udp:@"+addr, &engine.Config{RX: 1})
	out := open(t, "udp:"+addr, &engine.Config{TX: 1})
	for _, p := range []*engine.Port{in, out} {
		i := p.Info()
		if i.Backend != "udp" || i.Link != engine.Payload || i.Interface != "" || i.DefaultRoute || i.MaxFrame < 2048 {
			t.Errorf("%+v", i)
		}
	}
	if in.Info().RecvBuf == 0 {
		t.Error("no receive buffer reported")
	}
	const total = 20000
	rx, tx, got := in.RX()[0], out.TX()[0], 0
	for sent := 0; got < total; {
		for sent < total && sent-got < 256 {
			r := tx.Ring()
			r.Slot(r.Head()).Len = 18
			r.Advance(1)
			sent++
		}
		if left, err := tx.Drain(5 * time.Second); left != 0 || err != nil {
			t.Fatalf("%d left, %v", left, err)
		}
		if rx.Ring().Space() == 0 {
			if err := rx.Wait(5 * time.Second); err != nil || rx.Ring().Space() == 0 {
				t.Fatalf("%d of %d arrived, %v", got, sent, err)
			}
		}
		got += rx.Ring().Space()
		rx.Ring().Advance(rx.Ring().Space())
		if err := rx.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []engine.Stats{rx.Stats(), tx.Stats()} {
		if s.Packets != total || s.Bytes != 18*total || s.KernelDrops != 0 || s.Truncated != 0 {
			t.Errorf("%+v, want %d packets", s, total)
		}
	}
}

// TestStop ends a wait without limit from outside, on a port whose queues
// share a socket too.
func TestStop(t *testing.T) {
	for _, spec := range []string{"udp:@" + freePort(t), "udp:@" + freePort(t) + "," + freePort(t)} {
		c := &engine.Config{RX: 1}
		if strings.Contains(spec, ",") {
			c.TX = 1
		}
		p := open(t, spec, c)
		ended := make(chan error)
		go func() { ended <- p.RX()[0].Wait(-1) }()
		select {
		case err := <-ended:
			t.Fatalf("%s: Wait ended by itself: %v", spec, err)
		case <-time.After(20 * time.Millisecond):
		}
		p.Stop()
		select {
		case err := <-ended:
			if !errors.Is(err, os.ErrClosed) {
				t.Errorf("%s: %v, want ErrClosed", spec, err)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s: Stop does not end Wait", spec)
		}
		for range 2 {
			if err := p.Close(); err != nil {
				t.Errorf("%s: %v", spec, err)
			}
		}
		if err := p.RX()[0].Sync(); !errors.Is(err, netmap.ErrClosed) {
			t.Errorf("%s: sync after close: %v", spec, err)
		}
		again, err := engine.Open(spec, c)
		if err != nil {
			t.Errorf("the address is not free after Close: %v", err)
			continue
		}
		again.Close()
	}
}

// TestNobodyListens sends to a closed port with nothing but Sync and Wait: the
// sender must neither fail nor stall.
func TestNobodyListens(t *testing.T) {
	tx := open(t, "udp:"+freePort(t), &engine.Config{TX: 1, Slots: 16}).TX()[0]
	const total = 2000
	for sent, end := 0, time.Now().Add(20*time.Second); sent < total; {
		if time.Now().After(end) {
			t.Fatalf("stalled after %d packets", sent)
		}
		r := tx.Ring()
		for r.Space() > 0 && sent < total {
			r.Slot(r.Head()).Len = 10
			r.Advance(1)
			sent++
		}
		if err := tx.Sync(); err != nil {
			t.Fatal(err)
		}
		if r.Space() == 0 {
			if err := tx.Wait(time.Second); err != nil {
				t.Fatal(err)
			}
		}
	}
	if left, err := tx.Drain(time.Second); left != 0 || err != nil || tx.Stats().Packets != total {
		t.Errorf("%d left, %v, counted %d of %d", left, err, tx.Stats().Packets, total)
	}
}

// TestDefaultConfig wants a spec of one direction to say which Config it needs.
func TestDefaultConfig(t *testing.T) {
	for spec, want := range map[string]string{
		"udp:" + freePort(t): "Config{TX: 1}",
		"udp:@127.0.0.1":     "position 14",
	} {
		_, err := engine.Open(spec, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", spec, err, want)
		}
	}
}
