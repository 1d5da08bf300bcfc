package gen_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/pktgen/gen"
)

// A thousand numbered frames, here into a capture file.
func ExampleGenerator() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	port, err := engine.Open("pcap:"+filepath.Join(dir, "frames.pcap"), &engine.Config{TX: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer port.Close()
	g, err := gen.New(port, &gen.Config{Count: 1000, Len: 128})
	if err != nil {
		log.Fatal(err)
	}
	if err := g.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	s := g.Snapshot()
	fmt.Println(s.Packets, s.Bytes, s.Undrained)
	// Output: 1000 128000 0
}

// A capture file sent three times as fast as it goes, here into another one.
func ExampleReplay() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	run := func(file string, c *gen.Config) gen.Snapshot {
		port, err := engine.Open("pcap:"+filepath.Join(dir, file), &engine.Config{TX: 1})
		if err != nil {
			log.Fatal(err)
		}
		defer port.Close()
		g, err := gen.New(port, c)
		if err != nil {
			log.Fatal(err)
		}
		if err := g.Run(context.Background()); err != nil {
			log.Fatal(err)
		}
		return g.Snapshot()
	}
	run("one.pcap", &gen.Config{Count: 10, Probe: gen.Off})
	s := run("three.pcap", &gen.Config{Replay: &gen.Replay{File: filepath.Join(dir, "one.pcap"), Speed: math.Inf(1), Loops: 3}})
	fmt.Println(s.Packets, "frames,", s.Replay.Loops, "loops, complete:", s.Replay.Complete)
	// Output: 30 frames, 3 loops, complete: true
}
