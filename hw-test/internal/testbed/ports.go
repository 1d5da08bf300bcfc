package testbed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PortOptions are the ports that an environment is made of, and what is sent
// between them.
type PortOptions struct {
	// Kind is "local", "ssh" or "vm".
	Kind string
	Ways []Way
	// DstMAC, Src and Dst are pktgen's -D, -s and -d. Without a DstMAC frames
	// are addressed to the receiver, so that it comes to them without
	// promiscuous mode, and a switch learns nothing odd.
	DstMAC, Src, Dst string
	// LinkWait is for what lies behind a link that has just come up: a switch
	// that is silent at first.
	LinkWait time.Duration
}

// A Way is where the frames of one sender go.
type Way struct {
	From, To End
	// Via are the interfaces of devices under test that are on a host, in the
	// order in which frames pass them.
	Via []Passage
	// Path is the way for reports; "" for From and To alone.
	Path string
}

// An End is a port that the tester opens. Two ways may have one for To.
type End struct {
	Host Host
	Spec string
	CPUs []int // that its threads run on; empty: any
}

// String is the port with its host.
func (e *End) String() string {
	if e.Host == nil { // not yet
		return e.Spec
	}
	return At(e.Spec, e.Host.Name())
}

// A Passage is where frames enter or leave a device under test.
type Passage struct {
	Role      Role
	Host      Host
	Interface string
}

// Describe says what the environment will be. No host needs to be there yet.
func (o *PortOptions) Describe() Description {
	d := Description{Kind: o.Kind, Limits: []string{}}
	var ways []string
	for _, w := range o.Ways {
		s := fmt.Sprintf("pktgen on %s and rcv on %s%s", w.From.String(), w.To.String(),
			map[string]string{"local": " of this host", "vm": " of a virtual machine made for it"}[o.Kind])
		if w.Path != "" {
			s += ": " + w.Path
		}
		ways = append(ways, s)
	}
	d.What = strings.Join(ways, atOnce)
	if len(ways) > 1 {
		d.What += fmt.Sprintf(" (%d generators, their rates added)", len(ways))
	}
	return d
}

// atOnce stands between ways.
const atOnce = "; at once "

// Lines is a Description's What for people, each way on a line of its own.
func Lines(what string) string { return strings.ReplaceAll(what, atOnce, ";\n  "+atOnce[2:]) }

// ports are an environment of ports that are there.
type ports struct {
	options PortOptions
	limits  []string
	flows   []Flow
	ends    []*end // each once
	devices []counted
	hosts   []Host // each once
	// linkTime is how long a link may take.
	linkTime time.Duration
}

// end is an End that was taken.
type end struct {
	End
	*Taken
	role Role
	port *Port
}

// A counted device is one whose counters are read.
type counted struct {
	role Role
	host Host
	name string
}

// NewPorts makes an environment of ports that are there. Those of netmap are
// held open until Close. It waits for links.
func NewPorts(ctx context.Context, o *PortOptions) (_ Environment, err error) {
	p := &ports{options: *o, limits: []string{}, linkTime: linkTime}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	for i := range o.Ways {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := p.add(&o.Ways[i]); err != nil {
			return nil, err
		}
	}
	if err := p.WaitLinks(ctx); err != nil {
		return nil, err
	}
	for _, e := range p.ends { // known while the link is up
		if e.port.LinkBPS, err = e.Host.LinkBPS(e.port.Spec); err != nil {
			return nil, err
		}
	}
	for i := range p.flows {
		p.address(&p.flows[i])
	}
	return p, p.Clocks()
}

func (p *ports) Clocks() error {
	for _, h := range p.hosts {
		c, err := h.Clock()
		if err != nil {
			return err
		}
		for _, e := range p.ends {
			if e.Host == h {
				e.port.Clock = c
			}
		}
	}
	return nil
}

// add takes the ports of a way.
func (p *ports) add(w *Way) error {
	from, err := p.take(Sender, w.From)
	if err != nil {
		return err
	}
	to, err := p.take(Receiver, w.To)
	if err != nil {
		return err
	}
	if from.Device != "" && from.Device == to.Device && from.Host == to.Host {
		return fmt.Errorf("both ports, %s and %s, are on the interface %s: what it sends does not come back to it", from.port.Spec, to.port.Spec, from.Device)
	}
	p.count(Sender, from.Host, from.Device)
	for _, via := range w.Via {
		if _, err := via.Host.HasLink(via.Interface); err != nil {
			return fmt.Errorf("of the device under test: %w", err)
		}
		p.count(via.Role, via.Host, via.Interface)
	}
	p.count(Receiver, to.Host, to.Device)
	p.flows = append(p.flows, Flow{from.port, to.port})
	return nil
}

func (p *ports) count(role Role, h Host, name string) {
	d := counted{role, h, name}
	if name != "" && !slices.Contains(p.devices, d) {
		p.devices = append(p.devices, d)
	}
}

// take opens an end, unless it is another way's too.
func (p *ports) take(role Role, e End) (*end, error) {
	for _, other := range p.ends {
		if other.Host == e.Host && other.End.Spec == e.Spec && other.role == role && role == Receiver {
			return other, nil
		}
	}
	if !slices.Contains(p.hosts, e.Host) {
		p.hosts = append(p.hosts, e.Host)
	}
	t, err := e.Host.Take(e.Spec, role)
	if err != nil {
		return nil, err
	}
	for _, l := range t.Limits {
		p.limits = append(p.limits, on(e.Host)+l)
	}
	port := &Port{
		Host: e.Host.Name(), Spec: t.Spec, Device: t.Device, MAC: t.MAC, Addrs: t.Addrs,
		Launch: e.Host.Launcher(), Noise: noise, Exact: t.Exact,
	}
	if t.Physical {
		port.Late = late
	}
	if !t.Packet {
		launch := port.Launch
		port.Launch = func(ctx context.Context, name string, args []string, stdout, stderr io.Writer) (func() (int, error), error) {
			if err := e.Host.Flush(t.Spec); err != nil {
				return nil, err
			}
			return launch(ctx, name, args, stdout, stderr)
		}
	}
	got := &end{e, t, role, port}
	got.bind()
	p.ends = append(p.ends, got)
	return got, nil
}

// on begins a sentence about another host.
func on(h Host) string {
	if h.Name() == "" {
		return ""
	}
	return h.Name() + ": "
}

// noise is how many frames a second that are not of the test a path may have:
// spanning tree, LLDP, ARP and what else a switch or router says of itself.
const noise = 10

// late is how far the counters of a NIC may be behind: drivers read the
// hardware's every two seconds.
const late = 2100 * time.Millisecond

// bind gives the port's CPUs to its program: a sender has a thread for each, a
// receiver reads all rings of a netmap port.
func (e *end) bind() {
	if len(e.CPUs) == 0 {
		return
	}
	e.port.Flags = append(e.port.Flags, "-a", cpuFlag(e.CPUs))
	threads := len(e.CPUs)
	if !e.Packet && e.role == Sender {
		threads = min(threads, e.TxRings)
	}
	if e.Packet || e.role == Sender {
		e.port.Flags = append(e.port.Flags, "-p", strconv.Itoa(threads))
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

// nobody is an address that no device has.
var nobody = net.HardwareAddr{2, 0, 0, 0, 0, 2}

// address has frames go to the receiver.
func (p *ports) address(f *Flow) {
	o := &p.options
	mac := o.DstMAC
	var to *end
	for _, e := range p.ends {
		if e.port == f.To {
			to = e
		}
	}
	if mac == "" && len(to.MAC) == 6 {
		mac = to.MAC.String()
		// The host's stack sees what comes through a packet socket, too.
		if to.Packet && to.Forwards {
			mac = nobody.String()
			p.limits = append(p.limits, fmt.Sprintf("frames are addressed to %s, which nobody has, for %s forwards what it receives on %s", mac, who(to.Host), to.Device))
		}
	}
	for _, x := range [][2]string{{"--dst-mac", mac}, {"--src", o.Src}, {"--dst", o.Dst}} {
		if x[1] != "" {
			f.From.Flags = append(f.From.Flags, x[0], x[1])
		}
	}
	if f.From.Host == f.To.Host && !slices.Contains(f.To.Flags, "--clocks") {
		// Both ends are on one host, whatever is between them.
		f.To.Flags = append(f.To.Flags, "--clocks", "same")
	}
}

func who(h Host) string {
	if h.Name() == "" {
		return "this host"
	}
	return h.Name()
}

// linkTime is ample: of copper at 10 Gbit/s it is known to take 7 s.
const linkTime = 20 * time.Second

// WaitLinks looks more than once: netmap resets a NIC.
func (p *ports) WaitLinks(ctx context.Context) error {
	waited := false
	for _, e := range p.ends {
		if e.Device == "" {
			continue
		}
		waited = waited || !e.Packet
		up := 0
		for deadline := time.Now().Add(p.linkTime); up < 3; {
			has, err := e.Host.HasLink(e.Device)
			if err != nil {
				return err
			}
			if up++; !has {
				up, waited = 0, true
				if time.Now().After(deadline) {
					return fmt.Errorf("%sinterface %s has no link (looked for %v): look at the cable and the other end (ethtool %s)", on(e.Host), e.Device, p.linkTime, e.Device)
				}
			}
			if err := sleep(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	if waited {
		return sleep(ctx, p.options.LinkWait)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *ports) Describe() Description {
	d := p.options.Describe()
	d.Limits = p.limits
	if p.options.Kind == "vm" {
		d.Limits = append(slices.Clone(d.Limits), "frames that a card missed are not told: QEMU's e1000 counts the same ones over and over")
	}
	return d
}

func (p *ports) Flows() []Flow { return p.flows }

func (p *ports) Counters() ([]Counters, error) {
	list := []Counters{}
	for _, d := range p.devices {
		c, err := d.host.Counters(d.name)
		if err != nil {
			return nil, fmt.Errorf("the counters of %s: %w", d.name, err)
		}
		c.Role, c.Host, c.Device = d.role, d.host.Name(), d.name
		if p.options.Kind == "vm" {
			c.RxMissed = 0
		}
		list = append(list, c)
	}
	return list, nil
}

// Close lets go of the ports, and puts back how their interfaces were.
func (p *ports) Close() error {
	var err error
	for _, h := range p.hosts {
		err = errors.Join(err, h.Release())
	}
	p.hosts = nil
	return err
}
