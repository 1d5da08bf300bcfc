package pktgen

import (
	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
)

// offloads is the flags about what the kernel does with a port's packets.
type offloads struct {
	gso bool
}

func (f *offloads) register(fs *pflag.FlagSet) {
	fs.BoolVar(&f.gso, "gso", true, "udp: ports: hand packets of one length to the kernel in one piece, to be cut up there (UDP_SEGMENT); --gso=false for not")
}

// apply puts them into a port's Config.
func (f *offloads) apply(c engine.Config) *engine.Config {
	c.NoGSO = !f.gso
	return &c
}
