package netmap

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ioctl numbers of net/netmap.h by sys/ioccom.h: group 'i', and what Linux
// leaves out, IOC_VOID for a call without an argument. A request's header has 88
// bytes.
const (
	iocVoid  = 0x20000000
	iocInOut = 0xc0000000

	niocCtrl   = iocInOut | 88<<16 | 'i'<<8 | 151 // NIOCCTRL
	niocTxSync = iocVoid | 'i'<<8 | 148           // NIOCTXSYNC
	niocRxSync = iocVoid | 'i'<<8 | 149           // NIOCRXSYNC
)

// What these come to; another number does not compile.
var (
	_ [niocCtrl - 0xc0586997]struct{}   = [0]struct{}{}
	_ [niocTxSync - 0x20006994]struct{} = [0]struct{}{}
	_ [niocRxSync - 0x20006995]struct{} = [0]struct{}{}
)

// loading is how netmap gets into the kernel.
const loading = "it is in GENERIC; else add \"device netmap\" to the kernel's configuration"

// lay are the flags of a mapping that replaces another one.
const lay = unix.MAP_PRIVATE | unix.MAP_ANON | unix.MAP_FIXED

// A kernelFile is a descriptor of /dev/netmap, with a kqueue that has only it.
type kernelFile struct {
	fd, kq int
	change [1]unix.Kevent_t
	event  [1]unix.Kevent_t
}

func newKernelFile(fd int) (File, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(kq)
	return &kernelFile{fd: fd, kq: kq}, nil
}

// Polls: neither poll nor kqueue syncs a transmit ring that has room, so each
// is followed by a sync.
func (f *kernelFile) Polls() bool { return false }

// Poll waits by kqueue. Adding the filter once more has the kernel look at the
// ring anew, and makes no second one.
func (f *kernelFile) Poll(events int16, d time.Duration) (int16, error) {
	filter := unix.EVFILT_READ
	if events&pollOut != 0 {
		filter = unix.EVFILT_WRITE
	}
	unix.SetKevent(&f.change[0], f.fd, filter, unix.EV_ADD|unix.EV_ENABLE)
	ts := unix.NsecToTimespec(int64(d))
	n, err := unix.Kevent(f.kq, f.change[:], f.event[:], &ts)
	switch {
	case n == 0 || err != nil:
		return 0, err
	case f.event[0].Flags&unix.EV_ERROR != 0:
		return 0, unix.Errno(f.event[0].Data)
	case f.event[0].Flags&unix.EV_EOF != 0:
		return unix.POLLERR, nil
	}
	return events & (pollIn | pollOut), f.sync(events)
}

// sync syncs the ring that was waited for.
func (f *kernelFile) sync(events int16) error {
	d := RX
	if events&pollOut != 0 {
		d = TX
	}
	return f.Sync(d, true)
}

func (f *kernelFile) Close() error { return errors.Join(unix.Close(f.kq), unix.Close(f.fd)) }

// quietly calls f; on Linux it keeps signals from the kernel's loop.
func quietly(f func() error) error { return f() }
