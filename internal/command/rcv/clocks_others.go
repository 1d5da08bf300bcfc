//go:build !linux

package rcv

import "net"

// linkKind is "loopback", or "" for all others.
func linkKind(name string) string {
	if i, err := net.InterfaceByName(name); err == nil && i.Flags&net.FlagLoopback != 0 {
		return "loopback"
	}
	return ""
}
