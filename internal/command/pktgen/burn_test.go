package pktgen

import (
	"errors"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cputime"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/pktgen/gen"
)

// What is burnt is what was asked, in batches of any size, and what the stage
// says is passed on.
func TestBurner(t *testing.T) {
	failed := errors.New("failed")
	for _, size := range []int{1, 7, 512} {
		var c gen.Config
		(&burn{each: 2 * time.Microsecond}).config(&c)
		s := c.Wrap(engine.StageFunc(func(_, _ []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
			return size, true, failed
		}))
		const packets = 20000
		var m cputime.Meter
		m.Start()
		for range packets / size {
			if n, done, err := s.Process(nil, nil, nil); n != size || !done || err != failed {
				t.Fatal(n, done, err)
			}
		}
		m.Stop()
		// The clock of the thread and the one that is burnt by agree but for
		// what interrupts take.
		if got, want := m.Used(), packets*2*time.Microsecond; got < want*8/10 || got > want*2 {
			t.Errorf("batches of %d: %v of CPU time, want %v", size, got, want)
		}
	}
	var c gen.Config
	(&burn{}).config(&c)
	if c.Wrap != nil {
		t.Error("a stage is wrapped to burn nothing")
	}
}
