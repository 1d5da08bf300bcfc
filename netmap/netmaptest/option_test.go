package netmaptest_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"golang.org/x/sys/unix"
)

var frame60 = bytes.Repeat([]byte{0xff, 1, 2, 3, 4, 5}, 10)

func TestOffsets(t *testing.T) {
	for _, pair := range [][2]string{
		{"netmap:nm0", "netmap:nm1"}, {"netmap:nm0/x", "netmap:nm1/x"}, {"netmap:x{1", "netmap:x}1"}, {"vale0:a", "vale0:b"},
	} {
		d := device(t)
		a, b := open(t, d, pair[0]+"@offset:initial=64,bits=12"), open(t, d, pair[1]+"@offset:initial=64,bits=12")
		for _, q := range append(a.TX(), append(a.RX(), append(b.TX(), b.RX()...)...)...) {
			if q.Ring().Header().OffsetMask != 1<<12-1 || q.Ring().Slot(0).Ptr != 64 {
				t.Errorf("%s: %v ring %d has mask %#x, and offset %d", pair[0], q.Dir(), q.Ring().Header().RingID, q.Ring().Header().OffsetMask, q.Ring().Slot(0).Ptr)
			}
		}
		send(t, a.TX()[0], frame60)
		if all := take(t, b.RX()[0]); len(all) != 1 || !bytes.Equal(all[0], frame60) {
			t.Errorf("%s: received %x", pair[0], all)
		}
	}
}

func TestOffsetsRefused(t *testing.T) {
	d := device(t)
	c := func(o netmap.OptOffsets) *netmap.Config { return &netmap.Config{Device: d, Offsets: &o} }
	for _, bad := range []netmap.OptOffsets{{Max: 4096}, {Max: 64, Initial: 65}, {Max: 64, Bits: 6}, {Bits: 65}} {
		_, err := netmap.Open("netmap:nm0", c(bad))
		var opt *netmap.OptionError
		if !errors.As(err, &opt) || opt.Type != netmap.OptTypeOffsets {
			t.Errorf("%+v: %v", bad, err)
		}
		refused(t, "offsets", err, unix.EINVAL, "an offset must lie in a buffer")
	}
	_, err := netmap.Open("netmap:nm0@offset=16", c(netmap.OptOffsets{Max: 16}))
	refused(t, "offsets twice", err, unix.EINVAL, "Config.Offsets")

	// Whoever comes later is told what is in force, or refused what is more.
	p := openWith(t, "netmap:nm0", c(netmap.OptOffsets{Max: 128, Bits: 8}))
	q, err := netmap.Open("netmap:nm0", c(netmap.OptOffsets{Max: 64, Bits: 7}))
	ok(t, err)
	ok(t, q.Close())
	less := &netmap.OptOffsets{Max: 64, Bits: 7}
	f, err := d.Open()
	ok(t, err)
	ok(t, f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: "nm0", Body: &netmap.RegisterReq{Mode: netmap.ModeAllNIC}, Options: []netmap.Option{less}}))
	ok(t, f.Close())
	if less.Max != 128 {
		t.Errorf("the largest offset in force is said to be %d", less.Max)
	}
	_, err = netmap.Open("netmap:nm0", c(netmap.OptOffsets{Max: 256, Bits: 9}))
	refused(t, "more offset than there is", err, unix.EBUSY, "smaller offsets")
	ok(t, p.Close())
	_, err = netmap.Open("netmap:nm0/z", c(netmap.OptOffsets{Max: 16}))
	if err == nil {
		t.Error("a zero-copy monitor of a port that is not open succeeded")
	}
	open(t, d, "netmap:nm0")
	_, err = netmap.Open("netmap:nm0/z", c(netmap.OptOffsets{Max: 16}))
	refused(t, "a zero-copy monitor", err, unix.EOPNOTSUPP, "no offsets")
}

// TestMoveOffsets moves between ports of one memory of which one has offsets:
// by copy, for the other would read the packet elsewhere in its buffer.
func TestMoveOffsets(t *testing.T) {
	d := device(t)
	in, out := open(t, d, "netmap:x{1@offset:initial=32,bits=8"), open(t, d, "netmap:x{2")
	far, near := open(t, d, "netmap:x}1@offset:initial=32,bits=8"), open(t, d, "netmap:x}2")
	if in.Memory().ID() != out.Memory().ID() {
		t.Fatal("two pipes of one parent have two memories")
	}
	send(t, far.TX()[0], frame60)
	rx, tx := in.RX()[0], out.TX()[0]
	ok(t, rx.Sync())
	if n, err := netmap.Move(tx.Ring(), rx.Ring(), 8); n != 1 || err != nil {
		t.Fatalf("moved %d, %v", n, err)
	}
	ok(t, tx.Sync())
	if all := take(t, near.RX()[0]); len(all) != 1 || !bytes.Equal(all[0], frame60) {
		t.Errorf("received %x", all)
	}
	// And back: a full buffer finds no room behind an offset.
	back, long := near.TX()[0], bytes.Repeat([]byte{7}, 2048)
	send(t, back, long)
	ok(t, out.RX()[0].Sync())
	ring := in.TX()[0].Ring()
	if n, err := netmap.Move(ring, out.RX()[0].Ring(), 8); n != 0 || !errors.Is(err, netmap.ErrTooLong) {
		t.Errorf("moved %d frames that do not fit, %v", n, err)
	}
}

func TestExternalMemory(t *testing.T) {
	d := device(t)
	file := filepath.Join(t.TempDir(), "memory")
	ok(t, os.WriteFile(file, nil, 0o600))
	_, err := netmap.Open("vale0:a@extmem="+file, &netmap.Config{Device: d})
	refused(t, "an empty file", err, unix.EINVAL, "truncate")
	_, err = netmap.Open("vale0:a@extmem="+file+"x", &netmap.Config{Device: d})
	refused(t, "no file", err, os.ErrNotExist, "the file of external memory")
	ok(t, os.Truncate(file, 1<<20))
	_, err = netmap.Open("vale0:a@extmem="+file, &netmap.Config{Device: d})
	refused(t, "a file too small", err, unix.ENOMEM, "too small")
	ok(t, os.Truncate(file, 16<<20))
	_, err = netmap.Open("vale0:a@extmem:file="+file+",ring-size=1048576", &netmap.Config{Device: d})
	refused(t, "rings of a megabyte", err, unix.EINVAL, "beyond netmap's limits")
	_, err = netmap.Open("vale0:a@extmem="+file, &netmap.Config{Device: d, ExtMem: &netmap.OptExtMem{}})
	refused(t, "memory twice", err, unix.EINVAL, "Config.ExtMem")

	a := open(t, d, "vale0:a@conf:rings=2,slots=128@extmem:file="+file+",if-num=32,ring-num=32")
	lent := make([]byte, 16<<20)
	o := &netmap.OptExtMem{Memory: lent}
	b := openWith(t, "vale0:b", &netmap.Config{Device: d, ExtMem: o})
	if a.Info().MemSize > 16<<20 || a.Info().MemID == b.Info().MemID || o.Info.BufObjSize != 2048 {
		t.Errorf("external regions: %+v, %+v, %+v", a.Info(), b.Info(), o.Info)
	}
	send(t, a.TX()[1], frame60)
	if all := take(t, b.RX()[0]); len(all) != 1 || !bytes.Equal(all[0], frame60) {
		t.Errorf("received %x", all)
	}
	if !bytes.Contains(lent, frame60) {
		t.Error("what was received is not in the memory that was lent")
	}
	ok(t, errors.Join(a.Close(), b.Close()))
	mapped, err := os.ReadFile(file)
	ok(t, err)
	if !bytes.Contains(mapped, frame60) {
		t.Error("what was sent is not in the file")
	}
}

// TestCSBOption registers with a CSB, as programs that do not use Config.Kloop.
func TestCSBOption(t *testing.T) {
	d := device(t)
	csb := netmap.NewCSB(5)
	register := func(flags netmap.Flags, o *netmap.OptCSB) (netmap.File, error) {
		f, err := d.Open()
		ok(t, err)
		t.Cleanup(func() { f.Close() })
		return f, f.Ctrl(&netmap.Request{Type: netmap.ReqRegister, Name: "nm0", Options: []netmap.Option{o},
			Body: &netmap.RegisterReq{Mode: netmap.ModeAllNIC, Flags: flags}})
	}
	var opt *netmap.OptionError
	if _, err := register(0, csb); !errors.As(err, &opt) || opt.Type != netmap.OptTypeCSB || !errors.Is(err, unix.EINVAL) {
		t.Errorf("a CSB on shared rings: %v", err)
	}
	f, err := register(netmap.FlagExclusive, csb)
	ok(t, err)
	if csb.KToA[0].HwTail != 63 || csb.KToA[2].HwTail != 0 || csb.AToK[4].NeedKick != 1 {
		t.Errorf("the CSB is %+v", csb)
	}
	for _, dir := range []netmap.Dir{netmap.TX, netmap.RX} {
		if err := f.Sync(dir, false); !errors.Is(err, unix.EBUSY) {
			t.Errorf("a %v sync in CSB mode: %v", dir, err)
		}
	}
	if re, err := f.Poll(unix.POLLIN, 0); re != unix.POLLERR || err != nil {
		t.Errorf("a poll in CSB mode: %#x, %v", re, err)
	}
	start := func(opts ...netmap.Option) error {
		return f.Ctrl(&netmap.Request{Type: netmap.ReqSyncKloopStart, Body: &netmap.SyncKloopStartReq{SleepUs: 10}, Options: opts})
	}
	fds := []netmap.KloopEventFD{{IOEvent: -1, IRQ: -1}, {IOEvent: -1, IRQ: -1}, {IOEvent: -1, IRQ: -1}, {IOEvent: -1, IRQ: -1}}
	if err := start(&netmap.OptSyncKloopEventFDs{EventFDs: fds}); !errors.As(err, &opt) || opt.Type != netmap.OptTypeSyncKloopEventFDs || !errors.Is(err, unix.EINVAL) {
		t.Errorf("four eventfds for five rings: %v", err)
	}
	if err := start(&netmap.OptSyncKloopMode{Mode: 4}); !errors.As(err, &opt) || opt.Type != netmap.OptTypeSyncKloopMode {
		t.Errorf("mode 4: %v", err)
	}
	fds = append(fds, fds[0])
	if err := start(&netmap.OptSyncKloopMode{Mode: netmap.KloopDirectRx}, &netmap.OptSyncKloopEventFDs{EventFDs: fds}); !errors.As(err, &opt) || opt.Type != netmap.OptTypeSyncKloopEventFDs {
		t.Errorf("direct mode without eventfds: %v", err)
	}
	// Stopped before it starts, a loop ends at once.
	ok(t, f.Ctrl(&netmap.Request{Type: netmap.ReqSyncKloopStop}))
	ok(t, start())

	g, err := netmaptest.New(nil).Open()
	ok(t, err)
	defer g.Close()
	if err := g.Ctrl(&netmap.Request{Type: netmap.ReqSyncKloopStop}); !errors.Is(err, unix.ENXIO) {
		t.Errorf("a stop before REGISTER: %v", err)
	}
	if err := g.Ctrl(&netmap.Request{Type: netmap.ReqCSBEnable}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("CSB_ENABLE without a CSB: %v", err)
	}
}
