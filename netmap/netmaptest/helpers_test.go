package netmaptest_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// device makes a Device with nm0 and nm1 joined: 2 transmit and 3 receive
// rings at one end, 3 and 1 at the other.
func device(t testing.TB) *netmaptest.Device {
	t.Helper()
	d := netmaptest.New(nil)
	for name, c := range map[string]netmaptest.NIC{
		"nm0": {TxRings: 2, RxRings: 3, TxSlots: 64, RxSlots: 48},
		"nm1": {TxRings: 3, RxRings: 1, TxSlots: 32, RxSlots: 33},
	} {
		ok(t, d.AddNIC(name, c))
	}
	ok(t, d.Loop("nm0", "nm1"))
	t.Cleanup(func() {
		if n := d.OpenFiles(); n != 0 {
			t.Errorf("%d descriptors are still open at the end", n)
		}
		if m, _ := d.Memory(1); m.Users != 0 || m.Leaked != 0 || m.FreeBufs != m.Bufs || m.FreeRings != m.Rings || m.FreeIfs != m.Ifs {
			t.Errorf("memory 1 is not whole at the end: %+v", m)
		}
		if n := d.Memories(); n != 1 {
			t.Errorf("%d regions at the end, want 1", n)
		}
	})
	return d
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, d *netmaptest.Device, spec string) *netmap.Port {
	t.Helper()
	return openWith(t, spec, &netmap.Config{Device: d})
}

func openWith(t testing.TB, spec string, c *netmap.Config) *netmap.Port {
	t.Helper()
	p, err := netmap.Open(spec, c)
	ok(t, err)
	t.Cleanup(func() { ok(t, p.Close()) })
	return p
}

// register opens a descriptor and binds it, without package netmap's port.
func register(t testing.TB, d *netmaptest.Device, name string, r *netmap.RegisterReq) (netmap.File, error) {
	t.Helper()
	f, err := d.Open()
	ok(t, err)
	if err := f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: name, Body: r}); err != nil {
		ok(t, f.Close())
		return nil, err
	}
	t.Cleanup(func() { _ = f.Close() })
	return f, nil
}

// frame makes a UDP/IPv4 frame of n bytes; flow varies the source port.
func frame(dst, src byte, flow uint16, n int) []byte {
	b := make([]byte, n)
	copy(b, []byte{2, 0, 0, 0, 0, dst, 2, 0, 0, 0, 0, src, 8, 0, 0x45})
	b[23] = 17
	copy(b[26:], []byte{10, 0, 0, 1, 10, 0, 0, 2})
	binary.BigEndian.PutUint16(b[34:], flow)
	for i := 42; i < n; i++ {
		b[i] = byte(i*7) + src + byte(flow)
	}
	return b
}

var broadcast = append([]byte{255, 255, 255, 255, 255, 255}, frame(0, 1, 0, 60)[6:]...)

// put places one packet into a transmit ring, without a sync.
func put(t testing.TB, q *netmap.Queue, b []byte) {
	t.Helper()
	r := q.Ring()
	for first := true; first || len(b) > 0; first = false {
		if r.Space() == 0 {
			t.Fatal("no room in the transmit ring")
		}
		s := r.Slot(r.Head())
		n := copy(r.Buffer(s), b)
		b = b[n:]
		s.Len, s.Flags = uint16(n), 0
		if len(b) > 0 {
			s.Flags = netmap.MoreFrag
		}
		r.Advance(1)
	}
}

func send(t testing.TB, q *netmap.Queue, frames ...[]byte) {
	t.Helper()
	for _, b := range frames {
		put(t, q, b)
	}
	ok(t, q.Sync())
}

// take syncs and returns copies of the packets of a receive ring.
func take(t testing.TB, q *netmap.Queue) (frames [][]byte) {
	t.Helper()
	ok(t, q.Sync())
	var b []byte
	r := q.Ring()
	for r.Space() > 0 {
		s := r.Slot(r.Head())
		b = append(b, r.Bytes(s)...)
		if s.Flags&netmap.MoreFrag == 0 {
			frames = append(frames, b)
			b = nil
		}
		r.Advance(1)
	}
	return frames
}

func takeAll(t testing.TB, p *netmap.Port) (frames [][]byte) {
	t.Helper()
	for _, q := range p.RX() {
		frames = append(frames, take(t, q)...)
	}
	return frames
}

func same(t testing.TB, got [][]byte, want ...[]byte) {
	t.Helper()
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Fatalf("got %d frames %s\nwant %d %s", len(got), brief(got), len(want), brief(want))
	}
}

func brief(frames [][]byte) (s string) {
	for _, b := range frames[:min(8, len(frames))] {
		s += fmt.Sprintf("\n%4d: %x", len(b), b[:min(48, len(b))])
	}
	return s
}
