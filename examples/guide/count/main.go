// Count counts what arrives at a port: the first step of docs/dataplane.md.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

//docs:begin main

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: count PORT")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := count(ctx, os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "count:", err)
		os.Exit(1)
	}
}

//docs:end

//docs:begin count

// count counts the packets of a port until ctx ends.
func count(ctx context.Context, spec string, out io.Writer) error {
	port, err := engine.Open(spec, &engine.Config{RX: 1, Promisc: true})
	if err != nil {
		return err
	}
	defer port.Close()

	var c counter
	w := engine.Worker{In: port.RX(), Stage: &c}
	fmt.Fprintln(out, "running; ^C ends it")
	if err := w.Run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	rx, _ := port.Stats()
	fmt.Fprintf(out, "%d packets, %d bytes, the shortest %d; %d dropped by the kernel\n", c.packets, c.bytes, c.shortest, rx.KernelDrops)
	return nil
}

//docs:end

//docs:begin stage

// A counter is a Stage that walks the packets and gives them back.
type counter struct {
	packets, bytes, shortest int
}

func (c *counter) Process(in, _ []*netmap.Ring, _ *engine.Clock) (n int, done bool, err error) {
	for _, ring := range in {
		a, b := ring.Runs() // b is what lies behind the ring's end, often nothing
		for _, run := range [][]netmap.Slot{a, b} {
			for i := range run {
				c.bytes += int(run[i].Len)
				if c.packets == 0 || int(run[i].Len) < c.shortest {
					c.shortest = int(run[i].Len)
				}
				c.packets++
			}
		}
		ring.Advance(len(a) + len(b))
		n += len(a) + len(b)
	}
	return n, false, nil
}

//docs:end
