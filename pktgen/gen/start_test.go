package gen

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
)

// Nothing leaves before the time of the start, from no thread and in no mode;
// what the run counts begins then.
func TestStartAt(t *testing.T) {
	const ahead = 30 * time.Millisecond
	for what, c := range map[string]Config{
		"full speed": {Count: 500},
		"duration":   {Duration: 300 * time.Millisecond}, // a loaded machine may not run us for a tenth of it
		"paced":      {Count: 200, Rate: 10000},
		"bursts":     {Count: 64, Rate: 3200, BurstSize: 32},
		"poisson":    {Count: 200, Rate: 10000, Gaps: Poisson},
		"bits":       {Count: 200, Rate: 5e6, Unit: Bits},
		"replay":     {Replay: &Replay{File: film(t, shots(t, 20, 1e6)...)}},
		"as it goes": {Replay: &Replay{File: film(t, shots(t, 20, 1e6)...), Speed: math.Inf(1)}},
	} {
		t.Run(what, func(t *testing.T) {
			var first atomic.Int64
			seen := func([]byte) { first.CompareAndSwap(0, time.Now().UnixNano()) }
			wires := []*wire{newWire(t, 64, seen), newWire(t, 64, seen)}
			at := time.Now().Add(ahead)
			c.StartAt = at
			g, err := newGenerator([]engine.TxQueue{wires[0], wires[1]}, replayInfo, &c)
			if err != nil {
				t.Fatal(err)
			}
			if s := g.Snapshot(); !s.Start.IsZero() || s.Seconds != 0 {
				t.Errorf("before the run: %+v", s)
			}
			if err := g.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			took := time.Since(at)
			s := g.Snapshot()
			switch left := time.Unix(0, first.Load()); {
			case left.Before(at):
				t.Errorf("a frame left %v before the start", at.Sub(left))
			case s.Start.Before(at) || s.Start.After(left):
				t.Errorf("it says that it began %v after the start, and the first frame left %v after it", s.Start.Sub(at), left.Sub(at))
			case s.Packets == 0 || s.Seconds > took.Seconds()+0.001:
				t.Errorf("%+v, and %v since the start", s, took)
			}
		})
	}
}

// What has passed is no reason to wait, nor to catch up.
func TestStartAtInThePast(t *testing.T) {
	now := time.Now()
	g := generator(t, Config{StartAt: now.Add(-time.Hour), Count: 20, Rate: 1000}, newWire(t, 64, nil))
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := g.Snapshot(); s.Packets != 20 || s.Seconds < 0.0199 || s.GivenUp != 0 || s.Start.Before(now) {
		t.Errorf("%+v", s)
	}
}

// A run that is ended while it waits has sent nothing, in no time.
func TestEndedBeforeTheStart(t *testing.T) {
	for _, rate := range []float64{0, 1000} {
		ctx, cancel := context.WithCancel(t.Context())
		g := generator(t, Config{StartAt: time.Now().Add(time.Hour), Duration: time.Second, Rate: rate}, newWire(t, 64, nil), newWire(t, 64, nil))
		var end sync.WaitGroup
		end.Go(func() {
			if err := g.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		for g.begin.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		if s := g.Snapshot(); s.Seconds != 0 || !s.Start.IsZero() {
			t.Errorf("waiting: %+v", s)
		}
		cancel()
		end.Wait()
		if s := g.Snapshot(); s.Packets != 0 || s.Seconds != 0 || !s.Start.IsZero() || s.Undrained != 0 || s.GivenUp != 0 {
			t.Errorf("ended: %+v", s)
		}
		if g.begin.Load() < engine.Monotonic() {
			t.Error("the start has come")
		}
	}
}
