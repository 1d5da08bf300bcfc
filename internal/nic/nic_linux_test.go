package nic_test

import (
	"maps"
	"testing"

	"github.com/safchain/ethtool"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// state is what Prepare may change of an interface.
type state struct {
	up, promisc bool
	features    map[string]bool
}

func look(t *testing.T, name string) (s state) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	e, err := ethtool.NewEthtool()
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if s.features, err = e.Features(name); err != nil {
		t.Fatal(err)
	}
	s.up = link.Attrs().RawFlags&unix.IFF_UP != 0
	s.promisc = link.Attrs().Promisc > 0
	return s
}

func in(t *testing.T, ns *netlab.NS, f func()) {
	t.Helper()
	if err := ns.Do(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestPrepareAndRestore(t *testing.T) {
	for _, down := range []bool{false, true} {
		pair := testnet.Pair(t, nil)
		in(t, pair.A.NS, func() {
			name := pair.A.Name
			if down {
				if err := pair.A.NS.SetUp(name, false); err != nil {
					t.Fatal(err)
				}
			}
			before := look(t, name)
			if !before.features["tx-tcp-segmentation"] {
				t.Fatal("a veth without TSO proves nothing")
			}
			p, notes, err := nic.Prepare(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := look(t, name)
			if !got.up || !got.promisc || got.features["tx-tcp-segmentation"] || got.features["rx-gro"] || got.features["tx-checksum-ip-generic"] {
				t.Errorf("prepared: %+v, notes %v", got, notes)
			}
			for range 2 {
				if err := p.Restore(); err != nil {
					t.Error(err)
				}
			}
			after := look(t, name)
			if after.up != before.up || after.promisc != before.promisc || !maps.Equal(after.features, before.features) {
				t.Errorf("was %+v, is %+v", before, after)
			}
		})
	}
}

func TestRestoreAfterRemoval(t *testing.T) {
	pair := testnet.Pair(t, nil)
	in(t, pair.A.NS, func() {
		p, _, err := nic.Prepare(pair.A.Name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := pair.A.NS.Delete(pair.A.Name); err != nil {
			t.Fatal(err)
		}
		if err := p.Restore(); err != nil {
			t.Error(err)
		}
		if _, _, err := nic.Prepare("nosuch0", nil); err == nil {
			t.Error("prepared an interface that is not there")
		}
	})
}
