package testbed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/netmap"
)

type local struct {
	options LocalOptions
	limits  []string
	ends    [2]Port // sender, receiver
	devices []localDevice
	held    []*command.Port // netmap ports
}

type localDevice struct {
	role  Role
	name  string
	qdisc bool // its root queueing discipline is on the way
}

func newLocal(ctx context.Context, o *LocalOptions) (_ Environment, err error) {
	l := &local{options: *o, limits: []string{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	for _, e := range []struct {
		role Role
		end  *End
		port *Port
	}{{Sender, &o.From, &l.ends[0]}, {Receiver, &o.To, &l.ends[1]}} {
		if err := l.take(e.role, e.end, e.port); err != nil {
			return nil, err
		}
	}
	if a, b := &l.ends[0], &l.ends[1]; a.Device != "" && a.Device == b.Device {
		return nil, fmt.Errorf("both ports, %s and %s, are on the interface %s: what it sends does not come back to it", a.Spec, b.Spec, a.Device)
	}
	for _, p := range o.Via {
		if _, err := netlink.LinkByName(p.Interface); err != nil {
			return nil, missing("no interface %q here, which is to be of the device under test: %w", p.Interface, err)
		}
	}
	l.devices = append(l.devices, localDevice{Sender, l.ends[0].Device, true})
	for _, p := range o.Via {
		l.devices = append(l.devices, localDevice{p.Role, p.Interface, true})
	}
	l.devices = append(l.devices, localDevice{Receiver, l.ends[1].Device, true})
	if err := l.waitLinks(ctx); err != nil {
		return nil, err
	}
	for i := range l.ends {
		l.ends[i].LinkBPS = linkBPS(l.ends[i].Spec) // known while the link is up
	}
	l.address()
	return l, nil
}

// nobody is an address that no device has.
var nobody = net.HardwareAddr{2, 0, 0, 0, 0, 2}

// A because error is another one that is also a reason, of which its sentence
// says nothing.
type because struct {
	error
	reason error
}

// Unwrap is the error and the reason.
func (b because) Unwrap() []error { return []error{b.error, b.reason} }

func missing(format string, args ...any) error {
	return because{fmt.Errorf(format, args...), ErrMissing}
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

// take opens one end to see that it can be, and holds it if it is netmap's.
func (l *local) take(role Role, e *End, p *Port) error {
	spec, why, err := engine.Resolve(e.Spec)
	if err != nil {
		return err
	}
	if why != "" {
		l.limits = append(l.limits, fmt.Sprintf("%s is %s: %s", e.Spec, spec, why))
	}
	*p = Port{Spec: spec, Launch: program.Process(netlab.Start), Noise: noise}
	// A name that is not an interface's may be that of a persistent VALE port.
	packet := strings.HasPrefix(spec, "packet:")
	link, err := netlink.LinkByName(interfaceOf(spec))
	switch {
	case err == nil:
		p.Device = link.Attrs().Name
	case interfaceOf(spec) != "":
		return missing("no interface %q here (ip -br link shows those there are): %w", interfaceOf(spec), err)
	}
	if p.Device != "" && engine.CarriesDefaultRoute(p.Device) && (role == Sender || !packet) {
		return fmt.Errorf("interface %s carries this host's default route: a test there would cut it off, or flood the network", p.Device)
	}
	if err := l.open(spec, packet); err != nil {
		return reason(err)
	}
	p.Exact = packet && link.Type() == "veth"
	if p.Device != "" && physical(link) {
		p.Late = late
	}
	if role == Receiver {
		// Both ends are on this host, whatever is between them.
		p.Flags = append(p.Flags, "--clocks", "same")
	}
	if !packet && role == Receiver {
		launch := p.Launch
		p.Launch = func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
			if err := flush(spec, nil); err != nil {
				return nil, err
			}
			return launch(ctx, name, args, stdout, stderr)
		}
	}
	l.bind(role, e, p, packet)
	return nil
}

// noise is how many frames a second that are not of the test a path may have:
// spanning tree, LLDP, ARP and what else a switch or router says of itself.
const noise = 10

// late is how far the counters of a NIC may be behind: drivers read the
// hardware's every two seconds.
const late = 2100 * time.Millisecond

// open opens a port. One of netmap stays open, with its interface prepared, so
// that the programs, which then open it beside, change nothing.
func (l *local) open(spec string, packet bool) error {
	var said bytes.Buffer
	c := &command.Common{Port: spec, VnetHdr: engine.AnyVnetHdr}
	cfg := &engine.Config{}
	if packet {
		cfg.RX, cfg.TX = 1, 1
	}
	p, err := c.Open(cfg, &cli.Reporter{Tool: "hw-test", Human: &said})
	if err != nil {
		return err
	}
	for line := range strings.Lines(said.String()) {
		l.limits = append(l.limits, strings.TrimSpace(strings.TrimPrefix(line, "hw-test: ")))
	}
	if packet {
		return p.Close()
	}
	l.held = append(l.held, p)
	return nil
}

// reason tells errors of opening a port that mean that the system lacks
// something.
func reason(err error) error {
	for _, lacks := range []error{
		netmap.ErrNoModule, netmap.ErrOldKernel, errors.ErrUnsupported, unix.EPERM, unix.EACCES, unix.ENXIO, unix.EOPNOTSUPP,
	} {
		if errors.Is(err, lacks) {
			return because{err, ErrMissing}
		}
	}
	return err
}

// bind gives the port's CPUs to its program: a sender has a thread for each, a
// receiver reads all rings of a netmap port.
func (l *local) bind(role Role, e *End, p *Port, packet bool) {
	if len(e.CPUs) == 0 {
		return
	}
	p.Flags = append(p.Flags, "-a", cpuFlag(e.CPUs))
	threads := len(e.CPUs)
	if !packet && role == Sender {
		threads = min(threads, len(l.held[len(l.held)-1].TX()))
	}
	if packet || role == Sender {
		p.Flags = append(p.Flags, "-p", strconv.Itoa(threads))
	}
}

// cpuFlag is a list for -a, where a single number would be the first of many.
func cpuFlag(cpus []int) string {
	if len(cpus) == 1 {
		cpus = []int{cpus[0], cpus[0]}
	}
	var words []string
	for _, c := range cpus {
		words = append(words, strconv.Itoa(c))
	}
	return strings.Join(words, ",")
}

// address has frames go to the receiver.
func (l *local) address() {
	o, from, to := &l.options, &l.ends[0], &l.ends[1]
	mac := o.DstMAC
	if ifc, err := net.InterfaceByName(to.Device); err == nil && mac == "" && len(ifc.HardwareAddr) == 6 {
		mac = ifc.HardwareAddr.String()
		// The host's stack sees what comes through a packet socket, too.
		if b, err := os.ReadFile("/proc/sys/net/ipv4/conf/" + to.Device + "/forwarding"); err == nil &&
			strings.HasPrefix(to.Spec, "packet:") && string(bytes.TrimSpace(b)) == "1" {
			mac = nobody.String()
			l.limits = append(l.limits, fmt.Sprintf("frames are addressed to %s, which nobody has, for this host forwards what it receives on %s", mac, to.Device))
		}
	}
	for _, f := range [][2]string{{"--dst-mac", mac}, {"--src", o.Src}, {"--dst", o.Dst}} {
		if f[1] != "" {
			from.Flags = append(from.Flags, f[0], f[1])
		}
	}
}

func (l *local) Describe() Description {
	d := l.options.Describe()
	d.Limits = l.limits
	if l.options.InMachine {
		d.Limits = append(slices.Clone(d.Limits), "frames that a card missed are not told: QEMU's e1000 counts the same ones over and over")
	}
	return d
}

func (l *local) Flows() []Flow { return []Flow{{&l.ends[0], &l.ends[1]}} }

func (l *local) Counters() ([]Counters, error) {
	list := []Counters{}
	for _, d := range l.devices {
		if d.name == "" {
			continue
		}
		c, err := d.counters()
		if err != nil {
			return nil, err
		}
		if l.options.InMachine {
			c.RxMissed = 0
		}
		list = append(list, c)
	}
	return list, nil
}

func (d *localDevice) counters() (c Counters, err error) {
	link, err := netlink.LinkByName(d.name)
	if err != nil {
		return c, fmt.Errorf("the counters of %s: %w", d.name, err)
	}
	c = Counters{Role: d.role, Device: d.name}
	if n := link.Attrs().Statistics; n != nil {
		c.RxPackets, c.RxBytes, c.RxErrors, c.RxDropped = n.RxPackets, n.RxBytes, n.RxErrors, n.RxDropped
		c.TxPackets, c.TxBytes, c.TxErrors, c.TxDropped = n.TxPackets, n.TxBytes, n.TxErrors, n.TxDropped
		// Drivers use one of these, or several for the same.
		c.RxMissed = max(n.RxMissedErrors, n.RxFifoErrors, n.RxOverErrors)
	}
	c.Qdisc, err = rootQdisc(d.name)
	return c, err
}

// Close lets go of the ports, and puts back how their interfaces were.
func (l *local) Close() error {
	var err error
	for _, p := range l.held {
		err = errors.Join(err, p.Close())
	}
	l.held = nil
	return err
}
