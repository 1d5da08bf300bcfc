package mmsg

import (
	"math/bits"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/netmap"
)

// onLoopback is a packet socket on the loopback device of a new namespace, with
// a ring, and how to send a frame to it. It comes twice: leaving and arriving.
func onLoopback(t *testing.T) (rx *Rx, send func([]byte)) {
	t.Helper()
	ns := testnet.NS(t)
	fd := -1
	err := ns.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bits.ReverseBytes16(unix.ETH_P_ALL), Ifindex: 1})
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		t.Fatal(err)
	}
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 1, Slots: 16})
	if err != nil {
		t.Fatal(err)
	}
	ring, err := mem.NewRing(netmap.RX, 0, 16)
	if err != nil {
		t.Fatal(err)
	}
	rx = &Rx{}
	rx.Init(fd, ring, func(e unix.Errno) error { return e })
	return rx, func(f []byte) {
		t.Helper()
		if err := unix.Sendto(fd, f, 0, &unix.SockaddrLinklayer{Ifindex: 1}); err != nil {
			t.Fatal(err)
		}
	}
}

// The kernel drops a frame for which it cannot fill the header, and says EINVAL,
// between others that it hands over.
func TestRxUndescribed(t *testing.T) {
	rx, send := onLoopback(t)
	if err := rx.Ask(&Wants{Auxdata: true, VnetHdr: true}); err != nil {
		t.Fatal(err)
	}
	// A message with no room for the header comes to the same point of the
	// kernel as one of a kind the header has no word for (packet_rcv_vnet).
	spoil := func(i int, vec int) { rx.msgs[i].hdr.SetIovlen(vec) }
	for _, first := range []int{0, 2} {
		spoil(first, 0)
		for range 5 {
			send(make([]byte, 60))
		}
		before := rx.Counters().Packets.Load()
		for range 3 {
			if err := rx.Sync(); err != nil {
				t.Fatalf("after a frame that cannot be described: %v", err)
			}
			spoil(first, 2)
		}
		got := rx.Counters().Packets.Load() - before
		if n := rx.Counters().Undescribed.Load(); n != 1 || got != 4 || rx.ring.Space() != 4 {
			t.Errorf("%d frames, %d in the ring, %d that cannot be described; want 4, 4 and 1", got, rx.ring.Space(), n)
		}
		rx.ring.Advance(rx.ring.Space())
		rx.Counters().Undescribed.Store(0)
		rx.ring.SetHead(rx.ring.Head())
		for rx.ring.Tail() != 0 { // around to slot 0
			send(make([]byte, 60))
			if err := rx.Sync(); err != nil {
				t.Fatal(err)
			}
			rx.ring.Advance(rx.ring.Space())
		}
		if err := rx.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}

// What the kernel would never say is not believed.
func TestRxAbsurdMessages(t *testing.T) {
	rx, _ := onLoopback(t)
	if err := rx.Ask(&Wants{Auxdata: true, VnetHdr: true, Clock: 1}); err != nil {
		t.Fatal(err)
	}
	aux := auxdata(typed, 60, 60, 5, 0x8100)
	copy(rx.control[3*rx.space:], aux)
	copy(rx.control[4*rx.space:], aux)
	copy(rx.control[5*rx.space:], aux)
	for i, n := range []uint32{0, 9, 10, 10 + 11, 10 + 65533, 10 + 1<<16, 1<<32 - 1} {
		rx.msgs[i].len = n
		rx.msgs[i].hdr.SetControllen(1 << 20)
	}
	packets, bytes := rx.deliver(0, 7)
	// Shorter than the header before it (0 and 9 bytes), no room for the tag,
	// and longer than any buffer, with a tag and without; the frame of 0 bytes and that of 11 are all there.
	if got := rx.Counters().Truncated.Load(); packets != 2 || bytes != 11 || got != 5 {
		t.Errorf("%d packets of %d bytes, %d truncated", packets, bytes, got)
	}
	if a, b := rx.ring.Slot(0).Len, rx.ring.Slot(1).Len; a != 0 || b != 11 {
		t.Errorf("lengths %d and %d, want 0 and 11", a, b)
	}
	if n := rx.msgs[0].hdr.Controllen; n != uint64(rx.space) {
		t.Errorf("room for control messages is %d afterwards, want %d", n, rx.space)
	}
}
