package gen

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// headed opens two ports of a VALE switch with virtio-net headers.
func headed(t *testing.T, head [2]int) (tx, rx *engine.Port) {
	t.Helper()
	d := netmaptest.New(nil)
	var ports [2]*engine.Port
	for i, spec := range []string{"vale0:a@conf:slots=101", "vale0:b"} {
		p, err := engine.Open(spec, &engine.Config{Device: d, TX: 1 - i, RX: i, VnetHdr: head[i]})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		if got := p.Info().VnetHdr; got != head[i] {
			t.Fatalf("%s has a header of %d bytes, want %d", spec, got, head[i])
		}
		ports[i] = p
	}
	return ports[0], ports[1]
}

// Frames reach the other port to the byte behind the header that it has, from
// the ring's buffers and from memory of the process; what is counted is frames.
func TestHeadersAndIndirect(t *testing.T) {
	const n = 700
	for _, head := range [][2]int{{0, 0}, {10, 10}, {12, 12}, {12, 0}, {10, 12}, {0, 10}} {
		for _, indirect := range []bool{false, true} {
			if indirect && head[0] > 0 {
				continue // refused, see below
			}
			for _, c := range []struct {
				probe   Probe
				lengths string
				layers  string
			}{
				{Off, "60", "eth ip udp"}, {Off, "~60-1514", varied}, {On, "60", "eth ip udp"}, {On, "~100-1514", varied}, {Seq, "60", "eth ip udp"},
			} {
				name := fmt.Sprintf("headers of %v, indirect %v, %s of %s, probe %d", head, indirect, c.layers, c.lengths, c.probe)
				tx, rx := headed(t, head)
				g, err := New(tx, &Config{Count: n, Probe: c.probe, Indirect: indirect, Shape: shape(t, c.layers, c.lengths)})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				fc := g.frameConfig()
				fc.Head = 0
				w, err := frame.NewWriter(fc, 0, 1)
				if err != nil {
					t.Fatal(err)
				}
				if c.probe == Seq {
					if err := w.Number(); err != nil {
						t.Fatal(err)
					}
				}
				want, frames, total := bytes.Clone(w.Image()), uint64(0), uint64(0)
				if !bytes.Equal(g.Frame(), want) && c.probe != On {
					t.Errorf("%s: the frame is %x", name, g.Frame())
				}
				var p frame.Probe
				j := &joiner{seen: func(b []byte, _ int) {
					if len(b) < head[1] || !bytes.Equal(b[:head[1]], make([]byte, head[1])) {
						t.Fatalf("%s: frame %d begins with %x", name, frames, b)
					}
					b = b[head[1]:]
					length := w.Next(want)
					total += uint64(length)
					if c.probe == On {
						if !frame.Read(frame.Ethernet, b, &p) || p.Seq != frames || verify(b) != "" || len(b) != length {
							t.Fatalf("%s: frame %d of %d bytes, want %d, has probe %+v: %s", name, frames, len(b), length, p, verify(b))
						}
					} else if !bytes.Equal(b, want[:length]) {
						t.Fatalf("%s: frame %d is\n%x, want\n%x", name, frames, b, want[:length])
					}
					frames++
				}}
				deliver(t, g.senders[0], rx, j)
				if s := g.Snapshot(); frames != n || s.Packets != n || s.Bytes != total {
					t.Errorf("%s: %d frames of %d bytes came, %d of %d are counted", name, frames, total, s.Packets, s.Bytes)
				}
			}
		}
	}
}

// A replay has the header, too, and a rate in bits is that of frames.
func TestReplayBehindHeader(t *testing.T) {
	tx, rx := headed(t, [2]int{12, 12})
	b := udp(t, 1, 100)
	g, err := New(tx, &Config{Rate: 1e9, Unit: Bits, Replay: &Replay{File: film(t, shot{0, b}, shot{1, b}), Loops: 50}})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	frames := 0
	in := rx.RX()[0]
	if err := in.Sync(); err != nil {
		t.Fatal(err)
	}
	ring := in.Ring()
	for ; ring.Space() > 0; ring.Advance(1) {
		if got := ring.Bytes(ring.Slot(ring.Head())); !bytes.Equal(got, append(make([]byte, 12), b...)) {
			t.Fatalf("%x came", got)
		}
		frames++
	}
	if s := g.Snapshot(); frames != 100 || s.Packets != 100 || s.Bytes != 100*100 {
		t.Errorf("%d frames came; %+v", frames, s)
	}
}

func TestRateInBitsWithoutHeaders(t *testing.T) {
	tx, _ := headed(t, [2]int{12, 0})
	g, err := New(tx, &Config{Rate: 48e6, Unit: Bits, Count: 10000, Probe: Off, Len: 60})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	// 100,000 frames of 60 bytes a second; with their headers it would be
	// 83,333. A machine that is late makes it longer, never shorter.
	if s := g.Snapshot(); s.Packets != 10000 || g.senders[0].pace.at > 0.101e9 {
		t.Errorf("the schedule of %d frames is %.0f ns long", s.Packets, g.senders[0].pace.at)
	}
}

func TestIndirectIsRefused(t *testing.T) {
	vale, _ := headed(t, [2]int{0, 0})
	pipe, _ := ends(t, "netmap:x{1", "netmap:x}1")
	others := engine.Info{Spec: "packet:eth0", Backend: "packet", MaxFrame: 2048}
	for _, c := range []struct {
		info engine.Info
		cfg  Config
		says string
	}{
		{others, Config{}, "packet:eth0 is none"},
		{pipe.Info(), Config{}, "netmap:x{1 is none"},
		{engine.Info{Spec: "vale0:x", Backend: "netmap", MaxFrame: 2000, VnetHdr: 12}, Config{}, "either indirect buffers or the header"},
		{vale.Info(), Config{Frags: 2}, "either indirect buffers or fragments"},
		{vale.Info(), Config{Rubbish: true, Probe: Off}, "either indirect buffers or rubbish"},
		{vale.Info(), Config{Replay: &Replay{File: "/dev/null"}}, "leave indirect buffers out"},
	} {
		c.cfg.Indirect = true
		_, err := newGenerator(vale.TX(), c.info, &c.cfg)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: got %v, want something on %q", c.cfg, err, c.says)
		}
	}
}
