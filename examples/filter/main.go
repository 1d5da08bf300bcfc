// Filter stands between a NIC and the host's stack; filter -h tells how.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/example"
	"github.com/ringwalk/ringwalk/netmap"
)

const about = `usage: filter [-drop-udp N] INTERFACE  or  filter [-drop-udp N] PORT PORT

Passes frames both ways between an interface and this host's stack, whose
applications go on working, but for UDP to one port: that is dropped, either
way, and counted. Netmap takes the interface meanwhile, with its offloads off,
for nobody here does what the stack would leave to them.
  filter -drop-udp 53 eth0                 is netmap:eth0 and netmap:eth0^
  filter packet:eth0 packet:eth1           between two interfaces, any driver
`

var udp = flag.Uint("drop-udp", 9, "drop UDP to the destination port `N`")

func main() {
	example.Main(about, 1, 2, func(ctx context.Context, args []string, out io.Writer) error {
		if len(args) == 2 {
			return filter(ctx, args[0], args[1], nil, out)
		}
		return example.Prepared(args[0], out, func() error {
			return filter(ctx, "netmap:"+args[0], "netmap:"+args[0]+"^", nil, out)
		})
	})
}

// filter filters until ctx ends. Netmap's ports are opened on dev; nil is the
// kernel's.
func filter(ctx context.Context, specA, specB string, dev netmap.Device, out io.Writer) error {
	ports, err := example.Open(out, &engine.Config{Promisc: true, DropTooLong: true, Device: dev}, specA, specB)
	if err != nil {
		return err
	}
	a, b, dropped := ports[0], ports[1], 0
	rx, tx := len(a.RX()), len(a.TX()) // a's rings come first
	w := engine.Worker{In: slices.Concat(a.RX(), b.RX()), Out: slices.Concat(a.TX(), b.TX())}
	w.Stage = engine.StageFunc(func(in, out []*netmap.Ring, _ *engine.Clock) (n int, _ bool, err error) {
		for i, src := range in {
			dst := out[:tx]
			if i < rx {
				dst = out[tx:]
			}
			moved, drops, e := pass(dst[i%len(dst)], src)
			n, dropped, err = n+moved+drops, dropped+drops, errors.Join(err, e)
		}
		return n, false, err
	})
	err = example.Run(ctx, &w, out, ports...)
	fmt.Fprintf(out, "%d packets to UDP port %d dropped\n", dropped, *udp)
	return err
}

// pass moves packets from src to dst up to the first that is refused, and drops
// that one. It returns the slots moved and the packets dropped.
func pass(dst, src *netmap.Ring) (moved, dropped int, err error) {
	run, first := 0, true // slots up to there; the next one begins a packet
	for at := src.Head(); at != src.Tail() && run < 512; run++ {
		if first && refused(example.Header(src, at)) {
			break
		}
		at, first = src.Next(at), src.Slot(at).Flags&netmap.MoreFrag == 0
	}
	if run > 0 {
		moved, err = netmap.Move(dst, src, run)
	} else if src.Skip() > 0 {
		dropped = 1
	}
	return moved, dropped, err
}

// refused is the rule: UDP over IPv4 or IPv6 to the port.
func refused(b []byte) bool {
	if len(b) < 38 {
		return false
	}
	ip, header := b[14:], 40
	switch kind := binary.BigEndian.Uint16(b[12:]); {
	case kind == 0x0800 && ip[9] == 17 && binary.BigEndian.Uint16(ip[6:])&0x1fff == 0:
		header = int(ip[0]&15) * 4
	case kind != 0x86dd || ip[6] != 17:
		return false
	}
	return len(ip) >= header+4 && uint(binary.BigEndian.Uint16(ip[header+2:])) == *udp
}
