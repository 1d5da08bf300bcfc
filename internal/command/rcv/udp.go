package rcv

import (
	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// sockets is the flags about how the kernel feeds a port's receive sockets.
type sockets struct {
	steer string
	gro   bool
}

func (s *sockets) register(fs *pflag.FlagSet) {
	fs.StringVar(&s.steer, "steer", "hash", "packet:, udp: ports: how packets are spread over the queues: the `way` hash (a flow stays in one), cpu (by the CPU that received it; with -a to the queue whose thread is there), random, or round-robin (packet: only)")
	fs.BoolVar(&s.gro, "gro", true, "udp: ports: let the kernel hand over several datagrams in one (UDP_GRO); --gro=false for not")
}

// defaults is for who has no such flags.
func (s *sockets) defaults() { s.steer, s.gro = "hash", true }

// apply puts them into the port's Config; cpus are those of the threads.
func (s *sockets) apply(c *engine.Config, cpus []int) error {
	way, ok := engine.ParseSteer(s.steer)
	if !ok {
		return cli.Usagef("--steer: %q is no way to spread packets: want hash, cpu, random or round-robin", s.steer)
	}
	c.Steer, c.NoGRO = way, !s.gro
	if way != engine.SteerCPU || len(cpus) == 0 {
		return nil
	}
	queues := max(c.RX, 1)
	if len(cpus) < queues {
		return cli.Usagef("--steer=cpu feeds the queue whose thread is on the CPU, so %d queues need as many CPUs: -a names %d", queues, len(cpus))
	}
	c.SteerCPUs = cpus[:queues]
	return nil
}
