package meter

import (
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// A queue that is never found empty keeps the run alive, though the other one
// has long been idle.
func TestBusyQueueIsNotIdle(t *testing.T) {
	m := &Meter{cfg: Config{Idle: 20 * time.Millisecond}, streams: map[uint16]*stream{}}
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2, Slots: 8})
	if err != nil {
		t.Fatal(err)
	}
	var rings [2][]*netmap.Ring
	for i := range rings {
		r, err := mem.NewRing(netmap.RX, 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		rings[i] = []*netmap.Ring{r}
		m.stages = append(m.stages, &stage{m: m})
	}
	process := func(i int) (n int, done bool) {
		n, done, err := m.stages[i].Process(rings[i], nil, &engine.Clock{})
		if err != nil {
			t.Fatal(err)
		}
		return n, done
	}
	busy := rings[0][0]
	var last time.Time // not after the last packet
	for end := time.Now().Add(100 * time.Millisecond); time.Now().Before(end); {
		h := busy.Header()
		last = time.Now()
		h.Tail = busy.Next(h.Tail)
		if n, done := process(0); n != 1 || done {
			t.Fatal("busy queue:", n, done)
		}
		// On a machine that stood still for so long the run may end.
		if _, done := process(1); done && time.Since(last) < m.cfg.Idle {
			t.Fatal("the idle queue ended the run while the other was busy")
		}
		time.Sleep(time.Millisecond)
	}
	begin := time.Now()
	for done := false; !done; {
		if time.Since(begin) > 5*time.Second {
			t.Fatal("the run does not end")
		}
		time.Sleep(time.Millisecond)
		_, done = process(1)
	}
	if d := time.Since(last); d < m.cfg.Idle {
		t.Errorf("ended %v after the last packet", d)
	}
}
