package engine_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
)

// Two ports to forward between, and their end in order.
func ExampleOpenAll() {
	ports, err := engine.OpenAll([]string{"netmap:p}1", "netmap:p{2"}, &engine.Config{Device: netmaptest.New(nil)})
	if err != nil {
		log.Fatal(err)
	}
	a, b := ports[0], ports[1]
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	w := engine.Worker{In: a.RX(), Out: b.TX(), Stage: forward}
	err = w.Run(ctx)

	left, drainErr := b.Drain(time.Second)
	rx, _ := a.Stats()
	_, tx := b.Stats()
	fmt.Println(err, rx.Packets, tx.Packets, left, drainErr)
	for _, p := range ports {
		if err := p.Close(); err != nil {
			log.Fatal(err)
		}
	}
	// Output: context deadline exceeded 0 0 0 <nil>
}

// Fill free slots, hand them over, and wait until they have left.
func ExampleTxQueue() {
	d := netmaptest.New(nil)
	p, err := engine.Open("vale0:a", &engine.Config{TX: 1, Device: d})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	q := p.TX()[0]
	a, b := q.Ring().Burst(3) // b: after the ring's end
	for _, run := range [][]netmap.Slot{a, b} {
		for i := range run {
			run[i].Len, run[i].Flags = 60, 0
			copy(q.Ring().Bytes(&run[i]), "a frame")
		}
	}
	q.Ring().Advance(len(a) + len(b))
	left, err := q.Drain(time.Second)
	fmt.Println(left, err, q.Stats().Packets, q.Stats().Bytes)
	// Output: 0 <nil> 3 180
}

// A stage that has something to do at a moment, and not when a packet comes: it
// asks to be called then, and is not called without cause before.
func ExampleClock() {
	p, err := engine.Open("vale0:a", &engine.Config{RX: 1, Device: netmaptest.New(nil)})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	const period = int64(5 * time.Millisecond)
	var due int64
	ticks := 0
	w := engine.Worker{In: p.RX(), Stage: engine.StageFunc(func(_, _ []*netmap.Ring, clk *engine.Clock) (int, bool, error) {
		if due == 0 {
			due = clk.Now() + period
		}
		if clk.Now() >= due {
			due, ticks = due+period, ticks+1
		}
		clk.WakeAt(due)
		return 0, ticks == 3, nil
	})}
	fmt.Println(w.Run(context.Background()), ticks)
	// Output: <nil> 3
}
