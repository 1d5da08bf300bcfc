package meter_test

import (
	"context"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
	"github.com/ringwalk/ringwalk/pktgen/gen"
	"github.com/ringwalk/ringwalk/rcv/meter"
)

func open(t testing.TB, ns *netlab.NS, spec string, c *engine.Config) (p *engine.Port) {
	t.Helper()
	err := ns.Do(func() (err error) {
		p, err = engine.Open(spec, c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// run sends from one end of a veth pair to the other and returns what both say.
func run(t *testing.T, queues int, gc *gen.Config, mc *meter.Config, rx *engine.Config) (gen.Snapshot, meter.Snapshot) {
	t.Helper()
	pair := testnet.Pair(t, nil)
	from := open(t, pair.A.NS, "packet:"+pair.A.Name, &engine.Config{TX: queues})
	rx.RX = queues
	to := open(t, pair.B.NS, "packet:"+pair.B.Name, rx)
	g, err := gen.New(from, gc)
	if err != nil {
		t.Fatal(err)
	}
	m, err := meter.New(to, mc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatal("the run did not end by itself")
	}
	return g.Snapshot(), m.Snapshot()
}

func TestPacedRunIsLossless(t *testing.T) {
	for _, queues := range []int{1, 2} {
		begin := time.Now()
		g, m := run(t, queues, &gen.Config{Count: 20001, Rate: 20000, Len: 128},
			&meter.Config{Idle: 400 * time.Millisecond}, &engine.Config{})
		if d := time.Since(begin); d < time.Second {
			t.Errorf("20001 frames at 20000 a second took %v", d)
		}
		if g.Packets != 20001 || g.Undrained != 0 || g.EndRecords == 0 || g.Bytes != 20001*128 {
			t.Errorf("sent: %+v", g)
		}
		check(t, g, m)
		if len(m.Streams) != queues {
			t.Fatalf("%d streams: %+v", queues, m.Streams)
		}
		for _, s := range m.Streams {
			if s.Lost+s.Duplicates+s.Reordered+s.Late != 0 || !s.Ended {
				t.Errorf("stream: %+v", s)
			}
		}
	}
}

// check holds the sums that must always hold.
func check(t *testing.T, g gen.Snapshot, m meter.Snapshot) {
	t.Helper()
	if m.Packets+m.Engine.KernelDrops != g.Packets+g.EndRecords {
		t.Errorf("%d received + %d dropped, but %d sent + %d end records", m.Packets, m.Engine.KernelDrops, g.Packets, g.EndRecords)
	}
	var distinct, lost, total uint64
	for _, s := range m.Streams {
		distinct, lost, total = distinct+s.Distinct, lost+s.Lost, total+s.Total
	}
	if distinct+lost != g.Packets || total != g.Packets || m.NotProbe != 0 {
		t.Errorf("%d distinct + %d lost, %d sent by the end records, %d by the sender, %d not probes", distinct, lost, total, g.Packets, m.NotProbe)
	}
}

// At full speed into a small socket buffer most is lost, and all is accounted
// for.
func TestFullSpeedIsAccountedForToTheFrame(t *testing.T) {
	for _, queues := range []int{1, 2} {
		g, m := run(t, queues, &gen.Config{Duration: 300 * time.Millisecond},
			&meter.Config{Idle: 400 * time.Millisecond}, &engine.Config{RecvBuf: 1 << 17})
		if g.Packets == 0 || g.Undrained != 0 {
			t.Errorf("sent: %+v", g)
		}
		check(t, g, m)
		t.Logf("%d queues: %.3f Mpps sent, %d received, %d dropped", queues, float64(g.Packets)/g.Seconds/1e6, m.Packets, m.Engine.KernelDrops)
	}
}

// Strays neither start the idle time, nor keep the run alive, nor stretch the
// time that the rate is of.
func TestStraysDoNotMatter(t *testing.T) {
	pair := testnet.Pair(t, nil)
	from := open(t, pair.A.NS, "packet:"+pair.A.Name, &engine.Config{TX: 1})
	stray := open(t, pair.A.NS, "packet:"+pair.A.Name, &engine.Config{TX: 1}).TX()[0]
	to := open(t, pair.B.NS, "packet:"+pair.B.Name, &engine.Config{RX: 1})
	m, err := meter.New(to, &meter.Config{Idle: 250 * time.Millisecond, WantProbes: true})
	if err != nil {
		t.Fatal(err)
	}
	g, err := gen.New(from, &gen.Config{Count: 1000, Rate: 10000})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	strays := 0
	send := func(n int) {
		for range n {
			r := stray.Ring()
			s := r.Slot(r.Head())
			s.Len = 60
			clear(r.Buffer(s)[:60])
			r.Advance(1)
			if left, err := stray.Drain(time.Second); left > 0 || err != nil {
				t.Fatal(left, err)
			}
			strays++
			time.Sleep(100 * time.Millisecond)
		}
	}
	send(6) // more than Idle before the first probe
	if err := g.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for ended := false; !ended && ctx.Err() == nil; {
		send(1)
		select {
		case err := <-done:
			ended = true
			if err != nil {
				t.Fatal(err)
			}
		default:
		}
	}
	s := m.Snapshot()
	if ctx.Err() != nil || len(s.Streams) != 1 || s.Streams[0].Distinct != 1000 || s.NotProbe == 0 {
		t.Fatalf("%v, %+v", ctx.Err(), s)
	}
	if s.Seconds > 0.4 {
		t.Errorf("1000 probes at 10000 a second took %v s", s.Seconds)
	}
}
