package testbed

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/netmap"
)

// Here is this host.
type Here struct{ held []*command.Port } // netmap ports

// Name is "".
func (*Here) Name() string { return "" }

// Clock is this host's: no difference.
func (*Here) Clock() (Clock, error) { return Clock{}, nil }

// Launcher starts processes.
func (*Here) Launcher() program.Launcher { return program.Process(netlab.Start) }

// Take is Host's.
func (h *Here) Take(spec string, role Role) (*Taken, error) {
	resolved, why, err := engine.Resolve(spec)
	if err != nil {
		return nil, err
	}
	t := &Taken{Spec: resolved, Packet: strings.HasPrefix(resolved, "packet:")}
	if why != "" {
		t.Limits = append(t.Limits, fmt.Sprintf("%s is %s: %s", spec, resolved, why))
	}
	// A name that is not an interface's may be that of a persistent VALE port.
	name := interfaceOf(resolved)
	link, err := netlink.LinkByName(name)
	switch {
	case err == nil:
		t.Device, t.Exact, t.Physical = link.Attrs().Name, t.Packet && link.Type() == "veth", physical(link)
		t.addresses()
	case name != "":
		return nil, noInterface(name, err)
	}
	if t.Device != "" && engine.CarriesDefaultRoute(t.Device) && (role == Sender || !t.Packet) {
		return nil, fmt.Errorf("interface %s carries this host's default route: a test there would cut it off, or flood the network", t.Device)
	}
	if err := h.open(t); err != nil {
		return nil, reason(err)
	}
	return t, nil
}

// addresses fills in what the interface has.
func (t *Taken) addresses() {
	ifc, err := net.InterfaceByName(t.Device)
	if err != nil {
		return
	}
	t.MAC = ifc.HardwareAddr
	list, _ := ifc.Addrs() // none: there is no UDP over it
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			t.Addrs = append(t.Addrs, p)
		}
	}
	b, err := os.ReadFile("/proc/sys/net/ipv4/conf/" + t.Device + "/forwarding")
	t.Forwards = err == nil && string(bytes.TrimSpace(b)) == "1"
}

func noInterface(name string, err error) error {
	return Missing(fmt.Errorf("no interface %q here (ip -br link shows those there are): %w", name, err))
}

// interfaceOf is the name of the interface below a resolved spec, "" if it
// names none: the port of a VALE switch, a pipe.
func interfaceOf(spec string) string {
	if name, ok := strings.CutPrefix(spec, "packet:"); ok {
		return name
	}
	sp, err := netmap.ParseSpec(spec)
	if err != nil || sp.VALE() || strings.ContainsAny(sp.Name, "{}") {
		return ""
	}
	return sp.Name
}

// open opens a port. One of netmap stays open, with its interface prepared, so
// that the programs, which then open it beside, change nothing.
func (h *Here) open(t *Taken) error {
	var said bytes.Buffer
	c := &command.Common{Port: t.Spec, VnetHdr: engine.AnyVnetHdr}
	cfg := &engine.Config{}
	if t.Packet {
		cfg.RX, cfg.TX = 1, 1
	}
	p, err := c.Open(cfg, &cli.Reporter{Tool: "hw-test", Human: &said})
	if err != nil {
		return err
	}
	for line := range strings.Lines(said.String()) {
		t.Limits = append(t.Limits, strings.TrimSpace(strings.TrimPrefix(line, "hw-test: ")))
	}
	if t.Packet {
		return p.Close()
	}
	t.TxRings = len(p.TX())
	h.held = append(h.held, p)
	return nil
}

// reason tells errors of opening a port that mean that the system lacks
// something.
func reason(err error) error {
	for _, lacks := range []error{
		netmap.ErrNoModule, netmap.ErrOldKernel, errors.ErrUnsupported, unix.EPERM, unix.EACCES, unix.ENXIO, unix.EOPNOTSUPP,
	} {
		if errors.Is(err, lacks) {
			return Missing(err)
		}
	}
	return err
}

// physical tells an interface that is not made by software.
func physical(link netlink.Link) bool {
	return link.Type() == "device" && link.Attrs().Flags&net.FlagLoopback == 0
}

// HasLink is Host's.
func (*Here) HasLink(device string) (bool, error) {
	link, err := netlink.LinkByName(device)
	if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
		return false, noInterface(device, err)
	}
	if err != nil {
		return false, fmt.Errorf("ask for the link of interface %s: %w", device, err)
	}
	return lowerUp(link), nil
}

func lowerUp(link netlink.Link) bool { return link.Attrs().RawFlags&unix.IFF_LOWER_UP != 0 }

// LinkBPS leaves out what virtual devices say, which holds nobody back.
func (*Here) LinkBPS(spec string) (float64, error) {
	resolved, _, err := engine.Resolve(spec)
	if err != nil {
		return 0, err
	}
	link, err := netlink.LinkByName(interfaceOf(resolved))
	if err != nil || !physical(link) {
		return 0, nil
	}
	bps, err := nic.Speed(link.Attrs().Name)
	if err != nil {
		return 0, nil
	}
	return bps, nil
}

// Flush is Host's.
func (*Here) Flush(spec string) error { return flush(spec, nil) }

func flush(spec string, dev netmap.Device) error {
	p, err := engine.Open(spec, &engine.Config{RX: engine.All, Device: dev, VnetHdr: engine.AnyVnetHdr})
	if err != nil {
		return err
	}
	defer p.Close()
	for _, q := range p.RX() {
		// A ring may have been full, and so may what waited behind it.
		for range 8 {
			ring := q.Ring()
			ring.Advance(ring.Space())
			if err := q.Sync(); err != nil {
				return err
			}
			if ring.Space() == 0 {
				break
			}
		}
	}
	return nil
}

// Counters is Host's.
func (*Here) Counters(device string) (c Counters, err error) {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return c, err
	}
	if n := link.Attrs().Statistics; n != nil {
		c.RxPackets, c.RxBytes, c.RxErrors, c.RxDropped = n.RxPackets, n.RxBytes, n.RxErrors, n.RxDropped
		c.TxPackets, c.TxBytes, c.TxErrors, c.TxDropped = n.TxPackets, n.TxBytes, n.TxErrors, n.TxDropped
		// Drivers use one of these, or several for the same.
		c.RxMissed = max(n.RxMissedErrors, n.RxFifoErrors, n.RxOverErrors)
	}
	c.NoLink = !lowerUp(link)
	if c.LinkChanges, err = carrierChanges(link.Attrs().Index); err != nil {
		return c, err
	}
	c.Qdisc, err = rootQdisc(device)
	return c, err
}

// Release is Host's.
func (h *Here) Release() error {
	var err error
	for _, p := range h.held {
		err = errors.Join(err, p.Close())
	}
	h.held = nil
	return err
}
