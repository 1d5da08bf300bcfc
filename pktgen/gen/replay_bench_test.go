package gen

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// player is the sender of a replay of a file on a ring in the test's hands.
func onlyPlayer(t testing.TB, c Config, slots int) (*sender, *wire, error) {
	w := newWire(t, slots, nil)
	g, err := newGenerator([]engine.TxQueue{w}, replayInfo, &c)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() { g.closeFiles() })
	if g.timed() {
		g.pace(0, 0)
	}
	return g.senders[0], w, nil
}

func TestReplayAllocatesNothing(t *testing.T) {
	small := film(t, shots(t, 500, 10)...)
	for name, c := range map[string]Config{
		"memory": {Replay: &Replay{File: small, Speed: math.Inf(1), Loops: 1e9}},
		"file":   {Replay: &Replay{File: grown(t, small), Speed: math.Inf(1), Loops: 1e9}},
		"times":  {Replay: &Replay{File: small, Loops: 1e9}},
		"rate":   {Rate: 1e9, Replay: &Replay{File: small, Loops: 1e9}},
	} {
		s, w, err := onlyPlayer(t, c, 1024)
		if err != nil {
			t.Fatal(err)
		}
		out := []*netmap.Ring{w.ring}
		sent := 0
		allocs := testing.AllocsPerRun(20, func() {
			for range 10 {
				clk := engine.Clock{}
				n, done, err := s.Process(nil, out, &clk)
				if done || err != nil {
					t.Fatal(done, err)
				}
				sent += n
				w.Sync()
			}
		})
		if allocs != 0 || sent < 1000 {
			t.Errorf("%s: %g allocations in ten batches, %d frames in all", name, allocs, sent)
		}
	}
}

// BenchmarkReplay is a sender's work for each frame of a small file that is
// replayed again and again, without the sync.
func BenchmarkReplay(b *testing.B) {
	var short []shot
	for i := range int64(1000) {
		short = append(short, shot{i * 1000, udp(b, uint16(i), 60)})
	}
	for name, list := range map[string][]shot{"60": short, "mixed": shots(b, 1000, 1000)} {
		b.Run(name, func(b *testing.B) {
			s, w, err := onlyPlayer(b, Config{Replay: &Replay{File: film(b, list...), Speed: math.Inf(1), Loops: math.MaxUint64}}, 1024)
			if err != nil {
				b.Fatal(err)
			}
			out, h := []*netmap.Ring{w.ring}, w.ring.Header()
			packets := 0
			for b.Loop() {
				clk := engine.Clock{}
				n, _, err := s.Process(nil, out, &clk)
				if err != nil {
					b.Fatal(err)
				}
				packets += n
				h.Tail = (h.Head + h.NumSlots - 1) % h.NumSlots
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/pkt")
		})
	}
}

// FuzzReplay holds that no capture file makes a replay panic, hang, take much
// more memory than the file has, or send a frame that the port does not take.
func FuzzReplay(f *testing.F) {
	for _, list := range [][]shot{shots(f, 3, 1000), {{0, udp(f, 1, 1519)}, {5, udp(f, 1, 60)}}, nil} {
		b, err := os.ReadFile(film(f, list...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(2))
	}
	file := filepath.Join(f.TempDir(), "x.pcap")
	f.Fuzz(func(t *testing.T, b []byte, loops uint8) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, w, err := onlyPlayer(t, Config{Count: 1000, Replay: &Replay{File: file, Speed: math.Inf(1), Loops: uint64(loops)}}, 16)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20+uint64(8*len(b)) {
			t.Fatalf("%d bytes allocated for a file of %d", n, len(b))
		}
		if err != nil {
			return
		}
		w.seen = func(b []byte) {
			if len(b) < 14 || len(b) > 1518 {
				t.Fatalf("a frame of %d bytes", len(b))
			}
		}
		out := []*netmap.Ring{w.ring}
		for done := false; !done; {
			clk := engine.Clock{}
			var n int
			if n, done, err = s.Process(nil, out, &clk); err != nil {
				break
			}
			if n == 0 && !done {
				t.Fatal("nothing moves, and it is not the end")
			}
			w.Sync()
		}
		if w.packets.Load() > 1000 || s.placed > 1000 || err == nil && s.placed == 0 {
			t.Fatalf("%d frames sent, %d placed, %v", w.packets.Load(), s.placed, err)
		}
	})
}
