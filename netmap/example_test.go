package netmap_test

import (
	"fmt"

	"github.com/ringwalk/ringwalk/netmap"
)

// rings makes a receive ring that holds three packets, as a sync would have
// left it, and an empty transmit ring in the same memory.
func rings() (rx, tx *netmap.Ring) {
	m, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 8})
	if err != nil {
		panic(err)
	}
	rx, _ = m.NewRing(netmap.RX, 0, 8)
	tx, _ = m.NewRing(netmap.TX, 0, 8)
	for _, s := range []string{"one", "two", "three"} {
		h := rx.Header()
		slot := rx.Slot(h.Tail)
		slot.Len = uint16(copy(rx.Buffer(slot), s))
		h.Tail = rx.Next(h.Tail)
	}
	return rx, tx
}

// A receiver walks the two runs of its slots and gives them back.
func ExampleRing() {
	rx, _ := rings()
	a, b := rx.Runs()
	for _, run := range [][]netmap.Slot{a, b} {
		for i := range run {
			fmt.Printf("%s ", rx.Bytes(&run[i]))
		}
	}
	rx.Advance(len(a) + len(b))
	fmt.Println("left:", rx.Space())
	// Output: one two three left: 0
}

// The same in the manner of netmap's C programs.
func ExampleRing_head() {
	rx, _ := rings()
	for i := rx.Head(); i != rx.Tail(); i = rx.Next(i) {
		fmt.Printf("%s ", rx.Bytes(rx.Slot(i)))
		rx.SetHead(rx.Next(i))
		rx.SetCur(rx.Next(i))
	}
	fmt.Println("left:", rx.Space())
	// Output: one two three left: 0
}

// Forwarding by hand: a free slot's buffer comes in exchange for the packet's.
func ExampleSwap() {
	rx, tx := rings()
	in, out := rx.Slot(rx.Head()), tx.Slot(tx.Head())
	netmap.Swap(out, in)
	rx.Advance(1)
	tx.Advance(1)
	fmt.Printf("%s, changed: %v\n", tx.Bytes(out), out.Flags&netmap.BufChanged != 0)
	// Output: one, changed: true
}

func ExampleMove() {
	rx, tx := rings()
	n, err := netmap.Move(tx, rx, 2)
	fmt.Println(n, err, "left:", rx.Space(), "to send:", tx.Pending())
	// Output: 2 <nil> left: 1 to send: 2
}

// Keep a packet: a spare buffer takes its place in the ring.
func ExamplePool() {
	m, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 1, Slots: 8, Extra: 4})
	if err != nil {
		panic(err)
	}
	pool, err := m.NewPool(4)
	if err != nil {
		panic(err)
	}
	rx, _ := m.NewRing(netmap.RX, 0, 8)
	slot := rx.Slot(rx.Head())
	copy(rx.Buffer(slot), "keep me")

	spare, _ := pool.Get()
	kept := slot.BufIdx
	slot.BufIdx, slot.Flags = spare, slot.Flags|netmap.BufChanged
	fmt.Printf("%s, %d spare left\n", pool.Bytes(kept)[:7], pool.Len())
	pool.Put(kept)
	// Output: keep me, 3 spare left
}

// A packet of two fragments: all slots but its last one say that it goes on.
func ExampleSlot() {
	_, tx := rings()
	for i, part := range []string{"a packet ", "of two slots"} {
		slot := tx.Slot(tx.Head())
		slot.Len, slot.Flags = uint16(copy(tx.Buffer(slot), part)), 0
		if i == 0 {
			slot.Flags = netmap.MoreFrag
		}
		tx.Advance(1)
	}
	for i := range uint32(2) {
		slot := tx.Slot(i)
		fmt.Printf("%q, more: %v\n", tx.Bytes(slot), slot.Flags&netmap.MoreFrag != 0)
	}
	// Output:
	// "a packet ", more: true
	// "of two slots", more: false
}
