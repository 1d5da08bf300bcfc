package netmap

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// ioctl numbers of net/netmap.h on Linux.
const (
	niocCtrl   = 0xc0586997 // NIOCCTRL
	niocTxSync = 0x6994     // NIOCTXSYNC
	niocRxSync = 0x6995     // NIOCRXSYNC
)

const devicePath = "/dev/netmap"

type kernelDevice struct{}

func (kernelDevice) Open() (File, error) {
	fd, err := unix.Open(devicePath, unix.O_RDWR|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return nil, fmt.Errorf("%w (scripts/build-netmap.sh --load): %s: %w", ErrNoModule, devicePath, err)
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return nil, fmt.Errorf("%s needs root, or chmod for its users: %w", devicePath, err)
	case err != nil:
		return nil, &os.PathError{Op: "open", Path: devicePath, Err: err}
	}
	return kernelFile(fd), nil
}

// A kernelFile is a descriptor of /dev/netmap.
type kernelFile int

func (f kernelFile) FD() int     { return int(f) }
func (f kernelFile) Polls() bool { return true }

func (f kernelFile) Ctrl(r *Request) error {
	if r.Type == ReqSyncKloopStart {
		return quietly(func() error { return ctrl(int(f), r) })
	}
	return ctrl(int(f), r)
}

// quietly calls f on a thread that takes no signals: the kernel's loop would not
// end for one, but no longer sleep either.
func quietly(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		return os.NewSyscallError("sigmask", err)
	}
	defer func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil) }()
	return f()
}

func (f kernelFile) Map(size int) ([]byte, error) {
	b, err := unix.Mmap(int(f), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return b, os.NewSyscallError("mmap", err)
}

func (f kernelFile) Vanish(region []byte) error { return vanish(region) }

func (f kernelFile) Unmap(region []byte) error {
	return os.NewSyscallError("munmap", unix.Munmap(region))
}

func (f kernelFile) Sync(d Dir, raw bool) error {
	op := uintptr(niocTxSync)
	if d == RX {
		op = niocRxSync
	}
	var errno unix.Errno
	if raw {
		_, _, errno = unix.RawSyscall(unix.SYS_IOCTL, uintptr(f), op, 0)
	} else {
		_, _, errno = unix.Syscall(unix.SYS_IOCTL, uintptr(f), op, 0)
	}
	if errno != 0 {
		return errno
	}
	return nil
}

// rawPoll is the longest first part of a poll that is made as a raw system
// call: a short wait then costs no handing over of the processor.
const rawPoll = time.Millisecond

func (f kernelFile) Poll(events int16, d time.Duration) (int16, error) {
	fds := [1]unix.PollFd{{Fd: int32(f), Events: events}}
	n, err := ppollRaw(fds[:], min(d, rawPoll))
	if n == 0 && err == nil && d > rawPoll {
		ts := unix.NsecToTimespec(int64(d - rawPoll))
		n, err = unix.Ppoll(fds[:], &ts, nil)
	}
	if n == 0 || err != nil {
		return 0, err
	}
	return fds[0].Revents, nil
}

func (f kernelFile) Close() error { return unix.Close(int(f)) }
