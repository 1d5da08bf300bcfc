package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// A port of a switch has the header that it is opened with until it is closed;
// one that is there before is taken as it is, and found again.
func TestVnetHdr(t *testing.T) {
	d := netmaptest.New(nil)
	open := func(spec string, n int) (*engine.Port, error) {
		return engine.Open(spec, &engine.Config{Device: d, VnetHdr: n})
	}
	control := netmap.Control{Device: d}
	first, err := open("vale0:a", engine.AnyVnetHdr)
	if err != nil || first.Info().VnetHdr != 0 {
		t.Fatal(err)
	}
	plain := first.Info().MaxFrame
	for _, c := range []struct{ was, ask, is int }{{0, 12, 12}, {10, engine.AnyVnetHdr, 10}, {12, 10, 10}, {12, 12, 12}} {
		if err := control.SetPortHdr("vale0:a", c.was); err != nil {
			t.Fatal(err)
		}
		p, err := open("vale0:a", c.ask)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if n, err := control.PortHdr("vale0:a"); n != c.is || err != nil || p.Info().VnetHdr != c.is || p.Info().MaxFrame != plain-c.is {
			t.Errorf("%+v: the port's is %d, %v; %+v", c, n, err, p.Info())
		}
		if _, err := p.NewUserBufs(1, 60); !errors.Is(err, netmap.ErrNotSupported) {
			t.Errorf("%+v: user buffers: %v", c, err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if n, err := control.PortHdr("vale0:a"); n != c.was || err != nil {
			t.Errorf("%+v: closed, the port's is %d, %v", c, n, err)
		}
	}
	if _, err := open("vale0:a", 0); err == nil || !strings.Contains(err.Error(), "begin with a virtio-net header") {
		t.Errorf("a port with a header, opened for frames without: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	for spec, says := range map[string]string{"netmap:x{1": "no such port of a VALE switch", "udp:@127.0.0.1:0": "ports of VALE switches only", "pcap:/dev/null": "ports of VALE switches only"} {
		if _, err := open(spec, 12); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want something on %q", spec, err, says)
		}
	}
	if _, err := open("vale0:a", 11); err == nil || !strings.Contains(err.Error(), "want 0, 10 or 12") {
		t.Errorf("11 bytes: %v", err)
	}
	if n := d.OpenFiles(); n != 0 {
		t.Errorf("%d descriptors are open", n)
	}
}

func TestUserBufsOfAPort(t *testing.T) {
	p, err := engine.Open("pcap:/dev/null", &engine.Config{TX: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.NewUserBufs(1, 60); !errors.Is(err, netmap.ErrNotSupported) {
		t.Errorf("of a capture file: %v", err)
	}
}
