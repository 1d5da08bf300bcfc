package packet

import (
	"errors"
	"fmt"
	"math/bits"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/engine/internal/mmsg"
	"github.com/ringwalk/ringwalk/netmap"
)

// An rxQueue is a socket that only receives.
type rxQueue struct {
	mmsg.Rx
	port
}

// openRX makes a receive socket, bound and blocked.
func openRX(ifc *net.Interface, ring *netmap.Ring, o *backend.Options, f *backend.Facts) (q *rxQueue, err error) {
	fd, err := socket()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err := attach(fd, blockAll); err != nil {
		return nil, err
	}
	// An old kernel knows it not; the filter of startRX does the same, later.
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	size, err := mmsg.SetBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, o.RecvBuf)
	if err != nil {
		return nil, err
	}
	f.RecvBuf = size
	if err := join(fd, ifc, o); err != nil {
		return nil, err
	}
	if err := bind(fd, ifc, bits.ReverseBytes16(unix.ETH_P_ALL)); err != nil {
		return nil, err
	}
	q = &rxQueue{port: port{fd, ifc.Name, ifc.Index}}
	q.Init(fd, ring, q.mapError)
	q.Vector = o.Vector
	return q, nil
}

// startRX joins the sockets in one fanout group, empties them of what came
// before their filter, and opens them.
func startRX(queues []*rxQueue, o *backend.Options, f *backend.Facts) error {
	wants := mmsg.Wants{Clock: clock(o.Timestamps, f), Auxdata: true, VnetHdr: o.SuperFrames}
	if len(queues) > 1 {
		if err := fanout(queues, o); err != nil {
			return err
		}
	}
	for _, q := range queues {
		if err := drain(q.fd); err != nil {
			return q.mapError(err.(unix.Errno))
		}
		q.Collect() // what the blocked socket dropped is nobody's loss
		q.Counters().KernelDrops.Store(0)
		if err := q.Ask(&wants); err != nil {
			return fmt.Errorf("packet socket on %s: %w", q.name, err)
		}
	}
	for _, q := range queues {
		if err := attach(q.fd, program(o.Filter)); err != nil {
			if errors.Is(err, unix.EINVAL) && o.Filter != nil {
				return fmt.Errorf("the kernel refuses the filter (it reads scratch memory that it has not written?): %w", err)
			}
			return err
		}
	}
	f.Clock = wants.Clock
	return nil
}

// Fanout flags that x/sys/unix has no name for.
const (
	fanoutUniqueID       = 0x2000 // PACKET_FANOUT_FLAG_UNIQUEID
	fanoutIgnoreOutgoing = 0x4000 // PACKET_FANOUT_FLAG_IGNORE_OUTGOING, Linux 6.0
)

var fanoutModes = [...]int{
	backend.SteerHash:       unix.PACKET_FANOUT_HASH,
	backend.SteerCPU:        unix.PACKET_FANOUT_CPU,
	backend.SteerRandom:     unix.PACKET_FANOUT_RND,
	backend.SteerRoundRobin: unix.PACKET_FANOUT_LB,
}

// fanout makes a group of the first socket, under an id of the kernel's choice,
// and lets the others join. A group does not inherit PACKET_IGNORE_OUTGOING.
// How the kernel spreads frames is o's Steer; where a program says it, the
// group does as that says.
func fanout(queues []*rxQueue, o *backend.Options) error {
	flags, prog := fanoutModes[o.Steer], []unix.SockFilter(nil)
	if len(o.SteerCPUs) > 0 {
		flags, prog = unix.PACKET_FANOUT_CBPF, mmsg.SteerProgram(o.Steer, o.SteerCPUs, len(queues))
	}
	flags |= fanoutIgnoreOutgoing
	join := func(fd, id, flags int) error {
		return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT, id|flags<<16)
	}
	err := join(queues[0].fd, 0, flags|fanoutUniqueID)
	if errors.Is(err, unix.EINVAL) {
		flags &^= fanoutIgnoreOutgoing
		err = join(queues[0].fd, 0, flags|fanoutUniqueID)
	}
	if err != nil {
		return fmt.Errorf("PACKET_FANOUT on %s (needs Linux 4.13): %w", queues[0].name, err)
	}
	v, err := unix.GetsockoptInt(queues[0].fd, unix.SOL_PACKET, unix.PACKET_FANOUT)
	if err != nil {
		return os.NewSyscallError("getsockopt PACKET_FANOUT", err)
	}
	for _, q := range queues[1:] {
		if err := join(q.fd, v&0xffff, flags); err != nil {
			return fmt.Errorf("socket does not join PACKET_FANOUT group %d on %s: %w", v&0xffff, q.name, err)
		}
	}
	if prog == nil {
		return nil
	}
	err = unix.SetsockoptSockFprog(queues[0].fd, unix.SOL_PACKET, unix.PACKET_FANOUT_DATA,
		&unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
	return os.NewSyscallError("setsockopt PACKET_FANOUT_DATA", err)
}

// drain reads until the socket is empty; none of it is passed on.
func drain(fd int) error {
	var b [1]byte
	for {
		_, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT)
		switch err {
		case nil, unix.EINTR:
		case unix.EAGAIN:
			return nil
		default:
			return err
		}
	}
}

// Collect adds up tp_drops, which the kernel counts from one reading to the
// next.
func (q *rxQueue) Collect() {
	st, err := unix.GetsockoptTpacketStats(q.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err == nil {
		backend.Add(&q.Counters().KernelDrops, uint64(st.Drops))
	}
}

func (q *rxQueue) Close() error {
	q.Collect()
	q.Ring().Memory().FreeRing(q.Ring())
	return unix.Close(q.fd)
}
