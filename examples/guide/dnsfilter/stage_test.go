package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ringwalk/ringwalk/examples/internal/exampletest"
	"github.com/ringwalk/ringwalk/netmap"
)

//docs:begin rings

// rings makes a receive and a transmit ring in one region of process memory.
// No kernel is behind them: the tests are.
func rings(t testing.TB, slots int) (rx, tx *netmap.Ring) {
	m, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: slots})
	if err != nil {
		t.Fatal(err)
	}
	if rx, err = m.NewRing(netmap.RX, 0, slots); err != nil {
		t.Fatal(err)
	}
	if tx, err = m.NewRing(netmap.TX, 0, slots); err != nil {
		t.Fatal(err)
	}
	return rx, tx
}

// arrive does what a sync of a receive ring does: it puts a packet into the
// first slot that is the kernel's, and makes that the user's.
func arrive(r *netmap.Ring, packet []byte) {
	h := r.Header()
	slot := r.Slot(h.Tail)
	slot.Len, slot.Flags = uint16(copy(r.Buffer(slot), packet)), 0
	h.Tail = r.Next(h.Tail)
}

// renew gives all slots of a ring but one to the user: a receive ring is full of
// packets then, and a transmit ring has sent all. One always stays the kernel's.
func renew(r *netmap.Ring) {
	h := r.Header()
	h.Tail = uint32((int(h.Head) + r.NumSlots() - 1) % r.NumSlots())
}

// leave does what a sync of a transmit ring does: all that was handed over is
// sent, and its slots are the user's again.
func leave(r *netmap.Ring) (packets [][]byte) {
	h := r.Header()
	for i := r.Next(h.Tail); i != h.Head; i = r.Next(i) {
		packets = append(packets, bytes.Clone(r.Bytes(r.Slot(i))))
	}
	renew(r)
	return packets
}

//docs:end

//docs:begin test

func TestPass(t *testing.T) {
	rx, tx := rings(t, 16)
	var f filter
	var want, got [][]byte
	drops := uint64(0)
	for number := range uint16(1000) {
		packet := exampletest.Frame(1, 2, 1000, 53, number)
		if rand.IntN(3) > 0 {
			packet = exampletest.Frame(1, 2, 1000, 2000, number)
			want = append(want, packet)
		} else {
			drops++
		}
		arrive(rx, packet)
		for rx.Space() == rx.NumSlots()-1 || number == 999 && rx.Space() > 0 {
			if _, _, err := f.Process([]*netmap.Ring{rx}, []*netmap.Ring{tx}, nil); err != nil {
				t.Fatal(err)
			}
			got = append(got, leave(tx)...)
		}
	}
	if !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d packets passed of %d, or others did", len(got), len(want))
	}
	if n := f.dropped[0].Load(); n != drops {
		t.Errorf("%d dropped, want %d", n, drops)
	}
}

//docs:end

// A packet of several slots is judged by its first one, stays whole, and waits
// until it is all there and there is room for all of it.
func TestPassFragments(t *testing.T) {
	rx, tx := rings(t, 8)
	fragments := func(n int, dport uint16) {
		for i := range n {
			h := rx.Header()
			at := h.Tail
			arrive(rx, exampletest.Frame(1, 2, 1000, dport, uint16(i)))
			if i < n-1 {
				rx.Slot(at).Flags = netmap.MoreFrag
			}
		}
	}
	check := func(what string, wantDone int, wantDropped uint64, wantSent int) {
		t.Helper()
		done, dropped, err := pass(tx, rx)
		if sent := len(leave(tx)); done != wantDone || dropped != wantDropped || err != nil || sent != wantSent {
			t.Errorf("%s: done %d, dropped %d, %v, sent %d; want %d, %d, %d", what, done, dropped, err, sent, wantDone, wantDropped, wantSent)
		}
	}
	fragments(3, 2000)
	fragments(2, 53)
	fragments(1, 2000)
	check("three kinds", 6, 1, 4)

	fragments(2, 53)
	last := rx.Slot((rx.Tail() + 7) % 8)
	last.Flags = netmap.MoreFrag // the end is to come
	check("not all there", 0, 0, 0)
	last.Flags = 0
	check("all there", 2, 1, 0)
}

// With no room at all DNS still goes.
func TestPassFull(t *testing.T) {
	rx, tx := rings(t, 8)
	tx.Advance(tx.Space())
	arrive(rx, exampletest.Frame(1, 2, 53, 1000, 0))
	arrive(rx, exampletest.Frame(1, 2, 1, 1000, 1))
	if done, dropped, err := pass(tx, rx); done != 1 || dropped != 1 || err != nil {
		t.Errorf("done %d, dropped %d, %v", done, dropped, err)
	}
}

func TestDNS(t *testing.T) {
	ip4 := func(sport, dport uint16) []byte { return exampletest.Frame(1, 2, sport, dport, 0) }
	tagged := func(b []byte) []byte { return slices.Concat(b[:12], []byte{0x81, 0, 0, 5}, b[12:]) }
	ip6 := func(dport uint16) []byte {
		b := make([]byte, 14+40+8)
		binary.BigEndian.PutUint16(b[12:], 0x86dd)
		b[14], b[20] = 0x60, 17
		binary.BigEndian.PutUint16(b[56:], dport)
		return b
	}
	with := func(b []byte, at int, v ...byte) []byte { copy(b[at:], v); return b }
	for i, c := range []struct {
		frame []byte
		want  bool
	}{
		{ip4(1, 53), true}, {ip4(53, 1), true}, {ip4(1, 2), false}, {tagged(ip4(1, 53)), true}, {tagged(ip4(1, 54)), false},
		{ip6(53), true}, {ip6(54), false}, {tagged(ip6(53)), true}, {with(ip6(53), 20, 6), false},
		{with(ip4(1, 53), 23, 6), false},                 // TCP
		{with(ip4(1, 53), 20, 0x20), true},               // the first fragment
		{with(ip4(1, 53), 21, 1), false},                 // a later one
		{with(ip4(0, 0), 14, 0x46, 38, 0, 0, 53), false}, // options: the ports are behind them
		{ip4(1, 53)[:37], false}, {ip4(1, 53)[:38], true}, {nil, false}, {tagged(ip4(1, 53))[:16], false}, {ip6(53)[:40], false},
	} {
		if got := dns(c.frame); got != c.want {
			t.Errorf("%d: %x: %v", i, c.frame, got)
		}
	}
}

func FuzzDNS(f *testing.F) {
	f.Add(exampletest.Frame(1, 2, 3, 53, 5))
	f.Fuzz(func(t *testing.T, b []byte) { dns(b[:len(b):len(b)]) })
}

func TestAllocations(t *testing.T) {
	rx, tx := rings(t, 64)
	var f filter
	in, out := []*netmap.Ring{rx}, []*netmap.Ring{tx}
	fill(rx, tx, exampletest.Frame(1, 2, 1, 2, 3))
	if n := testing.AllocsPerRun(100, func() {
		renew(rx)
		renew(tx)
		if _, _, err := f.Process(in, out, nil); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

//docs:begin benchmark

// fill has every buffer of both rings hold the packet, for they change places.
func fill(rx, tx *netmap.Ring, packet []byte) {
	for _, r := range []*netmap.Ring{rx, tx} {
		for i := range r.Slots() {
			slot := r.Slot(uint32(i))
			slot.Len = uint16(copy(r.Buffer(slot), packet))
		}
	}
}

func BenchmarkPass(b *testing.B) {
	for _, c := range []struct {
		what  string
		dport uint16
	}{{"passed", 2000}, {"dropped", 53}} {
		for _, batch := range []int{1, 16, 64, 512} {
			b.Run(fmt.Sprintf("%s/batch=%d", c.what, batch), func(b *testing.B) {
				rx, tx := rings(b, batch+1)
				fill(rx, tx, exampletest.Frame(1, 2, 1000, c.dport, 0))
				b.ReportAllocs()
				packets := 0
				for b.Loop() {
					renew(rx)
					renew(tx)
					done, _, err := pass(tx, rx)
					if err != nil {
						b.Fatal(err)
					}
					packets += done
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/pkt")
			})
		}
	}
}

//docs:end
