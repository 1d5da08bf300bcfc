package netmap_test

import (
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"golang.org/x/sys/unix"
)

// interrupted is a device whose polls sync and are then ended by a signal, as
// the kernel's may be.
type interrupted struct{ netmap.Device }

type interruptedFile struct{ netmap.File }

func (d interrupted) Open() (netmap.File, error) {
	f, err := d.Device.Open()
	return interruptedFile{f}, err
}

func (f interruptedFile) Poll(events int16, d time.Duration) (int16, error) {
	if _, err := f.File.Poll(events, 0); err != nil {
		return 0, err
	}
	return 0, unix.EINTR
}

// An interrupted wait has synced: what it took and brought is noted, or the ring
// is taken for illegal once it has wrapped.
func TestInterruptedPollHasSynced(t *testing.T) {
	d := netmaptest.New(nil)
	open := func(spec string, dev netmap.Device) *netmap.Port {
		p, err := netmap.Open(spec, &netmap.Config{Device: dev})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	out := open("netmap:x{1@conf:slots=8", d).TX()[0]
	in := open("netmap:x}1", interrupted{d}).RX()[0]
	send := func() {
		t.Helper()
		for range out.Ring().Space() {
			out.Ring().Slot(out.Ring().Head()).Len = 60
			out.Ring().Advance(1)
		}
		if err := out.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	send()
	if err := in.Sync(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		in.Ring().Advance(in.Ring().Space())
		if err := in.Wait(0); err != nil { // gives them back
			t.Fatal(err)
		}
		if err := out.Sync(); err != nil {
			t.Fatal(err)
		}
		send()
		if err := in.Wait(0); err != nil { // brings the next
			t.Fatal(err)
		}
		if n := in.Ring().Space(); n != 7 {
			t.Fatalf("%d slots came, want 7", n)
		}
		if err := in.Sync(); err != nil {
			t.Fatal(err)
		}
	}
}
