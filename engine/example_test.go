package engine_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

//docs:begin forward

// forward moves every packet from its input to its output, by swap where both
// are in one memory.
var forward = engine.StageFunc(func(in, out []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
	n, err := netmap.Move(out[0], in[0], 512)
	return n, false, err
})

//docs:end

// The program in the README: every frame from one interface to another.
func Example() {
	run := func(ctx context.Context) error {
		//docs:begin program
		mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 2})
		if err != nil {
			return err
		}
		in, err := engine.Open("packet:eth0", &engine.Config{RX: 1, Memory: mem, Promisc: true})
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := engine.Open("packet:eth1", &engine.Config{TX: 1, Memory: mem})
		if err != nil {
			return err
		}
		defer out.Close()

		w := engine.Worker{In: in.RX(), Out: out.TX(), Stage: forward}
		if err := w.Run(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		left, err := out.TX()[0].Drain(time.Second)
		log.Printf("received %+v, sent %+v, %d did not leave", in.RX()[0].Stats(), out.TX()[0].Stats(), left)
		return err
		//docs:end
	}
	_ = run
}

// Write three packets to a capture file, then copy it through a Worker. The
// input's end ends the run.
func ExampleWorker() {
	dir, err := os.MkdirTemp("", "ringwalk")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	a, b := "pcap:"+filepath.Join(dir, "a.pcap"), "pcap:"+filepath.Join(dir, "b.pcap")

	p, err := engine.Open(a, &engine.Config{TX: 1})
	if err != nil {
		log.Fatal(err)
	}
	tx := p.TX()[0]
	free, _ := tx.Ring().Burst(3)
	for i := range free {
		free[i].Len = uint16(copy(tx.Ring().Buffer(&free[i]), "a frame of some bytes"))
	}
	tx.Ring().Advance(len(free))
	if left, err := tx.Drain(time.Second); left > 0 || err != nil {
		log.Fatal(left, err)
	}
	if err := p.Close(); err != nil {
		log.Fatal(err)
	}

	in, err := engine.Open(a, &engine.Config{RX: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close()
	out, err := engine.Open(b, &engine.Config{TX: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer out.Close()
	w := engine.Worker{In: in.RX(), Out: out.TX(), Stage: forward}
	err = w.Run(context.Background())
	fmt.Println(err, out.TX()[0].Stats().Packets, "packets")
	// Output: <nil> 3 packets
}

// Without a Worker: one goroutine that owns a queue.
func ExampleRxQueue() {
	p, err := engine.Open("udp:@127.0.0.1:47999", &engine.Config{RX: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	q, err := engine.Open("udp:127.0.0.1:47999", &engine.Config{TX: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Close()
	tx, rx := q.TX()[0], p.RX()[0]

	slot := tx.Ring().Slot(tx.Ring().Head())
	slot.Len = uint16(copy(tx.Ring().Buffer(slot), "hello"))
	tx.Ring().Advance(1)
	if err := tx.Sync(); err != nil {
		log.Fatal(err)
	}

	for {
		if err := rx.Sync(); err != nil {
			log.Fatal(err)
		}
		if rx.Ring().Space() > 0 {
			break
		}
		if err := rx.Wait(time.Second); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("%s\n", rx.Ring().Bytes(rx.Ring().Slot(rx.Ring().Head())))
	rx.Ring().Advance(1)
	// Output: hello
}

// The frames of a capture file with their times.
func ExampleCapture() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "frames.pcap")
	// One frame of 14 bytes, captured half a second after 1970 began.
	header := "\xd4\xc3\xb2\xa1\x02\x00\x04\x00" + strings.Repeat("\x00", 8) + "\xff\xff\x00\x00\x01\x00\x00\x00"
	record := "\x00\x00\x00\x00\x20\xa1\x07\x00\x0e\x00\x00\x00\x0e\x00\x00\x00" + strings.Repeat("\xff", 14)
	if err := os.WriteFile(file, []byte(header+record), 0o600); err != nil {
		log.Fatal(err)
	}
	c, err := engine.OpenCapture(file, false)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 2048)
	for {
		n, ns, err := c.Next(buf)
		if err == io.EOF {
			break
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(n, "bytes after", time.Duration(ns))
	}
	fmt.Printf("%+v\n", c.Skipped())
	// Output:
	// 14 bytes after 500ms
	// {Truncated:0 TooLong:0 OtherLink:0}
}
