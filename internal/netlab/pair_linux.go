package netlab

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// carrierWait is ample: the carrier follows the second "up" by the time the
// kernel's link watch takes, microseconds to some tens of milliseconds.
const carrierWait = 2 * time.Second

func newPair(a, b *NS, opt *PairOptions) (*Pair, error) {
	o := opt.withDefaults()
	p := &Pair{A: End{NS: a, Name: o.NameA}, B: End{NS: b, Name: o.NameB}}
	if err := p.add(&o); err != nil {
		return nil, err
	}
	err := p.A.configure(&o, o.AddrsA)
	if err == nil {
		err = p.B.configure(&o, o.AddrsB)
	}
	if err == nil {
		err = p.waitCarrier()
	}
	if err != nil {
		return nil, errors.Join(err, a.delete(o.NameA))
	}
	return p, nil
}

// withDefaults is a copy with nothing left to guess; o may be nil.
func (o *PairOptions) withDefaults() PairOptions {
	var p PairOptions
	if o != nil {
		p = *o
	}
	if p.NameA == "" {
		p.NameA = "veth-a"
	}
	if p.NameB == "" {
		p.NameB = "veth-b"
	}
	if p.MTU == 0 {
		p.MTU = 1500
	}
	if p.Queues == 0 {
		p.Queues = 1
	}
	return p
}

// add creates each end inside its namespace, so that neither name is ever
// taken outside.
func (p *Pair) add(o *PairOptions) error {
	op := fmt.Sprintf("make the veth pair %s, %s with MTU %d and %d queues", o.NameA, o.NameB, o.MTU, o.Queues)
	if o.MTU < 0 || o.Queues < 0 { // the netlink package would leave them out
		return opError(op, unix.EINVAL)
	}
	return p.A.NS.do(func() error {
		return p.B.NS.withFD(func(fd int) error {
			attrs := netlink.NewLinkAttrs()
			attrs.Name, attrs.MTU = o.NameA, o.MTU
			attrs.NumTxQueues, attrs.NumRxQueues = o.Queues, o.Queues
			veth := netlink.NewVeth(attrs) // the peer takes MTU and queues over
			veth.PeerName, veth.PeerNamespace = o.NameB, netlink.NsFd(fd)
			if err := netlink.LinkAdd(veth); err != nil {
				return opError(op, err)
			}
			return nil
		})
	})
}

// configure sets an end up, with IPv6 decided first: an interface that comes
// up with IPv6 sends within the second.
func (e *End) configure(o *PairOptions, addrs []netip.Prefix) error {
	return e.NS.do(func() error {
		link, err := netlink.LinkByName(e.Name)
		if err != nil {
			return opError("find the veth end "+e.Name, err)
		}
		e.Index, e.MAC = link.Attrs().Index, link.Attrs().HardwareAddr
		if !slices.ContainsFunc(slices.Concat(o.AddrsA, o.AddrsB), isIPv6) {
			if err := disableIPv6(e.Name); err != nil {
				return err
			}
		}
		for _, a := range addrs {
			addr := &netlink.Addr{IPNet: &net.IPNet{
				IP:   a.Addr().AsSlice(),
				Mask: net.CIDRMask(a.Bits(), a.Addr().BitLen()),
			}}
			if isIPv6(a) {
				addr.Flags = unix.IFA_F_NODAD // nobody else has it, and it is wanted now
			}
			if err := netlink.AddrAdd(link, addr); err != nil {
				return opError(fmt.Sprintf("add the address %v to %s", a, e.Name), err)
			}
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return opError("set up "+e.Name, err)
		}
		return nil
	})
}

func isIPv6(p netip.Prefix) bool { return p.Addr().Is6() && !p.Addr().Is4In6() }

// disableIPv6 works on the namespace of the calling thread: the kernel looks
// /proc/sys/net up by the thread that opens it. A kernel without IPv6 has no
// such file and nothing to disable.
func disableIPv6(dev string) error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+dev+"/disable_ipv6", []byte("1"), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return opError("turn IPv6 off on "+dev+", or it would send frames of its own", err)
	}
	return nil
}

// waitCarrier waits for the operational state, which the kernel sets right
// before it puts the queueing discipline in place; a frame sent earlier is
// lost there.
func (p *Pair) waitCarrier() error {
	deadline := time.Now().Add(carrierWait)
	for _, e := range []*End{&p.A, &p.B} {
		err := e.NS.do(func() error {
			for {
				link, err := netlink.LinkByIndex(e.Index)
				if err != nil {
					return opError("look for the carrier of "+e.Name, err)
				}
				if link.Attrs().OperState == netlink.OperUp {
					return nil
				}
				if time.Now().After(deadline) {
					return fmt.Errorf("netlab: %s has no carrier after %v, its state is %v: %w",
						e.Name, carrierWait, link.Attrs().OperState, os.ErrDeadlineExceeded)
				}
				time.Sleep(time.Millisecond)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (n *NS) counters(name string) (c Counters, err error) {
	err = n.onLink("read the counters of", name, func(l netlink.Link) error {
		s := l.Attrs().Statistics
		if s == nil {
			return unix.ENODATA
		}
		c = Counters{
			RxPackets: s.RxPackets, RxBytes: s.RxBytes, RxErrors: s.RxErrors, RxDropped: s.RxDropped,
			TxPackets: s.TxPackets, TxBytes: s.TxBytes, TxErrors: s.TxErrors, TxDropped: s.TxDropped,
		}
		return nil
	})
	return c, err
}

func (n *NS) setUp(name string, up bool) error {
	if up {
		return n.onLink("set up", name, netlink.LinkSetUp)
	}
	return n.onLink("set down", name, netlink.LinkSetDown)
}

func (n *NS) delete(name string) error {
	return n.onLink("delete", name, netlink.LinkDel)
}

func (n *NS) onLink(op, name string, f func(netlink.Link) error) error {
	return n.do(func() error {
		link, err := netlink.LinkByName(name)
		if err == nil {
			err = f(link)
		}
		if err != nil {
			return opError(op+" "+name, err)
		}
		return nil
	})
}

func can() error {
	a, err := newNS()
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := newNS()
	if err != nil {
		return err
	}
	defer b.Close()
	_, err = newPair(a, b, nil)
	return err
}
