package netlab

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func testPair(t testing.TB, opt *PairOptions) *Pair {
	t.Helper()
	p, err := NewPair(testNS(t), testNS(t), opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func link(t *testing.T, e End) (attrs netlink.LinkAttrs) {
	t.Helper()
	err := e.NS.Do(func() error {
		l, err := netlink.LinkByName(e.Name)
		if err == nil {
			attrs = *l.Attrs()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return attrs
}

func TestPairDefault(t *testing.T) {
	p := testPair(t, nil)
	for name, e := range map[string]End{"veth-a": p.A, "veth-b": p.B} {
		l := link(t, e)
		if l.Name != name || l.Index != e.Index || !bytes.Equal(l.HardwareAddr, e.MAC) || len(e.MAC) != 6 ||
			l.MTU != 1500 || l.NumTxQueues != 1 || l.NumRxQueues != 1 ||
			l.Flags&net.FlagUp == 0 || l.OperState != netlink.OperUp {
			t.Errorf("%s: end %+v, link %+v", name, e, l)
		}
		e.NS.Do(func() error {
			list, err := netlink.LinkList()
			if err != nil || len(list) != 2 {
				t.Errorf("%s: %d devices (%v), want lo and the end", name, len(list), err)
			}
			addrs, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
			for _, a := range addrs {
				if a.LinkIndex == e.Index {
					t.Errorf("%s has the address %v (%v), want none", name, a, err)
				}
			}
			return nil
		})
	}
	if _, err := net.InterfaceByName("veth-a"); err == nil {
		t.Error("veth-a is seen outside")
	}
}

func TestPairOptions(t *testing.T) {
	p := testPair(t, &PairOptions{
		NameA: "left", NameB: "right", MTU: 9000, Queues: 3,
		AddrsA: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")},
		AddrsB: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24"), netip.MustParsePrefix("fd00::2/64")},
	})
	for name, e := range map[string]End{"left": p.A, "right": p.B} {
		l := link(t, e)
		if l.Name != name || l.MTU != 9000 || l.NumTxQueues != 3 || l.NumRxQueues != 3 {
			t.Errorf("%s is %+v", name, l)
		}
	}
	for _, addrs := range [][2]string{{"10.0.0.1:0", "10.0.0.2:0"}, {"[fd00::1]:0", "[fd00::2]:0"}} {
		if err := pingUDP(p.A.NS, p.B.NS, addrs[0], addrs[1]); err != nil {
			t.Error(err)
		}
	}
}

// pingUDP sends a datagram from a to b, through sockets opened in either.
func pingUDP(a, b *NS, addrA, addrB string) error {
	listen := func(n *NS, addr string) (c net.PacketConn, err error) {
		err = n.Do(func() error { c, err = net.ListenPacket("udp", addr); return err })
		return c, err
	}
	src, err := listen(a, addrA)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := listen(b, addrB)
	if err != nil {
		return err
	}
	defer dst.Close()
	if _, err := src.WriteTo([]byte("hello"), dst.LocalAddr()); err != nil {
		return err
	}
	dst.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 16)
	n, from, err := dst.ReadFrom(buf)
	if err != nil {
		return err
	}
	if string(buf[:n]) != "hello" || from.String() != src.LocalAddr().String() {
		return fmt.Errorf("%q came from %v", buf[:n], from)
	}
	return nil
}

// exchange is what "works in a user namespace" means: a pair, and a datagram
// across it.
func exchange() error {
	a, err := NewNS()
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := NewNS()
	if err != nil {
		return err
	}
	defer b.Close()
	p, err := NewPair(a, b, &PairOptions{
		AddrsA: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")},
		AddrsB: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/24")},
	})
	if err != nil {
		return err
	}
	if err := pingUDP(a, b, "10.0.0.1:0", "10.0.0.2:0"); err != nil {
		return err
	}
	c, err := b.Counters(p.B.Name)
	if err == nil && c.RxPackets == 0 {
		err = errors.New("the datagram came, but not through the pair")
	}
	return err
}

// TestSilence: right after NewPair a frame sent on either end arrives at the
// other, and nothing else ever does.
func TestSilence(t *testing.T) {
	const frames, size = 100, 60
	for range 5 {
		p := testPair(t, nil)
		for _, e := range []End{p.A, p.B} {
			if err := sendFrames(e, frames, size); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(200 * time.Millisecond) // IPv6 would have spoken up
		want := Counters{RxPackets: frames, RxBytes: frames * size, TxPackets: frames, TxBytes: frames * size}
		for _, e := range []End{p.A, p.B} {
			got, err := e.NS.Counters(e.Name)
			if err != nil {
				t.Fatal(err)
			}
			got.RxDropped = 0 // a frame nobody asked for counts here, too
			if got != want {
				t.Errorf("%s counts %+v, want %+v", e.Name, got, want)
			}
		}
	}
}

// sendFrames sends frames to a foreign address, as a packet socket does.
func sendFrames(e End, count, size int) error {
	return e.NS.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		frame := make([]byte, size)
		copy(frame, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5}) // local experimental EtherType
		for range count {
			if err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: e.Index}); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestPairErrors(t *testing.T) {
	a, b := testNS(t), testNS(t)
	if _, err := NewPair(a, b, nil); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		opt PairOptions
		is  error
	}{
		"name taken":      {PairOptions{NameB: "other"}, unix.EEXIST},
		"peer name taken": {PairOptions{NameA: "other"}, unix.EEXIST},
		"MTU too large":   {PairOptions{NameA: "x", NameB: "y", MTU: 1 << 20}, unix.EINVAL},
		"MTU negative":    {PairOptions{NameA: "x", NameB: "y", MTU: -1}, unix.EINVAL},
		"queues negative": {PairOptions{NameA: "x", NameB: "y", Queues: -1}, unix.EINVAL},
		"address twice": {PairOptions{NameA: "x", NameB: "y", AddrsB: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("10.0.0.1/24")}}, unix.EEXIST},
	} {
		_, err := NewPair(a, b, &c.opt)
		if !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %v", name, err, c.is)
			continue
		}
		contains(t, err.Error(), "netlab: ", c.is.Error())
		for n, dev := range map[*NS]string{a: "x", b: "y"} {
			if _, err := n.Counters(dev); !errors.Is(err, unix.ENODEV) {
				t.Errorf("%s: %s is left: %v", name, dev, err)
			}
		}
	}
}

func TestSetUpDelete(t *testing.T) {
	p := testPair(t, nil)
	if err := p.A.NS.SetUp("veth-a", false); err != nil {
		t.Fatal(err)
	}
	if l := link(t, p.A); l.Flags&net.FlagUp != 0 {
		t.Error("veth-a is still up")
	}
	eventually(t, "the peer loses its carrier", func() bool { return link(t, p.B).OperState != netlink.OperUp })
	if err := p.A.NS.SetUp("veth-a", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the peer has its carrier back", func() bool { return link(t, p.B).OperState == netlink.OperUp })
	if err := p.B.NS.Delete("veth-b"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.A.NS.Counters("veth-a"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("veth-a after the other end is deleted: %v", err)
	}
	if err := p.A.NS.SetUp("veth-a", true); !errors.Is(err, unix.ENODEV) {
		t.Errorf("SetUp of what is gone: %v", err)
	}
}

func gone(n *NS, dev string) func() bool {
	return func() bool {
		_, err := n.Counters(dev)
		return errors.Is(err, unix.ENODEV)
	}
}

// TestCloseRemoves watches the far end, which goes only with the namespace.
func TestCloseRemoves(t *testing.T) {
	p := testPair(t, nil)
	if gone(p.B.NS, "veth-b")() {
		t.Fatal("veth-b is not there to begin with")
	}
	p.A.NS.Close()
	eventually(t, "veth-b is gone with the other namespace", gone(p.B.NS, "veth-b"))
}

// TestKillRemoves: a process that made a namespace and a pair leaves neither
// behind when it is killed.
func TestKillRemoves(t *testing.T) {
	n := testNS(t)
	cmd := helperCmd("hold")
	cmd.ExtraFiles = []*os.File{n.f}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("helper says %q", line)
	}
	if _, err := n.Counters("veth-b"); err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	eventually(t, "veth-b is gone with the killed process", gone(n, "veth-b"))
}

// TestChildKeeps: the documented exception to Close.
func TestChildKeeps(t *testing.T) {
	p := testPair(t, nil)
	cmd := helperCmd("sleep")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.A.NS.Start(cmd); err != nil {
		t.Fatal(err)
	}
	p.A.NS.Close()
	time.Sleep(200 * time.Millisecond)
	if gone(p.B.NS, "veth-b")() {
		t.Error("the namespace went though a process is inside")
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	eventually(t, "veth-b is gone with the process", gone(p.B.NS, "veth-b"))
}

func TestParallel(t *testing.T) {
	needRights(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if err := exchange(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSameNamespace(t *testing.T) {
	n := testNS(t)
	if _, err := NewPair(n, n, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Counters("veth-b"); err != nil {
		t.Error(err)
	}
}
