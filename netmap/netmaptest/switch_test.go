package netmaptest_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

func TestVALE(t *testing.T) {
	d := device(t)
	a, b, c := open(t, d, "vale0:a"), open(t, d, "vale0:b"), open(t, d, "vale0:c")
	other := open(t, d, "vale1:a")
	at := map[string]*netmap.Port{"a": a, "b": b, "c": c, "other": other}
	expect := func(f []byte, names ...string) {
		t.Helper()
		for name, p := range at {
			var want [][]byte
			for _, n := range names {
				if n == name {
					want = append(want, f)
				}
			}
			same(t, takeAll(t, p), want...)
		}
	}
	all := append([]byte{255, 255, 255, 255, 255, 255}, frame(0, 1, 0, 60)[6:]...)
	send(t, a.TX()[0], all) // broadcast floods, and 2:…:1 is learned at a
	expect(all, "b", "c")
	send(t, b.TX()[0], frame(1, 2, 0, 60)) // learned unicast goes to one
	expect(frame(1, 2, 0, 60), "a")
	send(t, c.TX()[0], frame(2, 3, 0, 1500))
	expect(frame(2, 3, 0, 1500), "b")
	send(t, c.TX()[0], frame(9, 3, 0, 60)) // unknown floods
	expect(frame(9, 3, 0, 60), "a", "b")
	send(t, a.TX()[0], frame(1, 1, 0, 60)) // to itself: dropped
	expect(nil)
	send(t, a.TX()[0], frame(2, 1, 0, 60)[:13]) // no Ethernet header: dropped
	expect(nil)
	send(t, b.TX()[0], frame(3, 1, 0, 60)) // 2:…:1 has moved to b
	expect(frame(3, 1, 0, 60), "c")
	send(t, c.TX()[0], frame(1, 3, 0, 60))
	expect(frame(1, 3, 0, 60), "b")
	ok(t, b.Close()) // the entry stays and leads nowhere
	delete(at, "b")
	send(t, c.TX()[0], frame(1, 3, 0, 60))
	expect(nil)
}

// All is taken from the sender at once; what finds no room is lost.
func TestVALEDropsAtAFullReceiver(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "vale0:a@conf:slots=64"), open(t, d, "vale0:b@conf:slots=16")
	for i := range 40 {
		put(t, a.TX()[0], frame(9, 1, uint16(i), 60))
	}
	ok(t, a.TX()[0].Sync())
	if a.TX()[0].Ring().Pending() != 0 {
		t.Error("VALE held the sender back")
	}
	got := take(t, b.RX()[0])
	if len(got) != 15 || !bytes.Equal(got[14], frame(9, 1, 14, 60)) {
		t.Errorf("%d frames", len(got))
	}
	if c := d.Counters("vale0:b"); c.Received != 15 || c.Dropped != 25 {
		t.Errorf("%+v", c)
	}
}

func TestVALEFragments(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "vale0:a@conf:slots=64"), open(t, d, "vale0:b@conf:slots=16")
	long := frame(9, 1, 3, 10049)
	send(t, a.TX()[0], long, broadcast)
	ok(t, b.RX()[0].Sync())
	r := b.RX()[0].Ring()
	if s := r.Slot(0); s.Flags != netmap.MoreFrag|5<<8 || r.Slot(4).Flags != 5<<8 || r.Slot(5).Flags != 1<<8 {
		t.Errorf("flags %#x, %#x, %#x", s.Flags, r.Slot(4).Flags, r.Slot(5).Flags)
	}
	same(t, take(t, b.RX()[0]), long, broadcast)
	ok(t, b.RX()[0].Sync())
	// A packet without its end is sent without it.
	put(t, a.TX()[0], frame(9, 1, 3, 100))
	x := a.TX()[0].Ring()
	x.Slot(x.Head() - 1).Flags |= netmap.MoreFrag
	ok(t, a.TX()[0].Sync())
	same(t, take(t, b.RX()[0]), frame(9, 1, 3, 100))
}

// Unicast keeps its ring's number, floods go to ring 0 (nm_vale_flush).
func TestVALERings(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "vale0:a@conf:rings=3"), open(t, d, "vale0:b@conf:rings=2")
	send(t, b.TX()[1], frame(1, 2, 0, 60)) // floods
	same(t, take(t, a.RX()[0]), frame(1, 2, 0, 60))
	for i, want := range []int{0, 1, 0} {
		send(t, a.TX()[i], frame(2, 1, uint16(i), 60))
		same(t, take(t, b.RX()[want]), frame(2, 1, uint16(i), 60))
	}
}

func TestVALELimit(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "vale0:a@conf:slots=32"), open(t, d, "vale0:b@conf:slots=32")
	ok(t, d.SetLimit("vale0:a", 2))
	send(t, a.TX()[0], broadcast, broadcast, frame(9, 1, 0, 5000), broadcast)
	if n := a.TX()[0].Ring().Pending(); n != 4 {
		t.Errorf("%d slots pending of 6, limit 2", n)
	}
	ok(t, a.TX()[0].Sync())
	ok(t, a.TX()[0].Sync())
	same(t, take(t, b.RX()[0]), broadcast, broadcast, frame(9, 1, 0, 5000), broadcast)
}

func TestPipe(t *testing.T) {
	d := device(t)
	a := open(t, d, "netmap:nm0{7")
	b := open(t, d, "netmap:nm0}7")
	if a.Info().TxSlots != 64 || a.Info().RxSlots != 48 || b.Info().TxSlots != 48 || b.Info().RxSlots != 64 {
		t.Errorf("pipe ends %+v, %+v", a.Info(), b.Info())
	}
	x, y := a.TX()[0], b.RX()[0]
	var sent []uint32
	for i := range 10 {
		sent = append(sent, x.Ring().Slot(x.Ring().Head()).BufIdx)
		put(t, x, frame(2, 1, uint16(i), 60+i))
	}
	ok(t, x.Sync())
	if x.Ring().Pending() != 10 {
		t.Errorf("%d pending, nobody has read", x.Ring().Pending())
	}
	ok(t, y.Sync())
	for i := range 7 {
		s := y.Ring().Slot(y.Ring().Head())
		if s.BufIdx != sent[i] { // the very buffer
			t.Errorf("packet %d was copied", i)
		}
		y.Ring().Advance(1)
	}
	ok(t, y.Sync())
	ok(t, x.Sync())
	if x.Ring().Pending() != 3 {
		t.Errorf("%d pending of 10, 7 read", x.Ring().Pending())
	}
	same(t, take(t, y), frame(2, 1, 7, 67), frame(2, 1, 8, 68), frame(2, 1, 9, 69))
	ok(t, y.Sync())
	// Back-pressure: 63 fit, none is lost.
	for x.Sync(); x.Ring().Space() > 0; {
		put(t, x, broadcast)
	}
	ok(t, x.Sync())
	if x.Ring().Space() != 0 || len(take(t, y)) != 63 {
		t.Error("the pipe lost packets or took more than it holds")
	}
	// A packet without its end is withheld.
	ok(t, y.Sync())
	ok(t, x.Sync())
	put(t, x, broadcast)
	x.Ring().Slot((x.Ring().Head() + 63) % 64).Flags |= netmap.MoreFrag
	ok(t, x.Sync())
	same(t, take(t, y))
	send(t, x, frame(2, 1, 1, 70))
	same(t, take(t, y), append(bytes.Clone(broadcast), frame(2, 1, 1, 70)...))
	// And the other way.
	send(t, b.TX()[0], frame(1, 2, 1, 80))
	same(t, take(t, a.RX()[0]), frame(1, 2, 1, 80))
}

// A swapped buffer stays with the pipe; the sender gets the other one.
func TestPipeSwap(t *testing.T) {
	d := device(t)
	a := open(t, d, "netmap:nm0{7")
	b := openWith(t, "netmap:nm0}7", &netmap.Config{Device: d, ExtraBufs: 1})
	spare, _ := b.Pool().Get()
	sent := a.TX()[0].Ring().Slot(0).BufIdx
	send(t, a.TX()[0], broadcast)
	ok(t, b.RX()[0].Sync())
	s := b.RX()[0].Ring().Slot(0)
	s.BufIdx, s.Flags = spare, netmap.BufChanged
	b.RX()[0].Ring().Advance(1)
	b.Pool().Put(sent)
	ok(t, b.RX()[0].Sync())
	ok(t, a.TX()[0].Sync())
	if got := a.TX()[0].Ring().Slot(0); got.BufIdx != spare || s.Flags != 0 {
		t.Errorf("slot 0 came back with buffer %d, want %d", got.BufIdx, spare)
	}
}

func TestPipeWithoutPeer(t *testing.T) {
	d := device(t)
	a := open(t, d, "netmap:lone{p") // no such interface: the port is made
	send(t, a.TX()[0], broadcast)
	begin := time.Now()
	for a.TX()[0].Ring().Space() > 0 {
		put(t, a.TX()[0], broadcast)
	}
	ok(t, a.TX()[0].Sync())
	ok(t, a.TX()[0].Wait(20*time.Millisecond))
	if a.TX()[0].Ring().Pending() != 1023 || time.Since(begin) < 20*time.Millisecond {
		t.Errorf("%d of 1023 pending without a peer", a.TX()[0].Ring().Pending())
	}
	// What was sent waits for a peer that comes, goes, and comes again.
	for _, n := range []int{3, 1020} {
		b := open(t, d, "netmap:lone}p")
		ok(t, b.RX()[0].Sync())
		for range n {
			s := b.RX()[0].Ring().Slot(b.RX()[0].Ring().Head())
			if !bytes.Equal(b.RX()[0].Ring().Bytes(s), broadcast) {
				t.Fatal("another frame")
			}
			b.RX()[0].Ring().Advance(1)
		}
		ok(t, b.RX()[0].Sync())
		if left := b.RX()[0].Ring().Space(); n > 3 && left != 0 {
			t.Errorf("%d left", left)
		}
		ok(t, b.Close())
	}
	ok(t, a.TX()[0].Sync())
	if a.TX()[0].Ring().Pending() != 0 {
		t.Errorf("%d pending", a.TX()[0].Ring().Pending())
	}
}

func TestPipesComeAndGo(t *testing.T) {
	d := device(t)
	nic := open(t, d, "netmap:nm0")
	before, _ := d.Memory(1)
	for i := range 100 {
		a, err := netmap.Open("netmap:nm0{x", &netmap.Config{Device: d})
		ok(t, err)
		b, err := netmap.Open("netmap:nm0}x", &netmap.Config{Device: d})
		ok(t, err)
		send(t, a.TX()[0], broadcast, broadcast)
		ok(t, b.RX()[0].Sync())
		b.RX()[0].Ring().Advance(1)
		ok(t, b.RX()[0].Sync())
		if i%2 == 0 {
			a, b = b, a
		}
		ok(t, a.Close())
		ok(t, b.Close())
	}
	if after, _ := d.Memory(1); after != before {
		t.Errorf("memory before %+v, after %+v", before, after)
	}
	ok(t, nic.Close())
}

func TestMonitor(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	for _, c := range []struct {
		spec   string
		frames int
		flags  netmap.SlotFlags
	}{{"netmap:nm0/t", 2, netmap.TxMon}, {"netmap:nm1/r", 2, 0}, {"netmap:nm1/t", 0, 0}} {
		t.Run(c.spec, func(t *testing.T) {
			m := open(t, d, c.spec)
			want := [][]byte{frame(2, 1, 1, 60), frame(2, 1, 2, 90)}
			send(t, a.TX()[0], want...)
			// Before the receiver has looked.
			same(t, take(t, m.RX()[0]), want[:c.frames]...)
			same(t, take(t, b.RX()[0]), want...)
			if c.frames > 0 && m.RX()[0].Ring().Slot(0).Flags != c.flags {
				t.Errorf("flags %#x", m.RX()[0].Ring().Slot(0).Flags)
			}
			same(t, take(t, m.RX()[0]))
			ok(t, m.Close())
		})
	}
	// A monitor outlives what it watches, and sees nothing more.
	f, err := register(t, d, "nm0", &netmap.RegisterReq{Mode: netmap.ModeAllNIC, Flags: netmap.FlagMonitorTx | netmap.FlagNoTxPoll})
	ok(t, err)
	ok(t, a.Close())
	if re, err := f.Poll(unix.POLLIN, 0); re != unix.POLLERR || err != nil {
		t.Errorf("poll of an orphan %#x, %v", re, err)
	}
	ok(t, f.Sync(netmap.RX, true))
	ok(t, f.Close())
}

func TestMonitorOfAPipeAndVALE(t *testing.T) {
	d := device(t)
	for _, c := range [][3]string{{"vale0:a", "vale0:b", "vale0:b/r"}, {"netmap:nm0{1", "netmap:nm0}1", "netmap:nm0{1/t"}} {
		a, b := open(t, d, c[0]), open(t, d, c[1])
		m1, m2 := open(t, d, c[2]), open(t, d, c[2])
		send(t, a.TX()[0], broadcast)
		same(t, take(t, m1.RX()[0]), broadcast)
		ok(t, m1.Close())
		send(t, a.TX()[0], frame(2, 1, 1, 1000))
		same(t, take(t, m2.RX()[0]), broadcast, frame(2, 1, 1, 1000))
		same(t, take(t, b.RX()[0]), broadcast, frame(2, 1, 1, 1000))
		ok(t, m2.Close())
		ok(t, b.Close())
		ok(t, a.Close())
	}
}

func TestManySwitches(t *testing.T) {
	d := device(t)
	for i := range 8 {
		open(t, d, fmt.Sprintf("vale%d:a@1@conf:slots=8", i))
	}
	if _, err := netmap.Open("vale8:a@1@conf:slots=8", &netmap.Config{Device: d}); err == nil {
		t.Error("a ninth switch")
	}
}

// A zero-copy monitor gets the buffers themselves, when they are done with.
func TestZeroCopyMonitor(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0{1"), open(t, d, "netmap:nm0}1")
	m := openWith(t, "netmap:nm0{1/z", &netmap.Config{Device: d, Single: true})
	if m.Info().MemID != 1 {
		t.Errorf("the monitor has memory %d", m.Info().MemID)
	}
	buf := a.TX()[0].Ring().Slot(0).BufIdx
	send(t, a.TX()[0], broadcast)
	same(t, take(t, m.RX()[0]))
	same(t, take(t, b.RX()[0]), broadcast)
	ok(t, b.RX()[0].Sync())
	same(t, take(t, m.RX()[0])) // given back, but the sender has not synced
	ok(t, a.TX()[0].Sync())
	ok(t, m.RX()[0].Sync())
	s := m.RX()[0].Ring().Slot(0)
	if m.RX()[0].Ring().Space() != 1 || s.BufIdx != buf || s.Flags&netmap.TxMon == 0 || a.TX()[0].Ring().Slot(0).BufIdx == buf {
		t.Errorf("%d packets, buffer %d, flags %#x, want the sender's buffer %d", m.RX()[0].Ring().Space(), s.BufIdx, s.Flags, buf)
	}
	same(t, take(t, m.RX()[0]), broadcast)
	// What the port receives, when it has returned it.
	send(t, b.TX()[0], frame(1, 2, 0, 99))
	same(t, take(t, a.RX()[0]), frame(1, 2, 0, 99))
	same(t, take(t, m.RX()[0]))
	ok(t, a.RX()[0].Sync())
	same(t, take(t, m.RX()[0]), frame(1, 2, 0, 99))
	for range 200 { // more than the monitor has room for
		send(t, a.TX()[0], broadcast)
		same(t, take(t, b.RX()[0]), broadcast)
		ok(t, b.RX()[0].Sync())
	}
	if n := len(take(t, m.RX()[0])); n != 46 { // 48 slots, one of them not returned yet
		t.Errorf("%d packets seen", n)
	}
	ok(t, a.Close())
	ok(t, b.Close())
	ok(t, m.RX()[0].Sync())
	ok(t, m.Close())
}
