package netmap

import (
	"net/netip"
	"testing"
)

func TestMetaPeer(t *testing.T) {
	var m Meta
	if m.Peer().IsValid() || m.Scope() != 0 {
		t.Errorf("the zero value has the peer %v of scope %d", m.Peer(), m.Scope())
	}
	for _, c := range []struct {
		addr  string
		scope uint32
	}{{"192.0.2.1:9", 0}, {"[2001:db8::1]:65535", 0}, {"[fe80::1]:1", 7}, {"[::ffff:192.0.2.1]:9", 0}} {
		a := netip.MustParseAddrPort(c.addr)
		m.SetPeer(a, c.scope)
		if m.Peer() != a || m.Scope() != c.scope {
			t.Errorf("%s of scope %d: got %v of %d", c.addr, c.scope, m.Peer(), m.Scope())
		}
	}
	if n := testing.AllocsPerRun(100, func() { m.SetPeer(m.Peer(), m.Scope()) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	m.SetPeer(netip.AddrPort{}, 0)
	if m.Peer().IsValid() {
		t.Errorf("an invalid address gives %v", m.Peer())
	}
}

// TestMetaTravels has what is beside a buffer go where its packet goes.
func TestMetaTravels(t *testing.T) {
	mems := make([]*Memory, 2)
	for i := range mems {
		m, err := NewMemory(&MemoryConfig{Rings: 2, Slots: 8})
		if err != nil {
			t.Fatal(err)
		}
		mems[i] = m
	}
	src, err := mems[0].NewRing(RX, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, mem := range map[string]*Memory{"swapped": mems[0], "copied": mems[1]} {
		dst, err := mem.NewRing(TX, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		src.Meta(src.Slot(src.Head())).Time = 42
		src.Slot(src.Head()).Len = 60
		src.Header().Tail = src.Next(src.Tail())
		i := dst.Head()
		if n, err := Move(dst, src, 1); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if got := dst.Meta(dst.Slot(i)).Time; got != 42 {
			t.Errorf("%s: time %d, want 42", name, got)
		}
	}
}
