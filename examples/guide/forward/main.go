// Forward joins two ports by exchanging buffers: the second step of
// docs/dataplane.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: forward PORT PORT")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := forward(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "forward:", err)
		os.Exit(1)
	}
}

//docs:begin forward

// forward passes every frame of either port on to the other until ctx ends.
func forward(ctx context.Context, specs []string, out io.Writer) error {
	ports, err := engine.OpenAll(specs, &engine.Config{RX: 1, TX: 1, Promisc: true, DropTooLong: true})
	if err != nil {
		return err
	}
	a, b := ports[0], ports[1]
	w := engine.Worker{
		In:    []engine.RxQueue{a.RX()[0], b.RX()[0]},
		Out:   []engine.TxQueue{b.TX()[0], a.TX()[0]},
		Stage: engine.StageFunc(cross),
	}
	fmt.Fprintln(out, "running; ^C ends it")
	err = w.Run(ctx)
	if ctx.Err() != nil {
		err = nil // it was told to end
	}
	return errors.Join(err, end(out, ports))
}

//docs:end

//docs:begin cross

// cross moves what came in by each input out by the output of its number.
func cross(in, out []*netmap.Ring, _ *engine.Clock) (n int, _ bool, err error) {
	for i := range in {
		m, err := netmap.Move(out[i], in[i], 512)
		if n += m; err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

//docs:end

//docs:begin end

// end has what is in the transmit rings leave, says what was, and closes.
func end(out io.Writer, ports []*engine.Port) (err error) {
	for _, p := range ports {
		left, drainErr := p.Drain(time.Second)
		rx, tx := p.Stats()
		fmt.Fprintf(out, "%s: received %d, %d dropped by the kernel; sent %d, %d did not leave\n",
			p.Info().Spec, rx.Packets, rx.KernelDrops, tx.Packets, left)
		err = errors.Join(err, drainErr, p.Close())
	}
	return err
}

//docs:end
