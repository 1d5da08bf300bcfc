package netmaptest_test

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"golang.org/x/sys/unix"
)

func TestCarrier(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	q := a.TX()[0]
	ok(t, d.SetCarrier("nm1", false)) // the other end's is gone with it
	for q.Ring().Space() > 0 {
		put(t, q, broadcast)
	}
	tail := q.Ring().Tail()
	ok(t, q.Sync())
	if q.Ring().Tail() != tail || q.Ring().Space() != 0 {
		t.Error("the tail moved without a carrier")
	}
	begin := time.Now()
	ok(t, q.Wait(20*time.Millisecond))
	if q.Ring().Space() != 0 || time.Since(begin) < 20*time.Millisecond {
		t.Error("a wait ended without a carrier")
	}
	time.AfterFunc(10*time.Millisecond, func() { _ = d.SetCarrier("nm1", true) })
	begin = time.Now()
	ok(t, q.Wait(5*time.Second))
	if q.Ring().Space() != 63 || time.Since(begin) > 4*time.Second {
		t.Errorf("space %d after %v with the carrier back", q.Ring().Space(), time.Since(begin))
	}
	if got := take(t, b.RX()[0]); len(got) != 32 {
		t.Errorf("%d frames", len(got))
	}
}

func TestLimit(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	q := a.TX()[0]
	ok(t, d.SetLimit("nm0", 3))
	send(t, q, broadcast, broadcast, broadcast, broadcast, broadcast, broadcast, broadcast)
	if q.Ring().Pending() != 4 {
		t.Errorf("%d pending after a sync that took 3 of 7", q.Ring().Pending())
	}
	if n := len(take(t, b.RX()[0])); n != 3 {
		t.Errorf("%d frames came", n)
	}
	ok(t, q.Sync())
	ok(t, q.Sync())
	ok(t, d.SetLimit("nm1", 1))
	for range 4 {
		if n := len(take(t, b.RX()[0])); n != 1 {
			t.Errorf("%d frames at a sync limited to 1", n)
		}
	}
	if q.Ring().Pending() != 0 || len(take(t, b.RX()[0])) != 0 {
		t.Error("frames are left over or too many")
	}
}

func TestCorruptIndex(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	ok(t, d.Corrupt("nm1", 1<<30, 1))
	send(t, a.TX()[0], broadcast, broadcast)
	q := b.RX()[0]
	ok(t, q.Sync())
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a view of buffer 1<<30 did not panic")
			}
		}()
		q.Ring().Bytes(q.Ring().Slot(q.Ring().Head()))
	}()
	if s := q.Ring().Slot(q.Ring().Next(q.Ring().Head())); string(q.Ring().Bytes(s)) != string(broadcast) {
		t.Error("the next slot is corrupt too")
	}
	q.Ring().Advance(2)
	for range 40 { // over the slot again
		send(t, a.TX()[0], broadcast)
		same(t, take(t, q), broadcast)
	}
	ok(t, d.Corrupt("nm1", 1<<30, 1)) // and one that is closed on
	send(t, a.TX()[0], broadcast)
}

func TestDownAndGone(t *testing.T) {
	d := device(t)
	a, b := open(t, d, "netmap:nm0"), open(t, d, "netmap:nm1")
	ok(t, d.SetDown("nm0", true))
	if err := a.RX()[0].Sync(); !errors.Is(err, unix.EIO) {
		t.Errorf("sync of a port that is down: %v", err)
	}
	if err := a.RX()[0].Wait(time.Second); !errors.Is(err, unix.EIO) {
		t.Errorf("wait on a port that is down: %v", err)
	}
	ok(t, d.SetDown("nm0", false))
	ok(t, a.RX()[0].Sync())

	f, err := register(t, d, "nm1", &netmap.RegisterReq{Mode: netmap.ModeOneNIC})
	ok(t, err)
	put(t, b.TX()[0], frame(1, 2, 0, 60)) // sent by the poll's first look
	const wait = 300 * time.Millisecond
	done := make(chan int16)
	begin := time.Now()
	go func() {
		re, _ := f.Poll(unix.POLLIN, wait)
		done <- re
	}()
	for len(takeAll(t, a)) == 0 { // has it looked?
		if time.Since(begin) > 10*time.Second {
			t.Fatal("a poll has not sent what is in its transmit ring")
		}
		time.Sleep(time.Millisecond)
	}
	ok(t, d.Remove("nm1"))
	if re := <-done; re != unix.POLLERR || time.Since(begin) < wait {
		t.Errorf("a poll under removal gave %#x after %v, want POLLERR when time is up", re, time.Since(begin))
	}
	ok(t, f.Close())
	if err := b.RX()[0].Sync(); !errors.Is(err, unix.EIO) {
		t.Errorf("sync of a NIC that is gone: %v", err)
	}
	if _, err := netmap.Open("netmap:nm1", &netmap.Config{Device: d}); !errors.Is(err, unix.ENXIO) {
		t.Errorf("open of a NIC that is gone: %v", err)
	}
	if err := d.Remove("nm1"); err != unix.ENXIO {
		t.Errorf("removed twice: %v", err)
	}
	ok(t, d.AddNIC("nm1", netmaptest.NIC{})) // another one of its name
	open(t, d, "netmap:nm1")
	ok(t, b.Close())
}

func TestFail(t *testing.T) {
	d := device(t)
	f, err := register(t, d, "nm0", &netmap.RegisterReq{Mode: netmap.ModeAllNIC})
	ok(t, err)
	d.Fail(netmaptest.CallSync|netmaptest.CallPoll, unix.EINTR, 3)
	if err := f.Sync(netmap.TX, true); err != unix.EINTR {
		t.Errorf("sync: %v", err)
	}
	if _, err := f.Poll(unix.POLLIN, 0); err != unix.EINTR {
		t.Errorf("poll: %v", err)
	}
	if err := f.Sync(netmap.RX, true); err != unix.EINTR {
		t.Errorf("sync: %v", err)
	}
	ok(t, f.Sync(netmap.RX, true))
	d.Fail(netmaptest.CallRegister, unix.ENOMEM, 1)
	if _, err := netmap.Open("netmap:nm1", &netmap.Config{Device: d}); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("open: %v", err)
	}
	d.Fail(netmaptest.CallMap, unix.ENOMEM, 1)
	if _, err := netmap.Open("netmap:nm1", &netmap.Config{Device: d}); !errors.Is(err, unix.ENOMEM) {
		t.Errorf("map: %v", err)
	}
	d.Fail(netmaptest.CallOpen, unix.EMFILE, 1)
	if _, err := d.Open(); err != unix.EMFILE {
		t.Errorf("open: %v", err)
	}
}

// An illegal head or cur: ioctl is silent, poll says POLLERR.
func TestIllegalRing(t *testing.T) {
	for _, c := range []struct {
		name string
		dir  netmap.Dir
		set  func(r *netmap.Ring)
	}{
		{"tx head back", netmap.TX, func(r *netmap.Ring) { r.SetHead(1) }},
		{"tx head beyond ring", netmap.TX, func(r *netmap.Ring) { r.SetHead(1 << 20) }},
		{"tx cur before head", netmap.TX, func(r *netmap.Ring) { r.SetHead(7); r.SetCur(5) }},
		{"rx head beyond tail", netmap.RX, func(r *netmap.Ring) { r.SetHead(5); r.SetCur(5) }},
		{"rx cur beyond tail", netmap.RX, func(r *netmap.Ring) { r.SetCur(5) }},
		{"rx head beyond ring", netmap.RX, func(r *netmap.Ring) { r.SetHead(77); r.SetCur(77) }},
	} {
		for _, poll := range []bool{false, true} {
			d := device(t)
			p := open(t, d, "netmap:nm0")
			q, only, ev := p.TX()[0], netmap.FlagTxRingsOnly, int16(unix.POLLOUT)
			if c.dir == netmap.RX {
				q, only, ev = p.RX()[0], netmap.FlagRxRingsOnly, unix.POLLIN
			}
			send(t, p.TX()[0], broadcast, broadcast, broadcast)
			f, err := register(t, d, "nm0", &netmap.RegisterReq{Mode: netmap.ModeOneNIC, Flags: only})
			ok(t, err)
			r := q.Ring()
			tail := r.Tail()
			c.set(r)
			if err := q.Sync(); !errors.Is(err, netmap.ErrRing) {
				t.Errorf("%s: package netmap: %v", c.name, err)
			}
			if poll {
				if re, err := f.Poll(ev, 0); re&unix.POLLERR == 0 || err != nil {
					t.Errorf("%s: poll gave %#x, %v", c.name, re, err)
				}
			} else {
				ok(t, f.Sync(c.dir, true))
			}
			if n := d.Counters("nm0").Sent; n != 3 || r.Tail() != tail {
				t.Errorf("%s: %d packets were sent, tail from %d to %d", c.name, n, tail, r.Tail())
			}
			ok(t, f.Close())
			ok(t, p.Close())
		}
	}
	d := device(t)
	// Out of the ring: back to where the kernel is, with bad buffers zeroed.
	f, err := register(t, d, "nm0", &netmap.RegisterReq{Mode: netmap.ModeOneNIC, Flags: netmap.FlagTxRingsOnly})
	ok(t, err)
	p := open(t, d, "netmap:nm0-0/T")
	r := p.TX()[0].Ring()
	was := r.Slot(9).BufIdx
	r.Slot(9).BufIdx = 1 << 31
	r.SetHead(64)
	ok(t, f.Sync(netmap.TX, true))
	if r.Head() != 0 || r.Cur() != 0 || r.Tail() != 63 || r.Slot(9).BufIdx != 0 {
		t.Errorf("after reinit: head %d cur %d tail %d, buffer %d", r.Head(), r.Cur(), r.Tail(), r.Slot(9).BufIdx)
	}
	r.Slot(9).BufIdx = was
	ok(t, p.Close())
	ok(t, f.Close())
}

// Whatever a program writes into its rings, the Device neither panics nor
// hangs, and after the close its region is whole.
func TestGarbageInRings(t *testing.T) {
	d := netmaptest.New(nil)
	ok(t, d.AddNIC("nm0", netmaptest.NIC{TxRings: 2, RxRings: 2, TxSlots: 16, RxSlots: 8}))
	ok(t, d.AddNIC("nm1", netmaptest.NIC{TxSlots: 9, RxSlots: 7}))
	ok(t, d.Loop("nm0", "nm1"))
	r := rand.New(rand.NewPCG(1, 2))
	index := func(n int) uint32 {
		if r.IntN(20) == 0 {
			return r.Uint32()
		}
		return uint32(r.IntN(n + 1))
	}
	for range 30 {
		var files []netmap.File
		var ports []*netmap.Port
		for _, spec := range []string{"nm0*", "nm1*", "nm0{1", "nm0}1", "vale0:a@conf:slots=16", "vale0:b@conf:slots=16", "nm0/rt"} {
			if spec[0] == 'n' {
				spec = "netmap:" + spec
			}
			p, err := netmap.Open(spec, &netmap.Config{Device: d, Single: true})
			ok(t, err)
			ports = append(ports, p)
			sp := p.Info().Spec
			f, err := d.Open()
			ok(t, err)
			ok(t, f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: sp.Name, Body: &netmap.RegisterReq{Mode: sp.Mode, Flags: sp.Flags}}))
			files = append(files, f)
		}
		z, err := d.Open()
		ok(t, err)
		ok(t, z.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: "nm1", Body: &netmap.RegisterReq{Mode: netmap.ModeAllNIC, Flags: netmap.FlagZCopyMon}}))
		for range 200 {
			i := r.IntN(len(ports))
			queues := append(ports[i].TX(), ports[i].RX()...)
			ring := queues[r.IntN(len(queues))].Ring()
			n := ring.NumSlots()
			for range r.IntN(4) {
				*ring.Slot(uint32(r.IntN(n))) = netmap.Slot{BufIdx: index(9000), Len: uint16(index(1 << 16)), Flags: netmap.SlotFlags(r.Uint32())}
			}
			h := ring.Header()
			h.Flags = r.Uint32()
			h.Head = index(n)
			if h.Cur = h.Head; r.IntN(4) == 0 {
				h.Cur, h.Tail = index(n), index(n)
			}
			_ = d.HostSend("nm0", broadcast)
			_ = z.Sync(netmap.RX, true)
			_ = files[i].Sync(netmap.TX, true)
			_ = files[i].Sync(netmap.RX, true)
			_, _ = files[i].Poll(unix.POLLIN|unix.POLLOUT, 0)
		}
		ok(t, z.Close())
		for i := range ports {
			ok(t, files[i].Close())
			ok(t, ports[i].Close())
		}
	}
	if m, _ := d.Memory(1); m.Users != 0 || m.FreeBufs != m.Bufs || m.FreeRings != m.Rings || m.FreeIfs != m.Ifs || d.OpenFiles() != 0 {
		t.Errorf("at the end %+v, %d descriptors", m, d.OpenFiles())
	}
}

func TestFaultsNeedTheirPort(t *testing.T) {
	d := device(t)
	a := open(t, d, "netmap:nm0{1")
	for _, err := range []error{d.SetCarrier("x", true), d.SetDown("x", true), d.Remove("x"), d.SetLimit("x", 1), d.Corrupt("x", 1, 1), d.Loop("nm0", "x"), d.HostSend("x", nil)} {
		if err != unix.ENXIO {
			t.Errorf("a fault on no port: %v", err)
		}
	}
	if err := d.SetLimit("nm0{1", 1); err != unix.EOPNOTSUPP {
		t.Errorf("limit on a pipe: %v", err)
	}
	if err := d.AddNIC("nm0", netmaptest.NIC{}); err != unix.EEXIST {
		t.Errorf("a second nm0: %v", err)
	}
	ok(t, d.SetDown("nm0}1", true)) // the end that nobody has opened
	ok(t, a.TX()[0].Sync())
	bad := netmaptest.New(&netmaptest.Config{Memory: netmaptest.Pools{BufSize: 1 << 20}})
	ok(t, bad.AddNIC("nm0", netmaptest.NIC{}))
	if _, err := netmap.Open("netmap:nm0", &netmap.Config{Device: bad}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("a region that cannot be: %v", err)
	}
}
