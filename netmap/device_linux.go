package netmap

import (
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// ioctl numbers of net/netmap.h on Linux, where _IO says nothing of an argument.
const (
	niocCtrl   = 0xc0586997 // NIOCCTRL
	niocTxSync = 0x6994     // NIOCTXSYNC
	niocRxSync = 0x6995     // NIOCRXSYNC
)

// loading is how the module gets into the kernel.
const loading = "scripts/build-netmap.sh --load"

// lay are the flags of a mapping that replaces another one.
const lay = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED | unix.MAP_NORESERVE

// A kernelFile is a descriptor of /dev/netmap.
type kernelFile struct{ fd int }

func newKernelFile(fd int) (File, error) { return &kernelFile{fd: fd}, nil }

// Polls: poll syncs, for POLLIN and for POLLOUT.
func (f *kernelFile) Polls() bool { return true }

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

// rawPoll is the longest first part of a poll that is made as a raw system
// call: a short wait then costs no handing over of the processor.
const rawPoll = time.Millisecond

func (f *kernelFile) Poll(events int16, d time.Duration) (int16, error) {
	fds := [1]unix.PollFd{{Fd: int32(f.fd), Events: events}}
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

func (f *kernelFile) Close() error { return unix.Close(f.fd) }
