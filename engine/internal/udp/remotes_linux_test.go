package udp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap"
)

// takeAll receives until n packets are there or five seconds have passed.
func takeAll(t testing.TB, q *rxQueue, n int) (all [][]byte) {
	t.Helper()
	for len(all) < n {
		more := take(t, q)
		if more == nil {
			break
		}
		all = append(all, more...)
	}
	return all
}

// nothing wants a receive queue to stay empty for a while.
func nothing(t testing.TB, q *rxQueue) {
	t.Helper()
	time.Sleep(20 * time.Millisecond)
	if err := q.Sync(); err != nil || q.Ring().Space() != 0 {
		t.Errorf("%d packets too many, %v", q.Ring().Space(), err)
	}
}

// TestRemotes sends each packet to several addresses, merged and not, more
// messages than a call takes and in a ring that wraps.
func TestRemotes(t *testing.T) {
	for _, remotes := range []int{2, 3, 200} {
		for _, noGSO := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d/%v", remotes, noGSO), func(t *testing.T) {
				var rx []*rxQueue
				var addrs []string
				for range remotes {
					addr := freePort(t, "127.0.0.1")
					r, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1, Slots: 256, NoGRO: remotes > 9})
					rx, addrs = append(rx, r[0]), append(addrs, addr)
				}
				_, tx, f := mustOpen(t, strings.Join(addrs, ","), &backend.Options{TX: 1, Slots: 64, NoGSO: noGSO})
				if f.Copies != remotes || f.Peers {
					t.Errorf("facts %+v", f)
				}
				var sent [][]byte
				var size int
				for i := range 150 {
					b := pattern(20 + i/40) // runs of 40 of one length
					binary.BigEndian.PutUint32(b, uint32(i))
					sent, size = append(sent, b), size+len(b)
				}
				for i := 0; i < len(sent); i += 50 {
					send(t, tx[0], sent[i:i+50]...)
				}
				for i, q := range rx {
					got := takeAll(t, q, len(sent))
					if len(got) != len(sent) || !bytes.Equal(bytes.Join(got, nil), bytes.Join(sent, nil)) {
						t.Fatalf("remote %d: %d packets, want %d the same", i, len(got), len(sent))
					}
				}
				c := tx[0].Counters()
				if c.Packets.Load() != uint64(len(sent)) || c.Bytes.Load() != uint64(size) || noGSO != (c.Merged.Load() == 0) {
					t.Errorf("counted %d packets of %d bytes, %d merged", c.Packets.Load(), c.Bytes.Load(), c.Merged.Load())
				}
			})
		}
	}
}

// TestResumesAtTheRemote has the way to the second of three remotes fail for a
// while: the first must not get twice what waits for the others.
func TestResumesAtTheRemote(t *testing.T) {
	for _, noGSO := range []bool{true, false} {
		ns := testnet.NS(t)
		err := ns.Do(func() error {
			addrs := []string{"127.0.0.1:5000", "127.9.9.9:5000", "127.0.0.3:5000"}
			var rx []*rxQueue
			for _, a := range addrs {
				r, _, _ := mustOpen(t, "@"+a, &backend.Options{RX: 1})
				rx = append(rx, r[0])
			}
			_, tx, _ := mustOpen(t, strings.Join(addrs, ","), &backend.Options{TX: 1, NoGSO: noGSO})
			var sent [][]byte
			for i := range 20 {
				b := []byte{byte(i), 1, 2, 3}
				put(t, tx[0], b)
				sent = append(sent, b)
			}
			if err := cutOff("127.9.9.9", true); err != nil {
				return err
			}
			for range 3 {
				err := tx[0].Sync()
				if !errors.Is(err, unix.EHOSTUNREACH) || !strings.Contains(err.Error(), "127.9.9.9:5000") {
					return fmt.Errorf("%w; want EHOSTUNREACH for the second remote", err)
				}
			}
			c := tx[0].Counters()
			if tx[0].Ring().Pending() != len(sent) || c.Packets.Load() != 0 {
				t.Errorf("%d in the ring, counted %d, want none to be done", tx[0].Ring().Pending(), c.Packets.Load())
			}
			if err := cutOff("127.9.9.9", false); err != nil {
				return err
			}
			send(t, tx[0])
			for i, q := range rx {
				got := takeAll(t, q, len(sent))
				if !bytes.Equal(bytes.Join(got, nil), bytes.Join(sent, nil)) {
					t.Errorf("remote %d got %d packets, want %d in order", i, len(got), len(sent))
				}
				nothing(t, q)
			}
			if c.Packets.Load() != uint64(len(sent)) || c.GSORefused.Load() != 0 {
				t.Errorf("counted %d packets, %d refusals of merging", c.Packets.Load(), c.GSORefused.Load())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// cutOff has the namespace's table of local addresses refuse one of them
// (EHOSTUNREACH).
func cutOff(addr string, add bool) error {
	r := &netlink.Route{
		Dst:  &net.IPNet{IP: net.ParseIP(addr).To4(), Mask: net.CIDRMask(32, 32)},
		Type: unix.RTN_UNREACHABLE, Table: unix.RT_TABLE_LOCAL,
	}
	if add {
		return netlink.RouteAdd(r)
	}
	return netlink.RouteDel(r)
}

// TestReflects has a port without a remote answer several senders by exchanging
// buffers between its rings.
func TestReflects(t *testing.T) {
	for _, host := range append(hosts, "") {
		_, port, _ := net.SplitHostPort(freePort(t, host))
		local := host + ":" + port
		rx, tx, f := mustOpen(t, "@"+local, &backend.Options{RX: 1, TX: 1})
		if !f.Peers {
			t.Error("the port does not say that it sends to peers")
		}
		for _, from := range hosts {
			if host != "" && host != from {
				continue
			}
			var peers []net.Conn
			for range 5 {
				c, err := net.Dial("udp", from+":"+port)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				peers = append(peers, c)
			}
			const each = 7
			for i := range each {
				for j, c := range peers {
					if _, err := c.Write([]byte{byte(j), byte(i)}); err != nil {
						t.Fatal(err)
					}
				}
			}
			before := tx[0].Counters().Packets.Load()
			for n := 0; n < each*len(peers); {
				for end := time.Now().Add(5 * time.Second); rx[0].Ring().Space() == 0; {
					if err := rx[0].Sync(); err != nil || time.Now().After(end) {
						t.Fatalf("%d came, %v", n, err)
					}
				}
				s := rx[0].Ring().Slot(rx[0].Ring().Head())
				peer := rx[0].Ring().Meta(s).Peer()
				if want := peers[rx[0].Ring().Bytes(s)[0]].LocalAddr().String(); fmt.Sprint(peer.Addr().Unmap()) != strings.Trim(want[:strings.LastIndexByte(want, ':')], "[]") ||
					!strings.HasSuffix(want, fmt.Sprintf(":%d", peer.Port())) {
					t.Errorf("peer %v, want %s", peer, want)
				}
				k, err := netmap.Move(tx[0].Ring(), rx[0].Ring(), 100)
				if err != nil {
					t.Fatal(err)
				}
				n += k
				send(t, tx[0])
			}
			for j, c := range peers {
				var b [8]byte
				for i := range each {
					_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
					n, err := c.Read(b[:])
					if err != nil || n != 2 || b[0] != byte(j) || b[1] != byte(i) {
						t.Fatalf("%s: peer %d reads %x, %v; want its number %d", local, j, b[:n], err, i)
					}
				}
			}
			if n := tx[0].Counters().Packets.Load() - before; n != each*uint64(len(peers)) || tx[0].Counters().NoPeer.Load() != 0 {
				t.Errorf("%d sent back, %d without a peer", n, tx[0].Counters().NoPeer.Load())
			}
		}
	}
}

// TestNoPeer sends packets that have no address and others whose address the
// kernel refuses, among good ones.
func TestNoPeer(t *testing.T) {
	for _, noGSO := range []bool{true, false} {
		err := testnet.NS(t).Do(func() error {
			rx, _, _ := mustOpen(t, "@127.0.0.1:6000", &backend.Options{RX: 1})
			_, tx, _ := mustOpen(t, "@127.0.0.1:6001", &backend.Options{TX: 1, NoGSO: noGSO})
			good, r := ap("127.0.0.1:6000"), tx[0].Ring()
			bad := aps("127.0.0.1:0", "192.0.2.1:9", "[2001:db8::1]:9", "127.255.255.255:9")
			n := 0
			for i := range 60 {
				m := r.Meta(r.Slot(r.Head()))
				if m.SetPeer(good, 0); i%3 == 1 {
					if k := i / 3 % (len(bad) + 1); k == len(bad) {
						m.SockaddrLen = 0
					} else {
						m.SetPeer(bad[k], 0)
					}
				} else {
					n++
				}
				put(t, tx[0], []byte{byte(i), 9, 9})
			}
			send(t, tx[0])
			got := takeAll(t, rx[0], n)
			next := 0
			for _, b := range got {
				if int(b[0]) != next {
					t.Errorf("packet %d, want %d", b[0], next)
				}
				if next = int(b[0]) + 1; next%3 == 1 {
					next++
				}
			}
			c := tx[0].Counters()
			if len(got) != n || c.Packets.Load() != uint64(n) || c.NoPeer.Load() != uint64(60-n) {
				t.Errorf("%d of %d came, counted %d sent and %d without a peer", len(got), n, c.Packets.Load(), c.NoPeer.Load())
			}
			if !noGSO && (c.Merged.Load() == 0 || c.GSORefused.Load() != 0) {
				t.Errorf("%d merged, %d refusals blamed on merging", c.Merged.Load(), c.GSORefused.Load())
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
