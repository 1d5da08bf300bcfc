package netmaptest_test

import (
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
)

// Zero-copy monitors of one port are a chain: what the first returns goes to the
// second, which is not told any more that it was sent.
func TestZeroCopyChain(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0{1"), open(t, d, "netmap:nm0}1")
	var m [3]*netmap.Port
	for i := range m {
		m[i] = open(t, d, "netmap:nm0{1/z")
	}
	through := func() { // one frame each way, taken and given back by both ends
		t.Helper()
		send(t, a.TX()[0], broadcast)
		same(t, take(t, b.RX()[0]), broadcast)
		send(t, b.TX()[0], frame(1, 2, 0, 99))
		same(t, take(t, a.RX()[0]), frame(1, 2, 0, 99))
		for _, q := range []*netmap.Queue{b.RX()[0], a.TX()[0], a.RX()[0]} {
			ok(t, q.Sync())
		}
	}
	flags := func(p *netmap.Port) (f []netmap.SlotFlags) {
		r := p.RX()[0].Ring()
		x, y := r.Runs()
		for _, s := range append(x[:len(x):len(x)], y...) {
			f = append(f, s.Flags&netmap.TxMon)
		}
		return f
	}
	seen := func(p *netmap.Port, want ...netmap.SlotFlags) {
		t.Helper()
		q := p.RX()[0]
		ok(t, q.Sync())
		if got := flags(p); len(got) != len(want) || len(got) == 2 && (got[0] != want[0] || got[1] != want[1]) {
			t.Errorf("TxMon of what was seen: %x, want %x", got, want)
		}
		same(t, take(t, q), [][]byte{broadcast, frame(1, 2, 0, 99)}[:len(want)]...)
		ok(t, q.Sync()) // it goes on to the next
	}
	through()
	seen(m[1])
	seen(m[0], netmap.TxMon, 0)
	seen(m[1], 0, 0)
	seen(m[2], 0, 0)
	// The one in the middle goes: the chain closes.
	ok(t, m[1].Close())
	through()
	seen(m[0], netmap.TxMon, 0)
	seen(m[2], 0, 0)
	// The first goes: the last is the first.
	ok(t, m[0].Close())
	through()
	seen(m[2], netmap.TxMon, 0)
	ok(t, a.Close())
	ok(t, b.Close())
	ok(t, m[2].RX()[0].Sync())
}

// A copy monitor on the side takes nothing away.
func TestCopyBesideZeroCopy(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0{1"), open(t, d, "netmap:nm0}1")
	z, c := open(t, d, "netmap:nm0}1/z"), open(t, d, "netmap:nm0}1/r")
	send(t, a.TX()[0], broadcast)
	same(t, take(t, c.RX()[0]), broadcast)
	same(t, take(t, b.RX()[0]), broadcast)
	ok(t, z.Close())
	ok(t, b.RX()[0].Sync())
	same(t, take(t, c.RX()[0]))
	send(t, a.TX()[0], broadcast)
	same(t, take(t, c.RX()[0]), broadcast)
}
