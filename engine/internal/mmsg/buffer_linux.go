package mmsg

import (
	"os"

	"golang.org/x/sys/unix"
)

// SetBuffer sets a socket's buffer to size bytes by the privileged option
// (SO_RCVBUFFORCE, SO_SNDBUFFORCE) or, without the privilege, by the ordinary
// one, which stops at net.core.rmem_max or wmem_max. It returns the size that
// the kernel then reports: twice what was granted (socket(7)).
func SetBuffer(fd, force, ordinary, size int) (int, error) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, ordinary, size); err != nil {
			return 0, os.NewSyscallError("setsockopt SO_RCVBUF or SO_SNDBUF", err)
		}
	}
	got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, ordinary)
	return got, os.NewSyscallError("getsockopt", err)
}
