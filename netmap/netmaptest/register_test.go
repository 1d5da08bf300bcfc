package netmaptest_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"golang.org/x/sys/unix"
)

func TestErrorsAreTheKernels(t *testing.T) {
	d := device(t)
	for _, c := range []struct {
		name string
		r    netmap.RegisterReq
		want error
	}{
		{"none", netmap.RegisterReq{Mode: netmap.ModeAllNIC}, unix.ENXIO},
		{"", netmap.RegisterReq{Mode: netmap.ModeAllNIC}, unix.ENXIO},
		{"nm0", netmap.RegisterReq{}, unix.EINVAL},
		{"nm0", netmap.RegisterReq{Mode: 5}, unix.EINVAL},
		{"nm0", netmap.RegisterReq{Mode: 99}, unix.EINVAL},
		{"nm0", netmap.RegisterReq{Mode: netmap.ModeAllNIC, MemID: 7}, unix.EINVAL},
		{"nm0", netmap.RegisterReq{Mode: netmap.ModeOneNIC, RingID: 3}, unix.EINVAL},
		{"nm0", netmap.RegisterReq{Mode: netmap.ModeOneSW, RingID: 1}, unix.EINVAL},
		{"vale0:a", netmap.RegisterReq{Mode: netmap.ModeNICSW}, unix.EINVAL},
		{"vale0:a", netmap.RegisterReq{Mode: netmap.ModeAllNIC, MemID: 7}, unix.EINVAL},
		{"vale0:nm0", netmap.RegisterReq{Mode: netmap.ModeAllNIC}, unix.EINVAL},
		{"vale", netmap.RegisterReq{Mode: netmap.ModeAllNIC}, unix.ENOMEM},
		{"nm0{", netmap.RegisterReq{Mode: netmap.ModeAllNIC}, unix.EINVAL},
		{"{1", netmap.RegisterReq{Mode: netmap.ModeAllNIC}, unix.EINVAL},
		{"nm0{1", netmap.RegisterReq{Mode: netmap.ModeNICSW}, unix.EINVAL},
		{"nm0{1", netmap.RegisterReq{Mode: netmap.ModeOneNIC, RingID: 1}, unix.EINVAL},
		{"any", netmap.RegisterReq{Mode: netmap.ModeNull, TxRings: 1, TxSlots: 8}, unix.EINVAL},
		{"nm0", netmap.RegisterReq{Mode: netmap.ModeAllNIC, Flags: netmap.FlagMonitorRx}, unix.EINVAL},
		{"nm0", netmap.RegisterReq{Mode: netmap.ModeAllNIC, Flags: netmap.FlagZCopyMon}, unix.EINVAL},
	} {
		r := c.r
		if _, err := register(t, d, c.name, &r); err != c.want {
			t.Errorf("register %q %+v: %v, want %v", c.name, c.r, err, c.want)
		}
		if r != c.r {
			t.Errorf("register %q failed and wrote %+v into %+v", c.name, r, c.r)
		}
	}
	f, err := d.Open()
	ok(t, err)
	if err := f.Ctrl(&netmap.Request{Type: 3, Name: "nm0"}); err != unix.EINVAL {
		t.Errorf("an unknown request gave %v", err)
	}
	if err := f.Sync(netmap.TX, true); err != unix.ENXIO {
		t.Errorf("sync before register: %v", err)
	}
	if _, err := f.Map(4096); err != unix.EINVAL {
		t.Errorf("mmap before register: %v", err)
	}
	if re, err := f.Poll(unix.POLLIN, 0); re != unix.POLLERR || err != nil {
		t.Errorf("poll before register: %#x, %v", re, err)
	}
	r := netmap.RegisterReq{Mode: netmap.ModeAllNIC}
	ok(t, f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: "nm0", Body: &r}))
	if err := f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: "nm1", Body: &r}); err != unix.EBUSY {
		t.Errorf("second register: %v", err)
	}
	if _, err := f.Map(int(r.MemSize) + 1); err != unix.EINVAL {
		t.Errorf("mmap beyond the region: %v", err)
	}
	ok(t, f.Close())
	if err := f.Close(); err != unix.EBADF {
		t.Errorf("second close: %v", err)
	}
}

func TestExclusive(t *testing.T) {
	d := device(t)
	all := netmap.RegisterReq{Mode: netmap.ModeAllNIC}
	x := netmap.RegisterReq{Mode: netmap.ModeOneNIC, RingID: 1, Flags: netmap.FlagExclusive}
	held, err := register(t, d, "nm0", &x)
	ok(t, err)
	if _, err := register(t, d, "nm0", &all); err != unix.EBUSY {
		t.Errorf("rings held exclusively were given away: %v", err)
	}
	other := netmap.RegisterReq{Mode: netmap.ModeOneNIC, RingID: 0}
	f, err := register(t, d, "nm0", &other)
	ok(t, err)
	ok(t, f.Close())
	ok(t, held.Close())
	shared, err := register(t, d, "nm0", &all)
	ok(t, err)
	if _, err := register(t, d, "nm0", &x); err != unix.EBUSY {
		t.Errorf("a ring in use was given exclusively: %v", err)
	}
	ok(t, shared.Close())
	p := open(t, d, "netmap:nm0/x")
	if len(p.TX()) != 2 || len(p.RX()) != 3 {
		t.Errorf("%d and %d queues", len(p.TX()), len(p.RX()))
	}
	if _, err := netmap.Open("netmap:nm0-0", &netmap.Config{Device: d}); !errors.Is(err, unix.EBUSY) {
		t.Errorf("an exclusive port was opened again: %v", err)
	}
}

// bindings are the rings that a registration must bind, "tx rx" by index.
func TestModesBindTheirRings(t *testing.T) {
	d := device(t)
	for _, c := range []struct {
		mode  netmap.Mode
		ring  uint16
		flags netmap.Flags
		want  string
	}{
		{netmap.ModeAllNIC, 0, 0, "[0 1] [0 1 2]"},
		{netmap.ModeSW, 0, 0, "[2] [3]"},
		{netmap.ModeNICSW, 0, 0, "[0 1 2] [0 1 2 3]"},
		{netmap.ModeOneNIC, 1, 0, "[1] [1]"},
		{netmap.ModeOneNIC, 2, 0, "[0] [2]"}, // the first where there is none
		{netmap.ModeOneSW, 0, 0, "[2] [3]"},
		{netmap.ModeAllNIC, 0, netmap.FlagRxRingsOnly, "[] [0 1 2]"},
		{netmap.ModeNICSW, 0, netmap.FlagTxRingsOnly, "[0 1 2] []"},
		{netmap.ModeOneNIC, 2, netmap.FlagRxRingsOnly, "[] [2]"},
	} {
		r := netmap.RegisterReq{Mode: c.mode, RingID: c.ring, Flags: c.flags}
		f, err := register(t, d, "nm0", &r)
		ok(t, err)
		m, err := f.Map(int(r.MemSize))
		ok(t, err)
		u32 := func(at uint64) int { return int(binary.NativeEndian.Uint32(m[at:])) }
		if got := fmt.Sprint(u32(r.Offset+24), u32(r.Offset+28), u32(r.Offset+36), u32(r.Offset+40)); got != "2 3 1 1" {
			t.Fatalf("netmap_if says %s rings", got)
		}
		var got [2][]int
		for i := range 3 + 4 {
			ofs := binary.NativeEndian.Uint64(m[r.Offset+56+8*uint64(i):])
			if ofs == 0 {
				continue
			}
			ring := r.Offset + ofs
			dir, idx, slots := int(netmap.TX), i, 64
			if i >= 3 {
				dir, idx, slots = int(netmap.RX), i-3, 48
			}
			got[dir] = append(got[dir], idx)
			if id := int(binary.NativeEndian.Uint16(m[ring+16:])); id != idx || u32(ring+8) != slots || u32(ring+12) != 2048 || int(m[ring+18]) != dir {
				t.Errorf("%v: ring %d has id %d, dir %d, %d slots", c.mode, i, id, m[ring+18], u32(ring+8))
			}
			if tail := u32(ring + 28); u32(ring+20) != 0 || u32(ring+24) != 0 || dir == int(netmap.TX) && tail != slots-1 || dir == int(netmap.RX) && tail != 0 {
				t.Errorf("new ring %d has tail %d", i, tail)
			}
		}
		if s := fmt.Sprint(got[netmap.TX], got[netmap.RX]); s != c.want {
			t.Errorf("%v %d %#x binds %s, want %s", c.mode, c.ring, c.flags, s, c.want)
		}
		if r.TxRings != 2 || r.RxRings != 3 || r.TxSlots != 64 || r.RxSlots != 48 || r.MemID != 1 || r.Mode != c.mode || r.Flags != c.flags {
			t.Errorf("the answer is %+v", r)
		}
		ok(t, f.Unmap(m))
		ok(t, f.Close())
	}
}

func TestHostRingsByNumber(t *testing.T) {
	d := device(t)
	r := netmap.RegisterReq{Mode: netmap.ModeNICSW, HostTxRings: 2, HostRxRings: 3}
	f, err := register(t, d, "nm1", &r)
	ok(t, err)
	if r.HostTxRings != 2 || r.HostRxRings != 3 {
		t.Errorf("host rings %d and %d", r.HostTxRings, r.HostRxRings)
	}
	again := netmap.RegisterReq{Mode: netmap.ModeOneSW, RingID: 2, HostRxRings: 7}
	g, err := register(t, d, "nm1", &again)
	ok(t, err)
	if again.HostRxRings != 3 {
		t.Error("a port in use got another number of host rings")
	}
	ok(t, g.Close())
	ok(t, f.Close())
	info := netmap.PortInfoReq{}
	ok(t, ask(d, netmap.ReqPortInfoGet, "nm1", &info))
	if info.HostTxRings != 1 || info.HostRxRings != 1 {
		t.Errorf("after the last close there are %d and %d host rings", info.HostTxRings, info.HostRxRings)
	}
}

func ask(d *netmaptest.Device, typ netmap.ReqType, name string, body any) error {
	f, err := d.Open()
	if err != nil {
		return err
	}
	return errors.Join(f.Ctrl(&netmap.Request{Type: typ, Name: name, Body: body}), f.Close())
}

func TestInfoRequests(t *testing.T) {
	d := device(t)
	var p netmap.PortInfoReq
	ok(t, ask(d, netmap.ReqPortInfoGet, "nm0", &p))
	if p.TxRings != 2 || p.RxRings != 3 || p.TxSlots != 64 || p.RxSlots != 48 || p.MemID != 1 || p.MemSize == 0 {
		t.Errorf("port info %+v", p)
	}
	var g netmap.PoolsInfoReq
	ok(t, ask(d, netmap.ReqPoolsInfoGet, "nm0", &g))
	if g.MemSize != p.MemSize || g.RingOffset != uint64(g.IfObjTotal)*uint64(g.IfObjSize) ||
		g.BufOffset != g.RingOffset+uint64(g.RingObjTotal)*uint64(g.RingObjSize) ||
		g.MemSize != g.BufOffset+uint64(g.BufObjTotal)*uint64(g.BufObjSize) || g.BufObjSize != 2048 {
		t.Errorf("pools do not add up: %+v", g)
	}
	// A VALE port is made for the question and goes again.
	v := netmap.PortInfoReq{TxRings: 3, RxSlots: 5000}
	ok(t, ask(d, netmap.ReqPortInfoGet, "vale3:q", &v))
	if v.TxRings != 3 || v.RxRings != 1 || v.TxSlots != 1024 || v.RxSlots != 4096 || v.MemID != 2 {
		t.Errorf("vale port info %+v", v)
	}
	if err := ask(d, netmap.ReqPortInfoGet, "none", &netmap.PortInfoReq{}); !errors.Is(err, unix.ENXIO) {
		t.Errorf("info of no port: %v", err)
	}
	var m netmap.PortInfoReq
	ok(t, ask(d, netmap.ReqPortInfoGet, "", &m))
	if m.MemID != 1 || m.MemSize != p.MemSize {
		t.Errorf("memory info %+v", m)
	}
}

func TestTooSmallARegion(t *testing.T) {
	d := netmaptest.New(&netmaptest.Config{Memory: netmaptest.Pools{RingSize: 4096, BufNum: 300, RingNum: 8}})
	ok(t, d.AddNIC("wide", netmaptest.NIC{TxSlots: 256})) // 256+16*256 > 4096
	ok(t, d.AddNIC("many", netmaptest.NIC{TxRings: 4, TxSlots: 100}))
	ok(t, d.AddNIC("jumbo", netmaptest.NIC{TxSlots: 8, RxSlots: 8, MTU: 9000}))
	ok(t, d.AddNIC("fits", netmaptest.NIC{TxSlots: 64, RxSlots: 64}))
	for _, name := range []string{"wide", "many"} {
		if _, err := netmap.Open("netmap:"+name, &netmap.Config{Device: d}); !errors.Is(err, unix.ENOMEM) {
			t.Errorf("%s: %v, want ENOMEM", name, err)
		}
	}
	if _, err := netmap.Open("netmap:jumbo", &netmap.Config{Device: d}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("buffers below the MTU: %v, want EINVAL", err)
	}
	if m, _ := d.Memory(1); m.FreeBufs != m.Bufs || m.FreeRings != m.Rings || m.FreeIfs != m.Ifs || m.Users != 0 {
		t.Errorf("failures left something behind: %+v", m)
	}
	p := openWith(t, "netmap:fits", &netmap.Config{Device: d, ExtraBufs: 1000})
	if n := p.Pool().Len(); n == 0 || n >= 1000 {
		t.Errorf("%d of 1000 extra buffers granted, want as many as there were", n)
	}
	if m, _ := d.Memory(1); m.FreeBufs != 0 {
		t.Errorf("%d buffers are free and were not granted", m.FreeBufs)
	}
}

func TestExtraBuffers(t *testing.T) {
	d := device(t)
	for range 100 {
		p, err := netmap.Open("netmap:nm0", &netmap.Config{Device: d, ExtraBufs: 20})
		ok(t, err)
		if p.Pool().Len() != 20 {
			t.Fatalf("%d extra buffers", p.Pool().Len())
		}
		ok(t, p.Close())
	}
	if m, _ := d.Memory(1); m.Leaked != 0 || m.FreeBufs != m.Bufs {
		t.Fatalf("after 100 cycles %+v", m)
	}
	// A buffer that is nowhere at the end is a leak that tests can see.
	d2 := netmaptest.New(nil)
	ok(t, d2.AddNIC("nm0", netmaptest.NIC{}))
	p, err := netmap.Open("netmap:nm0", &netmap.Config{Device: d2, ExtraBufs: 20})
	ok(t, err)
	p.Pool().Get()
	ok(t, p.Close())
	if m, _ := d2.Memory(1); m.Leaked != 1 || m.FreeBufs != m.Bufs {
		t.Fatalf("one lost buffer: %+v", m)
	}
}

func TestMemoryIDs(t *testing.T) {
	d := device(t)
	a := open(t, d, "vale0:a")
	if a.Info().MemID != 2 {
		t.Errorf("the first VALE port has memory %d", a.Info().MemID)
	}
	b := open(t, d, "vale0:b@2")
	c := open(t, d, "vale0:c@1")
	e := open(t, d, "vale0:e@share=vale0:a")
	if b.Info().MemID != 2 || c.Info().MemID != 1 || e.Info().MemID != 2 {
		t.Errorf("memory ids %d %d %d", b.Info().MemID, c.Info().MemID, e.Info().MemID)
	}
	// An existing port keeps its own and says nothing.
	r := netmap.RegisterReq{Mode: netmap.ModeAllNIC, MemID: 1}
	f, err := register(t, d, "vale0:a", &r)
	ok(t, err)
	if r.MemID != 2 {
		t.Errorf("memory %d", r.MemID)
	}
	ok(t, f.Close())
	ok(t, b.Close()) // a private region has room for 12 registrations
	if _, err := netmap.Open("vale0:a@1", &netmap.Config{Device: d}); err == nil {
		t.Error("package netmap took another memory than asked")
	}
	// A NIC nobody uses takes what is asked, and its own again afterwards.
	n := open(t, d, "netmap:nm0@2")
	if n.Info().MemID != 2 {
		t.Errorf("NIC in memory %d", n.Info().MemID)
	}
	ok(t, n.Close())
	n = open(t, d, "netmap:nm0")
	if n.Info().MemID != 1 {
		t.Errorf("NIC in memory %d afterwards", n.Info().MemID)
	}
}

func TestMappingHoldsThePort(t *testing.T) {
	d := device(t)
	r := netmap.RegisterReq{Mode: netmap.ModeAllNIC, Flags: netmap.FlagExclusive}
	f, err := register(t, d, "nm0", &r)
	ok(t, err)
	m, err := f.Map(int(r.MemSize))
	ok(t, err)
	ok(t, f.Close())
	if _, err := register(t, d, "nm0", &netmap.RegisterReq{Mode: netmap.ModeAllNIC}); err != unix.EBUSY {
		t.Errorf("the port was let go of while mapped: %v", err)
	}
	ok(t, f.Vanish(m))
	g, err := register(t, d, "nm0", &netmap.RegisterReq{Mode: netmap.ModeAllNIC})
	ok(t, err)
	ok(t, g.Close())
	ok(t, f.Unmap(m))
	if err := f.Unmap(m); err != unix.EINVAL {
		t.Errorf("unmapped twice: %v", err)
	}
}

func TestNullPort(t *testing.T) {
	d := device(t)
	r := netmap.RegisterReq{Mode: netmap.ModeNull, MemID: 1, TxRings: 10, RxRings: 5, TxSlots: 8, RxSlots: 16}
	f, err := register(t, d, "anything", &r)
	ok(t, err)
	if r.TxRings != 10 || r.RxRings != 5 || r.TxSlots != 8 || r.RxSlots != 16 {
		t.Errorf("null port %+v", r)
	}
	ok(t, f.Sync(netmap.TX, true))
	ok(t, f.Sync(netmap.RX, true))
	if re, _ := f.Poll(unix.POLLIN|unix.POLLOUT, 0); re != unix.POLLOUT {
		t.Errorf("poll %#x", re)
	}
	ok(t, f.Close())
	p, err := netmap.OpenSpec(netmap.Spec{Name: "x", Mode: netmap.ModeNull, MemID: 1, Conf: netmap.SpecConf{TxRings: 2, TxSlots: 4, RxSlots: 4}}, &netmap.Config{Device: d})
	ok(t, err)
	send(t, p.TX()[0], broadcast)
	if p.TX()[0].Ring().Pending() != 1 {
		t.Error("a null port sent something")
	}
	ok(t, p.Close())
}
