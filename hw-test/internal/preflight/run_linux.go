package preflight

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"time"

	"github.com/safchain/ethtool"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/netmap"
)

func run(ctx context.Context, ports []Port, o *Options) *Report {
	var machine *Machine
	if o != nil {
		machine = o.Machine
	}
	m := machine.here()
	r := &Report{
		Time: time.Now(), Kernel: m.Release(), CommandLine: m.read("proc/cmdline"),
		Ports: []Port{}, Checks: []Check{},
	}
	host := &host{m: m}
	for _, p := range ports {
		l := newPortLook(m, p)
		r.Ports = append(r.Ports, l.Port)
		host.ports = append(host.ports, l.Port)
		r.Checks = append(r.Checks, l.checks(ctx)...)
		if l.e != nil {
			l.e.Close()
		}
	}
	for _, h := range hostChecks {
		if ctx.Err() != nil {
			break
		}
		r.Checks = append(r.Checks, h.look(host, Check{Name: h.name}))
	}
	for i := range r.Checks {
		r.Checks[i].Fixable = len(r.Checks[i].fix) > 0
	}
	return r
}

// A portLook is one port while it is looked at.
type portLook struct {
	Port
	m    *Machine
	e    Ethtool // nil: none to be had
	spec string  // resolved
	link Link
	drv  ethtool.DrvInfo // zero if not told
	pci  string          // the device's directory in sysfs, "" if it is of no PCI function
	soft string          // why there is no hardware to look at; "" if there is
	why  string          // why nothing can be looked at
	bps  float64         // the link's speed, 0 if not known
}

func newPortLook(m *Machine, p Port) *portLook {
	l := &portLook{Port: p, m: m}
	var err error
	if l.spec, _, err = engine.Resolve(p.Spec); err != nil {
		l.why = err.Error()
		return l
	}
	if l.Interface == "" {
		l.Interface = interfaceOf(l.spec)
	}
	if l.Interface == "" {
		l.why = l.spec + " is on no interface of this host"
		return l
	}
	if l.link, err = m.Link(l.Interface); err != nil {
		l.why = err.Error()
		return l
	}
	if l.e, err = m.Ethtool(); err != nil {
		l.why = fmt.Sprintf("ethtool's requests cannot be made: %v", err)
		return l
	}
	l.drv, _ = l.e.DriverInfo(l.Interface)
	if dir := filepath.Join("sys/bus/pci/devices", l.drv.BusInfo); l.drv.BusInfo != "" && m.exists(dir) {
		l.pci = dir
	}
	// A driver of hardware says on which bus it is; some made by software do
	// not even have a driver.
	if l.link.Kind != "device" || l.drv.BusInfo == "" || l.drv.BusInfo == "N/A" {
		l.soft = fmt.Sprintf("%s is made by software (%s)", l.Interface, l.kind())
	}
	return l
}

// kind is a word for what the interface is.
func (l *portLook) kind() string {
	if l.drv.Driver != "" {
		return l.drv.Driver
	}
	if l.link.Kind == "device" {
		return "it has no driver" // lo
	}
	return l.link.Kind
}

// netmap tells whether the port is opened by netmap.
func (l *portLook) netmap() bool {
	return strings.HasPrefix(l.spec, "netmap:") || strings.HasPrefix(l.spec, "vale")
}

// interfaceOf finds the interface below a resolved spec, "" if there is none.
func interfaceOf(spec string) string {
	kind, rest, _ := strings.Cut(spec, ":")
	switch kind {
	case "packet":
		return rest
	case "netmap":
		if sp, err := netmap.ParseSpec(spec); err == nil && !strings.ContainsAny(sp.Name, "{}:") {
			return sp.Name
		}
	case "udp":
		for word := range strings.SplitSeq(rest, ",") {
			if name, ok := strings.CutPrefix(word, "iface="); ok {
				return name
			}
		}
		first, _, _ := strings.Cut(rest, ",")
		if at, ok := strings.CutPrefix(first, "@"); ok {
			if ap, err := netip.ParseAddrPort(at); err == nil {
				return interfaceWith(ap.Addr())
			}
			return ""
		}
		// Connecting sends nothing, and tells the address it would send from.
		if _, err := netip.ParseAddrPort(first); err == nil {
			if c, err := net.Dial("udp", first); err == nil {
				defer c.Close()
				if ap, err := netip.ParseAddrPort(c.LocalAddr().String()); err == nil {
					return interfaceWith(ap.Addr())
				}
			}
		}
	}
	return ""
}

func interfaceWith(a netip.Addr) string {
	list, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, ifc := range list {
		addrs, err := ifc.Addrs()
		if err != nil {
			continue
		}
		for _, x := range addrs {
			if p, err := netip.ParsePrefix(x.String()); err == nil && p.Addr() == a.Unmap() {
				return ifc.Name
			}
		}
	}
	return ""
}

// portChecks are in the order of the report. Those of hardware are skipped for
// interfaces that software makes.
var portChecks = []struct {
	name     string
	hardware bool
	look     func(*portLook, Check) Check
}{
	{"link", false, (*portLook).checkLink},
	{"speed", true, (*portLook).checkSpeed},
	{"duplex", true, (*portLook).checkDuplex},
	{"driver", true, (*portLook).checkDriver},
	{"route", false, (*portLook).checkRoute},
	{"mtu", false, (*portLook).checkMTU},
	{"netmap", false, (*portLook).checkNetmap},
	{"rings", true, (*portLook).checkRings},
	{"channels", true, (*portLook).checkChannels},
	{"rss", true, (*portLook).checkRSS},
	{"steering", true, (*portLook).checkSteering},
	{"offloads", false, (*portLook).checkOffloads},
	{"pause", true, (*portLook).checkPause},
	{"coalescing", true, (*portLook).checkCoalescing},
	{"interrupts", true, (*portLook).checkInterrupts},
	{"numa", true, (*portLook).checkNUMA},
	{"pcie", true, (*portLook).checkPCIe},
	{"sockets", false, (*portLook).checkSockets},
	{"qdisc", false, (*portLook).checkQdisc},
}

func (l *portLook) checks(ctx context.Context) []Check {
	name := l.Interface
	if name == "" {
		name = l.Spec
	}
	if l.why != "" {
		c := Check{Name: "link", Port: name}
		if l.Interface == "" && l.spec != "" {
			return []Check{c.skip("%s", l.why)}
		}
		return []Check{c.fail("", "an interface that can be opened", l.why)}
	}
	var list []Check
	for _, p := range portChecks {
		if ctx.Err() != nil {
			break
		}
		c := Check{Name: p.name, Port: name}
		if p.hardware && l.soft != "" {
			list = append(list, c.skip("%s", l.soft))
			continue
		}
		list = append(list, p.look(l, c))
	}
	return list
}

func (c Check) pass(format string, args ...any) Check {
	c.Verdict, c.Found = Pass, fmt.Sprintf(format, args...)
	return c
}

func (c Check) skip(format string, args ...any) Check {
	c.Verdict, c.Why = Skipped, fmt.Sprintf(format, args...)
	return c
}

func (c Check) warn(found, want, why string, do ...string) Check {
	c.Verdict, c.Found, c.Want, c.Why, c.Do = Warn, found, want, why, do
	return c
}

func (c Check) fail(found, want, why string, do ...string) Check {
	c = c.warn(found, want, why, do...)
	c.Verdict = Fail
	return c
}
