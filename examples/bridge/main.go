// Bridge forwards every frame between two ports, both ways; bridge -h tells how.
package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"slices"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/example"
	"github.com/ringwalk/ringwalk/netmap"
)

const about = `usage: bridge [-b N] PORT PORT

Sends every frame that one port receives out of the other, both ways, by
exchanging buffers: nothing is copied where both ports are in one memory.

  bridge packet:eth0 packet:eth1           two interfaces, any driver
  bridge netmap:eth0 netmap:eth1           their NICs' own rings
  bridge 'netmap:p}1' 'netmap:p{2'         two netmap pipes of one memory

`

var burst = flag.Int("b", 1024, "move at most `N` slots of a ring before the next one's turn")

func main() {
	example.Main(about, 2, 2, func(ctx context.Context, args []string, out io.Writer) error {
		return bridge(ctx, args[0], args[1], nil, out)
	})
}

// bridge forwards until ctx ends. Netmap's ports are opened on dev; nil is the
// kernel's.
func bridge(ctx context.Context, specA, specB string, dev netmap.Device, out io.Writer) error {
	cfg := &engine.Config{Promisc: true, DropTooLong: true, Device: dev}
	ports, err := example.Open(out, cfg, specA, specB)
	if err != nil {
		return err
	}
	a, b := ports[0], ports[1]
	w := engine.Worker{In: slices.Concat(a.RX(), b.RX()), Out: slices.Concat(a.TX(), b.TX())}
	rx, tx := len(a.RX()), len(a.TX()) // a's rings come first
	w.Stage = engine.StageFunc(func(in, out []*netmap.Ring, _ *engine.Clock) (int, bool, error) {
		n, errA := move(out[tx:], in[:rx])
		m, errB := move(out[:tx], in[rx:])
		return n + m, false, errors.Join(errA, errB)
	})
	return example.Run(ctx, &w, out, a, b)
}

// move moves each source ring's packets to the destination ring of its number;
// where there are fewer of those, several share one.
func move(dst, src []*netmap.Ring) (n int, err error) {
	for i, in := range src {
		m, err := netmap.Move(dst[i%len(dst)], in, *burst)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}
