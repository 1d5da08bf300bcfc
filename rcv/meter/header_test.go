package meter

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// What comes behind a virtio-net header, whole or with the header in slots of
// its own, is checked, counted and written without it.
func TestBehindHeader(t *testing.T) {
	const head = 12
	for _, c := range []Config{{}, {NoProbe: true}, {Sequence: true}} {
		file := filepath.Join(t.TempDir(), "f")
		c.Write = capture(t, file)
		m, err := newMeter([]engine.RxQueue{&script{}}, engine.Info{VnetHdr: head}, &c)
		if err != nil {
			t.Fatal(err)
		}
		go m.write.run()
		f, p := newFeed(t, 64), newProbes(t, 3)
		var want []byte
		number := numbered(t)
		cuts := [][]int{{}, {head}, {5}, {5, head}, {head, 40}, {20}}
		for i, cut := range cuts {
			b := p.probe(uint64(i))
			if c.Sequence {
				b, cut = number(uint32(i)), nil // pkt-gen has a header in each slot
			}
			want = append(want, b...)
			whole, from := append(make([]byte, head), b...), 0
			for _, to := range cut {
				f.put(whole[from:to], netmap.MoreFrag)
				from = to
			}
			f.put(whole[from:], 0)
			if i%2 == 0 {
				f.process(t, m.stages[0])
			}
		}
		f.process(t, m.stages[0])
		s := m.stages[0]
		checked := uint64(len(cuts))
		if c.NoProbe {
			checked = 0
		} else if !c.Sequence {
			checked-- // the probe is not whole in a fragment that ends at byte 8 of the frame
			checked-- // nor at 28
		}
		if s.packets != uint64(len(cuts)) || s.bytes != uint64(len(want)) || s.probes != checked {
			t.Errorf("%+v: %d packets of %d bytes, %d checked; want %d of %d, %d", c, s.packets, s.bytes, s.probes, len(cuts), len(want), checked)
		}
		if err := m.write.finish(); err != nil {
			t.Fatal(err)
		}
		list, _ := frames(t, file)
		got := bytes.Join(list, nil)
		if !bytes.Equal(got, want) {
			t.Errorf("%+v: written is\n%x, want\n%x", c, got, want)
		}
	}
}
