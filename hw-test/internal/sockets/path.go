package sockets

// Counts are the figures of one side of a trial.
type counts struct {
	packets  uint64 // taken by the kernel, or received
	calls    uint64 // system calls that moved or tried to move packets
	notTaken uint64 // packets that the kernel refused for the moment; the sender gives them up
	drops    uint64 // packets dropped as the socket's buffer was full
}

func (c *counts) add(d counts) {
	c.packets += d.packets
	c.calls += d.calls
	c.notTaken += d.notTaken
	c.drops += d.drops
}

// A sender hands packets to the kernel. One thread uses it.
type sender interface {
	// send offers n packets, each of which is then taken or not.
	send(n int) error
	counts() (counts, error)
	close() error
}

// A receiver takes packets from the kernel. One thread uses it.
type receiver interface {
	// receive takes packets until there were n, or there are no more now.
	receive(n int) (got int, err error)
	// wait waits for packets for some milliseconds at most.
	wait() error
	counts() (counts, error)
}

// receivers are the queues of one address.
type receivers struct {
	queues []receiver
	close  func() error
}

// A side says how one side of a trial does it. The bare calls are loops of this
// package, the engine's paths are ports as any program opens them.
type side struct {
	name   string
	engine bool
	packet bool // AF_PACKET, not UDP
	call   call // of a bare side
	vector int  // messages a call takes; for the engine as Config.Vector
	gso    bool // send: UDP_SEGMENT
	gro    bool // receive: UDP_GRO
	flat   bool // send, gso: the packets of a call lie in one buffer
	keep   bool // receive: into maxVector buffers in turn, as a ring has; gro: taken apart into these
	aux    bool // receive, AF_PACKET: with PACKET_AUXDATA, without which VLAN tags are lost
	queues int  // receive: sockets of one address; 0: 1
	byCPU  bool // receive: they are fed by CPU, not by the hash of addresses and ports
	flows  int  // send: source ports; 0: 1
	buf    int  // receive: bytes of the socket's buffer to ask for; 0: recvBuf
}

func (s *side) recvBuf() int {
	if s.buf > 0 {
		return s.buf
	}
	return recvBuf
}

// A call is a bare side's system call.
type call int

const (
	callRecvfrom call = iota
	callRecvmsg
	callRecvmmsg
	callSendto
	callSendmmsg
)

// recvBuf is asked of the kernel for a receive socket, in bytes, and liveBuf
// where both ends run at once: what a program gets that asks for nothing.
const (
	recvBuf = 64 << 20
	liveBuf = 208 << 10 / 2 // the kernel doubles it (socket(7))
)

// maxVector is the most messages a call takes (UIO_MAXIOV).
const maxVector = 1024

// maxSegments is the most datagrams in one of UDP_SEGMENT's that every kernel
// since 4.18 takes, and maxDatagram the longest payload over IPv4.
const maxSegments, maxDatagram = 64, 1<<16 - 1 - 20 - 8

// segments is how many packets of a size go in one call with UDP_SEGMENT.
func segments(size int) int { return max(1, min(maxSegments, maxDatagram/size)) }
