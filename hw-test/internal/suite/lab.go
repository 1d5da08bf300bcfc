package suite

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/internal/nic"
)

// Where are the flags that say over which ports a suite runs.
type Where struct {
	LabFile  string
	Path     string
	PortPair string
	CPUs     string
	Reverse  bool

	DstMAC   net.HardwareAddr
	Src, Dst string
	LinkWait time.Duration

	inMachine string // in a virtual machine made for it: the path's name

	lab   *lab.Lab // as resolved; nil without one
	local testbed.LocalOptions
	ports []preflight.Port
	names []string // of a machine's interfaces
}

func (w *Where) flags(fs *pflag.FlagSet) {
	fs.StringVar(&w.LabFile, "lab", "", "run over the ports of the lab `FILE` (hw-test lab): NICs of this host, or in a virtual machine made for it")
	fs.StringVar(&w.Path, "path", "", "the lab's path to test: its `number` in hw-test lab check, or the port it begins at")
	fs.StringVar(&w.PortPair, "ports", "", "run from one port of this host to another: `FROM,TO`, each as for pktgen -i")
	fs.StringVar(&w.CPUs, "cpus", "", "the CPUs that the --ports' threads run on: `FROM/TO`, as in 2-3/4-5")
	fs.BoolVar(&w.Reverse, "reverse", false, "send the other way")
	fs.Var(cli.MACValue(&w.DstMAC), "dst-mac", "lab, ports: the destination `MAC` of frames; default: the receiver's; for a router, its own")
	fs.StringVar(&w.Src, "src", "", "lab, ports: their source address, `ip[:port]` or a range, as pktgen -s")
	fs.StringVar(&w.Dst, "dst", "", "lab, ports: their destination, as pktgen -d: what a router has a route to")
	fs.Var(cli.DurationValue(&w.LinkWait, time.Second), "link-wait", "lab, ports: when links are up, wait this `time`: for a switch with spanning tree 30s")
	fs.StringVar(&w.inMachine, "in-machine", "", "this is a virtual machine made for it, with this `path`")
	_ = fs.MarkHidden("in-machine") // fails for unknown names only
}

// Lab is the lab file as it was understood, nil without one.
func (w *Where) Lab() *lab.Lab { return w.lab }

// Ports are the ports of this host that the suite runs over, for the preflight.
func (w *Where) Ports() []preflight.Port { return w.ports }

// where finds out about the ports, and which environment that is.
func (o *Options) where(fs *pflag.FlagSet) error {
	env := ""
	switch {
	case o.LabFile != "" && o.PortPair != "":
		return cli.Usagef("--lab and --ports both say which ports: give one of them")
	case o.Path != "" && o.LabFile == "":
		return cli.Usagef("--path is one of a lab file: give --lab, too")
	case o.CPUs != "" && o.PortPair == "":
		return cli.Usagef("--cpus goes with --ports; a lab file has the CPUs of its ports")
	case o.PortPair != "":
		env = envLocal
		if err := o.readPorts(); err != nil {
			return err
		}
	case o.LabFile != "":
		var err error
		if env, err = o.readLab(); err != nil {
			return err
		}
	}
	switch {
	case env == "" && (o.Env == envLocal || o.Env == envVM):
		return cli.Usagef("--env %s: say which ports: --lab FILE%s", o.Env, map[bool]string{true: ", or --ports FROM,TO"}[o.Env == envLocal])
	case env != "" && fs.Changed("env") && o.Env != env:
		return cli.Usagef("--env %s, and the ports are of environment %s: leave --env out", o.Env, env)
	case env != "":
		o.Env = env
	}
	made := o.made()
	for _, flag := range []string{"reverse", "dst-mac", "src", "dst", "link-wait"} {
		if made && fs.Changed(flag) {
			return cli.Usagef("--%s needs ports: --lab or --ports", flag)
		}
	}
	for _, flag := range []string{"dut", "tbf", "lose", "own-tbf"} {
		if !made && fs.Changed(flag) {
			return cli.Usagef("--%s is of what hw-test makes itself (--env veth-dut), and these are ports that are there", flag)
		}
	}
	for _, r := range [][2]string{{"src", o.Src}, {"dst", o.Dst}} {
		if _, err := frame.ParseRange(r[1]); err != nil && r[1] != "" {
			return cli.Usagef("--%s: %w", r[0], err)
		}
	}
	if o.LinkWait > 10*time.Minute {
		return cli.Usagef("--link-wait: %v is more than 10 minutes", o.LinkWait)
	}
	if made {
		return nil
	}
	o.local.DstMAC, o.local.Src, o.local.Dst = o.DstMAC.String(), o.Src, o.Dst
	o.local.LinkWait, o.local.InMachine = o.LinkWait, o.inMachine != ""
	if o.inMachine != "" {
		o.local.Path = o.inMachine
	}
	return o.shares()
}

// Open makes what the trials run over; the caller closes it.
func (o *Options) Open(ctx context.Context) (testbed.Environment, error) {
	if o.made() {
		return testbed.NewVeth(o.testbed())
	}
	return testbed.NewLocal(ctx, &o.local)
}

// Describe says what Open will make.
func (o *Options) Describe() testbed.Description {
	if o.made() {
		bed := o.testbed()
		d := bed.Describe()
		if bench.InsideUserNS() {
			d.Limits = append(d.Limits, "in a user namespace the kernel limits receive buffers (net.core.rmem_max)")
		}
		return d
	}
	return o.local.Describe()
}

// MostPPS is the highest rate to try with frames of 60 bytes, as it was asked
// for; 0: it was not.
func (o *Options) MostPPS() float64 { return (&Profile{Mean: 60}).frames(o.MaxRate) }

// made tells whether the environment is one that hw-test makes of namespaces.
func (o *Options) made() bool { return o.Env == envVeth || o.Env == envVethDUT }

// shares turns rates that are a share of the link's speed into bits a second.
// In a machine that is done when it is there.
func (o *Options) shares() error {
	for _, r := range []struct {
		flag string
		rate *cli.Rate
	}{{"max-rate", &o.MaxRate}, {"min-rate", &o.MinRate}} {
		if o.Env != envLocal || r.rate.Unit != cli.LinkRate {
			continue
		}
		bps := testbed.LinkBPS(o.local.From.Spec)
		if bps == 0 {
			return cli.Usagef("--%s: %s has no link speed to take a share of (ethtool); say frames or bits a second", r.flag, o.local.From.Spec)
		}
		*r.rate = cli.Rate{Value: r.rate.Value / 100 * bps, Unit: cli.WireBPS}
	}
	return nil
}

// readPorts reads --ports and --cpus.
func (o *Options) readPorts() error {
	from, to, err := splitPorts(o.PortPair)
	if err != nil {
		return err
	}
	l := testbed.LocalOptions{From: testbed.End{Spec: from}, To: testbed.End{Spec: to}}
	if o.CPUs != "" {
		a, b, two := strings.Cut(o.CPUs, "/")
		var ok [2]bool
		l.From.CPUs, ok[0] = nic.CPUList(a)
		l.To.CPUs, ok[1] = nic.CPUList(b)
		if !two || ok[0] != (a != "") || ok[1] != (b != "") {
			return cli.Usagef("--cpus: %q is not the CPUs of both ports, as in 2-3/4-5 or 2/", o.CPUs)
		}
	}
	if o.Reverse {
		l.From, l.To = l.To, l.From
	}
	o.local = l
	o.ports = []preflight.Port{{Spec: l.From.Spec, CPUs: l.From.CPUs}, {Spec: l.To.Spec, CPUs: l.To.CPUs}}
	return nil
}

// splitPorts finds the comma between two specs, which may have commas
// themselves.
func splitPorts(s string) (from, to string, err error) {
	for i, c := range s {
		if c != ',' {
			continue
		}
		a, b := s[:i], s[i+1:]
		if err = testbed.CheckSpec(a); err == nil {
			if err = testbed.CheckSpec(b); err == nil {
				if a == b {
					return "", "", cli.Usagef("--ports: %s is both", a)
				}
				return a, b, nil
			}
		}
	}
	if err == nil {
		return "", "", cli.Usagef("--ports: %q is not two ports, FROM,TO", s)
	}
	return "", "", cli.Usagef("--ports: %w", err)
}

// readLab reads the lab file and chooses the path.
func (o *Options) readLab() (env string, err error) {
	if o.lab, err = lab.Load(o.LabFile); err != nil {
		return "", err
	}
	if o.lab.Environment == lab.Veth {
		if o.Path != "" {
			return "", cli.Usagef("--path: environment veth makes its own")
		}
		return envVethDUT, nil
	}
	if err := o.lab.Resolve("/"); err != nil {
		return "", err
	}
	p, err := choose(o.lab.Paths(), o.Path)
	if err != nil {
		return "", err
	}
	if o.Reverse {
		p = backwards(p)
	}
	if o.local, err = over(o.lab, p); err != nil {
		return "", err
	}
	if o.lab.Environment == lab.VM {
		for _, name := range []string{p.From, p.To} {
			if _, port := o.lab.Port(name); port.Interface != "" {
				o.names = append(o.names, port.Interface)
			}
		}
		return envVM, nil
	}
	o.ports = portsOf(o.lab, p)
	return envLocal, nil
}

// choose finds the path that --path names: by its number from 1, or by the port
// where it begins, or ends, and is then taken backwards.
func choose(paths []lab.Path, name string) (lab.Path, error) {
	if n, err := strconv.Atoi(name); err == nil && n >= 1 && n <= len(paths) {
		return paths[n-1], nil
	}
	var lines []string
	for i, p := range paths {
		switch {
		case name == "" && len(paths) == 1, name == p.From:
			return p, nil
		case name == p.To:
			return backwards(p), nil
		}
		lines = append(lines, fmt.Sprintf("\n  %d  %s", i+1, p))
	}
	list := strings.Join(lines, "")
	if name == "" {
		return lab.Path{}, cli.Usagef("the lab has %d paths: say which by --path, its number or the port it begins at:%s", len(paths), list)
	}
	return lab.Path{}, cli.Usagef("--path: the lab has no path %q; it has:%s", name, list)
}

// backwards is the same path the other way.
func backwards(p lab.Path) lab.Path {
	via := slices.Clone(p.Via)
	slices.Reverse(via)
	return lab.Path{From: p.To, Via: via, To: p.From}
}

// over is a path of a resolved lab as ports to open.
func over(l *lab.Lab, p lab.Path) (testbed.LocalOptions, error) {
	o := testbed.LocalOptions{Path: p.String()}
	for _, e := range []struct {
		name string
		end  *testbed.End
	}{{p.From, &o.From}, {p.To, &o.To}} {
		_, port := l.Port(e.name)
		if l.Environment == lab.VM && port.Interface == "" && strings.Contains(port.Spec, "%") {
			return o, cli.Usagef("%s: port %s: in a machine say interface, which are eth0, eth1, …", l.File, e.name)
		}
		*e.end = testbed.End{Spec: port.Open(), CPUs: port.CPUs}
		if err := testbed.CheckSpec(e.end.Spec); err != nil {
			return o, cli.Usagef("%s: port %s: %w", l.File, e.name, err)
		}
	}
	for i, name := range p.Via {
		role := testbed.HopIn
		if i%2 == 1 {
			role = testbed.HopOut
		}
		if _, port := l.Port(name); port.Interface != "" {
			o.Via = append(o.Via, testbed.Passage{Role: role, Interface: port.Interface})
		}
	}
	return o, nil
}

// portsOf are the ports of a path that are on this host: preflight.Of has those
// of all paths.
func portsOf(l *lab.Lab, p lab.Path) (list []preflight.Port) {
	for _, name := range append(append([]string{p.From}, p.Via...), p.To) {
		if n, port := l.Port(name); n.Role == lab.TG || port.Interface != "" {
			list = append(list, preflight.Port{Spec: port.Open(), Interface: port.Interface, CPUs: port.CPUs})
		}
	}
	return list
}
