package netmap

import (
	"golang.org/x/sys/unix"
)

const (
	pollIn  = unix.POLLIN
	pollOut = unix.POLLOUT
)

// A link watches one interface, through a socket of the namespace in which the
// port was opened.
type link struct {
	fd    int
	name  string
	index uint32
}

// newLink returns nil if the name is no interface's.
func newLink(port string) *link {
	name := device(port)
	ifr, err := unix.NewIfreq(name)
	if name == "" || err != nil {
		return nil
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifr); err != nil {
		unix.Close(fd)
		return nil
	}
	return &link{fd: fd, name: name, index: ifr.Uint32()}
}

func (l *link) state() (up, there bool) {
	ifr, err := unix.NewIfreq("")
	if err != nil {
		return true, true
	}
	ifr.SetUint32(l.index)
	if err := unix.IoctlIfreq(l.fd, unix.SIOCGIFNAME, ifr); err != nil {
		return false, false
	}
	if err := unix.IoctlIfreq(l.fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return false, false
	}
	return ifr.Uint16()&unix.IFF_UP != 0, true
}

func (l *link) close() { unix.Close(l.fd) }
