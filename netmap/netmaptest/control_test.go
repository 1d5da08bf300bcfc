package netmaptest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"golang.org/x/sys/unix"
)

// refused looks for an errno and a sentence in an error.
func refused(t *testing.T, what string, err, want error, says string) {
	t.Helper()
	var op *netmap.OpError
	if !errors.Is(err, want) || !errors.As(err, &op) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, want %v with %q", what, err, want, says)
	}
}

func TestPersistentPorts(t *testing.T) {
	d := netmaptest.New(nil)
	c := netmap.Control{Device: d}
	got, err := c.VALENewIf("v0", &netmap.VALENewIfReq{TxRings: 2, RxSlots: 64})
	if err != nil || got.TxRings != 2 || got.RxRings != 1 || got.TxSlots != 1024 || got.RxSlots != 64 || got.MemID < 2 {
		t.Fatalf("newif answered %+v, %v", got, err)
	}
	_, err = c.VALENewIf("v0", nil)
	refused(t, "newif twice", err, unix.EEXIST, "already")
	_, err = c.VALENewIf("vale1", nil)
	refused(t, "newif of a switch's name", err, unix.EINVAL, "not begin with vale")
	refused(t, "delif of nothing", c.VALEDelIf("v1"), unix.ENXIO, "no such interface")

	_, err = c.VALEAttach("vale3:v1", nil)
	refused(t, "attach of nothing", err, unix.EINVAL, "hw-test vale newif")
	_, err = c.VALEAttach("v0", nil)
	refused(t, "attach to nothing", err, unix.EINVAL, "valeSWITCH:INTERFACE")
	if i, err := c.VALEAttach("netmap:vale3:v0", nil); i != 0 || err != nil {
		t.Fatalf("attach: port %d, %v", i, err)
	}
	_, err = c.VALEAttach("vale3:v0", nil)
	refused(t, "attach twice", err, unix.EBUSY, "already")
	refused(t, "delif while attached", c.VALEDelIf("v0"), unix.EBUSY, "hw-test vale detach")

	a, err := netmap.Open("vale3:a", &netmap.Config{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	b, err := netmap.Open("vale9:b", &netmap.Config{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	want := []netmap.VALEPort{{Name: "vale3:v0", Bridge: 0, Index: 0}, {Name: "vale3:a", Bridge: 0, Index: 1}, {Name: "vale9:b", Bridge: 1, Index: 0}}
	if all, err := c.VALEList(""); err != nil || !slices.Equal(all, want) {
		t.Errorf("the list is %v, %v, want %v", all, err, want)
	}
	if some, err := c.VALEList("vale3"); err != nil || !slices.Equal(some, want[:2]) {
		t.Errorf("vale3 has %v, %v, want %v", some, err, want[:2])
	}
	if p, err := c.VALEFind("vale3:a"); err != nil || p != want[1] {
		t.Errorf("found %v, %v, want %v", p, err, want[1])
	}
	for _, name := range []string{"vale3:x", "vale4:a"} {
		_, err = c.VALEFind(name)
		refused(t, "find "+name, err, unix.ENOENT, "no such port")
	}
	_, err = c.VALEFind("v0")
	refused(t, "find v0", err, unix.EINVAL, "valeSWITCH:PORT")

	// What a program sends reaches the persistent port.
	p, err := netmap.Open("netmap:v0", &netmap.Config{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "delif while open", c.VALEDelIf("v0"), unix.EBUSY, "end the programs")
	tx, rx := a.TX()[0], p.RX()[0]
	s := tx.Ring().Slot(tx.Ring().Head())
	s.Len = uint16(copy(tx.Ring().Buffer(s), slices.Repeat([]byte{0xff}, 60)))
	tx.Ring().Advance(1)
	if err := errors.Join(tx.Sync(), rx.Sync()); err != nil || rx.Ring().Space() != 1 {
		t.Errorf("%d frames arrived at the persistent port, %v", rx.Ring().Space(), err)
	}
	if err := errors.Join(p.Close(), a.Close(), b.Close()); err != nil {
		t.Fatal(err)
	}

	// A port that was opened while it was attached has got its interface's name,
	// and is stuck.
	_, err = c.VALEDetach("vale3:v0")
	refused(t, "detach after use", err, unix.ENXIO, "not attached")
	refused(t, "delif after use", c.VALEDelIf("v0"), unix.EBUSY, "hw-test vale detach")
	if all, err := c.VALEList(""); err != nil || len(all) != 1 || all[0].Name != "v0" {
		t.Errorf("the list is %v, %v", all, err)
	}

	d = netmaptest.New(nil)
	c.Device = d
	if _, err := c.VALENewIf("v0", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.VALEAttach("vale3:v0", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.VALEDetach("vale3:v0"); err != nil {
		t.Fatal(err)
	}
	_, err = c.VALEDetach("vale3:v0")
	refused(t, "detach twice", err, unix.ENXIO, "not attached")
	if err := c.VALEDelIf("v0"); err != nil {
		t.Fatal(err)
	}
	if all, err := c.VALEList(""); err != nil || len(all) != 0 || d.Memories() != 1 || d.OpenFiles() != 0 {
		t.Errorf("left are ports %v (%v), %d regions, %d descriptors", all, err, d.Memories(), d.OpenFiles())
	}
}

func TestPortHeader(t *testing.T) {
	d := netmaptest.New(nil)
	if err := d.AddNIC("nm0", netmaptest.NIC{}); err != nil {
		t.Fatal(err)
	}
	c := netmap.Control{Device: d}
	p, err := netmap.Open("vale0:a", &netmap.Config{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, n := range []int{12, 0, 10} {
		if err := c.SetPortHdr("vale0:a", n); err != nil {
			t.Fatal(err)
		}
		if got, err := c.PortHdr("vale0:a"); got != n || err != nil {
			t.Errorf("header of %d bytes, %v, want %d", got, err, n)
		}
	}
	refused(t, "11 bytes", c.SetPortHdr("vale0:a", 11), unix.EINVAL, "0, 10 or 12")
	refused(t, "-1 bytes", c.SetPortHdr("vale0:a", -1), unix.EINVAL, "0, 10 or 12")
	refused(t, "a NIC's", c.SetPortHdr("nm0", 12), unix.ENXIO, "VALE")
	refused(t, "nobody's", c.SetPortHdr("vale0:b", 12), unix.ENXIO, "VALE")
	if n, err := c.PortHdr("nm0"); n != 0 || err != nil {
		t.Errorf("a NIC's header is %d, %v", n, err)
	}
	_, err = c.PortHdr("nm1")
	refused(t, "nobody's", err, unix.ENXIO, "no such port")

	_, err = netmap.Open("vale0:a", &netmap.Config{Device: d})
	refused(t, "opened without a word", err, unix.EIO, "virtio-net")
	sp, err := netmap.ParseSpec("vale0:a")
	if err != nil {
		t.Fatal(err)
	}
	sp.Flags |= netmap.FlagAcceptVnetHdr
	q, err := netmap.OpenSpec(sp, &netmap.Config{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	q.Close()
}

func TestPortAndPools(t *testing.T) {
	d := netmaptest.New(nil)
	if err := d.AddNIC("nm0", netmaptest.NIC{TxRings: 3}); err != nil {
		t.Fatal(err)
	}
	c := netmap.Control{Device: d}
	r, err := c.PortInfo("netmap:nm0", 0)
	if err != nil || r.TxRings != 3 || r.MemID != 1 {
		t.Errorf("port info %+v, %v", r, err)
	}
	if r, err = c.PortInfo("", 0); err != nil || r.MemID != 1 || r.MemSize == 0 || r.TxRings != 0 {
		t.Errorf("region info %+v, %v", r, err)
	}
	if p, err := c.PoolsInfo("nm0", 0); err != nil || p.MemSize != r.MemSize || p.BufObjSize != 2048 {
		t.Errorf("pools %+v, %v", p, err)
	}
	_, err = c.PortInfo("nm1", 0)
	refused(t, "info of nothing", err, unix.ENXIO, "no such port")
	_, err = c.PortInfo("nm0", 999)
	refused(t, "info in no region", err, unix.EINVAL, "refuses")
}

// TestOldKernel gives every request the answer of a kernel that knows none.
func TestOldKernel(t *testing.T) {
	d := netmaptest.New(nil)
	if err := d.AddNIC("nm0", netmaptest.NIC{}); err != nil {
		t.Fatal(err)
	}
	for _, errno := range []error{unix.EINVAL, unix.EOPNOTSUPP, unix.ENOTTY} {
		d.Fail(netmaptest.CallRequest, errno, 2)
		_, err := netmap.Control{Device: d}.PortInfo("nm0", 0)
		refused(t, errno.Error(), err, netmap.ErrOldKernel, "version 14")
		d.Fail(netmaptest.CallRegister, errno, 1)
		d.Fail(netmaptest.CallRequest, errno, 1)
		_, err = netmap.Open("netmap:nm0", &netmap.Config{Device: d})
		refused(t, errno.Error(), err, netmap.ErrOldKernel, "version 14")
		if !errors.Is(err, errno) {
			t.Errorf("%v is not %v", err, errno)
		}
	}
}

// TestUnknownOptions registers with options that the kernel does not know, or
// twice, or that are none of the request's.
func TestUnknownOptions(t *testing.T) {
	d := netmaptest.New(nil)
	if err := d.AddNIC("nm0", netmaptest.NIC{}); err != nil {
		t.Fatal(err)
	}
	f, err := d.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	register := func(opts ...netmap.Option) (*netmap.Request, error) {
		r := &netmap.Request{Type: netmap.ReqRegister, Name: "nm0", Body: &netmap.RegisterReq{Mode: netmap.ModeAllNIC}, Options: opts}
		return r, f.Ctrl(r)
	}
	var opt *netmap.OptionError
	_, err = register(netmap.OptUnknown(77))
	if !errors.As(err, &opt) || opt.Type != 77 || !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("an unknown option: %v", err)
	}
	r, err := register(&netmap.OptCSB{}, netmap.OptUnknown(77), &netmap.OptCSB{})
	if !errors.As(err, &opt) || opt.Type != netmap.OptTypeCSB || !errors.Is(err, unix.EINVAL) || r.Status[0] != unix.EINVAL || r.Status[1] != 0 || r.Status[2] != unix.EINVAL {
		t.Errorf("an option twice: %v, %v", err, r.Status)
	}
	if _, err := register(&netmap.OptSyncKloopEventFDs{EventFDs: make([]netmap.KloopEventFD, 600)}); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("an option too long: %v", err)
	}
	// Elsewhere an option that nobody wants is passed over, and the request done.
	info := &netmap.PortInfoReq{}
	err = f.Ctrl(&netmap.Request{Type: netmap.ReqPortInfoGet, Name: "nm0", Body: info, Options: []netmap.Option{&netmap.OptSyncKloopMode{}}})
	if !errors.As(err, &opt) || opt.Type != netmap.OptTypeSyncKloopMode || info.TxRings != 1 {
		t.Errorf("an option passed over: %v, %+v", err, info)
	}
	// After all that the descriptor is still good.
	if _, err := register(); err != nil {
		t.Error(err)
	}
}
