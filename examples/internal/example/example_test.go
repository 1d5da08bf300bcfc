package example

import (
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
)

// The header is in the first slot that has bytes, also across the ring's end,
// and not in the next packet.
func TestHeader(t *testing.T) {
	m, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 1, Slots: 4})
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.NewRing(netmap.RX, 0, 4)
	if err != nil {
		t.Fatal(err)
	}
	h := r.Header()
	h.Head, h.Cur, h.Tail = 3, 3, 2
	for i, s := range []struct {
		text string
		more netmap.SlotFlags
	}{3: {"", netmap.MoreFrag}, 0: {"one", netmap.MoreFrag}, 1: {"two", 0}} {
		slot := r.Slot(uint32(i))
		slot.Len, slot.Flags = uint16(copy(r.Buffer(slot), s.text)), s.more
	}
	for i, want := range map[uint32]string{3: "one", 0: "one", 1: "two"} {
		if got := Header(r, i); string(got) != want {
			t.Errorf("from slot %d: %q, want %q", i, got, want)
		}
	}
	r.Slot(1).Len = 0
	if got := Header(r, 1); len(got) != 0 {
		t.Errorf("an empty packet has the header %q", got)
	}
	h.Tail = 0 // the rest is not here yet
	if got := Header(r, 3); len(got) != 0 {
		t.Errorf("a packet that is not here has the header %q", got)
	}
}
