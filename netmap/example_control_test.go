package netmap_test

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// A persistent port is made, joined to a switch, listed and removed. With the
// zero Control it is the kernel that does it.
func ExampleControl() {
	c := netmap.Control{Device: netmaptest.New(nil)}
	if _, err := c.VALENewIf("v0", nil); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := c.VALEAttach("vale0:v0", nil); err != nil {
		fmt.Println(err)
		return
	}
	ports, _ := c.VALEList("")
	fmt.Println(ports[0].Name, "is port", ports[0].Index)
	err := c.VALEDelIf("v0")
	fmt.Println(errors.Is(err, syscall.EBUSY))
	_, err = c.VALEDetach("vale0:v0")
	fmt.Println(err, c.VALEDelIf("v0"))
	// Output:
	// vale0:v0 is port 0
	// true
	// <nil> <nil>
}

// The kernel's loop syncs one end of a pipe: Sync is memory access there, and
// wakes the loop only if it sleeps.
func ExamplePort_RunKloop() {
	d := netmaptest.New(nil)
	a, err := netmap.Open("netmap:x{1/x", &netmap.Config{Device: d, Kloop: &netmap.KloopConfig{Sleep: time.Millisecond}})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := netmap.Open("netmap:x}1", &netmap.Config{Device: d})
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- a.RunKloop() }()

	tx, rx := a.TX()[0], b.RX()[0]
	slot := tx.Ring().Slot(tx.Ring().Head())
	slot.Len = uint16(copy(tx.Ring().Buffer(slot), "hello"))
	tx.Ring().Advance(1)
	if err := errors.Join(tx.Sync(), rx.Wait(5*time.Second)); err != nil {
		fmt.Println(err)
	}
	fmt.Printf("%s\n", rx.Ring().Bytes(rx.Ring().Slot(rx.Ring().Head())))
	fmt.Println(a.StopKloop(), <-ended, a.Close(), b.Close())
	// Output:
	// hello
	// <nil> <nil> <nil> <nil>
}

// Room for a header before each packet.
func ExampleOptOffsets() {
	d := netmaptest.New(nil)
	c := &netmap.Config{Device: d, Offsets: &netmap.OptOffsets{Max: 64, Initial: 64, Bits: 16}}
	p, err := netmap.Open("netmap:x{1", c)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	r := p.TX()[0].Ring()
	s := r.Slot(r.Head())
	fmt.Println("a packet has", len(r.Buffer(s)), "bytes")
	s.Len = uint16(copy(r.Buffer(s), "packet"))
	s.Ptr -= 7 // it begins earlier now
	s.Len += 7
	copy(r.Buffer(s), "header ")
	fmt.Printf("%s\n", r.Bytes(s))
	// Output:
	// a packet has 1984 bytes
	// header packet
}
