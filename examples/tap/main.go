// Tap writes what goes through a port into a capture file; tap -h tells how.
package main

import (
	"context"
	"io"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/example"
	"github.com/ringwalk/ringwalk/netmap"
)

const about = `usage: tap PORT FILE

Writes the frames of a port to a capture file that tcpdump and Wireshark read.
A netmap port is tapped by a monitor, which gets copies while the program that
owns the port goes on undisturbed:

  tap netmap:eth0/r in.pcap          what eth0 receives; /t what it sends
  tap 'netmap:p{1/t' out.pcap        what one end of a pipe sends
  tap packet:eth0 in.pcap            what an interface without netmap receives

A monitor sees what its port's owner makes go, so the owner comes first; when it
leaves, tap fails, with all it saw in the file. What the file is too slow for is
dropped, and netmap does not say how much it was.
`

func main() {
	example.Main(about, 2, 2, func(ctx context.Context, args []string, out io.Writer) error {
		return tap(ctx, args[0], args[1], nil, out)
	})
}

// tap writes until ctx ends. A netmap port is opened on dev; nil is the
// kernel's.
func tap(ctx context.Context, spec, file string, dev netmap.Device, out io.Writer) error {
	from, err := example.Open(out, &engine.Config{RX: engine.All, Promisc: true, Device: dev}, spec)
	if err != nil {
		return err
	}
	defer from[0].Close()
	to, err := example.Open(out, &engine.Config{TX: 1}, "pcap:"+file)
	if err != nil {
		return err
	}
	w := engine.Worker{In: from[0].RX(), Out: to[0].TX(), Stage: engine.StageFunc(collect)}
	return example.Run(ctx, &w, out, from[0], to[0])
}

// collect moves the frames of all rings into one. The file's ring is in another
// memory than the monitor's, so Move copies.
func collect(in, out []*netmap.Ring, _ *engine.Clock) (n int, _ bool, err error) {
	for _, ring := range in {
		m, err := netmap.Move(out[0], ring, 512)
		if n += m; err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}
