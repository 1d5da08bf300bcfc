package gen

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap"
)

func shape(t testing.TB, layers, sizes string) frame.Shape {
	t.Helper()
	d, err := frame.Describe(layers)
	if err != nil {
		t.Fatal(err)
	}
	s, err := frame.ParseSizes(sizes)
	if err != nil {
		t.Fatal(err)
	}
	return frame.Shape{Layers: d, Sizes: s, Seed: 7}
}

const varied = "eth dst~ ip src=10.0.0.0/28 ttl=64-62 udp sport~1000-2000"

// The frames of a run are the same however many threads send them, and what
// is counted is what left, to the byte.
func TestThreadsSendTogetherWhatOneWould(t *testing.T) {
	const n = 3000
	for _, sizes := range []string{"imix", "~60-1514", "60-300+3"} {
		var want map[string]int
		for threads := 1; threads <= 3; threads++ {
			got := map[string]int{}
			total := 0
			var wires []*wire
			for i := range threads {
				w := newWire(t, 64, func(b []byte) {
					got[string(b)]++
					total += len(b)
				})
				w.take = partly(uint64(i))
				wires = append(wires, w)
			}
			g := generator(t, Config{Count: n, Probe: Off, DrainTimeout: 10 * time.Second, Shape: shape(t, varied, sizes)}, wires...)
			for i := range g.senders { // one after the other: they share the map
				if err := g.run(t.Context(), i); err != nil {
					t.Fatal(err)
				}
			}
			if want == nil {
				want = got
			}
			if s := g.Snapshot(); s.Packets != n || s.Bytes != uint64(total) {
				t.Errorf("%s, %d threads: %+v, and %d bytes left", sizes, threads, s, total)
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %d threads send other frames than one", sizes, threads)
			}
		}
	}
}

// End records are no part of the bytes, whatever their length.
func TestBytesWithoutEndRecords(t *testing.T) {
	total, ends := 0, 0
	var p frame.Probe
	w := newWire(t, 64, func(b []byte) {
		if !frame.Read(frame.Ethernet, b, &p) || verify(b) != "" {
			t.Fatalf("no probe in %x, or %s", b, verify(b))
		}
		if p.End {
			ends++
		} else {
			total += len(b)
		}
	})
	g := generator(t, Config{Count: 1000, DrainTimeout: 10 * time.Second, Shape: shape(t, varied, "~60-1514")}, w)
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := g.Snapshot(); s.Bytes != uint64(total) || s.Packets != 1000 || ends == 0 || p.Seq != 1000 {
		t.Errorf("%+v; %d bytes and %d end records left, the last %+v", s, total, ends, p)
	}
}

// A frame that is the same as before is not written again.
func TestUnchangedFramesAreNotRewritten(t *testing.T) {
	w := newWire(t, 8, nil)
	s := onlySender(t, Config{Probe: Off}, w)
	image := s.writer.Image()
	for round := range 5 {
		clk := engine.Clock{}
		if _, _, err := s.Process(nil, []*netmap.Ring{w.ring}, &clk); err != nil {
			t.Fatal(err)
		}
		if round == 1 { // all buffers hold the frame now
			for i := range w.ring.NumSlots() {
				b := w.ring.Bytes(w.ring.Slot(uint32(i)))
				if !bytes.Equal(b, image) {
					t.Fatalf("slot %d holds %x", i, b)
				}
				b[20] = 0xee
			}
		}
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range w.ring.NumSlots() {
		if b := w.ring.Bytes(w.ring.Slot(uint32(i))); b[20] != 0xee {
			t.Errorf("slot %d was written again", i)
		}
	}
}

func TestRubbish(t *testing.T) {
	var seen [][]byte
	w := newWire(t, 8, func(b []byte) { seen = append(seen, bytes.Clone(b)) })
	for i := range w.ring.NumSlots() {
		copy(w.ring.Buffer(w.ring.Slot(uint32(i))), fmt.Sprintf("%02d what was here before, and more of it", i))
	}
	g := generator(t, Config{Count: 20, Len: 25, Rubbish: true}, w)
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, b := range seen {
		if len(b) != 25 || string(b[2:]) != " what was here before, " {
			t.Errorf("sent %q", b)
		}
	}
	if len(seen) != 20 || g.Probe() || !strings.Contains(g.Notice(), "no probes: rubbish") {
		t.Errorf("%d frames, notice %q", len(seen), g.Notice())
	}
	c := &Config{Rubbish: true, Probe: On}
	if _, err := newGenerator(g.queues, g.info, c); err == nil {
		t.Error("probes in rubbish")
	}
}

// A given frame is sent as it is, unless probes are asked for.
func TestGivenFrame(t *testing.T) {
	tm, err := frame.New(frame.Config{Len: 90})
	if err != nil {
		t.Fatal(err)
	}
	given := bytes.Clone(tm.Bytes())
	given[40]++ // its checksum is wrong, as in a capture on the sending host
	for _, probe := range []Probe{Auto, On} {
		frames := 0
		w := newWire(t, 8, func(b []byte) {
			frames++
			if probe == Auto && !bytes.Equal(b, given) {
				t.Fatalf("sent %x", b)
			}
			if probe == On && verify(b) != "" {
				t.Fatal(verify(b))
			}
		})
		g := generator(t, Config{Count: 20, Probe: probe, Shape: frame.Shape{Bytes: given}}, w)
		if err := g.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if frames < 20 || g.Probe() != (probe == On) || (g.Notice() == "") != (probe == On) {
			t.Errorf("%d frames, probes %v, notice %q", frames, g.Probe(), g.Notice())
		}
	}
}

func TestShapeIsRefused(t *testing.T) {
	payload := engine.Info{Spec: "udp:x", MaxFrame: 2048, Link: engine.Payload}
	wires := []engine.TxQueue{newWire(t, 64, nil)}
	for _, c := range []struct {
		info engine.Info
		cfg  Config
		says string
	}{
		{payload, Config{Shape: frame.Shape{Flows: 5}}, "port udp:x carries payloads"},
		{payload, Config{Shape: shape(t, varied, "60")}, "port udp:x carries payloads"},
		{engine.Info{Spec: "wire", MaxFrame: 1514}, Config{Shape: shape(t, varied, "60-1515")}, "packets of 1515 bytes are longer than the 1514"},
		{engine.Info{Spec: "wire", MaxFrame: 2048}, Config{Shape: shape(t, varied, "60,41")}, "headers take 42"},
		{engine.Info{Spec: "wire", MaxFrame: 2048}, Config{Probe: On, Shape: shape(t, "eth arp", "60")}, "no probes: frames without a header of layer 4"},
	} {
		if _, err := newGenerator(wires, c.info, &c.cfg); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want something on %q", err, c.says)
		}
	}
}
