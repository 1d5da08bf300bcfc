package conform

import (
	"errors"
	"net"

	"github.com/ringwalk/ringwalk/netmap/conformance"
	"golang.org/x/sys/unix"
)

// hostStack is the host's stack on an interface, by a packet socket of one
// protocol: what it sends takes the way of every packet to the driver, and it
// receives what is left after netmap has taken its share, where a socket of all
// protocols would come before.
func hostStack(name string) (*conformance.HostStack, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	const protocol = conformance.EtherType>>8 | conformance.EtherType<<8&0xff00 // in network byte order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	h := &conformance.HostStack{
		Send: func(frame []byte) error { return unix.Send(fd, frame, 0) },
		Receive: func() ([]byte, bool, error) {
			buf := make([]byte, 1<<16)
			n, _, err := unix.Recvfrom(fd, buf, 0)
			if errors.Is(err, unix.EAGAIN) {
				return nil, false, nil
			}
			return buf[:max(n, 0)], err == nil, err
		},
		Close: func() error { return unix.Close(fd) },
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol, Ifindex: i.Index}); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return h, nil
}

func hostOf(name string) func() (*conformance.HostStack, error) {
	return func() (*conformance.HostStack, error) { return hostStack(name) }
}
