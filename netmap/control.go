package netmap

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Control makes the requests that need no port of one's own: it asks about
// ports, and makes, joins and removes those of VALE switches. Each method opens
// a descriptor, makes one request, or a few, and closes it; it waits for no
// packet. Any goroutine may call them. The zero value is the kernel's.
//
// Ports are named as the kernel names them, see Spec.Name: "eth0", "vale0:p",
// "vale0:eth0", "eth0{1"; "netmap:" before a name is taken off.
//
// Errors are *OpError; they wrap the kernel's errno, and ErrNoModule without
// the module, ErrOldKernel where its netmap is too old.
type Control struct {
	// Device is where the requests are made; nil: [Kernel].
	Device Device
}

// PortInfo returns a port's sizes. A port that is not there but would be made
// by opening it, such as one of a VALE switch, is made for the question and goes
// again. Without a name only MemSize and MemID are set, those of the region mem
// (0: the global one). ENXIO: no such port.
func (c Control) PortInfo(port string, mem uint16) (PortInfoReq, error) {
	r := PortInfoReq{MemID: mem}
	err := c.do("info", &Request{Type: ReqPortInfoGet, Name: port, Body: &r})
	return r, err
}

// PoolsInfo returns how the region of a port, or the region mem if a port is
// made for the question, is divided. ENXIO: no such port.
func (c Control) PoolsInfo(port string, mem uint16) (PoolsInfoReq, error) {
	r := PoolsInfoReq{MemID: mem}
	err := c.do("info", &Request{Type: ReqPoolsInfoGet, Name: port, Body: &r})
	return r, err
}

// PortHdr returns the length of the virtio-net header that each packet of a port
// begins with, in bytes; 0: none. ENXIO: no such port.
func (c Control) PortHdr(port string) (int, error) {
	var r PortHdrReq
	err := c.do("get header of", &Request{Type: ReqPortHdrGet, Name: port, Body: &r})
	return int(r.HdrLen), err
}

// SetPortHdr sets that length, 0, 10 or 12 bytes, of a VALE port that is there.
// Who opens the port then must say FlagAcceptVnetHdr. ENXIO: no such VALE port.
func (c Control) SetPortHdr(port string, n int) error {
	if n < 0 {
		n = 1<<32 - 1 // the kernel refuses it as any other
	}
	return c.do("set header of", &Request{Type: ReqPortHdrSet, Name: port, Body: &PortHdrReq{HdrLen: uint32(n)}})
}

// do makes a request on a descriptor of its own.
func (c Control) do(op string, r *Request) error {
	name := r.Name
	r.Name = strings.TrimPrefix(name, "netmap:")
	dev := c.device()
	err := request(dev, r)
	if err != nil {
		return &OpError{Op: op, Port: name, Err: explainRequest(dev, r, err)}
	}
	return nil
}

func (c Control) device() Device {
	if c.Device == nil {
		return Kernel
	}
	return c.Device
}

// request makes one request on a descriptor of its own.
func request(dev Device, r *Request) error {
	f, err := dev.Open()
	if err != nil {
		return err
	}
	err = f.Ctrl(r)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// tooOld reports whether the kernel's netmap knows nothing of the requests: it
// does not even say how large its global region is, for which nothing has to
// exist.
func tooOld(dev Device, err error) bool {
	for _, e := range []error{syscall.EINVAL, syscall.EOPNOTSUPP, syscall.ENOTTY} {
		if errors.Is(err, e) {
			again := request(dev, &Request{Type: ReqPortInfoGet, Body: &PortInfoReq{}})
			return again != nil && errors.Is(again, e)
		}
	}
	return false
}

// explainRequest says what the kernel's answer to a request means and what to
// do about it.
func explainRequest(dev Device, r *Request, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) || errors.Is(err, ErrNoModule) || errno == syscall.ENAMETOOLONG || errno == syscall.EACCES || errno == syscall.EPERM {
		return err
	}
	if dev != nil && tooOld(dev, err) {
		return fmt.Errorf("%w: %w", ErrOldKernel, err)
	}
	var opt *OptionError
	if errors.As(err, &opt) {
		return explainOption(opt, r.Name)
	}
	if why := requestErrors[r.Type][errno]; why != "" {
		return fmt.Errorf("%s: %w", why, err)
	}
	if why := requestErrors[0][errno]; why != "" {
		return fmt.Errorf("%s: %w", why, err)
	}
	return err
}

// requestErrors are what errnos mean, by request; those under 0 are for all.
var requestErrors = map[ReqType]map[syscall.Errno]string{
	0: {
		syscall.ENXIO:  "there is no such port (ip link shows the interfaces, hw-test vale list the ports of switches)",
		syscall.ENOMEM: "netmap has no memory, or no switch, for it (see buf_num, ring_num, if_num and vale_max_bridges in /sys/module/netmap/parameters)",
		syscall.EINVAL: "netmap refuses it (dmesg may tell more)",
		syscall.EBUSY:  "the port is in use",
	},
	ReqPortHdrSet: {
		syscall.ENXIO:  "there is no such port of a VALE switch, and others have no header to set",
		syscall.EINVAL: "a header has 0, 10 or 12 bytes",
	},
	ReqSyncKloopStart: {
		syscall.EBUSY:  "a loop runs on that port already",
		syscall.EINVAL: "the port must be in CSB mode, and the loop sleep at most a second",
	},
	ReqVALEAttach: {
		syscall.EBUSY:      "it is attached already, or a program has its rings open",
		syscall.EINVAL:     "the name must be valeSWITCH:INTERFACE, of an interface that is there (hw-test vale newif makes one), with all NIC rings",
		syscall.EOPNOTSUPP: "the interface's driver has no netmap support and emulation is off (echo 0 > /sys/module/netmap/parameters/admode)",
	},
	ReqVALEDetach: {
		syscall.ENXIO:  "it is not attached to that switch",
		syscall.EBUSY:  "it cannot be detached while it is polled, or while another switch has it (hw-test vale poll --off, or detach it there first)",
		syscall.EINVAL: "the name must be valeSWITCH:INTERFACE, of an interface that was attached",
	},
	ReqVALEList: {
		syscall.ENOENT: "there is no such switch, or no such port on it",
		syscall.EINVAL: "a port of a switch is named valeSWITCH:PORT",
	},
	ReqVALENewIf: {
		syscall.EEXIST: "there is an interface of that name already",
		syscall.EINVAL: "the name must have at most 15 bytes and not begin with vale, and the memory must be there",
	},
	ReqVALEDelIf: {
		syscall.ENXIO:  "there is no such interface",
		syscall.EINVAL: "the interface is no persistent VALE port, and only those can be removed so",
		syscall.EBUSY:  "the interface is attached to a switch or open (hw-test vale detach it, and end the programs that have it)",
	},
	ReqVALEPollingEnable: {
		syscall.ENXIO:      "it is not attached to that switch",
		syscall.EOPNOTSUPP: "only an attached NIC can be polled",
		syscall.EFAULT:     "it is polled already (hw-test vale poll --off ends that)",
		syscall.EINVAL:     "the processors must be fewer than the machine has, one for single mode, and in multi mode number receive rings that there are",
	},
	ReqVALEPollingDisable: {
		syscall.ENXIO:      "it is not attached to that switch",
		syscall.EOPNOTSUPP: "only an attached NIC can be polled",
		syscall.EFAULT:     "it is not polled",
	},
}
