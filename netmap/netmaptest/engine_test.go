package netmaptest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"github.com/ringwalk/ringwalk/pktgen/gen"
	"github.com/ringwalk/ringwalk/rcv/meter"
)

func openEngine(t *testing.T, d *netmaptest.Device, spec string, rx, tx int) *engine.Port {
	t.Helper()
	p, err := engine.Open(spec, &engine.Config{Device: d, RX: rx, TX: tx})
	ok(t, err)
	t.Cleanup(func() { ok(t, p.Close()) })
	return p
}

// wide makes a Device whose NICs nm0 and nm1, nm2 and nm3 are joined and have
// rings of 2048 slots.
func wide(t *testing.T) *netmaptest.Device {
	t.Helper()
	d := netmaptest.New(&netmaptest.Config{Memory: netmaptest.Pools{BufNum: 40000}})
	for name, c := range map[string]netmaptest.NIC{
		"nm0": {TxRings: 2, RxRings: 3},
		"nm1": {TxRings: 3, RxRings: 1},
		"nm2": {TxRings: 1, RxRings: 2},
		"nm3": {},
	} {
		c.TxSlots, c.RxSlots = 2048, 2048
		ok(t, d.AddNIC(name, c))
	}
	ok(t, d.Loop("nm0", "nm1"))
	ok(t, d.Loop("nm2", "nm3"))
	return d
}

// The generator into the counter, over each kind of port. Paced, everything
// arrives; at full speed, what was sent is either received or dropped, except
// on a pipe, which loses nothing.
func TestEndToEnd(t *testing.T) {
	const paced, full = 1000, 50000 // the smallest ring holds all of the paced ones
	for _, c := range []struct {
		from, to string
		lossless bool
	}{
		{"netmap:nm0", "netmap:nm1", false}, // 2 transmit rings into 1
		{"netmap:nm1", "netmap:nm0", false}, // 3 into 3
		{"vale0:a", "vale0:b", false},
		{"vale0:a@conf:rings=2", "vale0:b@conf:rings=3", false},
		{"netmap:nm0{1", "netmap:nm0}1", true},
		{"netmap:lone{1@conf:rings=2", "netmap:lone}1", true},
	} {
		for _, rate := range []float64{20000, 0} {
			t.Run(fmt.Sprintf("%s at %v", c.from, rate), func(t *testing.T) {
				t.Parallel()
				count := uint64(paced)
				if rate == 0 {
					count = full
				}
				d := wide(t)
				from := openEngine(t, d, c.from, 0, engine.All)
				to := openEngine(t, d, c.to, engine.All, 0)
				g, err := gen.New(from, &gen.Config{Count: count, Rate: rate, DrainTimeout: 5 * time.Second})
				ok(t, err)
				m, err := meter.New(to, &meter.Config{Idle: time.Second, WaitFirst: 20 * time.Second})
				ok(t, err)
				counted := make(chan error, 1)
				go func() { counted <- m.Run(context.Background()) }()
				ok(t, g.Run(context.Background()))
				ok(t, <-counted)

				sent, got := g.Snapshot(), m.Snapshot()
				if sent.Packets != count || sent.Undrained != 0 {
					t.Fatalf("sent %d of %d, %d undrained", sent.Packets, count, sent.Undrained)
				}
				var distinct, lost, odd uint64
				for _, s := range got.Streams {
					distinct += s.Distinct
					lost += s.Lost
					odd += s.Duplicates + s.Late
					if !s.Ended {
						t.Errorf("stream %d has no end", s.ID)
					}
				}
				if len(got.Streams) != len(from.TX()) || distinct+lost != count || odd != 0 || got.NotProbe != 0 {
					t.Errorf("%d sent by %d threads; %d distinct, %d lost, %d twice or late, %d no probes, %d streams",
						count, len(from.TX()), distinct, lost, odd, got.NotProbe, len(got.Streams))
				}
				if (rate > 0 || c.lossless) && lost != 0 {
					t.Errorf("%d lost", lost)
				}
				x, y := d.Counters(name(base(c.from))), d.Counters(name(base(c.to)))
				if x.Sent < count+sent.EndRecords || y.Received != got.Packets || y.Dropped+y.Received != x.Sent {
					t.Errorf("the device counts %+v and %+v; sent %d and %d ends, received %d", x, y, count, sent.EndRecords, got.Packets)
				}
			})
		}
	}
}

// base takes the options off a spec.
func base(spec string) string {
	for i := range spec {
		if spec[i] == '@' {
			return spec[:i]
		}
	}
	return spec
}

// A slot that a NIC has skipped goes back with its buffer announced, so that the
// driver gives the descriptor an address.
func TestEmptySlotGoesBackChanged(t *testing.T) {
	d := wide(t)
	from, to := openEngine(t, d, "netmap:e{1", 0, 1), openEngine(t, d, "netmap:e}1", 1, 0)
	tx, rx := from.TX()[0], to.RX()[0]
	ring := tx.Ring()
	for i, flags := range []netmap.SlotFlags{netmap.MoreFrag, netmap.MoreFrag, 0} {
		s := ring.Slot(uint32(i))
		s.Len, s.Flags = uint16(60*(i&1)), flags
	}
	ring.Advance(3)
	ok(t, tx.Sync())
	ok(t, rx.Sync())
	got, _ := rx.Ring().Runs()
	if len(got) != 3 {
		t.Fatalf("%d slots received, want 3", len(got))
	}
	const more, changed = netmap.MoreFrag, netmap.BufChanged
	if f := got[0].Flags & (more | changed); f != more|changed {
		t.Errorf("the empty fragment has flags %#x", f)
	}
	if n := rx.Stats().Packets; n != 1 {
		t.Errorf("%d packets counted, want 1", n)
	}
}

// A bridge between two ports of one region moves buffers, not bytes.
func TestEngineBridge(t *testing.T) {
	d := wide(t)
	in, out := openEngine(t, d, "netmap:nm1", engine.All, 0), openEngine(t, d, "netmap:nm2", 0, engine.All)
	source, sink := openEngine(t, d, "netmap:nm0", 0, engine.All), openEngine(t, d, "netmap:nm3", engine.All, 0)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	bridged := make(chan error, 1)
	go func() {
		w := engine.Worker{In: in.RX(), Out: out.TX(), Stage: forward{}}
		bridged <- w.Run(ctx)
	}()
	const count = 2000 // a ring holds them all
	g, err := gen.New(source, &gen.Config{Count: count, Rate: 20000})
	ok(t, err)
	m, err := meter.New(sink, &meter.Config{Idle: 500 * time.Millisecond, WaitFirst: 10 * time.Second})
	ok(t, err)
	counted := make(chan error, 1)
	go func() { counted <- m.Run(ctx) }()
	ok(t, g.Run(ctx))
	ok(t, <-counted)
	cancel()
	<-bridged
	if s := m.Snapshot(); s.Packets-s.EndRecords != count {
		t.Errorf("%d of %d came through the bridge", s.Packets-s.EndRecords, count)
	}
}

type forward struct{}

func (forward) Process(in, out []*netmap.Ring, _ *engine.Clock) (n int, done bool, err error) {
	n, err = netmap.Move(out[0], in[0], 512)
	return n, false, err
}

func TestEngineStopsAndFails(t *testing.T) {
	d := device(t)
	p := openEngine(t, d, "netmap:nm0", engine.All, 0)
	time.AfterFunc(20*time.Millisecond, p.Stop)
	begin := time.Now()
	for p.RX()[0].Sync() == nil {
		if err := p.RX()[0].Wait(-1); err != nil {
			break
		}
	}
	if time.Since(begin) > 5*time.Second {
		t.Errorf("Stop took %v", time.Since(begin))
	}
	q := openEngine(t, d, "netmap:nm1", engine.All, 0)
	time.AfterFunc(20*time.Millisecond, func() { _ = d.Remove("nm1") })
	var err error
	for begin := time.Now(); err == nil && time.Since(begin) < 5*time.Second; {
		if err = q.RX()[0].Sync(); err == nil {
			err = q.RX()[0].Wait(time.Second)
		}
	}
	if err == nil {
		t.Error("a NIC that is gone gave no error")
	}
}

// A spec of one direction opened for the other is refused and holds nothing.
func TestEngineOtherDirection(t *testing.T) {
	d := netmaptest.New(nil)
	for spec, c := range map[string]engine.Config{
		"vale0:a/T": {RX: engine.All}, "vale0:a/R": {TX: 1},
	} {
		c.Device = d
		p, err := engine.Open(spec, &c)
		if err == nil {
			p.Close()
			t.Errorf("%s opened for the other direction, with %d and %d queues", spec, len(p.RX()), len(p.TX()))
		}
		if n := d.OpenFiles(); n != 0 {
			t.Errorf("%s holds %d descriptors", spec, n)
		}
	}
}

// A sender whose ring is full and has to wait for room says so: it is held back
// by its port, and not slow.
func TestBackpressure(t *testing.T) {
	d := netmaptest.New(nil)
	tx := openEngine(t, d, "netmap:x{1", 0, 1).TX()[0]
	rx := openEngine(t, d, "netmap:x}1", 1, 0).RX()[0]
	fill := func() {
		for range 3 { // the receiver's ring holds as much again
			ring := tx.Ring()
			run, rest := ring.Runs()
			for _, slots := range [][]netmap.Slot{run, rest} {
				for i := range slots {
					slots[i].Len = 60
				}
			}
			ring.Advance(ring.Space())
			ok(t, tx.Sync())
		}
	}
	if fill(); tx.Ring().Space() != 0 || tx.Stats().Backpressure != 0 {
		t.Fatalf("room for %d, %+v", tx.Ring().Space(), tx.Stats())
	}
	ok(t, tx.Wait(time.Millisecond))
	held := tx.Stats().Backpressure
	if held == 0 {
		t.Errorf("%+v", tx.Stats())
	}
	ok(t, rx.Sync())
	rx.Ring().Advance(rx.Ring().Space())
	ok(t, rx.Sync())
	ok(t, tx.Sync())
	if ok(t, tx.Wait(time.Millisecond)); tx.Ring().Space() == 0 || tx.Stats().Backpressure != held {
		t.Errorf("room for %d, %+v", tx.Ring().Space(), tx.Stats())
	}
	if s := rx.Stats(); s.Backpressure != 0 {
		t.Errorf("%+v", s)
	}
}
