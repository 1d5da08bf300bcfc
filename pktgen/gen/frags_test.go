package gen

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// ends opens both ends of what fragments go over.
func ends(t *testing.T, from, to string) (tx, rx *engine.Port) {
	t.Helper()
	d := netmaptest.New(nil)
	open := func(spec string, c engine.Config) *engine.Port {
		c.Device = d
		p, err := engine.Open(spec, &c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		return p
	}
	return open(from, engine.Config{TX: 1}), open(to, engine.Config{RX: 1})
}

// A joiner puts received fragments together.
type joiner struct {
	frame []byte
	slots int
	seen  func(b []byte, slots int)
}

func (j *joiner) Process(in, _ []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
	a, b := in[0].Runs()
	for _, run := range [][]netmap.Slot{a, b} {
		for i := range run {
			j.frame = append(j.frame, in[0].Bytes(&run[i])...)
			if j.slots++; run[i].Flags&netmap.MoreFrag == 0 {
				j.seen(j.frame, j.slots)
				j.frame, j.slots = j.frame[:0], 0
			}
		}
	}
	in[0].Advance(len(a) + len(b))
	return len(a) + len(b), false, nil
}

// Frames in fragments are to the byte those of one slot each, in as many slots
// as asked for, and no sync finds a part of one.
func TestFragments(t *testing.T) {
	const n = 500
	for _, path := range [][2]string{
		{"netmap:x{1@conf:slots=37", "netmap:x}1"},
		{"vale0:a@conf:slots=101", "vale0:b"},
	} {
		for _, c := range []struct {
			frags, size int
			lengths     string
			slots       func(length int) int
		}{
			{3, 0, "1514", func(int) int { return 3 }},
			{2, 0, "60-100", func(int) int { return 2 }},
			{7, 0, "~300-1514", func(int) int { return 7 }},
			{36, 0, "~600-1514", func(int) int { return 36 }},
			{1, 100, "~60-1514", func(n int) int { return (n + 99) / 100 }},
			{4, 128, "500,512,513,640,641", func(n int) int { return max(4, (n+127)/128) }},
			{2, 0, "2048,4096,4097,9014", func(n int) int { return max(2, (n+2047)/2048) }},
		} {
			for _, probe := range []Probe{Off, On} {
				name := fmt.Sprintf("%s -F %d -M %d -l %s, probe %d", path[0], c.frags, c.size, c.lengths, probe)
				tx, rx := ends(t, path[0], path[1])
				g, err := New(tx, &Config{Count: n, Probe: probe, Frags: c.frags, FragSize: c.size, Shape: shape(t, varied, c.lengths)})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				w, err := frame.NewWriter(g.frameConfig(), 0, 1)
				if err != nil {
					t.Fatal(err)
				}
				want, frames := bytes.Clone(w.Image()), uint64(0)
				var p frame.Probe
				j := &joiner{seen: func(b []byte, slots int) {
					if k := c.slots(len(b)); slots != k {
						t.Fatalf("%s: frame %d of %d bytes came in %d slots, want %d", name, frames, len(b), slots, k)
					}
					length := w.Next(want)
					if probe == Off && !bytes.Equal(b, want[:length]) {
						t.Fatalf("%s: frame %d is\n%x, want\n%x", name, frames, b, want[:length])
					}
					if probe == On && (!frame.Read(frame.Ethernet, b, &p) || p.Seq != frames || p.End || verify(b) != "" || len(b) != length) {
						t.Fatalf("%s: frame %d of %d bytes, want %d, has probe %+v: %s", name, frames, len(b), length, p, verify(b))
					}
					frames++
				}}
				deliver(t, g.senders[0], rx, j)
				if s := g.Snapshot(); frames != n || s.Packets != n || j.slots != 0 {
					t.Errorf("%s: %d frames came, %d are counted, and %d slots of another came", name, frames, s.Packets, j.slots)
				}
			}
		}
	}
}

// deliver runs a sender and what receives from it in turn.
func deliver(t *testing.T, s *sender, from *engine.Port, to *joiner) {
	t.Helper()
	out, in := s.queue.Ring(), from.RX()[0]
	for idle := 0; ; idle++ {
		n, done, err := s.Process(nil, []*netmap.Ring{out}, &engine.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		if before := (out.Head() + uint32(out.NumSlots()) - 1) % uint32(out.NumSlots()); n > 0 && out.Slot(before).Flags&^netmap.Indirect != 0 {
			t.Fatalf("what is handed over ends with flags %#x", out.Slot(before).Flags)
		}
		for range 2 { // a pipe takes slots back that the receiver has given back
			if err := s.queue.Sync(); err != nil {
				t.Fatal(err)
			}
			if err := in.Sync(); err != nil {
				t.Fatal(err)
			}
			to.Process([]*netmap.Ring{in.Ring()}, nil, nil)
		}
		if n > 0 {
			idle = 0
		}
		if done || idle > 100 {
			return
		}
	}
}

// A whole run: exactly -n frames leave, a ring that holds few of them is waited
// for, and the end records come in fragments too.
func TestRunInFragments(t *testing.T) {
	for _, rate := range []float64{0, 20000} {
		tx, rx := ends(t, "netmap:x{1@conf:slots=11", "netmap:x}1")
		g, err := New(tx, &Config{Count: 2000, Rate: rate, Len: 1514, Frags: 4, DrainTimeout: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		probes, ended := uint64(0), uint64(0)
		j := &joiner{seen: func(b []byte, slots int) {
			var p frame.Probe
			if !frame.Read(frame.Ethernet, b, &p) || len(b) != 1514 || slots != 4 {
				t.Errorf("%d bytes in %d slots, or no probe", len(b), slots)
			}
			if p.End {
				ended = p.Seq
			} else if p.Seq != probes {
				t.Errorf("probe %d comes as number %d", p.Seq, probes)
			} else {
				probes++
			}
		}}
		ctx, cancel := context.WithCancel(t.Context())
		received := make(chan struct{})
		go func() {
			defer close(received)
			w := engine.Worker{In: rx.RX(), Stage: j}
			w.Run(ctx)
		}()
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(20 * time.Second); rx.RX()[0].Stats().Packets < 2001 && time.Now().Before(deadline); {
			time.Sleep(time.Millisecond)
		}
		cancel()
		<-received
		if s := g.Snapshot(); s.Packets != 2000 || s.Bytes != 2000*1514 || s.Undrained != 0 || s.EndRecords == 0 || probes != 2000 || ended != 2000 {
			t.Errorf("%+v; %d probes came and an end of %d", s, probes, ended)
		}
	}
}

// What is left is counted in frames, and nothing of the one that found no room
// is in the ring.
func TestFragmentsNobodyTakes(t *testing.T) {
	tx, _ := ends(t, "netmap:x{1@conf:slots=12", "netmap:x}1")
	g, err := New(tx, &Config{Duration: 20 * time.Millisecond, Len: 1514, Frags: 3, DrainTimeout: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := g.Snapshot(); s.Packets != 0 || s.Undrained != 3 || tx.TX()[0].Ring().Pending() != 9 {
		t.Errorf("%+v, and %d slots are in the ring", s, tx.TX()[0].Ring().Pending())
	}
}

func TestFragmentsAreRefused(t *testing.T) {
	pipe, _ := ends(t, "netmap:x{1@conf:slots=37", "netmap:x}1")
	host := engine.Info{Spec: "netmap:eth0^", Backend: "netmap", MaxFrame: 2048}
	others := engine.Info{Spec: "packet:eth0", Backend: "packet", MaxFrame: 2048}
	emulated := engine.Info{Spec: "netmap:lo", Backend: "netmap", Interface: "lo", MaxFrame: 2048}
	for _, c := range []struct {
		info engine.Info
		cfg  Config
		says string
	}{
		{others, Config{Frags: 2}, "packet:eth0 sends a frame in one piece"},
		{others, Config{FragSize: 50}, "packet:eth0 sends a frame in one piece"},
		{host, Config{Frags: 2}, "netmap:eth0^ leads to the host's stack"},
		{emulated, Config{Frags: 2}, "netmap emulates lo"},
		{pipe.Info(), Config{Frags: 64}, "64 fragments of a frame: want 1 to 63"},
		{pipe.Info(), Config{Frags: -1}, "-1 fragments"},
		{pipe.Info(), Config{FragSize: -1}, "fragments of -1 bytes"},
		{pipe.Info(), Config{Frags: 3, Probe: Seq}, "txseq numbers slots"},
		{pipe.Info(), Config{Frags: 3, Replay: &Replay{File: "/dev/null"}}, "a capture file are read into one slot"},
		{pipe.Info(), Config{Frags: 5}, "60 bytes in 5 fragments begins with one of 12"},
		{pipe.Info(), Config{FragSize: 20, Len: 1514}, "makes 76: want at most 63"},
		{pipe.Info(), Config{Frags: 40, Len: 1514}, "40 slots does not fit into a ring of 37"},
		{pipe.Info(), Config{Frags: 2, Len: 65536}, "longer than the 65535"},
	} {
		_, err := newGenerator(pipe.TX(), c.info, &c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: got %v, want something on %q", c.cfg, err, c.says)
		}
	}
	for frags, says := range map[int]string{3: "first fragment of 20 bytes does not hold its probe, up to byte 60", 1: ""} {
		g, err := newGenerator(pipe.TX(), pipe.Info(), &Config{Frags: frags})
		if err != nil || !strings.Contains(g.Notice(), says) || says == "" && g.Notice() != "" {
			t.Errorf("%d fragments: %v, notice %q", frags, err, g.Notice())
		}
	}
}
