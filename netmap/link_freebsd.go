package netmap

import (
	"net"

	"golang.org/x/sys/unix"
)

const (
	pollIn  = unix.POLLIN
	pollOut = unix.POLLOUT
)

// A link watches one interface. The routing socket behind package net knows the
// process's own network stack (vnet), which does not change.
type link struct {
	name  string
	index int
}

// newLink returns nil if the name is no interface's.
func newLink(port string) *link {
	ifc, err := net.InterfaceByName(device(port))
	if err != nil {
		return nil
	}
	return &link{name: ifc.Name, index: ifc.Index}
}

func (l *link) state() (up, there bool) {
	ifc, err := net.InterfaceByIndex(l.index)
	if err != nil || ifc.Name != l.name {
		return false, false
	}
	return ifc.Flags&net.FlagUp != 0, true
}

func (l *link) close() {}
