package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// TestGroups sends to groups by one interface and receives by the other, from
// anyone or from one source only, next to a program that joined more.
func TestGroups(t *testing.T) {
	pair := vethPair(t)
	a, b := pair.A.Name, pair.B.Name
	for _, c := range []struct{ group, from, other string }{
		{"239.7.7.7", "10.7.0.1", "10.7.0.3"},
		{"[ff15::7]", "[fd07::1]", "[fd07::3]"},
		{"[ff02::7]", "[fd07::1]", "[fd07::3]"},
	} {
		t.Run(c.group, func(t *testing.T) {
			at := "@" + c.group + ":4000"
			all, _, _ := in(t, pair.B.NS, at+",iface="+b, &backend.Options{RX: 1})
			for _, from := range []string{c.from, c.other} {
				_, tx, _ := in(t, pair.A.NS, "@"+from+":0,"+c.group+":4000,iface="+a, &backend.Options{TX: 1})
				send(t, tx[0], []byte(from))
			}
			if got := takeAll(t, all[0], 2); len(got) != 2 || string(got[0]) != c.from || string(got[1]) != c.other {
				t.Errorf("from anyone: %q", got)
			}
			nothing(t, all[0])

			at = "@" + c.group + ":4001"
			source := strings.Trim(c.other, "[]")
			some, _, _ := in(t, pair.B.NS, at+",iface="+b+",source="+source, &backend.Options{RX: 1})
			for _, from := range []string{c.from, c.other, c.from} {
				_, tx, _ := in(t, pair.A.NS, "@"+from+":0,"+c.group+":4001,iface="+a, &backend.Options{TX: 1})
				send(t, tx[0], []byte(from))
			}
			if got := take(t, some[0]); len(got) != 1 || string(got[0]) != c.other {
				t.Errorf("from %s: %q", c.other, got)
			}
			nothing(t, some[0])
		})
	}
}

// TestOnlyOwnGroups has a receiver at any address of a host on which another
// program is a member of a group.
func TestOnlyOwnGroups(t *testing.T) {
	pair := vethPair(t)
	rx, _, _ := in(t, pair.B.NS, "@:4000", &backend.Options{RX: 1})
	for _, group := range []string{"239.7.7.7", "[ff15::7]"} {
		in(t, pair.B.NS, "@"+group+":4001,iface="+pair.B.Name, &backend.Options{RX: 1})
	}
	for _, to := range []string{"239.7.7.7:4000,iface=" + pair.A.Name, "[ff15::7]:4000,iface=" + pair.A.Name, "10.7.0.2:4000"} {
		_, tx, _ := in(t, pair.A.NS, to, &backend.Options{TX: 1})
		send(t, tx[0], []byte(to))
	}
	if got := take(t, rx[0]); len(got) != 1 || string(got[0]) != "10.7.0.2:4000" {
		t.Errorf("received %q, want what was sent to this host only", got)
	}
	nothing(t, rx[0])
}

// TestGroupQueues receives a group with several queues: each packet once.
func TestGroupQueues(t *testing.T) {
	pair := vethPair(t)
	for _, local := range []string{"239.7.7.7", "10.7.0.255"} {
		keys := ""
		if local[0] == '2' {
			keys = ",iface="
		}
		key := func(name string) string {
			if keys == "" {
				return ""
			}
			return keys + name
		}
		rx, _, f := in(t, pair.B.NS, "@"+local+":4000"+key(pair.B.Name), &backend.Options{RX: 3, Slots: 16})
		if len(f.Notes) != 1 || !strings.Contains(f.Notes[0], "share one") {
			t.Errorf("%s: notes %q", local, f.Notes)
		}
		_, tx, _ := in(t, pair.A.NS, local+":4000"+key(pair.A.Name), &backend.Options{TX: 2})
		const total = 2000
		for i := range total {
			put(t, tx[i%2], binary.BigEndian.AppendUint32(nil, uint32(i)))
			if i%500 == 499 {
				send(t, tx[0])
				send(t, tx[1])
			}
		}
		seen := make([]int, total)
		for n, idle := 0, 0; n < total && idle < 1e6; {
			idle++
			for _, q := range rx {
				if err := q.Sync(); err != nil {
					t.Fatal(err)
				}
				for ; q.Ring().Space() > 0; n++ {
					idle = 0
					seen[binary.BigEndian.Uint32(q.Ring().Bytes(q.Ring().Slot(q.Ring().Head())))]++
					q.Ring().Advance(1)
				}
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("%s: packet %d came %d times", local, i, n)
			}
		}
		for _, q := range rx {
			q.Collect()
			if q.Counters().Packets.Load() == 0 || q.Counters().KernelDrops.Load() != 0 {
				t.Errorf("%s: a queue with %d packets, %d drops", local, q.Counters().Packets.Load(), q.Counters().KernelDrops.Load())
			}
		}
	}
}

// TestBroadcast sends to a subnet's broadcast address, answered by anyone.
func TestBroadcast(t *testing.T) {
	pair := vethPair(t)
	rx, tx, _ := in(t, pair.B.NS, "@:4000", &backend.Options{RX: 1, TX: 1})
	for i, to := range []string{"10.7.0.255:4000", "10.7.0.255:4000,10.7.0.2:4000"} {
		from := fmt.Sprintf("10.7.0.1:%d", 5000+i)
		back, out, _ := in(t, pair.A.NS, "@"+from+","+to, &backend.Options{RX: 1, TX: 1})
		send(t, out[0], []byte("who"))
		copies := strings.Count(to, ",") + 1
		if got := takeAll(t, rx[0], copies); len(got) != copies || string(got[0]) != "who" {
			t.Errorf("%s: received %q", to, got)
		}
		r := tx[0].Ring()
		r.Meta(r.Slot(r.Head())).SetPeer(ap(from), 0)
		send(t, tx[0], []byte("me"))
		if got := take(t, back[0]); len(got) != 1 || string(got[0]) != "me" {
			t.Errorf("%s: the answer is %q", to, got)
		}
	}
}

// TestTTL looks at what arrives.
func TestTTL(t *testing.T) {
	pair := vethPair(t)
	for i, c := range []struct {
		to, keys string
		ttl      int
	}{
		{"10.7.0.2", "", 64}, {"10.7.0.2", ",ttl=9", 9}, {"[fd07::2]", "", 64}, {"[fd07::2]", ",ttl=7", 7},
		{"239.7.7.7", "", 1}, {"239.7.7.7", ",ttl=33", 33}, {"[ff15::7]", "", 1}, {"[ff15::7]", ",ttl=8", 8},
	} {
		to := fmt.Sprintf("%s:%d", c.to, 4000+i)
		at, from := "@"+to, to+c.keys
		if i >= 4 {
			at, from = at+",iface="+pair.B.Name, from+",iface="+pair.A.Name
		}
		rx, _, _ := in(t, pair.B.NS, at, &backend.Options{RX: 1})
		fd := rx[0].fd
		if err := errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVTTL, 1), unix.SetNonblock(fd, false),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5})); err != nil {
			t.Fatal(err)
		}
		if rx[0].inet6 {
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1); err != nil {
				t.Fatal(err)
			}
		}
		_, tx, _ := in(t, pair.A.NS, from, &backend.Options{TX: 1})
		send(t, tx[0], []byte("x"))
		b, oob := make([]byte, 9), make([]byte, 64)
		_, n, _, _, err := unix.Recvmsg(fd, b, oob, 0)
		if err != nil {
			t.Fatal(err)
		}
		all, err := unix.ParseSocketControlMessage(oob[:n])
		if err != nil || len(all) != 1 {
			t.Fatal(err, all)
		}
		if ttl := int(binary.NativeEndian.Uint32(all[0].Data)); ttl != c.ttl {
			t.Errorf("%s: arrives with %d, want %d", from, ttl, c.ttl)
		}
	}
}

// TestGroupErrors has what only the kernel can refuse.
func TestGroupErrors(t *testing.T) {
	err := testnet.NS(t).Do(func() error {
		for _, c := range []struct {
			arg    string
			rx, tx int
			errno  unix.Errno
			remedy string
		}{
			{"@239.1.1.1:4000", 1, 0, unix.ENODEV, "iface=eth0"},
			{"@239.1.1.1:4000,iface=nosuch0", 1, 0, unix.ENODEV, "ip link"},
			{"239.1.1.1:4000", 0, 1, unix.ENETUNREACH, "ip route get"},
			{"239.1.1.1:4000,iface=nosuch0", 0, 1, unix.ENODEV, "ip link"},
		} {
			_, _, _, err := Open(c.arg, &backend.Options{RX: c.rx, TX: c.tx})
			if !errors.Is(err, c.errno) || !strings.Contains(err.Error(), c.remedy) {
				t.Errorf("%s: %v; want %v and %q", c.arg, err, c.errno, c.remedy)
			}
		}
		_, _, _, err := Open("@239.1.1.1:4000,iface=lo", &backend.Options{RX: 2, Steer: backend.SteerCPU})
		if err == nil || !strings.Contains(err.Error(), "leave Steer out") {
			t.Errorf("a group steered: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
