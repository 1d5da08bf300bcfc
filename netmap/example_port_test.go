package netmap_test

import (
	"errors"
	"fmt"
	"log"
	"syscall"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// A pipe's two ends: what one sends, the other receives. On the kernel's netmap
// the Device is left out.
func ExamplePort() {
	cfg := &netmap.Config{Device: netmaptest.New(nil)}
	a, err := netmap.Open("netmap:p{1", cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	b, err := netmap.Open("netmap:p}1", cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()

	tx := a.TX()[0]
	slot := tx.Ring().Slot(tx.Ring().Head())
	slot.Len = uint16(copy(tx.Ring().Buffer(slot), "through the pipe"))
	tx.Ring().Advance(1)
	if err := tx.Sync(); err != nil {
		log.Fatal(err)
	}
	rx := b.RX()[0]
	if err := rx.Wait(-1); err != nil { // it comes synced
		log.Fatal(err)
	}
	fmt.Printf("%s, %d slots a ring, one memory: %v\n", rx.Ring().Bytes(rx.Ring().Slot(rx.Ring().Head())),
		b.Info().RxSlots, a.Info().MemID == b.Info().MemID)
	// Output: through the pipe, 1024 slots a ring, one memory: true
}

// Rings in process memory: a data plane without a NIC.
func ExampleMemory() {
	m, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 64, BufSize: 1000})
	if err != nil {
		log.Fatal(err)
	}
	tx, err := m.NewRing(netmap.TX, 0, 64)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(tx.NumSlots(), "slots,", tx.Space(), "free, buffers of", m.BufSize())
	m.FreeRing(tx)
	// Output: 64 slots, 63 free, buffers of 1088
}

// An error says what was tried, on which port, the kernel's word, and what to
// do about it.
func ExampleOpError() {
	d := netmaptest.New(nil) // leave Config.Device out for the kernel's
	_, err := netmap.Open("netmap:eth7", &netmap.Config{Device: d})
	var op *netmap.OpError
	if errors.As(err, &op) {
		fmt.Println(op.Op, op.Port)
	}
	fmt.Println("no such interface:", errors.Is(err, syscall.ENXIO))
	fmt.Println(err)
	// Output:
	// open netmap:eth7
	// no such interface: true
	// open netmap:eth7: no interface "eth7" here that netmap can take (ip link shows those there are): no such device or address
}
