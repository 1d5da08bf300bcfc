//go:build linux || freebsd

package netmap

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const devicePath = "/dev/netmap"

type kernelDevice struct{}

func (kernelDevice) Open() (File, error) {
	fd, err := unix.Open(devicePath, unix.O_RDWR|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return nil, fmt.Errorf("%w (%s): %s: %w", ErrNoModule, loading, devicePath, err)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return nil, fmt.Errorf("%s needs root, or chmod for its users: %w", devicePath, err)
	case err != nil:
		return nil, &os.PathError{Op: "open", Path: devicePath, Err: err}
	}
	return newKernelFile(fd)
}

func (f *kernelFile) FD() int { return f.fd }

func (f *kernelFile) Ctrl(r *Request) error {
	if r.Type == ReqSyncKloopStart {
		return quietly(func() error { return ctrl(f.fd, r) })
	}
	return ctrl(f.fd, r)
}

func (f *kernelFile) Map(size int) ([]byte, error) {
	b, err := unix.Mmap(f.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return b, os.NewSyscallError("mmap", err)
}

func (f *kernelFile) Vanish(region []byte) error { return vanish(region) }

func (f *kernelFile) Unmap(region []byte) error {
	return os.NewSyscallError("munmap", unix.Munmap(region))
}

func (f *kernelFile) Sync(d Dir, raw bool) error {
	op := uintptr(niocTxSync)
	if d == RX {
		op = niocRxSync
	}
	var errno unix.Errno
	if raw {
		_, _, errno = unix.RawSyscall(unix.SYS_IOCTL, uintptr(f.fd), op, 0)
	} else {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, uintptr(f.fd), op, 0)
	}
	if errno != 0 {
		return errno
	}
	return nil
}
