// Reflector sends every frame back to where it came from; reflector -h tells how.
package main

import (
	"context"
	"encoding/binary"
	"io"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/example"
	"github.com/ringwalk/ringwalk/netmap"
)

const about = `usage: reflector PORT

Sends every frame back out of the port it came in by, with source and
destination exchanged: MAC addresses, IP addresses, UDP and TCP ports. Buffers
are exchanged too, not copied.

  reflector packet:eth0        any interface
  reflector netmap:eth0        the NIC's own rings
  reflector vale0:echo         a port of a VALE switch
`

func main() {
	example.Main(about, 1, 1, func(ctx context.Context, args []string, out io.Writer) error {
		return reflect(ctx, args[0], nil, out)
	})
}

// reflect reflects until ctx ends. A netmap port is opened on dev; nil is the
// kernel's.
func reflect(ctx context.Context, spec string, dev netmap.Device, out io.Writer) error {
	cfg := &engine.Config{Promisc: true, DropTooLong: true, Device: dev}
	ports, err := example.Open(out, cfg, spec)
	if err != nil {
		return err
	}
	w := engine.Worker{In: ports[0].RX(), Out: ports[0].TX(), Stage: engine.StageFunc(back)}
	return example.Run(ctx, &w, out, ports...)
}

// back moves frames to a transmit ring and turns them around there: they are
// still ours until the next sync, and none is turned that did not move.
func back(in, out []*netmap.Ring, _ *engine.Clock) (n int, _ bool, err error) {
	for i, src := range in {
		dst := out[i%len(out)]
		first, at := true, dst.Head()
		m, err := netmap.Move(dst, src, 512)
		for range m {
			slot := dst.Slot(at)
			if first { // of a packet's slots, the first with any bytes
				turn(dst.Bytes(slot))
			}
			first, at = slot.Flags&netmap.MoreFrag == 0 || first && slot.Len == 0, dst.Next(at)
		}
		if n += m; err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

// turn exchanges source and destination in a frame, as far as it has them. The
// checksums stay right, for they are sums.
func turn(b []byte) {
	if len(b) < 34 {
		return
	}
	swap(b, 6)
	ip, header, protocol := b[14:], 0, byte(0)
	switch kind := binary.BigEndian.Uint16(b[12:]); {
	case kind == 0x0800: // IPv4
		swap(ip[12:], 4)
		if binary.BigEndian.Uint16(ip[6:])&0x1fff == 0 { // not a later fragment
			header, protocol = int(ip[0]&15)*4, ip[9]
		}
	case kind == 0x86dd && len(ip) >= 40: // IPv6
		swap(ip[8:], 16)
		header, protocol = 40, ip[6]
	}
	if (protocol == 6 || protocol == 17) && header >= 20 && len(ip) >= header+4 {
		swap(ip[header:], 2)
	}
}

// swap exchanges the first n bytes with the next n.
func swap(b []byte, n int) {
	for i, c := range b[:n] {
		b[i], b[n+i] = b[n+i], c
	}
}
