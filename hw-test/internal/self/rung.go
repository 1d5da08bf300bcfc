package self

import "fmt"

// Rung is a step of the ladder from all rights down to none.
type Rung string

// Rungs, from the top.
const (
	Root   Rung = "root"
	UserNS Rung = "userns"
	UDP    Rung = "udp"
	// Ports is no step of it: ports that are there, as somebody named them.
	Ports Rung = "ports"

	auto = "auto"
)

// rate is what the paced rows send, in frames a second over all queues. It is
// the rate at which a receiver that the scheduler leaves out for a while still
// loses nothing, and that while is what its socket buffer holds.
func (r Rung) rate() float64 {
	switch r {
	case Root, Ports:
		// rcv's buffer of 64 MiB holds 29,000 frames of 1514 bytes (the
		// kernel charges some 2.3 kB each): 580 ms.
		return 50e3
	case UserNS:
		// SO_RCVBUFFORCE is refused there, and net.core.rmem_max is 208 KiB
		// on most machines: some 180 frames of 1514 bytes, 90 ms.
		return 2e3
	default:
		// As above, but both programs share one Go scheduler: 180 ms.
		return 1e3
	}
}

// where says in which surroundings the programs run.
func (r Rung) where() string {
	switch r {
	case Root:
		return "as root: pktgen and rcv in two network namespaces, joined by a veth pair"
	case UserNS:
		return "in a user namespace: pktgen and rcv in two network namespaces, joined by a veth pair"
	case Ports:
		return "over ports that are there"
	default:
		return "in one process: pktgen and rcv over UDP on 127.0.0.1"
	}
}

const (
	limitUserNS   = "The kernel limits receive buffers there (net.core.rmem_max): paced rows are slower than as root."
	untestedPorts = "Not tested: full speed, at which a card loses frames that nobody counts in time."
	untestedUDP   = "Not tested: AF_PACKET sockets, fanout, a veth pair, pktgen and rcv as processes of their own."
)

// choose finds the rung: the one asked for, or the first that works. can and
// canUserNS say why a rung does not, nil if it does. limits are sentences on
// what is not to be had and not tested because of it.
func choose(asked string, can, canUserNS func() error) (rung Rung, limits []string, err error) {
	switch asked {
	case string(UDP):
		return UDP, []string{untestedUDP}, nil
	case string(Root):
		return Root, nil, can()
	case string(UserNS):
		return UserNS, nil, canUserNS()
	}
	noRoot := can()
	if noRoot == nil {
		return Root, nil, nil
	}
	noUser := canUserNS()
	if noUser == nil {
		return UserNS, nil, nil
	}
	return UDP, []string{
		fmt.Sprintf("No network namespaces: %v.", noRoot),
		fmt.Sprintf("Nor in a user namespace: %v.", noUser),
		untestedUDP,
	}, nil
}
