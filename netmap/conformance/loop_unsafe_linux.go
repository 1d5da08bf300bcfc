package conformance

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"github.com/ringwalk/ringwalk/netmap"
	"golang.org/x/sys/unix"
)

const niocCtrl = 0xc0586997 // NIOCCTRL

// loop makes a REGISTER whose only option names itself as the next one.
func loop(fd int, name string, t netmap.OptType) error {
	header, body, opt := make([]byte, 88), make([]byte, 56), make([]byte, 56)
	var pin runtime.Pinner
	defer pin.Unpin()
	at := func(b []byte) uint64 {
		p := unsafe.SliceData(b)
		pin.Pin(p)
		return uint64(uintptr(unsafe.Pointer(p)))
	}
	ne := binary.NativeEndian
	ne.PutUint64(opt, at(opt))
	ne.PutUint32(opt[8:], uint32(t))
	ne.PutUint32(body[36:], uint32(netmap.ModeAllNIC))
	ne.PutUint16(header, 14)
	ne.PutUint16(header[2:], uint16(netmap.ReqRegister))
	copy(header[8:], name)
	ne.PutUint64(header[72:], at(opt))
	ne.PutUint64(header[80:], at(body))
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), niocCtrl, uintptr(unsafe.Pointer(unsafe.SliceData(header)))); errno != 0 {
		return errno
	}
	return nil
}
