package info

import (
	"errors"
	"net"
	"strings"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/netmap"
)

// A Report is what is known. Fields that are not known are nil or left out.
type Report struct {
	Port       string            `json:"port,omitempty"`       // as asked, "" for netmap as a whole
	Netmap     bool              `json:"netmap"`               // there is a netmap to ask
	Why        string            `json:"why,omitempty"`        // why what was asked for is not known: netmap's word
	Rings      *Rings            `json:"rings,omitempty"`      // of the port
	Memory     *Memory           `json:"memory,omitempty"`     // the port's, or the one that NICs share
	Interface  *Interface        `json:"interface,omitempty"`  // of the port, if it has one
	Interfaces []Interface       `json:"interfaces,omitempty"` // all, where no port was asked for
	VALE       []netmap.VALEPort `json:"vale,omitempty"`       // ports of switches
	Holders    []Holder          `json:"holders"`              // programs that have /dev/netmap open
	Unknown    []string          `json:"unknown"`              // what nobody can tell, one sentence each
	Advice     []string          `json:"advice"`               // what to do, one sentence each
}

// Rings are a port's sizes.
type Rings struct {
	TX      int `json:"tx"`
	RX      int `json:"rx"`
	HostTX  int `json:"host_tx"`
	HostRX  int `json:"host_rx"`
	TXSlots int `json:"tx_slots"`
	RXSlots int `json:"rx_slots"`
	Header  int `json:"virtio_header"` // bytes before each frame
}

// Memory is one region and its pools.
type Memory struct {
	ID       int   `json:"id"`
	Bytes    int64 `json:"bytes"`
	Ifs      int   `json:"ifs"`
	Rings    int   `json:"rings"`
	RingSize int   `json:"ring_size"`
	Bufs     int   `json:"bufs"`
	BufSize  int   `json:"buf_size"`
}

// An Interface is a network interface as this machine knows it.
type Interface struct {
	Name         string   `json:"name"`
	Driver       string   `json:"driver,omitempty"`
	Native       bool     `json:"native"` // netmap runs its driver natively; else it is emulated
	Why          string   `json:"why"`    // why that is said
	Up           bool     `json:"up"`
	Carrier      bool     `json:"carrier"`
	Promisc      bool     `json:"promisc"`
	DefaultRoute bool     `json:"default_route"`
	MTU          int      `json:"mtu"`
	Offloads     []string `json:"offloads"` // that are on and in a netmap program's way
}

// collect makes the report on a port, or on netmap as a whole. The error is that
// the spec is none.
func collect(dev netmap.Device, port string) (*Report, error) {
	r := &Report{Port: port, Holders: []Holder{}, Unknown: []string{}, Advice: []string{}}
	c := netmap.Control{Device: dev}
	name := ""
	if port != "" {
		spec := port
		if !strings.Contains(port, ":") {
			spec = "netmap:" + port
		}
		sp, err := netmap.ParseSpec(spec)
		if err != nil {
			return nil, err
		}
		name = sp.Name
	}
	r.ask(c, name)
	if name == "" {
		ifcs, _ := net.Interfaces()
		for _, ifc := range ifcs {
			if ifc.Flags&net.FlagLoopback == 0 {
				r.Interfaces = append(r.Interfaces, about(ifc))
			}
		}
	} else if ifc, err := net.InterfaceByName(name); err == nil {
		i := about(*ifc)
		r.Interface = &i
	}
	r.hold()
	r.advise()
	return r, nil
}

// ask asks netmap.
func (r *Report) ask(c netmap.Control, name string) {
	sizes, err := c.PortInfo(name, 0)
	if err != nil {
		r.Netmap = !errors.Is(err, netmap.ErrNoModule)
		if op, ok := errors.AsType[*netmap.OpError](err); ok {
			err = op.Err // what was tried is plain
		}
		r.Why = err.Error()
		return
	}
	r.Netmap = true
	if name != "" {
		r.Rings = &Rings{
			TX: int(sizes.TxRings), RX: int(sizes.RxRings), HostTX: int(sizes.HostTxRings), HostRX: int(sizes.HostRxRings),
			TXSlots: int(sizes.TxSlots), RXSlots: int(sizes.RxSlots),
		}
		if n, err := c.PortHdr(name); err == nil {
			r.Rings.Header = n
		}
	}
	r.Memory = &Memory{ID: int(sizes.MemID), Bytes: int64(sizes.MemSize)}
	if pools, err := c.PoolsInfo(name, 0); err == nil {
		r.Memory.Ifs, r.Memory.Rings, r.Memory.RingSize = int(pools.IfObjTotal), int(pools.RingObjTotal), int(pools.RingObjSize)
		r.Memory.Bufs, r.Memory.BufSize = int(pools.BufObjTotal), int(pools.BufObjSize)
	}
	r.VALE, _ = c.VALEList("")
}

// about is what this machine knows of an interface.
func about(ifc net.Interface) Interface {
	i := Interface{
		Name: ifc.Name, Driver: driver(ifc.Name), MTU: ifc.MTU, Offloads: []string{},
		Up: ifc.Flags&net.FlagUp != 0, Carrier: ifc.Flags&net.FlagRunning != 0,
		DefaultRoute: engine.CarriesDefaultRoute(ifc.Name), Promisc: promiscuous(ifc.Name),
	}
	i.Native, i.Why = engine.NetmapNative(ifc.Name)
	if on, err := nic.Offloads(ifc.Name); err == nil {
		i.Offloads = append(i.Offloads, on...)
	}
	return i
}
