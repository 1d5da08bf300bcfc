package udp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// exchange sends payloads of all kinds of lengths in batches, as fast as the
// receiver takes them, and wants them unchanged and in order.
func exchange(t *testing.T, tx *txQueue, rx *rxQueue, longest int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, uint64(longest)))
	var next, sent uint32
	for batch := range 60 {
		var want [][]byte
		for len(want) < 1+rng.IntN(60) {
			// A run of one length, often with a shorter one at its end.
			size, n := 4+rng.IntN(longest-3), 1+rng.IntN(30)
			for i := range n {
				if i == n-1 && batch%2 == 0 {
					size = 4 + rng.IntN(size-3)
				}
				b := pattern(size)
				binary.BigEndian.PutUint32(b, sent)
				want = append(want, b)
				sent++
			}
		}
		send(t, tx, want...)
		for _, w := range want {
			for end := time.Now().Add(5 * time.Second); rx.Ring().Space() == 0; {
				if err := rx.Sync(); err != nil || time.Now().After(end) {
					t.Fatalf("packet %d of %d bytes does not come, %v; %d truncated", next, len(w), err, rx.Counters().Truncated.Load())
				}
			}
			r := rx.Ring()
			if got := r.Bytes(r.Slot(r.Head())); !bytes.Equal(got, w) {
				t.Fatalf("packet %d of %d bytes: got %d bytes", next, len(w), len(got))
			}
			r.Advance(1)
			next++
		}
	}
	tc, rc := tx.Counters(), rx.Counters()
	if tc.Packets.Load() != uint64(sent) || rc.Packets.Load() != uint64(sent) || rc.Bytes.Load() != tc.Bytes.Load() {
		t.Errorf("%d sent, counted %d and %d received", sent, tc.Packets.Load(), rc.Packets.Load())
	}
}

// vethPair has addresses of both families.
func vethPair(t testing.TB) *netlab.Pair {
	return testnet.Pair(t, &netlab.PairOptions{
		AddrsA: []netip.Prefix{netip.MustParsePrefix("10.7.0.1/24"), netip.MustParsePrefix("10.7.0.3/24"), netip.MustParsePrefix("fd07::1/64"), netip.MustParsePrefix("fd07::3/64")},
		AddrsB: []netip.Prefix{netip.MustParsePrefix("10.7.0.2/24"), netip.MustParsePrefix("fd07::2/64")},
	})
}

// in opens a port in a namespace.
func in(t testing.TB, ns *netlab.NS, arg string, o *backend.Options) (rx []*rxQueue, tx []*txQueue, f *backend.Facts) {
	t.Helper()
	err := ns.Do(func() error {
		rx, tx, f = mustOpen(t, arg, o)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rx, tx, f
}

// TestMerged moves packets merged and not at either end, over loopback and a
// veth pair, into rings small enough to leave packets over.
func TestMerged(t *testing.T) {
	pair := vethPair(t)
	lo := testnet.NS(t)
	for _, c := range []struct {
		name    string
		a, b    *netlab.NS
		to      string
		longest int
	}{
		{"lo4", lo, lo, "127.0.0.1:4000", 4000},
		{"lo6", lo, lo, "[::1]:4000", 1400},
		{"veth4", pair.A.NS, pair.B.NS, "10.7.0.2:4000", 1472},
		{"veth6", pair.A.NS, pair.B.NS, "[fd07::2]:4000", 1452},
		{"small", pair.A.NS, pair.B.NS, "10.7.0.2:4001", 20},
	} {
		for mode := range 4 {
			t.Run(fmt.Sprintf("%s/%d", c.name, mode), func(t *testing.T) {
				gso, gro := mode&1 == 0, mode&2 == 0
				rx, _, _ := in(t, c.b, "@"+c.to, &backend.Options{RX: 1, Slots: 32, BufSize: 4096, NoGRO: !gro})
				_, tx, _ := in(t, c.a, c.to, &backend.Options{TX: 1, Slots: 128, BufSize: 4096, NoGSO: !gso})
				exchange(t, tx[0], rx[0], c.longest)
				tc, rc := tx[0].Counters(), rx[0].Counters()
				if gso != (tc.Merged.Load() > 0) || gso && gro && rc.Merged.Load() == 0 || !gro && rc.Merged.Load() > 0 {
					t.Errorf("%d sent merged, %d received so", tc.Merged.Load(), rc.Merged.Load())
				}
				if tc.GSORefused.Load() != 0 {
					t.Errorf("%d refusals", tc.GSORefused.Load())
				}
			})
		}
	}
}

// TestSegmentsTooLong has packets that must leave in fragments because of the
// route's MTU: they cannot be merged, shorter ones still can.
func TestSegmentsTooLong(t *testing.T) {
	pair := vethPair(t)
	err := pair.A.NS.Do(func() error {
		return netlink.RouteAdd(&netlink.Route{
			Dst:       &net.IPNet{IP: net.IPv4(10, 7, 0, 2), Mask: net.CIDRMask(32, 32)},
			LinkIndex: pair.A.Index, Scope: unix.RT_SCOPE_LINK, MTU: 700,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	rx, _, _ := in(t, pair.B.NS, "@10.7.0.2:4000", &backend.Options{RX: 1})
	other, _, _ := in(t, pair.A.NS, "@10.7.0.1:4000", &backend.Options{RX: 1})
	for _, to := range []string{"10.7.0.2:4000", "10.7.0.1:4000,10.7.0.2:4000"} {
		_, tx, _ := in(t, pair.A.NS, to, &backend.Options{TX: 1})
		n := 0
		for range 3 {
			for _, size := range []int{1000, 672, 673, 600} {
				want := bytes.Repeat([]byte{byte(size)}, size)
				for range 10 {
					put(t, tx[0], want)
					n++
				}
				send(t, tx[0])
				got := takeAll(t, rx[0], 10)
				if len(to) > 20 {
					got = append(got, takeAll(t, other[0], 10)...)
				}
				for _, b := range got {
					if !bytes.Equal(b, want) {
						t.Fatalf("%s: %d bytes arrive as %d", to, size, len(b))
					}
				}
				if len(got)%10 != 0 || len(got) == 0 {
					t.Fatalf("%s: %d packets of %d bytes arrive", to, len(got), size)
				}
			}
		}
		c := tx[0].Counters()
		// The connected socket knows the path's MTU; the other is told at 1000
		// and at 673 bytes.
		if refused := c.GSORefused.Load(); c.Packets.Load() != uint64(n) || c.Merged.Load() < 60 || len(to) < 20 && refused != 0 || len(to) > 20 && refused != 2 {
			t.Errorf("%s: %d of %d packets counted, %d merged, %d refusals", to, c.Packets.Load(), n, c.Merged.Load(), refused)
		}
	}
	nothing(t, rx[0])
	nothing(t, other[0])
}

// TestMergingRefused has the kernel refuse to merge for a reason of its own: it
// cuts up no datagrams of sockets that send without checksums.
func TestMergingRefused(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1})
	_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 1})
	if err := unix.SetsockoptInt(tx[0].fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
		t.Fatal(err)
	}
	var want [][]byte
	for i := range 300 {
		want = append(want, []byte{byte(i), 2, 3})
	}
	send(t, tx[0], want...)
	send(t, tx[0], want...)
	got := takeAll(t, rx[0], 600)
	if !bytes.Equal(bytes.Join(got, nil), bytes.Join(append(want, want...), nil)) {
		t.Errorf("%d packets arrive, want 600 in order", len(got))
	}
	if c := tx[0].Counters(); c.GSORefused.Load() != 1 || c.Merged.Load() != 0 || c.Packets.Load() != 600 {
		t.Errorf("%d refusals, %d merged, %d packets", c.GSORefused.Load(), c.Merged.Load(), c.Packets.Load())
	}
}

// TestMergedLimits goes to the most segments and the most bytes in one.
func TestMergedLimits(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1, BufSize: 40000})
	_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 1, BufSize: 40000})
	for _, size := range []int{0, 1, 1023, 1024, 8191, 21835, 32753, 32754, 39000} {
		want := pattern(size)
		for range 200 {
			put(t, tx[0], want)
		}
		send(t, tx[0])
		got := takeAll(t, rx[0], 200)
		for _, b := range got {
			if !bytes.Equal(b, want) {
				t.Fatalf("%d bytes arrive as %d", size, len(b))
			}
		}
		if len(got) != 200 {
			t.Errorf("%d packets of %d bytes arrive, want 200", len(got), size)
		}
	}
	if c := tx[0].Counters(); c.GSORefused.Load() != 0 || c.Packets.Load() != 9*200 {
		t.Errorf("%d refusals, %d packets", c.GSORefused.Load(), c.Packets.Load())
	}
}

// TestMergedTruncated receives merged packets longer than a buffer.
func TestMergedTruncated(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1})
	_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 1, BufSize: 8192})
	long := pattern(rx[0].Ring().BufSize() + 1)
	send(t, tx[0], long, long, long, pattern(7), pattern(8))
	got := takeAll(t, rx[0], 2)
	if len(got) != 2 || !bytes.Equal(got[0], pattern(7)) || !bytes.Equal(got[1], pattern(8)) {
		t.Errorf("%d packets, want the two that fit", len(got))
	}
	if c := rx[0].Counters(); c.Truncated.Load() != 3 || c.Packets.Load() != 2 || tx[0].Counters().Merged.Load() != 4 {
		t.Errorf("%d truncated, %d received, %d sent merged", c.Truncated.Load(), c.Packets.Load(), tx[0].Counters().Merged.Load())
	}
}

// TestDropsUnread counts what a socket drops that nobody ever reads, merged and
// not.
func TestDropsUnread(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1, RecvBuf: 4096})
	for _, noGSO := range []bool{true, false} {
		_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 1, NoGSO: noGSO})
		before := rx[0].Counters().KernelDrops.Load()
		for range 640 {
			put(t, tx[0], pattern(100))
		}
		send(t, tx[0])
		rx[0].Collect()
		n := rx[0].Counters().KernelDrops.Load() - before
		if noGSO && (n < 600 || n > 640) || !noGSO && (n < 1 || n > 10) {
			t.Errorf("merged %v: %d drops", !noGSO, n)
		}
	}
}
