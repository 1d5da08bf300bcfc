package gen

import (
	"fmt"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

func onlySender(t testing.TB, c Config, w *wire) *sender {
	g := generator(t, c, w)
	s := g.senders[0]
	if c.Rate > 0 {
		s.pace = newPacer(c.newTempo(1, 0), 0, c.Burst)
	}
	return s
}

func TestNoAllocationPerBatch(t *testing.T) {
	for _, probe := range []Probe{On, Off} {
		for _, rate := range []float64{0, 1e9} {
			w := newWire(t, 1024, nil)
			s := onlySender(t, Config{Probe: probe, Rate: rate, Burst: 64}, w)
			out := []*netmap.Ring{w.ring}
			var clk engine.Clock
			sent := 0
			allocs := testing.AllocsPerRun(2000, func() {
				clk = engine.Clock{}
				n, _, err := s.Process(nil, out, &clk)
				if err != nil {
					t.Fatal(err)
				}
				sent += n
				if err := w.Sync(); err != nil {
					t.Fatal(err)
				}
			})
			if allocs != 0 || sent < 64*100 {
				t.Errorf("probe %d, rate %g: %g allocations per batch, %d frames in all", probe, rate, allocs, sent)
			}
		}
	}
}

// BenchmarkProcess is a sender's work for each packet, without the sync.
func BenchmarkProcess(b *testing.B) {
	for _, probe := range []Probe{On, Off} {
		for _, burst := range []int{1, 16, 64, 512} {
			b.Run(fmt.Sprintf("probe=%t/burst=%d", probe == On, burst), func(b *testing.B) {
				w := newWire(b, 1024, nil)
				s := onlySender(b, Config{Probe: probe, Burst: burst}, w)
				out, h := []*netmap.Ring{w.ring}, w.ring.Header()
				packets := 0
				for b.Loop() {
					clk := engine.Clock{}
					n, _, _ := s.Process(nil, out, &clk)
					packets += n
					h.Tail = (h.Head + h.NumSlots - 1) % h.NumSlots
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/pkt")
			})
		}
	}
}

// BenchmarkFrames is the same for frames that differ.
func BenchmarkFrames(b *testing.B) {
	for _, c := range []struct {
		name, layers, sizes string
		probe               Probe
	}{
		{"unchanged", "eth ip udp", "60", Off},
		{"one counting", "eth ip udp sport=1000-2000", "60", Off},
		{"pkt-gen's ranges", "eth ip src=10.0.0.0/24 dst=10.1.0.0/24 udp sport=1000-2000 dport=1-1000", "60", Off},
		{"five random, probe", "eth ip src~ dst~ ttl~1-255 udp sport~ dport~", "60", On},
		{"imix", "eth ip udp", "imix", Off},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWire(b, 1024, nil)
			s := onlySender(b, Config{Probe: c.probe, Burst: 512, Shape: shape(b, c.layers, c.sizes)}, w)
			out, h := []*netmap.Ring{w.ring}, w.ring.Header()
			packets := 0
			for b.Loop() {
				clk := engine.Clock{}
				n, _, _ := s.Process(nil, out, &clk)
				packets += n
				h.Tail = (h.Head + h.NumSlots - 1) % h.NumSlots
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/pkt")
		})
	}
}
