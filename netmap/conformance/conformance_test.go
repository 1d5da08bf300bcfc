package conformance_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/conformance"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"golang.org/x/sys/unix"
)

// What the fake's ports of each kind can do.
const (
	looped = conformance.Ends | conformance.Swallows | conformance.Frags | conformance.OneMemory | conformance.Queues |
		conformance.HostRings | conformance.Named
	vale = conformance.Ends | conformance.Swallows | conformance.Frags | conformance.Conf | conformance.Queues |
		conformance.Switches | conformance.Monitors | conformance.Named
	pipe = conformance.Ends | conformance.Lossless | conformance.Frags | conformance.Withholds | conformance.OneMemory |
		conformance.Conf | conformance.Queues | conformance.Monitors | conformance.ZCMonitors | conformance.SecondPair | conformance.Named
)

// fake returns the targets of a fake device. Its NICs have unequal rings.
func fake(t testing.TB) []*conformance.Target {
	d := netmaptest.New(nil)
	nics := map[string]netmaptest.NIC{
		"nm0": {TxRings: 2, RxRings: 3, TxSlots: 256, RxSlots: 512},
		"nm1": {TxRings: 3, RxRings: 1, TxSlots: 100, RxSlots: 333},
	}
	plug := func() error {
		for name, c := range nics {
			if err := d.AddNIC(name, c); err != nil && err != unix.EEXIST {
				return err
			}
		}
		return d.Loop("nm0", "nm1")
	}
	if err := plug(); err != nil {
		t.Fatal(err)
	}
	all := []*conformance.Target{
		{Name: "vale", Kind: conformance.VALE, A: "vale0:a", B: "vale0:b", C: "vale0:c", Caps: vale},
		{Name: "pipe", Kind: conformance.Pipe, A: "netmap:x{1", B: "netmap:x}1", C: "netmap:x{2", D: "netmap:x}2", Caps: pipe, Rings: 2},
		{Name: "null", Kind: conformance.Null, A: "netmap:null"},
		{Name: "nics", Kind: conformance.Looped, A: "netmap:nm0", B: "netmap:nm1", Caps: looped,
			LinkDown: func(down bool) error { return d.SetCarrier("nm0", !down) },
			Remove:   func() (func() error, error) { return plug, d.Remove("nm0") },
			Host: func() (*conformance.HostStack, error) {
				return &conformance.HostStack{
					Send:    func(frame []byte) error { return d.HostSend("nm0", frame) },
					Receive: func() ([]byte, bool, error) { f, ok := d.HostReceive("nm0"); return f, ok, nil },
					Close:   func() error { return nil },
				}, nil
			}},
	}
	for _, target := range all {
		target.Device, target.Keeps = d, true
		target.KernelMemory = func() (int64, error) { return inUse(d), nil }
		target.Interrupt = func() func() {
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for {
					select {
					case <-stop:
						return
					case <-time.After(2 * time.Millisecond):
						d.Fail(netmaptest.CallPoll, unix.EINTR, 1)
					}
				}
			}()
			return func() {
				close(stop)
				<-done
				// Nobody else is to meet those that are left.
				f, err := d.Open()
				if err != nil {
					t.Error(err)
					return
				}
				for err = unix.EINTR; err == unix.EINTR; {
					_, err = f.Poll(unix.POLLIN, 0)
				}
				f.Close()
			}
		}
	}
	return all
}

// inUse counts what a device has given out: descriptors, regions, and objects
// of region 1.
func inUse(d *netmaptest.Device) int64 {
	m, _ := d.Memory(1)
	return int64(d.OpenFiles() + d.Memories() + m.Ifs - m.FreeIfs + m.Rings - m.FreeRings + m.Bufs - m.FreeBufs + m.Leaked + m.Users)
}

// TestFake runs every check on every target of the fake, and prints the table.
func TestFake(t *testing.T) {
	targets := fake(t)
	opt := &conformance.Options{Timeout: time.Minute}
	if testing.Short() || race {
		opt.Packets, opt.Cycles = 50000, 200
	}
	report, err := conformance.Run(t.Context(), io.Discard, targets, opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Results {
		if r.Verdict == conformance.Fail {
			t.Errorf("%s on %s: %s", r.Check, r.Target, r.Text)
		}
	}
	if testing.Verbose() {
		if err := report.WriteText(os.Stdout); err != nil {
			t.Fatal(err)
		}
	}
	if !report.OK() {
		t.Error("the report is not OK")
	}
	if n := inUse(targets[0].Device.(*netmaptest.Device)); n != 1 {
		t.Errorf("after all checks the device has %d things in use, want 1, its region", n)
	}
}

func Example() {
	d := netmaptest.New(nil)
	targets := []*conformance.Target{{
		Name: "pipe", Kind: conformance.Pipe, Device: d, A: "netmap:x{1", B: "netmap:x}1",
		Caps: conformance.Ends | conformance.Lossless | conformance.Withholds | conformance.Named,
	}}
	var checks []conformance.Check
	for _, c := range conformance.Checks() {
		if c.Name == "pending" || c.Name == "withhold" {
			checks = append(checks, c)
		}
	}
	report, err := conformance.Run(context.Background(), os.Stdout, targets, &conformance.Options{Checks: checks})
	if err != nil {
		fmt.Println(err)
		return
	}
	report.WriteText(os.Stdout)
	// Output:
	// check     pipe
	// withhold  ok
	// pending   ok
	// 2 passed, 0 failed, 0 not run, 0 do not apply, of 2
}

// deaf is a device whose ports never hear anything: every sync succeeds and
// does nothing.
type deaf struct{ netmap.Device }

type deafFile struct{ netmap.File }

func (d deaf) Open() (netmap.File, error) {
	f, err := d.Device.Open()
	return deafFile{f}, err
}

func (deafFile) Sync(netmap.Dir, bool) error { return nil }

// TestDeaf shows that checks of traffic fail where there is none, and one that
// does not apply for no reason that is listed.
func TestDeaf(t *testing.T) {
	var checks []conformance.Check
	traffic := 0
	for _, c := range conformance.Checks() {
		switch c.Name {
		case "transfer", "pending", "drain":
			traffic++
			checks = append(checks, c)
		case "learn":
			checks = append(checks, c)
		}
	}
	target := &conformance.Target{Name: "deaf", Kind: "odd", Device: deaf{netmaptest.New(nil)}, A: "netmap:x{1", B: "netmap:x}1",
		Caps: pipe}
	report, err := conformance.Run(t.Context(), io.Discard, []*conformance.Target{target}, &conformance.Options{Checks: checks, Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if n := report.Count(conformance.Fail); n != traffic+1 || report.OK() {
		t.Errorf("%d checks failed of %d on a device that does nothing; OK is %t", n, traffic+1, report.OK())
		report.WriteText(os.Stdout)
	}
}
