package gen

import (
	"context"
	"testing"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
)

func TestSeq(t *testing.T) {
	var next uint32
	w := newWire(t, 16, func(b []byte) {
		n, ok := frame.ReadSeq(frame.Ethernet, b)
		if !ok || n != next {
			t.Fatalf("number %d (%t), want %d", n, ok, next)
		}
		next++
	})
	w.take = partly(3)
	g := generator(t, Config{Probe: Seq, Count: 1000, Burst: 5}, w)
	if err := g.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	if sn := g.Snapshot(); next != 1000 || sn.Packets != 1000 || sn.EndRecords != 0 {
		t.Errorf("%d seen, %+v", next, sn)
	}
	two := []engine.TxQueue{newWire(t, 16, nil), newWire(t, 16, nil)}
	if _, err := newGenerator(two, engine.Info{MaxFrame: 2048}, &Config{Probe: Seq}); err == nil {
		t.Error("two queues of one sequence are accepted")
	}
	if _, err := newGenerator(two[:1], engine.Info{MaxFrame: 2048}, &Config{Probe: Seq, Len: 45}); err == nil {
		t.Error("a frame without room for a number is accepted")
	}
}
