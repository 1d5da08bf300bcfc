package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap"
)

// TestPair has one socket serve both directions, closed with its last queue.
func TestPair(t *testing.T) {
	for _, host := range hosts {
		peer, err := net.ListenPacket("udp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		stranger, err := net.ListenPacket("udp", host+":0")
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		local := freePort(t, host)
		rx, tx, _, err := Open("@"+local+","+peer.LocalAddr().String(), &backend.Options{RX: 1, TX: 2})
		if err != nil {
			t.Fatal(err)
		}
		var from net.Addr
		for i, q := range tx {
			send(t, q.(*txQueue), []byte{byte(i)})
			var b [8]byte
			n, a, err := peer.ReadFrom(b[:])
			if err != nil || n != 1 || int(b[0]) != i || a.String() != local {
				t.Fatalf("the peer reads %x from %v, %v; want %d from %s", b[:n], a, err, i, local)
			}
			from = a
		}
		for _, c := range []net.PacketConn{stranger, peer} {
			if _, err := c.WriteTo([]byte(c.LocalAddr().String()), from); err != nil {
				t.Fatal(err)
			}
		}
		if got := take(t, rx[0].(*rxQueue)); len(got) != 1 || string(got[0]) != peer.LocalAddr().String() {
			t.Errorf("received %q, want the peer's only", got)
		}
		fd := rx[0].(*rxQueue).fd
		for i, q := range append(tx, rx...) {
			if _, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil {
				t.Errorf("the socket is closed before queue %d is: %v", i, err)
			}
			if err := q.Close(); err != nil {
				t.Errorf("close queue %d: %v", i, err)
			}
		}
		again, err := net.ListenPacket("udp", local)
		if err != nil {
			t.Errorf("the socket is open after its last queue: %v", err)
			continue
		}
		again.Close()
	}
}

// TestPairTakesNoStrangers opens a pair's socket again and again at an address
// that another one floods.
func TestPairTakesNoStrangers(t *testing.T) {
	local := freePort(t, "127.0.0.1")
	flood, err := net.Dial("udp", local)
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = flood.Write([]byte("stranger")) // refused while nobody listens
			}
		}
	}()
	for range 50 {
		rx, _, _, err := Open("@"+local+",127.0.0.1:9", &backend.Options{RX: 1, Slots: 8})
		if err != nil {
			t.Fatal(err)
		}
		rx[0].Collect()
		err = rx[0].Sync()
		c := rx[0].Counters()
		if err != nil || c.Packets.Load() != 0 || c.KernelDrops.Load() != 0 {
			t.Errorf("%d packets of a stranger, %d dropped, %v", c.Packets.Load(), c.KernelDrops.Load(), err)
		}
		rx[0].Close()
	}
	close(stop)
	<-stopped
	flood.Close()
}

// TestEphemeralLocal lets the kernel choose the local port of a pair.
func TestEphemeralLocal(t *testing.T) {
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	rx, tx, _ := mustOpen(t, "@:0,"+peer.LocalAddr().String(), &backend.Options{RX: 1, TX: 1})
	send(t, tx[0], []byte("ping"))
	var b [8]byte
	_, from, err := peer.ReadFrom(b[:])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := peer.WriteTo([]byte("pong"), from); err != nil {
		t.Fatal(err)
	}
	if got := take(t, rx[0]); len(got) != 1 || string(got[0]) != "pong" {
		t.Errorf("received %q", got)
	}
}

// udpCounter reads one of the namespace's own UDP counters over IPv4.
func udpCounter(name string) (n uint64, err error) {
	data, err := os.ReadFile("/proc/thread-self/net/snmp")
	if err != nil {
		return 0, err
	}
	var lines [][]string
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "Udp:") {
			lines = append(lines, strings.Fields(line))
		}
	}
	for i, f := range lines[0] {
		if f == name {
			_, err = fmt.Sscan(lines[1][i], &n)
			return n, err
		}
	}
	return 0, fmt.Errorf("no counter %s", name)
}

// TestNobodyListens sends to a closed port in a namespace of its own, where
// the kernel counts exactly what arrived at no port.
func TestNobodyListens(t *testing.T) {
	err := testnet.NS(t).Do(func() error {
		for _, batch := range []int{1, 3, 64} {
			before, err := udpCounter("NoPorts")
			if err != nil {
				return err
			}
			// Of a merged datagram the kernel would count one.
			_, all, _, err := Open("127.0.0.1:9", &backend.Options{TX: 1, NoGSO: true})
			if err != nil {
				return err
			}
			q := all[0].(*txQueue)
			for i := range 50 {
				for range batch {
					put(t, q, []byte("hello"))
				}
				err := error(nil)
				if i%2 == 0 {
					err = q.Sync()
				} else {
					err = q.Polled(unix.POLLERR | unix.POLLOUT)
				}
				if err != nil {
					return fmt.Errorf("batches of %d: %w", batch, err)
				}
				if q.Ring().Pending() != 0 {
					return fmt.Errorf("batches of %d: %d stay in the ring", batch, q.Ring().Pending())
				}
			}
			after, err := udpCounter("NoPorts")
			if err != nil {
				return err
			}
			want := uint64(50 * batch)
			if n := q.Counters().Packets.Load(); n != want || after-before != want {
				return fmt.Errorf("batches of %d: counted %d sent, %d arrived at the closed port, want %d", batch, n, after-before, want)
			}
			if err := q.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRefusalsCross has two queues on one socket to a closed port: each gets
// told of the other's refusals, any number of times in a row.
func TestRefusalsCross(t *testing.T) {
	local, remote := freePort(t, "127.0.0.1"), freePort(t, "127.0.0.1")
	_, tx, _ := mustOpen(t, "@"+local+","+remote, &backend.Options{TX: 2})
	const each = 20000
	failed := make(chan error, len(tx))
	for _, q := range tx {
		go func() {
			r := q.Ring()
			for n := 0; n < each; n++ {
				r.Slot(r.Head()).Len = 1
				r.Advance(1)
				if err := q.Sync(); err != nil || r.Pending() != 0 {
					failed <- fmt.Errorf("packet %d: %w, %d in the ring", n, err, r.Pending())
					return
				}
			}
			failed <- nil
		}()
	}
	for range tx {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	for i, q := range tx {
		if n := q.Counters().Packets.Load(); n != each {
			t.Errorf("queue %d: %d packets, want %d", i, n, each)
		}
	}
}

// TestListenerComesAndGoes sends before, while and after somebody listens.
func TestListenerComesAndGoes(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 1})
	for i := range 5 {
		send(t, tx[0], pattern(1), pattern(2))
		rx, _, _, err := Open("@"+addr, &backend.Options{RX: 1})
		if err != nil {
			t.Fatal(err)
		}
		want := pattern(100 + i)
		send(t, tx[0], want)
		if got := take(t, rx[0].(*rxQueue)); len(got) != 1 || !bytes.Equal(got[0], want) {
			t.Errorf("round %d: got %d packets", i, len(got))
		}
		rx[0].Close()
	}
	if n := tx[0].Counters().Packets.Load(); n != 15 {
		t.Errorf("counted %d packets, want 15", n)
	}
}

// TestRefusalDoesNotEndReceiving lets a pair's receive queue be the one that
// the kernel tells of the refusal.
func TestRefusalDoesNotEndReceiving(t *testing.T) {
	remote := freePort(t, "127.0.0.1")
	local := freePort(t, "127.0.0.1")
	rx, tx, _ := mustOpen(t, "@"+local+","+remote, &backend.Options{RX: 1, TX: 1})
	send(t, tx[0], []byte("to nobody"))
	fds := []unix.PollFd{{Fd: int32(rx[0].fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 5000); n != 1 || err != nil || fds[0].Revents&unix.POLLERR == 0 {
		t.Fatalf("no refusal is pending: %d, %v, %#x", n, err, fds[0].Revents)
	}
	if err := rx[0].Polled(fds[0].Revents); err != nil {
		t.Fatal(err)
	}
	peer, err := net.ListenPacket("udp", remote)
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	to, _ := net.ResolveUDPAddr("udp", local)
	if _, err := peer.WriteTo([]byte("now"), to); err != nil {
		t.Fatal(err)
	}
	if got := take(t, rx[0]); len(got) != 1 || string(got[0]) != "now" {
		t.Errorf("received %q", got)
	}
}

// TestPoll has what a queue waits for.
func TestPoll(t *testing.T) {
	addr := freePort(t, "127.0.0.1")
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 1})
	_, tx, _ := mustOpen(t, addr, &backend.Options{TX: 1})
	if w := tx[0].Poll(); w != backend.Never {
		t.Errorf("an idle sender waits for %+v", w)
	}
	w := rx[0].Poll()
	if w.FD != rx[0].fd || w.Events != unix.POLLIN {
		t.Errorf("an empty receiver waits for %+v", w)
	}
	send(t, tx[0], []byte("x"))
	fds := []unix.PollFd{{Fd: int32(w.FD), Events: w.Events}}
	if n, err := unix.Poll(fds, 5000); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := rx[0].Polled(fds[0].Revents); err != nil || rx[0].Ring().Space() != 1 || rx[0].Poll() != backend.Now {
		t.Errorf("%v, %d packets", err, rx[0].Ring().Space())
	}
}

// TestErrors has what the kernel refuses.
func TestErrors(t *testing.T) {
	taken := freePort(t, "127.0.0.1")
	mustOpen(t, "@"+taken, &backend.Options{RX: 2}) // shared by SO_REUSEPORT among its own queues only
	for _, c := range []struct {
		arg    string
		rx, tx int
		errno  unix.Errno
		remedy string
	}{
		{"@" + taken, 1, 0, unix.EADDRINUSE, "ss -ulpn"},
		{"@" + taken, 2, 0, unix.EADDRINUSE, "ss -ulpn"},
		{"@" + taken + ",127.0.0.1:9", 1, 1, unix.EADDRINUSE, "ss -ulpn"},
		{"@192.0.2.1:4000", 1, 0, unix.EADDRNOTAVAIL, "ip address"},
		{"@[2001:db8::1]:4000", 1, 0, unix.EADDRNOTAVAIL, "ip address"},
		{"@127.0.0.1:0,192.0.2.1:9", 0, 1, unix.EINVAL, "@:0"},
		{"@[fe80::1%nosuch0]:4000", 1, 0, unix.ENODEV, "ip link"},
	} {
		_, _, _, err := Open(c.arg, &backend.Options{RX: c.rx, TX: c.tx})
		if !errors.Is(err, c.errno) || !strings.Contains(err.Error(), c.remedy) {
			t.Errorf("%s: %v; want %v and %q", c.arg, err, c.errno, c.remedy)
		}
	}
}

// TestErrorsByNamespace has refusals that depend on the host's configuration.
func TestErrorsByNamespace(t *testing.T) {
	err := testnet.NS(t).Do(func() error {
		for _, arg := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} { // no route but to loopback
			_, _, _, err := Open(arg, &backend.Options{TX: 1})
			if !errors.Is(err, unix.ENETUNREACH) || !strings.Contains(err.Error(), "ip route get") {
				t.Errorf("%s: %v; want ENETUNREACH", arg, err)
			}
		}
		// Without CAP_NET_BIND_SERVICE, on this thread only: it ends with Do.
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var caps [2]unix.CapUserData
		if err := unix.Capget(&hdr, &caps[0]); err != nil {
			return err
		}
		caps[0].Effective &^= 1 << unix.CAP_NET_BIND_SERVICE
		if err := unix.Capset(&hdr, &caps[0]); err != nil {
			return err
		}
		if _, _, _, err := Open("@127.0.0.1:53", &backend.Options{RX: 1}); !errors.Is(err, unix.EACCES) || !strings.Contains(err.Error(), "CAP_NET_BIND_SERVICE") {
			t.Errorf("port 53: %v; want EACCES", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestNothingStays opens what must fail late, and wants sockets and rings back.
func TestNothingStays(t *testing.T) {
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 16})
	if err != nil {
		t.Fatal(err)
	}
	addr := freePort(t, "127.0.0.1")
	for range 3 {
		if _, _, _, err := Open("@"+addr, &backend.Options{RX: 3, Memory: mem}); err == nil {
			t.Fatal("three rings in a memory for two")
		}
	}
	for range 3 {
		rx, _, _, err := Open("@"+addr, &backend.Options{RX: 1, Memory: mem})
		if err != nil {
			t.Fatal(err)
		}
		_, tx, _, err := Open(addr, &backend.Options{TX: 1, Memory: mem})
		if err != nil {
			t.Fatal(err)
		}
		rx[0].Close()
		tx[0].Close()
	}
	rx, _, _ := mustOpen(t, "@"+addr, &backend.Options{RX: 2, Memory: mem})
	if rx[0].Ring().Memory() != mem {
		t.Error("the rings are not in the memory given")
	}
	for _, arg := range []string{"@" + addr, "@192.0.2.1:1"} {
		n := openFiles(t)
		if _, _, _, err := Open(arg, &backend.Options{RX: 2}); err == nil {
			t.Fatalf("%s opens", arg)
		}
		if now := openFiles(t); now != n {
			t.Errorf("%s: %d descriptors open, %d before", arg, now, n)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(d)
}
