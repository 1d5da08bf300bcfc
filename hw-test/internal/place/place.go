// Package place is where a suite runs: the flags that say over which ports, the
// lab file that has them, and, for a lab of other hosts, the connections.
//
//	flags ─▶ Complete ─▶ Connect ─▶ Look, Open ─▶ testbed.Environment
//	          reads the   other       preflight,
//	          lab file    hosts only  ports
//
// Until Connect nothing but files is touched, so that a plan can be printed.
package place

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/hw-test/internal/agent"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/internal/nic"
)

// Where are the flags that say over which ports a suite runs. Use Flags.
type Where struct {
	LabFile  string
	Path     string
	PortPair string
	CPUs     string
	Reverse  bool

	DstMAC   net.HardwareAddr
	Src, Dst string
	LinkWait time.Duration

	// InMachine is the path's name in a virtual machine that was made for it.
	InMachine string

	lab     *lab.Lab // nil without one
	paths   []lab.Path
	options testbed.PortOptions
	ports   []preflight.Port // of this host, or of those

	hosts *agent.Hosts // of environment ssh, when they are connected
	lost  error        // why they are not
}

// Flags adds them to a flag set. Those of --ports are left out where a suite
// has a flag of that name for something else.
func (w *Where) Flags(fs *pflag.FlagSet) {
	w.LabFlags(fs)
	fs.StringVar(&w.PortPair, "ports", "", "run from one port of this host to another: `FROM,TO`, each as for pktgen -i")
	fs.StringVar(&w.CPUs, "cpus", "", "the CPUs that the --ports' threads run on: `FROM/TO`, as in 2-3/4-5")
	fs.Var(cli.MACValue(&w.DstMAC), "dst-mac", "lab, ports: the destination `MAC` of frames; default: the receiver's; for a router, its own")
	fs.StringVar(&w.Src, "src", "", "lab, ports: their source address, `ip[:port]` or a range, as pktgen -s")
	fs.StringVar(&w.Dst, "dst", "", "lab, ports: their destination, as pktgen -d: what a router has a route to")
	fs.StringVar(&w.InMachine, "in-machine", "", "this is a virtual machine made for it, with this `path`")
	_ = fs.MarkHidden("in-machine") // fails for unknown names only
}

// LabFlags adds those that go with a lab file.
func (w *Where) LabFlags(fs *pflag.FlagSet) {
	fs.StringVar(&w.LabFile, "lab", "", "run over the ports of the lab `FILE` (hw-test lab): of this host, of other hosts, or in a virtual machine made for it")
	fs.StringVar(&w.Path, "path", "", "the lab's path to test: its `number` in hw-test lab check, or the port it begins at; several with commas, or all, at once")
	fs.BoolVar(&w.Reverse, "reverse", false, "send the other way")
	fs.Var(cli.DurationValue(&w.LinkWait, time.Second), "link-wait", "lab, ports: when links are up, wait this `time`: for a switch with spanning tree 30s")
}

// Complete reads the lab file, and says of which environment the ports are; ""
// if none are given. It touches nothing else.
func (w *Where) Complete(fs *pflag.FlagSet) (env lab.Environment, err error) {
	switch {
	case w.LabFile != "" && w.PortPair != "":
		return "", cli.Usagef("--lab and --ports both say which ports: give one of them")
	case w.Path != "" && w.LabFile == "":
		return "", cli.Usagef("--path is one of a lab file: give --lab, too")
	case w.CPUs != "" && w.PortPair == "":
		return "", cli.Usagef("--cpus goes with --ports; a lab file has the CPUs of its ports")
	case w.PortPair != "":
		env, err = lab.Local, w.readPorts()
	case w.LabFile != "":
		env, err = w.readLab()
	}
	if err != nil {
		return "", err
	}
	for _, flag := range []string{"reverse", "dst-mac", "src", "dst", "link-wait"} {
		if (env == "" || env == lab.Veth) && fs.Changed(flag) {
			return "", cli.Usagef("--%s needs ports: --lab or --ports", flag)
		}
	}
	for _, r := range [][2]string{{"src", w.Src}, {"dst", w.Dst}} {
		if _, err := frame.ParseRange(r[1]); err != nil && r[1] != "" {
			return "", cli.Usagef("--%s: %w", r[0], err)
		}
	}
	if w.LinkWait > 10*time.Minute {
		return "", cli.Usagef("--link-wait: %v is more than 10 minutes", w.LinkWait)
	}
	o := &w.options
	o.Kind, o.DstMAC, o.Src, o.Dst, o.LinkWait = string(env), w.DstMAC.String(), w.Src, w.Dst, w.LinkWait
	if w.InMachine != "" {
		if len(o.Ways) != 1 {
			return "", cli.Usagef("--in-machine goes with the two --ports of its path; hw-test vm gives both")
		}
		o.Kind, o.Ways[0].Path = string(lab.VM), w.InMachine
	}
	return env, nil
}

// Given is Complete for a suite, with the name of its command, that has a place
// of its own where no ports are given, and nothing to do with those of a machine.
func (w *Where) Given(fs *pflag.FlagSet, suite, command string) (bool, error) {
	env, err := w.Complete(fs)
	if env == lab.VM {
		err = cli.Usagef("--lab: %s has nothing to do with the ports of a machine; to run it in one: hw-test vm … %s", suite, command)
	}
	return err == nil && env != "" && env != lab.Veth, err
}

// Lab is the lab file as it was understood, nil without one.
func (w *Where) Lab() *lab.Lab { return w.lab }

// Ways are the ports.
func (w *Where) Ways() []testbed.Way { return w.options.Ways }

// Interfaces are those of a machine's ports.
func (w *Where) Interfaces() (names []string) {
	for _, p := range w.paths {
		for _, name := range []string{p.From, p.To} {
			if _, port := w.lab.Port(name); port.Interface != "" {
				names = append(names, port.Interface)
			}
		}
	}
	return names
}

// Connect connects to the hosts of a lab of others that the paths are on, and
// finds the ports there.
// Close is to be called.
func (w *Where) Connect(ctx context.Context) error {
	if w.lab == nil || w.lab.Environment != lab.SSH {
		return nil
	}
	if w.hosts, w.lost = agent.Connect(ctx, w.lab, w.paths); w.lost != nil {
		return w.lost
	}
	w.ports = portsOf(w.lab, w.paths)
	w.options.Ways, w.lost = over(w.lab, w.paths, func(n *lab.Node) testbed.Host { return w.hosts.Host(n.Host) })
	return w.lost
}

// Close ends the connections.
func (w *Where) Close() error { return w.hosts.Close() }

// Hosts are what was connected to.
func (w *Where) Hosts() []results.RemoteHost {
	if w.hosts == nil {
		return nil
	}
	return w.hosts.Machines()
}

// Describe says what Open will make.
func (w *Where) Describe() testbed.Description { return w.options.Describe() }

// Paths are the ways' names.
func (w *Where) Paths() (names []string) {
	for _, way := range w.options.Ways {
		name := way.Path
		if name == "" {
			name = way.From.String() + " → " + way.To.String()
		}
		names = append(names, name)
	}
	return names
}

// Look looks at the ports and the hosts that they are on.
func (w *Where) Look(ctx context.Context) (*preflight.Report, error) {
	if w.hosts != nil {
		return w.hosts.LookAt(ctx, w.ports, false)
	}
	return preflight.Run(ctx, w.ports, nil), nil
}

// LookCommand is the command that prints what Look finds.
func (w *Where) LookCommand() string {
	words := []string{"hw-test", "preflight"}
	if w.lab != nil && (w.lab.Environment == lab.Local || w.lab.Environment == lab.SSH) {
		words = append(words, "--lab", w.lab.File)
	} else {
		for _, port := range w.ports {
			words = append(words, port.Spec)
		}
	}
	return cli.Shell(words...)
}

// Open makes what the trials run over; the caller closes it.
func (w *Where) Open(ctx context.Context) (testbed.Environment, error) {
	if w.lost != nil {
		return nil, w.lost
	}
	return testbed.NewPorts(ctx, &w.options)
}

// LinkBPS is the speed of the senders' links together, 0 if one has none.
func (w *Where) LinkBPS() (sum float64, err error) {
	for _, way := range w.options.Ways {
		bps, err := way.From.Host.LinkBPS(way.From.Spec)
		if err != nil || bps == 0 {
			return 0, err
		}
		sum += bps
	}
	return sum, nil
}

// readPorts reads --ports and --cpus.
func (w *Where) readPorts() error {
	from, to, err := splitPorts(w.PortPair)
	if err != nil {
		return err
	}
	here := new(testbed.Here)
	way := testbed.Way{From: testbed.End{Host: here, Spec: from}, To: testbed.End{Host: here, Spec: to}}
	if w.CPUs != "" {
		a, b, two := strings.Cut(w.CPUs, "/")
		var ok [2]bool
		way.From.CPUs, ok[0] = nic.CPUList(a)
		way.To.CPUs, ok[1] = nic.CPUList(b)
		if !two || ok[0] != (a != "") || ok[1] != (b != "") {
			return cli.Usagef("--cpus: %q is not the CPUs of both ports, as in 2-3/4-5 or 2/", w.CPUs)
		}
	}
	if w.Reverse {
		way.From, way.To = way.To, way.From
	}
	w.options.Ways = []testbed.Way{way}
	w.ports = []preflight.Port{{Spec: way.From.Spec, CPUs: way.From.CPUs}, {Spec: way.To.Spec, CPUs: way.To.CPUs}}
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
