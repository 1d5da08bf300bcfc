//go:build freebsd

package nic

import (
	"os"
	"structs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ifreq is struct ifreq (net/if.h) with its union as flags or capabilities.
type ifreq struct {
	_    structs.HostLayout
	name [unix.IFNAMSIZ]byte
	low  uint32 // ifr_flags, ifr_flagshigh; ifr_reqcap
	cur  uint32 // ifr_curcap
	_    [8]byte
}

var _ [32]byte = [unsafe.Sizeof(ifreq{})]byte{}

// A socket is one for requests about interfaces.
type socket int

func openSocket() (socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	return socket(fd), os.NewSyscallError("socket", err)
}

func (s socket) close() { unix.Close(int(s)) }

func (s socket) do(op uintptr, name string, low uint32) (ifreq, error) {
	r := ifreq{low: low}
	if len(name) >= len(r.name) {
		return r, unix.ENAMETOOLONG
	}
	copy(r.name[:], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), op, uintptr(unsafe.Pointer(&r))); errno != 0 {
		return r, os.NewSyscallError("ioctl", errno)
	}
	return r, nil
}

// flags returns IFF_*: the lower half, then the upper one, on machines of little
// endian, which all 64-bit FreeBSD here runs on are.
func (s socket) flags(name string) (uint32, error) {
	r, err := s.do(unix.SIOCGIFFLAGS, name, 0)
	return r.low, err
}

func (s socket) setFlags(name string, f uint32) error {
	_, err := s.do(unix.SIOCSIFFLAGS, name, f)
	return err
}

// caps returns the capabilities that are on.
func (s socket) caps(name string) (uint32, error) {
	r, err := s.do(unix.SIOCGIFCAP, name, 0)
	return r.cur, err
}

func (s socket) setCaps(name string, c uint32) error {
	_, err := s.do(unix.SIOCSIFCAP, name, c)
	return err
}
