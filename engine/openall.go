package engine

import (
	"errors"
	"net"

	"github.com/ringwalk/ringwalk/netmap"
)

// OpenAll opens several ports as Open does, for packets to be forwarded from
// one to another: all rings in process memory are in one region (unless c has
// one), whose buffers hold a frame of any of the interfaces, so that
// netmap.Move exchanges buffers between them. Netmap's ports have the kernel's
// memory, and share it where they are NICs, or pipes of one port.
//
// The ports are in the order of the specs. If one cannot be opened, none is.
func OpenAll(specs []string, c *Config) (ports []*Port, err error) {
	var cfg Config
	if c != nil {
		cfg = *c
	}
	if cfg.Memory == nil {
		if cfg.Memory, err = memoryFor(specs, cfg); err != nil {
			return nil, &netmap.OpError{Op: "open", Port: specs[0], Err: err}
		}
	}
	for _, spec := range specs {
		p, err := Open(spec, &cfg)
		if err != nil {
			for _, p := range ports {
				err = errors.Join(err, p.Close())
			}
			return nil, err
		}
		ports = append(ports, p)
	}
	return ports, nil
}

// memoryFor makes a region for the rings of those ports that are in process
// memory; nil if none is. What is wrong with a spec or the rest of the Config is
// left for Open to say.
func memoryFor(specs []string, c Config) (*netmap.Memory, error) {
	o, err := options(&c)
	if err != nil {
		return nil, nil
	}
	size := netmap.MemoryConfig{Slots: c.Slots, BufSize: max(c.BufSize, 2048)}
	for _, spec := range specs {
		resolved, _, _ := Resolve(spec)
		name, arg, _, err := choose(resolved)
		if err != nil || name == "netmap" {
			continue
		}
		size.Rings += one(o.RX) + one(o.TX)
		if ifc, err := net.InterfaceByName(arg); name == "packet" && err == nil {
			size.BufSize = min(max(size.BufSize, ifc.MTU+overMTU), netmap.MaxBufSize)
		}
	}
	if size.Rings == 0 {
		return nil, nil
	}
	return netmap.NewMemory(&size)
}

// overMTU is what a frame has beyond its interface's MTU: an Ethernet header and
// two VLAN tags.
const overMTU = 14 + 2*4
