package netmaptest_test

import (
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

func TestLoopedNICs(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	if len(a.TX()) != 2 || len(a.RX()) != 3 || len(b.TX()) != 3 || len(b.RX()) != 1 {
		t.Fatal("rings", len(a.TX()), len(a.RX()), len(b.TX()), len(b.RX()))
	}
	// From two rings into one, and from three into three by flow.
	one, two := frame(2, 1, 7, 60), frame(2, 1, 8, 1514)
	send(t, a.TX()[0], one)
	send(t, a.TX()[1], two)
	same(t, takeAll(t, b), one, two)
	byRing := map[uint16]int{}
	for round := range 3 {
		for flow := range uint16(12) {
			send(t, b.TX()[round], frame(1, 2, flow, 100))
			for i, q := range a.RX() {
				got := take(t, q)
				if len(got) == 0 {
					continue
				}
				same(t, got, frame(1, 2, flow, 100))
				if was, seen := byRing[flow]; seen && was != i {
					t.Fatalf("flow %d came by ring %d and %d", flow, was, i)
				}
				byRing[flow] = i
			}
		}
	}
	used := map[int]bool{}
	for _, i := range byRing {
		used[i] = true
	}
	if len(byRing) != 12 || len(used) != 3 {
		t.Errorf("%d of 12 flows came, by %d of 3 rings", len(byRing), len(used))
	}
	send(t, b.TX()[0], broadcast[:20]) // no IP
	same(t, take(t, a.RX()[0]), broadcast[:20])
}

func TestManyTimesAroundTheRing(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	n := 0
	for range 500 {
		var want [][]byte
		for range 1 + n%13 {
			want = append(want, frame(2, 1, uint16(n), 60+n%100))
			n++
		}
		send(t, a.TX()[0], want...)
		same(t, take(t, b.RX()[0]), want...)
	}
	if c := d.Counters("nm1"); c.Received != uint64(n) || c.Dropped != 0 {
		t.Errorf("%d sent, %+v", n, c)
	}
}

func TestFullReceiverDrops(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	for i := range 50 {
		send(t, a.TX()[0], frame(2, 1, uint16(i), 60))
	}
	got := take(t, b.RX()[0])
	if len(got) != 32 { // of 33 slots one stays empty
		t.Errorf("%d frames in a ring of 33 slots", len(got))
	}
	same(t, got[:2], frame(2, 1, 0, 60), frame(2, 1, 1, 60))
	if a, b := d.Counters("nm0"), d.Counters("nm1"); a.Sent != 50 || b.Received != 32 || b.Dropped != 18 {
		t.Errorf("counters %+v %+v", a, b)
	}
	// Seen but not given back: still no room. The sync that gives back makes it.
	send(t, a.TX()[0], frame(2, 1, 100, 60))
	ok(t, b.RX()[0].Sync())
	send(t, a.TX()[0], frame(2, 1, 101, 60))
	same(t, take(t, b.RX()[0]), frame(2, 1, 101, 60))
}

func TestLongFramesTakeSeveralSlots(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	long := frame(2, 1, 5, 9000)
	send(t, a.TX()[0], long, broadcast)
	same(t, take(t, b.RX()[0]), long, broadcast)
	// An end that comes with a later sync: nothing is seen before.
	r := a.TX()[0].Ring()
	put(t, a.TX()[0], long[:100])
	r.Slot(r.Head() - 1).Flags = netmap.MoreFrag
	ok(t, a.TX()[0].Sync())
	same(t, take(t, b.RX()[0]))
	send(t, a.TX()[0], long[100:300])
	same(t, take(t, b.RX()[0]), long[:300])
	// No room for all of it: none of it.
	for range 30 {
		send(t, a.TX()[0], broadcast)
	}
	send(t, a.TX()[0], long)
	if got := take(t, b.RX()[0]); len(got) != 30 {
		t.Errorf("%d frames", len(got))
	}
}

// A buffer exchanged without NS_BUF_CHANGED stays unknown to the NIC.
func TestBufferChangedIsNeeded(t *testing.T) {
	d := device(t)
	a := open(t, d, "netmap:nm0")
	b := openWith(t, "netmap:nm1", &netmap.Config{Device: d, ExtraBufs: 1})
	r := b.RX()[0].Ring()
	exchange := func(flags netmap.SlotFlags) (old uint32) {
		send(t, a.TX()[0], frame(2, 1, 1, 60))
		ok(t, b.RX()[0].Sync())
		spare, _ := b.Pool().Get()
		s := r.Slot(r.Head())
		old, s.BufIdx, s.Flags = s.BufIdx, spare, flags
		r.Advance(1)
		b.Pool().Put(old)
		return old
	}
	around := func() {
		for range r.NumSlots() - 1 {
			send(t, a.TX()[0], frame(2, 1, 2, 60))
			take(t, b.RX()[0])
		}
	}
	for _, c := range []struct {
		flags netmap.SlotFlags
		want  bool
	}{{netmap.BufChanged, true}, {0, false}} {
		i := r.Head()
		exchange(c.flags)
		around()
		send(t, a.TX()[0], frame(2, 1, 77, 60))
		ok(t, b.RX()[0].Sync())
		if r.Head() != i {
			t.Fatal("not once around")
		}
		got := string(r.Bytes(r.Slot(i))) == string(frame(2, 1, 77, 60))
		if got != c.want {
			t.Errorf("flags %#x: the slot's buffer has the frame: %v, want %v", c.flags, got, c.want)
		}
		take(t, b.RX()[0])
	}
}

func TestHostRings(t *testing.T) {
	d := device(t)
	// Without netmap the stack has the NIC.
	ok(t, d.HostSend("nm0", broadcast))
	got, is := d.HostReceive("nm1")
	if !is || string(got) != string(broadcast) {
		t.Fatal("host to host without netmap", got, is)
	}
	a := open(t, d, "netmap:nm0*")
	nic, host := len(a.TX())-1, len(a.RX())-1
	ok(t, d.HostSend("nm0", broadcast))
	same(t, take(t, a.RX()[host]), broadcast)
	send(t, a.TX()[nic], frame(1, 1, 1, 60), broadcast[:13]) // too short for the stack
	if a.TX()[nic].Ring().Pending() != 0 {
		t.Error("the host's transmit ring did not drain")
	}
	got, is = d.HostReceive("nm0")
	if !is || string(got) != string(frame(1, 1, 1, 60)) {
		t.Error("not what was sent to the host", got)
	}
	if _, is := d.HostReceive("nm0"); is {
		t.Error("a frame of 13 bytes reached the host")
	}
	ok(t, a.RX()[host].Sync())
	n := 0
	for d.HostSend("nm0", broadcast) == nil {
		n++
	}
	if n != 47 { // nm0's 48 slots, one stays empty
		t.Errorf("%d frames fit in the host ring", n)
	}
	if err := d.HostSend("nm0", broadcast); err != unix.ENOBUFS {
		t.Errorf("full host ring: %v", err)
	}
	if err := d.HostSend("nm0", make([]byte, 3000)); err != unix.ENOBUFS {
		t.Errorf("long frame: %v", err)
	}
	if n := len(take(t, a.RX()[host])); n != 47 {
		t.Errorf("%d frames came", n)
	}
}

// NS_FORWARD on one descriptor with all rings: host to NIC, and NIC to host.
func TestForward(t *testing.T) {
	d := device(t)
	a := openWith(t, "netmap:nm0*", &netmap.Config{Device: d, Single: true})
	b := open(t, d, "netmap:nm1")
	forward := func(q *netmap.Queue) {
		r := q.Ring()
		r.Header().Flags |= netmap.RingForward
		for r.Space() > 0 {
			r.Slot(r.Head()).Flags |= netmap.Forward
			r.Advance(1)
		}
	}
	host := a.RX()[3]
	ok(t, d.HostSend("nm0", broadcast))
	ok(t, host.Sync())
	forward(host)
	ok(t, host.Sync())
	ok(t, a.TX()[0].Sync())
	same(t, take(t, b.RX()[0]), broadcast)

	send(t, b.TX()[0], frame(1, 2, 0, 60))
	for _, q := range a.RX()[:3] {
		ok(t, q.Sync())
		forward(q)
		ok(t, q.Sync())
	}
	if got, is := d.HostReceive("nm0"); !is || string(got) != string(frame(1, 2, 0, 60)) {
		t.Error("the host got", got)
	}
}

// Rings that nobody has open are the host's.
func TestUnboundRingGoesToTheHost(t *testing.T) {
	d := device(t)
	a := open(t, d, "netmap:nm0-1")
	b := open(t, d, "netmap:nm1")
	for flow := range uint16(30) {
		send(t, b.TX()[0], frame(1, 2, flow, 60))
	}
	mine, host := len(takeAll(t, a)), 0
	for {
		if _, is := d.HostReceive("nm0"); !is {
			break
		}
		host++
	}
	if mine == 0 || host == 0 || mine+host != 30 {
		t.Errorf("%d frames by ring 1, %d to the host, of 30", mine, host)
	}
}
