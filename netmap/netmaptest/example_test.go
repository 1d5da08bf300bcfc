package netmaptest_test

import (
	"fmt"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// Two NICs on one cable: what the program under test sends on one is read
// from the other.
func ExampleDevice() {
	d := netmaptest.New(nil)
	_ = d.AddNIC("lan", netmaptest.NIC{TxRings: 2, RxRings: 3})
	_ = d.AddNIC("peer", netmaptest.NIC{})
	_ = d.Loop("lan", "peer")

	lan, err := netmap.Open("netmap:lan", &netmap.Config{Device: d})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lan.Close()
	peer, err := netmap.Open("netmap:peer", &netmap.Config{Device: d})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer peer.Close()

	out := lan.TX()[1]
	slot := out.Ring().Slot(out.Ring().Head())
	slot.Len = uint16(copy(out.Ring().Buffer(slot), "hello, cable"))
	out.Ring().Advance(1)
	_ = out.Sync()

	in := peer.RX()[0]
	_ = in.Sync()
	fmt.Printf("%s\n", in.Ring().Bytes(in.Ring().Slot(in.Ring().Head())))
	// Output: hello, cable
}

// A test for leaks: open, use, close, and look at the books.
func ExampleDevice_Memory() {
	d := netmaptest.New(nil)
	_ = d.AddNIC("nm0", netmaptest.NIC{})
	for range 3 {
		p, err := netmap.Open("netmap:nm0", &netmap.Config{Device: d, ExtraBufs: 8})
		if err != nil {
			fmt.Println(err)
			return
		}
		p.Pool().Get() // and never put back
		_ = p.Close()
	}
	m, _ := d.Memory(1)
	fmt.Println(m.Leaked, "buffers leaked,", d.OpenFiles(), "descriptors open")
	// Output: 3 buffers leaked, 0 descriptors open
}
