//go:build linux || freebsd

package netmap

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ctrl makes a NIOCCTRL request. The kernel reads and writes body and options
// through addresses in the header, so they are pinned meanwhile.
func ctrl(fd int, r *Request) error {
	if len(r.Name) > MaxName {
		return fmt.Errorf("port name of %d bytes: the kernel takes %d: %w", len(r.Name), MaxName, unix.ENAMETOOLONG)
	}
	h := &reqHeader{Version: apiVersion, ReqType: uint16(r.Type)}
	copy(h.Name[:], r.Name)
	var pin runtime.Pinner
	defer pin.Unpin()
	if r.Body != nil {
		p := bodyPointer(r.Body)
		pin.Pin(p)
		h.Body = uint64(uintptr(p))
	}
	opts := newOptionList(r.Options, &pin)
	h.Options = opts.head()
	var errno unix.Errno
	for {
		if _, _, errno = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), niocCtrl, uintptr(unsafe.Pointer(h))); errno != unix.EINTR {
			break
		}
	}
	r.Status = opts.status()
	if errno != 0 {
		return r.Result(errno)
	}
	opts.answer(r.Options)
	if r.Type == ReqVALEList {
		name, _, _ := bytes.Cut(h.Name[:], []byte{0})
		r.Name = string(name)
	}
	return r.Result(nil)
}

// vanish lays anonymous memory over a mapping.
func vanish(region []byte) error {
	_, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(unsafe.Pointer(unsafe.SliceData(region))), uintptr(len(region)),
		unix.PROT_READ|unix.PROT_WRITE, lay, ^uintptr(0), 0)
	if errno != 0 {
		return os.NewSyscallError("mmap", errno)
	}
	return nil
}
