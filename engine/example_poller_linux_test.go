package engine_test

import (
	"context"
	"fmt"
	"log"
	"net"
	"sync/atomic"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

// greet sends one datagram to each address.
func greet(addrs ...string) {
	for _, a := range addrs {
		c, err := net.Dial("udp", a)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintf(c, "to %s", a)
		c.Close()
	}
}

// Three sockets in one goroutine. With a thousand it would be the same, and
// cost no more while few of them are busy.
func ExamplePoller() {
	p, err := engine.NewPoller(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	addrs := []string{"127.0.0.41:47001", "127.0.0.41:47002", "127.0.0.41:47003"}
	for _, a := range addrs {
		port, err := engine.Open("udp:@"+a, &engine.Config{RX: 1, Slots: 8, RecvBuf: 64 << 10})
		if err != nil {
			log.Fatal(err)
		}
		defer port.Close()
		if _, err := p.Add(port.RX()[0], engine.Level); err != nil {
			log.Fatal(err)
		}
	}
	greet(addrs[1])

	events, err := p.Wait(10 * time.Second)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range events {
		if e.Err != nil {
			log.Fatal(e.Err) // e.Closed: the port was stopped
		}
		q := e.Source.Queue()
		if err := q.Sync(); err != nil {
			log.Fatal(err)
		}
		slots, _ := q.Ring().Runs()
		for i := range slots {
			fmt.Printf("%s\n", q.Ring().Bytes(&slots[i]))
		}
		q.Ring().Advance(len(slots))
	}
	// Output: to 127.0.0.41:47002
}

// Edge-triggered: Drain takes what there is, but no more than a share at a
// time, and what it leaves is told of again.
func ExampleSource_Drain() {
	p, err := engine.NewPoller(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	const addr = "127.0.0.42:47001"
	port, err := engine.Open("udp:@"+addr, &engine.Config{RX: 1, Slots: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer port.Close()
	if _, err := p.Add(port.RX()[0], engine.Edge); err != nil {
		log.Fatal(err)
	}
	greet(addr, addr, addr, addr, addr)

	count := func(r *netmap.Ring) error {
		r.Advance(r.Space())
		return nil
	}
	for total := 0; total < 5; {
		events, err := p.Wait(10 * time.Second)
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range events {
			n, err := e.Source.Drain(3, count)
			if err != nil {
				log.Fatal(err)
			}
			total += n
			fmt.Println(n, "packets")
		}
	}
	// Output:
	// 3 packets
	// 2 packets
}

// Four workers for sockets whose packets take long to handle.
func ExampleBoss() {
	p, err := engine.NewPoller(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	addrs := []string{"127.0.0.43:47001", "127.0.0.43:47002", "127.0.0.43:47003"}
	for _, a := range addrs {
		port, err := engine.Open("udp:@"+a, &engine.Config{RX: 1, Slots: 8})
		if err != nil {
			log.Fatal(err)
		}
		defer port.Close()
		if _, err := p.Add(port.RX()[0], engine.OneShot); err != nil {
			log.Fatal(err)
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	var handled atomic.Int32
	b, err := engine.NewBoss(p, &engine.BossConfig{Handle: func(e engine.Event) error {
		n, err := e.Source.Drain(64, func(r *netmap.Ring) error {
			time.Sleep(time.Millisecond) // a database, say
			r.Advance(r.Space())
			return nil
		})
		if handled.Add(int32(n)) == 3 {
			stop()
		}
		return err
	}})
	if err != nil {
		log.Fatal(err)
	}
	for range 4 {
		go b.Work(ctx)
	}
	greet(addrs...)
	fmt.Println(b.Run(ctx), handled.Load(), "packets")
	// Output: context canceled 3 packets
}
