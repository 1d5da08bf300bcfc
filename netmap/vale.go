package netmap

import (
	"errors"
	"strings"
	"syscall"
)

// A VALEPort is a port of a VALE switch, as the kernel lists it.
type VALEPort struct {
	Name   string // valeSWITCH:PORT; the host side of an attached NIC ends in ^
	Bridge int    // the switch's number
	Index  int    // the port's number on the switch, as in a slot's flags
}

// VALEConfig says how VALEAttach registers an interface. The zero value of a
// field is its default.
type VALEConfig struct {
	// Host attaches the host's stack as a second port, so that the host stays
	// reachable through the interface.
	Host bool
	// MemID is the region to use, where the interface is free to choose.
	MemID uint16
}

// VALEAttach attaches a network interface, or a persistent VALE port, to a switch,
// by the name valeSWITCH:INTERFACE; the switch is made if need be. It stays
// there until VALEDetach, whatever becomes of this process. It returns the
// port's number on the switch. EBUSY: attached already, or open. EINVAL: no such
// interface.
func (c Control) VALEAttach(port string, cfg *VALEConfig) (index int, err error) {
	r := VALEAttachReq{Reg: RegisterReq{Mode: ModeAllNIC}}
	if cfg != nil {
		r.Reg.MemID = cfg.MemID
		if cfg.Host {
			r.Reg.Mode = ModeNICSW
		}
	}
	err = c.do("attach", &Request{Type: ReqVALEAttach, Name: port, Body: &r})
	return int(r.PortIndex), err
}

// VALEDetach takes an attached interface off its switch. For the port of a
// program, which goes by itself when that closes it, it does nothing and
// succeeds. It returns the number that the port had. ENXIO: not there. EBUSY:
// polled.
func (c Control) VALEDetach(port string) (index int, err error) {
	var r VALEDetachReq
	err = c.do("detach", &Request{Type: ReqVALEDetach, Name: port, Body: &r})
	return int(r.PortIndex), err
}

// NM_BDG_MAXPORTS: a port's number is less.
const maxVALEPorts = 254

// VALEList returns the ports of all VALE switches, or of one ("vale0"), in the
// order of their numbers. It is no snapshot: what comes or goes meanwhile may or
// may not be in it.
func (c Control) VALEList(sw string) (ports []VALEPort, err error) {
	dev := c.device()
	f, err := dev.Open()
	if err != nil {
		return nil, &OpError{Op: "list", Port: "VALE", Err: err}
	}
	defer f.Close()
	for at := (VALEListReq{}); ; at.PortIdx++ {
		r := Request{Type: ReqVALEList, Body: &at}
		err := f.Ctrl(&r)
		if errors.Is(err, syscall.ENOENT) {
			return ports, nil
		}
		if err != nil {
			return nil, &OpError{Op: "list", Port: "VALE", Err: explainRequest(dev, &r, err)}
		}
		if sw == "" || strings.HasPrefix(r.Name, sw+":") {
			ports = append(ports, VALEPort{Name: r.Name, Bridge: int(at.BridgeIdx), Index: int(at.PortIdx)})
		}
	}
}

// VALEFind returns where a port is, by its name valeSWITCH:PORT. ENOENT: there is
// no such port.
func (c Control) VALEFind(port string) (VALEPort, error) {
	var r VALEListReq
	if err := c.do("find", &Request{Type: ReqVALEList, Name: port, Body: &r}); err != nil {
		return VALEPort{}, err
	}
	if r.PortIdx >= maxVALEPorts {
		return VALEPort{}, &OpError{Op: "find", Port: port,
			Err: explainRequest(c.device(), &Request{Type: ReqVALEList}, syscall.ENOENT)}
	}
	return VALEPort{Name: strings.TrimPrefix(port, "netmap:"), Bridge: int(r.BridgeIdx), Index: int(r.PortIdx)}, nil
}

// VALENewIf makes a persistent VALE port: a network interface that stays until
// VALEDelIf and that VALEAttach can join to a switch. shape says what it is to
// have (nil: the kernel's defaults) and is answered with what it has. EEXIST:
// there is an interface of that name.
func (c Control) VALENewIf(name string, shape *VALENewIfReq) (VALENewIfReq, error) {
	var r VALENewIfReq
	if shape != nil {
		r = *shape
	}
	err := c.do("make", &Request{Type: ReqVALENewIf, Name: name, Body: &r})
	return r, err
}

// VALEDelIf removes a port that VALENewIf has made. EBUSY: attached or open.
// EINVAL: another kind of interface.
func (c Control) VALEDelIf(name string) error {
	return c.do("remove", &Request{Type: ReqVALEDelIf, Name: name})
}

// PollingMode is nr_mode of struct nmreq_vale_polling, NETMAP_POLLING_MODE_*.
type PollingMode uint32

// The modes.
const (
	PollingSingleCPU PollingMode = 1 // NETMAP_POLLING_MODE_SINGLE_CPU: one thread, on processor FirstCPU, for all receive rings
	PollingMultiCPU  PollingMode = 2 // NETMAP_POLLING_MODE_MULTI_CPU: ring i has a thread on processor i, from FirstCPU on
)

// VALEPollingEnable has kernel threads, NumCPUs of them, poll the receive rings of
// a NIC that is attached to a switch, instead of its interrupts. EFAULT: polled
// already. EOPNOTSUPP: not a NIC. EINVAL: as many processors as there are, or
// rings that there are not.
func (c Control) VALEPollingEnable(port string, p VALEPollingReq) error {
	return c.do("poll", &Request{Type: ReqVALEPollingEnable, Name: port, Body: &p})
}

// VALEPollingDisable ends that. EFAULT: not polled.
func (c Control) VALEPollingDisable(port string) error {
	return c.do("stop polling", &Request{Type: ReqVALEPollingDisable, Name: port, Body: &VALEPollingReq{}})
}
