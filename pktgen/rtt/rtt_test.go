package rtt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, d *netmaptest.Device, spec string) *engine.Port {
	t.Helper()
	return openHeaded(t, d, spec, 0)
}

// openHeaded opens a port with a virtio-net header of so many bytes.
func openHeaded(t testing.TB, d *netmaptest.Device, spec string, head int) *engine.Port {
	t.Helper()
	p, err := engine.Open(spec, &engine.Config{Device: d, VnetHdr: head})
	ok(t, err)
	t.Cleanup(func() { ok(t, p.Close()) })
	return p
}

func device(t testing.TB) *netmaptest.Device {
	t.Helper()
	d := netmaptest.New(nil)
	ok(t, d.AddNIC("nm0", netmaptest.NIC{TxRings: 2, RxRings: 3}))
	ok(t, d.AddNIC("nm1", netmaptest.NIC{TxRings: 2, RxRings: 1}))
	ok(t, d.Loop("nm0", "nm1"))
	return d
}

// against runs a pinger at one port while the other side does what it does,
// until the pinger ends.
func against(t testing.TB, p *Pinger, other func(context.Context) error) Snapshot {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- other(ctx) }()
	err := p.Run(ctx)
	cancel()
	if e := <-ended; e != nil && !errors.Is(e, context.Canceled) {
		t.Error(e)
	}
	ok(t, err)
	return p.Snapshot()
}

func TestPingPong(t *testing.T) {
	for _, c := range []struct {
		from, to string
		cfg      Config
		head     [2]int
	}{
		{from: "netmap:nm0", to: "netmap:nm1", cfg: Config{Count: 300}},
		{from: "netmap:nm1", to: "netmap:nm0", cfg: Config{Count: 300, Burst: 7}},
		{from: "vale0:a", to: "vale0:b", cfg: Config{Count: 300, Len: 200}},
		{from: "netmap:x{1", to: "netmap:x}1", cfg: Config{Count: 300, Rate: 3000}},
		{from: "netmap:x{2", to: "netmap:x}2", cfg: Config{Duration: 100 * time.Millisecond, Rate: 2000, Burst: 4}},
		{from: "vale0:a", to: "vale0:b", cfg: Config{Count: 300}, head: [2]int{12, 12}},
		{from: "vale0:a", to: "vale0:b", cfg: Config{Count: 300, Burst: 3}, head: [2]int{10, 0}},
		{from: "vale0:a", to: "vale0:b", cfg: Config{Count: 300}, head: [2]int{0, 12}},
	} {
		t.Run(fmt.Sprint(c.from, c.cfg, c.head), func(t *testing.T) {
			t.Parallel()
			d := device(t)
			from, to := openHeaded(t, d, c.from, c.head[0]), openHeaded(t, d, c.to, c.head[1])
			p, err := NewPinger(from, &c.cfg)
			ok(t, err)
			r, err := NewReflector(to, nil)
			ok(t, err)
			sn := against(t, p, r.Run)
			back := r.Snapshot()
			want := c.cfg.Count
			if want == 0 {
				want = sn.Sent
				if sn.Sent == 0 || sn.Sent > 208 {
					t.Errorf("%d pings in 100 ms at 2000 a second", sn.Sent)
				}
			}
			if sn.Sent != want || sn.Received != want || sn.RTT.Count != want || sn.Lost+sn.Duplicates+sn.Late+sn.Foreign+sn.Undrained != 0 ||
				back.Packets != want || back.Bytes != sn.Bytes || back.Undrained+back.TooLong != 0 {
				t.Errorf("pinger %+v\nreflector %+v", sn, back)
			}
			x := sn.RTT
			if x.Min <= 0 || x.Min > x.P50 || x.P50 > x.P90 || x.P90 > x.P99 || x.P99 > x.P999 || x.P999 > x.Max || x.Mean < x.Min || x.Mean > x.Max {
				t.Errorf("%+v", x)
			}
			if rate := float64(sn.Sent) / sn.Seconds; c.cfg.Rate > 0 && rate > 1.1*c.cfg.Rate {
				t.Errorf("%.0f a second, asked %.0f", rate, c.cfg.Rate)
			}
		})
	}
}

// respond is an other side that a test writes: it is called with each ping's
// number and the frame that would be the right answer, and returns the frames
// to send.
func respond(port *engine.Port, answer func(n uint32, b []byte) [][]byte) func(context.Context) error {
	tpl, _ := frame.New(frame.Config{})
	m, _ := tpl.Echo()
	w := engine.Worker{In: port.RX(), Out: port.TX()[:1], Stage: engine.StageFunc(
		func(in, out []*netmap.Ring, _ *engine.Clock) (n int, done bool, err error) {
			for _, r := range in {
				for ; r.Space() > 0; n++ {
					b := bytes.Clone(r.Bytes(r.Slot(r.Head())))
					r.Advance(1)
					num, _, _ := m.Read(b)
					frame.Reverse(b, nil)
					for _, x := range answer(num, b) {
						s := out[0].Slot(out[0].Head())
						s.Len = uint16(copy(out[0].Buffer(s), x))
						s.Flags = 0
						out[0].Advance(1)
					}
				}
			}
			return n, false, nil
		})}
	return w.Run
}

// Each thing that can become of a ping, by its number.
func TestAnswersByName(t *testing.T) {
	d := device(t)
	from, to := open(t, d, "netmap:p{1"), open(t, d, "netmap:p}1")
	p, err := NewPinger(from, &Config{Count: 80, Rate: 2000, Timeout: 60 * time.Millisecond})
	ok(t, err)
	var kept []byte
	sn := against(t, p, respond(to, func(n uint32, b []byte) [][]byte {
		switch n % 8 {
		case 0: // lost
			return nil
		case 1: // twice
			return [][]byte{b, b}
		case 2: // too late: with a ping 70 ms later, below
			if n == 2 {
				kept = bytes.Clone(b)
			}
			return nil
		case 3: // another's: the time is not when the ping was sent
			x := bytes.Clone(b)
			x[50] ^= 1
			return [][]byte{x, b}
		case 4: // a number never sent
			x := bytes.Clone(b)
			x[43] ^= 0x80
			return [][]byte{x, b, make([]byte, 14), nil}
		case 5: // one's own, not returned
			x := bytes.Clone(b)
			frame.Reverse(x, nil)
			return [][]byte{x, b}
		}
		return [][]byte{b}
	}))
	const each = 10
	if sn.Sent != 80 || sn.Received != 6*each || sn.Lost != 2*each || sn.Duplicates != each || sn.Foreign != (1+3+1)*each || sn.Late != 0 {
		t.Errorf("%+v", sn)
	}
	if kept == nil {
		t.Fatal("ping 2 was not seen")
	}
}

func TestLate(t *testing.T) {
	d := device(t)
	from, to := open(t, d, "netmap:p{1"), open(t, d, "netmap:p}1")
	p, err := NewPinger(from, &Config{Count: 2, Timeout: 30 * time.Millisecond})
	ok(t, err)
	var first []byte
	sn := against(t, p, respond(to, func(n uint32, b []byte) [][]byte {
		if n == 0 {
			first = b
			return nil
		}
		return [][]byte{first, first, b} // ping 1 goes when ping 0 is given up
	}))
	if sn.Sent != 2 || sn.Received != 1 || sn.Lost != 1 || sn.Late != 1 || sn.Duplicates != 1 || sn.RTT.Count != 1 {
		t.Errorf("%+v", sn)
	}
}

// The last answers are waited for, also when the run was stopped, and no
// longer than they may take.
func TestStragglers(t *testing.T) {
	for _, stop := range []bool{false, true} {
		for _, late := range []bool{false, true} {
			d := device(t)
			from, to := open(t, d, "vale0:a"), open(t, d, "vale0:b")
			c := &Config{Count: 5, Burst: 5, Timeout: 5 * time.Second}
			if late {
				c.Timeout = 50 * time.Millisecond
			}
			if stop {
				c.Count = 0
			}
			p, err := NewPinger(from, c)
			ok(t, err)
			ctx, cancel := context.WithCancel(context.Background())
			came, hold := make(chan bool), make(chan bool)
			respondCtx, end := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() {
				ended <- respond(to, func(n uint32, b []byte) [][]byte {
					if n == 0 {
						came <- true
						<-hold
					}
					return [][]byte{b}
				})(respondCtx)
			}()
			ran := make(chan error, 1)
			go func() { ran <- p.Run(ctx) }()
			<-came
			if stop {
				cancel()
			}
			time.Sleep(100 * time.Millisecond)
			if !late {
				select {
				case <-ran:
					t.Fatal("the pinger did not wait")
				default:
				}
				close(hold)
			}
			ok(t, <-ran)
			if late {
				close(hold)
			}
			end()
			<-ended
			cancel()
			sn := p.Snapshot()
			got := uint64(5)
			if late {
				got = 0
			}
			if sn.Received != got || sn.Lost != 5-got || sn.Sent != 5 {
				t.Errorf("stopped %t, late %t: %+v", stop, late, sn)
			}
		}
	}
}

func TestReflectorCountsAndFragments(t *testing.T) {
	d := device(t)
	src, dst := open(t, d, "vale0:a"), open(t, d, "vale0:b")
	r, err := NewReflector(dst, &ReflectorConfig{Count: 5})
	ok(t, err)
	tpl, err := frame.New(frame.Config{Len: 300})
	ok(t, err)
	out := src.TX()[0]
	for i := range 7 { // two more than it counts, each of three slots
		for k := range 3 {
			s := out.Ring().Slot(out.Ring().Head())
			s.Len = uint16(copy(out.Ring().Buffer(s), tpl.Bytes()[100*k:][:100]))
			s.Flags = netmap.MoreFrag
			if k == 2 {
				s.Flags = 0
			}
			out.Ring().Advance(1)
		}
		if i == 3 {
			ok(t, out.Sync())
		}
	}
	ok(t, out.Sync())
	ok(t, r.Run(context.Background()))
	sn := r.Snapshot()
	if sn.Packets != 5 || sn.Bytes != 5*300 || sn.Undrained != 0 {
		t.Errorf("%+v", sn)
	}
	in := src.RX()[0]
	ok(t, in.Sync())
	want := bytes.Clone(tpl.Bytes())
	frame.Reverse(want, nil)
	a, b := in.Ring().Runs()
	var got []byte
	packets := 0
	for _, s := range slices.Concat(a, b) {
		got = append(got, in.Ring().Bytes(&s)...)
		if s.Flags&netmap.MoreFrag == 0 {
			if packets++; !bytes.Equal(got, want) {
				t.Errorf("packet %d came back as % x", packets, got)
			}
			got = got[:0]
		}
	}
	if packets != 5 {
		t.Errorf("%d packets came back", packets)
	}
}

// A packet of more fragments than there are slots is dropped to its end, and no
// more.
func TestReflectorDropsWhatIsTooLong(t *testing.T) {
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 8})
	ok(t, err)
	in, err := mem.NewRing(netmap.RX, 0, 8)
	ok(t, err)
	out, err := mem.NewRing(netmap.TX, 0, 8)
	ok(t, err)
	put := func(flags ...netmap.SlotFlags) {
		for _, f := range flags {
			s := in.Slot(in.Tail())
			s.Len, s.Flags = 60, f
			in.Header().Tail = in.Next(in.Tail())
		}
	}
	s := &reflectStage{r: &Reflector{}, dropping: make([]bool, 1)}
	step := func() int {
		n, _, err := s.Process([]*netmap.Ring{in}, []*netmap.Ring{out}, &engine.Clock{})
		ok(t, err)
		return n
	}
	const more = netmap.MoreFrag
	put(more, more, more, more, more, more)
	if n := step(); n != 0 || s.tooLong.Load() != 0 {
		t.Errorf("a packet that is not all there: %d moved", n)
	}
	put(more)
	if n := step(); n != 7 || s.tooLong.Load() != 1 {
		t.Errorf("%d slots dropped, %d packets", n, s.tooLong.Load())
	}
	put(more, 0, 0, more)
	if n := step(); n != 2 || in.Space() != 2 {
		t.Errorf("%d slots dropped of the rest", n)
	}
	if n := step(); n != 1 || out.Pending() != 1 || in.Space() != 1 {
		t.Errorf("%d moved after it", n)
	}
}

func TestRefusals(t *testing.T) {
	d := device(t)
	both := open(t, d, "vale0:a")
	deaf, err := engine.Open("vale0:b", &engine.Config{Device: d, TX: 1})
	ok(t, err)
	defer deaf.Close()
	for _, c := range []struct {
		port *engine.Port
		cfg  Config
	}{
		{deaf, Config{}},
		{both, Config{Burst: -1}},
		{both, Config{Duration: -1}},
		{both, Config{Rate: math.Inf(1)}},
		{both, Config{Timeout: 2 * time.Hour}},
		{both, Config{Len: 53}},
		{both, Config{Len: 5000}},
	} {
		if _, err := NewPinger(c.port, &c.cfg); err == nil {
			t.Errorf("%+v is accepted", c.cfg)
		}
	}
	if _, err := NewReflector(deaf, nil); err == nil {
		t.Error("a port without receive queues reflects")
	}
	if _, err := NewReflector(both, &ReflectorConfig{Duration: -1}); err == nil {
		t.Error("a negative duration is accepted")
	}
}

func TestTimesAgreeWithSorting(t *testing.T) {
	var l log
	l.init(time.Second)
	r := rand.New(rand.NewPCG(1, 2))
	var all []int64
	var sum float64
	for range 100 {
		batch := make([]int64, r.IntN(50))
		for i := range batch {
			batch[i] = int64(math.Exp(r.Float64() * math.Log(9e8)))
			sum += float64(batch[i])
		}
		l.add(batch)
		all = append(all, batch...)
		if r.IntN(5) == 0 {
			l.interval()
		}
	}
	slices.Sort(all)
	got := l.total()
	if got.Count != uint64(len(all)) || got.Min != time.Duration(all[0]) || got.Max != time.Duration(all[len(all)-1]) ||
		math.Abs(float64(got.Mean)-sum/float64(len(all))) > 1 {
		t.Errorf("%+v", got)
	}
	for p, x := range map[float64]time.Duration{0.5: got.P50, 0.9: got.P90, 0.99: got.P99, 0.999: got.P999} {
		exact := float64(all[int(math.Ceil(p*float64(len(all))))-1])
		if math.Abs(float64(x)/exact-1) > 0.002 {
			t.Errorf("percentile %g is %v, by sorting %v", 100*p, x, time.Duration(exact))
		}
	}
}

// Readers and the writer at the same time: for the race detector, and nothing
// may be counted twice or get lost.
func TestIntervalsAddUp(t *testing.T) {
	d := device(t)
	from, to := open(t, d, "netmap:p{1"), open(t, d, "netmap:p}1")
	p, err := NewPinger(from, &Config{Count: 3000, Burst: 3})
	ok(t, err)
	r, err := NewReflector(to, nil)
	ok(t, err)
	stop, n := make(chan bool), make(chan uint64)
	go func() {
		var sum uint64
		for {
			select {
			case <-stop:
				n <- sum + p.Interval().Count
				return
			default:
				sum += p.Interval().Count
				_ = p.Snapshot()
				_ = r.Snapshot()
			}
		}
	}()
	sn := against(t, p, r.Run)
	close(stop)
	if sum := <-n; sum != 3000 || sn.RTT.Count != 3000 {
		t.Errorf("%d in the intervals, %d in all", sum, sn.RTT.Count)
	}
}

// A batch of pings and answers allocates nothing.
func TestNoAllocations(t *testing.T) {
	d := device(t)
	p, err := NewPinger(open(t, d, "vale0:a"), &Config{Burst: 8})
	ok(t, err)
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 64})
	ok(t, err)
	in, _ := mem.NewRing(netmap.RX, 0, 64)
	out, _ := mem.NewRing(netmap.TX, 0, 64)
	s := p.stage
	s.begin = engine.Monotonic()
	ins, outs := []*netmap.Ring{in}, []*netmap.Ring{out}
	run := func() {
		var clk engine.Clock
		if _, _, err := s.Process(ins, outs, &clk); err != nil {
			t.Fatal(err)
		}
		// The wire: what was sent comes back.
		for i := out.Next(out.Tail()); i != out.Head(); i = out.Next(i) {
			x, y := out.Slot(i), in.Slot(in.Tail())
			y.Len = uint16(copy(in.Buffer(y), out.Bytes(x)))
			y.Flags = 0
			frame.Reverse(in.Bytes(y), nil)
			in.Header().Tail = in.Next(in.Tail())
		}
		h := out.Header()
		h.Tail = (h.Head + h.NumSlots - 1) % h.NumSlots
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("%g allocations per batch", n)
	}
	if s.received < 8*90 || s.foreign != 0 {
		t.Errorf("%d answers, %d foreign", s.received, s.foreign)
	}
}

func FuzzAnswer(f *testing.F) {
	cfg := Config{}
	ok(f, cfg.complete())
	tpl, err := frame.New(frame.Config{})
	ok(f, err)
	m, err := tpl.Echo()
	ok(f, err)
	good := bytes.Clone(tpl.Bytes())
	m.Write(good, 2, 1e18+5)
	frame.Reverse(good, nil)
	f.Add(good)
	f.Add(good[:53])
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &pingStage{cfg: &cfg, echo: m, frame: tpl.Bytes(), ether: true, table: make([]int64, 8), wall: 1e18, next: 3, open: 3}
		for i := range int64(3) {
			s.table[i] = 3 + i
		}
		s.answer(b, 10)
		s.answer(b, 10)
		if s.received+s.foreign+s.duplicates != 2 || s.received == 1 != (s.duplicates == 1) || s.received > 1 {
			t.Fatalf("%d received, %d foreign, %d duplicates", s.received, s.foreign, s.duplicates)
		}
	})
}
