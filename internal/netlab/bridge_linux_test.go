package netlab

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestBridge: a frame to an address that the bridge knows comes to its port
// only, one that it does not know to all others, and nobody else sends.
func TestBridge(t *testing.T) {
	middle := testNS(t)
	var ends []End
	var names []string
	for i := range 3 {
		p, err := NewPair(testNS(t), middle, &PairOptions{NameA: "end", NameB: fmt.Sprint("port", i)})
		if err != nil {
			t.Fatal(err)
		}
		ends, names = append(ends, p.A), append(names, p.B.Name)
	}
	err := middle.Bridge(names[:2]...)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip(err)
	}
	known := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	if err == nil {
		err = middle.Plug(names[2], known)
	}
	if err != nil {
		t.Fatal(err)
	}
	send := func(to net.HardwareAddr) {
		frame := append(append(append([]byte{}, to...), ends[0].MAC...), make([]byte, 48)...)
		err := ends[0].NS.Do(func() error {
			fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: ends[0].Index})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got := func() (n [2]uint64) {
		for i, e := range ends[1:] {
			c, err := e.NS.Counters(e.Name)
			if err != nil {
				t.Fatal(err)
			}
			n[i] = c.RxPackets
		}
		return n
	}
	for _, c := range []struct {
		to   net.HardwareAddr
		want [2]uint64
	}{{known, [2]uint64{0, 1}}, {net.HardwareAddr{2, 0, 0, 0, 0, 8}, [2]uint64{1, 2}}} {
		send(c.to)
		for end := time.Now().Add(5 * time.Second); got() != c.want && time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
		if n := got(); n != c.want {
			t.Errorf("after a frame to %v the others have %v, want %v", c.to, n, c.want)
		}
	}
	if err := middle.Plug("nosuch", nil); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Error(err)
	}
	if err := middle.Bridge(); !errors.Is(err, unix.EEXIST) {
		t.Errorf("a second one: %v", err)
	}
}
