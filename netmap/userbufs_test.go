package netmap_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// A frame that the program has in memory of its own reaches the switch without
// a copy into netmap's.
func ExampleUserBufs() {
	d := netmaptest.New(nil) // nil in Config.Device is the kernel's
	a, err := netmap.Open("vale0:a", &netmap.Config{Device: d})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer a.Close()
	b, err := netmap.Open("vale0:b", &netmap.Config{Device: d})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()

	bufs, err := a.NewUserBufs(16, 1514)
	if err != nil {
		fmt.Println(err)
		return
	}
	const frame = "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5hello, switch"
	out, in := a.TX()[0], b.RX()[0]
	slot := out.Ring().Slot(out.Ring().Head())
	bufs.Put(slot, 3, copy(bufs.Bytes(3), frame))
	out.Ring().Advance(1)
	_ = out.Sync() // buffer 3 is the program's again

	_ = in.Sync()
	fmt.Printf("%s\n", in.Ring().Bytes(in.Ring().Slot(in.Ring().Head()))[14:])
	// Output: hello, switch
}

func TestUserBufsErrors(t *testing.T) {
	d := netmaptest.New(nil)
	open := func(spec string) *netmap.Port {
		p, err := netmap.Open(spec, &netmap.Config{Device: d})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	// Only a VALE switch reads the address; others would send something else.
	for _, spec := range []string{"netmap:x{1", "vale0:r/R", "vale0:p{1"} {
		if _, err := open(spec).NewUserBufs(1, 60); !errors.Is(err, netmap.ErrNotSupported) {
			t.Errorf("%s: %v", spec, err)
		}
	}
	p := open("vale0:a")
	for _, c := range [][2]int{{0, 60}, {1, 0}, {1, 1 << 16}, {1 << 30, 60}} {
		if _, err := p.NewUserBufs(c[0], c[1]); err == nil {
			t.Errorf("%d buffers of %d bytes were made", c[0], c[1])
		}
	}
	u, err := p.NewUserBufs(3, 100)
	if err != nil {
		t.Fatal(err)
	}
	s := p.TX()[0].Ring().Slot(0)
	s.Flags = netmap.BufChanged | netmap.Report
	u.Put(s, 2, 50)
	if s.Flags != netmap.BufChanged|netmap.Indirect || s.Len != 50 || s.Ptr%64 != 0 || u.Len() != 3 {
		t.Errorf("%d buffers, the slot is %+v", u.Len(), *s)
	}
	for name, f := range map[string]func(){
		"buffer 3":  func() { u.Bytes(3) },
		"buffer -1": func() { u.Bytes(-1) },
		"101 bytes": func() { u.Put(s, 0, 101) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of 3 buffers of 100 bytes: no panic", name)
				}
			}()
			f()
		}()
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.NewUserBufs(1, 60); !errors.Is(err, netmap.ErrClosed) {
		t.Errorf("on a closed port: %v", err)
	}
}

// The kernel would read the header itself from the process's memory.
func TestNoUserBufsBehindAHeader(t *testing.T) {
	d := netmaptest.New(nil)
	p, err := netmap.Open("vale0:a", &netmap.Config{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := (netmap.Control{Device: d}).SetPortHdr("vale0:a", 12); err != nil {
		t.Fatal(err)
	}
	q, err := netmap.Open("vale0:a", &netmap.Config{Device: d, AcceptVnetHdr: true})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if _, err := q.NewUserBufs(1, 60); !errors.Is(err, netmap.ErrNotSupported) {
		t.Errorf("behind a header: %v", err)
	}
}
