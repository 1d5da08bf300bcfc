package gen_test

import (
	"context"
	"fmt"
	"log"
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
