package meter_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/pktgen/gen"
	"github.com/ringwalk/ringwalk/rcv/meter"
)

// What a generator wrote into a capture file is read and checked off.
func ExampleMeter() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	spec := "pcap:" + filepath.Join(dir, "frames.pcap")

	out, err := engine.Open(spec, &engine.Config{TX: 1})
	if err != nil {
		log.Fatal(err)
	}
	g, err := gen.New(out, &gen.Config{Count: 1000})
	if err != nil {
		log.Fatal(err)
	}
	if err := g.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}

	in, err := engine.Open(spec, &engine.Config{RX: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer in.Close()
	m, err := meter.New(in, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := m.Run(context.Background()); err != nil { // to the file's end
		log.Fatal(err)
	}
	for _, s := range m.Snapshot().Streams {
		fmt.Println("stream", s.ID, "sent", s.Total, "distinct", s.Distinct, "lost", s.Lost)
	}
	// Output: stream 0 sent 1000 distinct 1000 lost 0
}
