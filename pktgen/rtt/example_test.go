package rtt_test

import (
	"context"
	"fmt"
	"log"
	"sync"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap/netmaptest"
	"github.com/ringwalk/ringwalk/pktgen/rtt"
)

// A hundred pings over a pipe, here one of a netmap for tests, and who answers
// them at its other end.
func ExamplePinger() {
	d := netmaptest.New(nil) // leave Config.Device out for the kernel's
	near, err := engine.Open("netmap:x{1", &engine.Config{Device: d})
	if err != nil {
		log.Fatal(err)
	}
	defer near.Close()
	far, err := engine.Open("netmap:x}1", &engine.Config{Device: d})
	if err != nil {
		log.Fatal(err)
	}
	defer far.Close()

	pong, err := rtt.NewReflector(far, nil)
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = pong.Run(ctx) })

	ping, err := rtt.NewPinger(near, &rtt.Config{Count: 100})
	if err != nil {
		log.Fatal(err)
	}
	err = ping.Run(ctx)
	stop()
	wg.Wait()
	s := ping.Snapshot()
	fmt.Println(s.Sent, s.Received, s.Lost, err)
	fmt.Println("median within 1 s:", s.RTT.P50 > 0 && s.RTT.P50 < 1e9)
	// Output:
	// 100 100 0 <nil>
	// median within 1 s: true
}

// Whatever comes goes back, its addresses exchanged, until ten packets have.
func ExampleReflector() {
	d := netmaptest.New(nil)
	port, err := engine.Open("vale0:echo", &engine.Config{Device: d})
	if err != nil {
		log.Fatal(err)
	}
	defer port.Close()
	other, err := engine.Open("vale0:other", &engine.Config{Device: d})
	if err != nil {
		log.Fatal(err)
	}
	defer other.Close()
	q := other.TX()[0]
	for range 10 {
		slot := q.Ring().Slot(q.Ring().Head())
		slot.Len = uint16(copy(q.Ring().Buffer(slot), "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5hello"))
		q.Ring().Advance(1)
	}
	if err := q.Sync(); err != nil {
		log.Fatal(err)
	}

	r, err := rtt.NewReflector(port, &rtt.ReflectorConfig{Count: 10})
	if err != nil {
		log.Fatal(err)
	}
	if err := r.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	s := r.Snapshot()
	fmt.Println(s.Packets, "packets,", s.Bytes, "bytes")
	// Output: 10 packets, 190 bytes
}
