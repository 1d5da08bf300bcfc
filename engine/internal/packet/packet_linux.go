package packet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine/internal/backend"
	"github.com/ringwalk/ringwalk/engine/internal/mmsg"
	"github.com/ringwalk/ringwalk/netmap"
)

// What a frame may have beyond the interface's MTU. Tags do not count against
// it, but need room: one that the kernel keeps apart, and one more in the
// frame, which may be as long without it as the MTU allows (802.1ad).
const (
	etherHeader = 14
	vlanTags    = 2 * 4
)

// defaultRecvBuf is asked of the kernel for each receive socket: a small frame
// takes about 800 bytes of it, so this is 100 ms at 800 kpps.
const defaultRecvBuf = 64 << 20

// Open opens an interface's queues.
func Open(name string, o *backend.Options) (rx, tx []backend.Queue, f *backend.Facts, err error) {
	ifc, err := lookup(name)
	if err != nil {
		return nil, nil, nil, err
	}
	f = &backend.Facts{
		Interface: ifc.Name, Index: ifc.Index, MAC: ifc.HardwareAddr, MTU: ifc.MTU,
		MaxFrame: ifc.MTU + etherHeader,
	}
	if ifc.Flags&net.FlagRunning == 0 {
		f.Notes = append(f.Notes, fmt.Sprintf("interface %s has no carrier: frames sent there are dropped by its driver", ifc.Name))
	}
	opt := *o
	if opt.BufSize == 0 {
		opt.BufSize = min(max(2048, f.MaxFrame+vlanTags), netmap.MaxBufSize)
	}
	if opt.RecvBuf == 0 {
		opt.RecvBuf = defaultRecvBuf
	}
	f.MaxFrame = min(f.MaxFrame, opt.BufSize)
	rxRings, txRings, err := backend.Rings(&opt)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err == nil {
			return
		}
		for _, q := range append(rx, tx...) {
			q.Close()
		}
		for _, r := range append(rxRings[len(rx):], txRings[len(tx):]...) {
			r.Memory().FreeRing(r)
		}
		rx, tx, f = nil, nil, nil
	}()
	var members []*rxQueue
	for _, ring := range rxRings {
		q, err := openRX(ifc, ring, &opt, f)
		if err != nil {
			return rx, tx, f, err
		}
		rx, members = append(rx, q), append(members, q)
	}
	if err := startRX(members, &opt, f); err != nil {
		return rx, tx, f, err
	}
	for _, ring := range txRings {
		q, err := openTX(ifc, ring, &opt)
		if err != nil {
			return rx, tx, f, err
		}
		tx = append(tx, q)
	}
	return rx, tx, f, nil
}

// lookup finds the interface and refuses one that is down.
func lookup(name string) (*net.Interface, error) {
	ifc, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("no interface %q here (ip link shows those there are): %w", name, unix.ENODEV)
	}
	if ifc.Flags&net.FlagUp == 0 {
		return nil, fmt.Errorf("interface %s is down (ip link set dev %s up): %w", name, name, unix.ENETDOWN)
	}
	return ifc, nil
}

// socket opens a packet socket that receives nothing yet.
func socket() (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	switch {
	case errors.Is(err, unix.EPERM):
		return -1, fmt.Errorf("a packet socket needs root or CAP_NET_RAW (setcap cap_net_raw,cap_net_admin=ep on the program): %w", err)
	case errors.Is(err, unix.EAFNOSUPPORT):
		return -1, fmt.Errorf("this kernel has no packet sockets (CONFIG_PACKET): %w", err)
	case err != nil:
		return -1, os.NewSyscallError("socket", err)
	}
	return fd, nil
}

func bind(fd int, ifc *net.Interface, protocol uint16) error {
	err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: ifc.Index})
	if err != nil {
		return fmt.Errorf("bind to %s: %w", ifc.Name, err)
	}
	return nil
}

// port tells a dead interface from one that is only down: both end a socket's
// life, and the kernel says no more than ENETDOWN or ENXIO.
type port struct {
	fd   int
	name string
	ifc  int
}

// removal is how long an interface may take from being set down, which is the
// first step of its removal, to being gone.
const removal = 100 * time.Millisecond

// gone reports whether the interface is removed within that time. It is asked
// once, at the end of a queue's life.
func (p *port) gone() bool {
	ifr, err := unix.NewIfreq(p.name)
	if err != nil {
		return false
	}
	for end := time.Now().Add(removal); ; time.Sleep(5 * time.Millisecond) {
		ifr.SetUint32(uint32(p.ifc))
		if unix.IoctlIfreq(p.fd, unix.SIOCGIFNAME, ifr) != nil {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

func (p *port) mapError(errno unix.Errno) error {
	switch errno {
	case unix.ENETDOWN, unix.ENXIO, unix.ENODEV:
		if p.gone() {
			return fmt.Errorf("interface %s is gone: %w", p.name, unix.ENXIO)
		}
		return fmt.Errorf("interface %s went down: %w", p.name, errno)
	case unix.EMSGSIZE:
		return fmt.Errorf("a frame is longer than the MTU of %s allows: %w", p.name, errno)
	}
	return fmt.Errorf("packet socket on %s: %w", p.name, errno)
}

// A txQueue is a socket that only sends.
type txQueue struct {
	mmsg.Tx
	port
}

func openTX(ifc *net.Interface, ring *netmap.Ring, o *backend.Options) (*txQueue, error) {
	fd, err := socket()
	if err != nil {
		return nil, err
	}
	if o.QdiscBypass {
		if err = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
			err = fmt.Errorf("PACKET_QDISC_BYPASS: %w", err)
		}
	}
	if err == nil && o.SendBuf > 0 {
		_, err = mmsg.SetBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, o.SendBuf)
	}
	if err == nil {
		err = bind(fd, ifc, 0)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	q := &txQueue{port: port{fd, ifc.Name, ifc.Index}}
	q.Init(fd, ring, q.mapError)
	q.DropTooLong, q.Vector = o.DropTooLong, o.Vector
	return q, nil
}

func (q *txQueue) Collect() {}

func (q *txQueue) Close() error {
	q.Ring().Memory().FreeRing(q.Ring())
	return unix.Close(q.fd)
}
