// Lb spreads a port's frames over several by flow; lb -h tells how.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/examples/internal/example"
	"github.com/ringwalk/ringwalk/netmap"
)

const about = `usage: lb PORT OUT…

Spreads a port's frames over others by flow, both ways alike. What comes for one
whose ring is full is dropped. Pipes of the port itself are in its memory, so
nothing is copied; consumers open the pipes' other ends:

  lb netmap:eth0 'netmap:eth0{0' 'netmap:eth0{1'   and   rcv -i 'netmap:eth0}0'
  lb packet:eth0 packet:eth1 packet:eth2
`

func main() {
	example.Main(about, 2, 1+engine.MaxQueues, func(ctx context.Context, args []string, out io.Writer) error {
		return balance(ctx, args[0], args[1:], nil, out)
	})
}

// balance runs until ctx ends. Netmap's ports are dev's; nil is the kernel.
func balance(ctx context.Context, from string, to []string, dev netmap.Device, out io.Writer) error {
	mem, err := netmap.NewMemory(&netmap.MemoryConfig{Rings: 1 + len(to)})
	if err != nil {
		return err
	}
	in, err := example.Open(out, &engine.Config{RX: engine.All, Memory: mem, Promisc: true, Device: dev}, from)
	if err != nil {
		return err
	}
	defer in[0].Close()
	outs, err := example.Open(out, &engine.Config{TX: 1, Memory: mem, DropTooLong: true, Device: dev}, to...)
	if err != nil {
		return err
	}
	w, drops := engine.Worker{In: in[0].RX()}, make([]uint64, len(to))
	for _, p := range outs {
		w.Out = append(w.Out, p.TX()...)
	}
	w.Stage = engine.StageFunc(func(in, out []*netmap.Ring, _ *engine.Clock) (n int, _ bool, err error) {
		for _, src := range in {
			for left := min(src.Space(), 512); left > 0 && err == nil; {
				i := flow(example.Header(src, src.Head())) % uint32(len(out))
				m, moveErr := netmap.Move(out[i], src, 1) // a whole packet, if there is room
				if err = moveErr; m == 0 && err == nil {
					if m = src.Skip(); m == 0 {
						break // it is not all there yet
					}
					drops[i]++
				}
				n, left = n+m, left-m
			}
		}
		return n, false, err
	})
	err = example.Run(ctx, &w, out, append(in, outs...)...)
	for i, n := range drops {
		fmt.Fprintf(out, "%s: %d dropped, its ring was full\n", to[i], n)
	}
	return err
}

// flow hashes addresses and ports, which only the first of fragments would have.
func flow(b []byte) uint32 {
	if len(b) < 38 {
		return 0
	}
	be, ip, header := binary.BigEndian, b[14:], len(b)
	src, dst := be.Uint64(b[6:])>>16, be.Uint64(b)>>16 // MAC addresses
	switch kind := be.Uint16(b[12:]); {
	case kind == 0x0800:
		src, dst = uint64(be.Uint32(ip[12:])), uint64(be.Uint32(ip[16:]))
		if be.Uint16(ip[6:])&0x3fff == 0 && (ip[9] == 6 || ip[9] == 17) {
			header = int(ip[0]&15) * 4
		}
	case kind == 0x86dd && len(ip) >= 44:
		src, dst = mix(be.Uint64(ip[8:]))+be.Uint64(ip[16:]), mix(be.Uint64(ip[24:]))+be.Uint64(ip[32:])
		if ip[6] == 6 || ip[6] == 17 {
			header = 40
		}
	}
	if len(ip) >= header+4 {
		src, dst = src+uint64(be.Uint16(ip[header:]))<<40, dst+uint64(be.Uint16(ip[header+2:]))<<40
	}
	return uint32(mix(mix(src)+mix(dst)) >> 32) // a sum is the same both ways
}

// mix spreads a number's bits to the upper ones.
func mix(x uint64) uint64 { return (x ^ x>>30) * 0xbf58476d1ce4e5b9 }
