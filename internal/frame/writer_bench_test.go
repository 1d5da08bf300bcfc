package frame_test

import (
	"testing"

	"github.com/ringwalk/ringwalk/internal/frame"
)

func describe(t testing.TB, text string) *frame.Description {
	t.Helper()
	d, err := frame.Describe(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newWriter(t testing.TB, c frame.Config, thread, threads int) *frame.Writer {
	t.Helper()
	w, err := frame.NewWriter(c, thread, threads)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func shaped(text string, t testing.TB) frame.Config {
	return frame.Config{Shape: frame.Shape{Layers: describe(t, text)}}
}

// BenchmarkWriter is the work for each frame of a batch of 512.
func BenchmarkWriter(b *testing.B) {
	sizes, err := frame.ParseSizes("imix")
	if err != nil {
		b.Fatal(err)
	}
	anySize, err := frame.ParseSizes("~60-1514")
	if err != nil {
		b.Fatal(err)
	}
	mixed, random := shaped("eth ip udp", b), shaped("eth ip udp", b)
	mixed.Sizes, random.Sizes = sizes, anySize
	for _, c := range []struct {
		name   string
		config frame.Config
		probe  bool
	}{
		{"probe", frame.Config{}, true},
		{"one counting", shaped("eth ip udp sport=1000-2000", b), false},
		{"one counting address", shaped("eth ip src=10.0.0.0/16 udp", b), false},
		{"four counting", shaped("eth ip src=10.0.0.0/24 dst=10.1.0.0/24 udp sport=1000-2000 dport=1-1000", b), false},
		{"one random", shaped("eth ip udp sport~", b), false},
		{"pkt-gen's -z -Z", shaped("eth ip src~ dst~ udp sport~ dport~", b), false},
		{"five random, probe", shaped("eth ip src~ dst~ ttl~1-255 udp sport~ dport~", b), true},
		{"v6 five random, probe", shaped("eth ip6 src~fd00::/64 dst~fd00:1::/64 ttl~1-255 udp sport~ dport~", b), true},
		{"list", shaped("eth ip udp dport=80,443,8080,53", b), false},
		{"vxlan, inner counting, probe", shaped("eth ip udp vxlan eth ip src=10.0.0.0/16 udp", b), true},
		{"imix", mixed, false},
		{"imix, probe", mixed, true},
		{"random size", random, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWriter(b, c.config, 0, 1)
			if c.probe {
				if err := w.Probe(1); err != nil {
					b.Fatal(err)
				}
			}
			bufs := ring(w.Image())
			frames := 0
			for b.Loop() {
				w.Batch(uint64(frames))
				for _, buf := range bufs {
					w.Next(buf)
				}
				frames += len(bufs)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/pkt")
		})
	}
}
