// Package command holds the programs' command lines as functions, so that
// pktgen, rcv and hw-test, which contains both, run the same code. This package
// is what the two have in common.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/metrics"
	"github.com/ringwalk/ringwalk/internal/nic"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/qdisc"
)

// Common are the flags that the programs share.
type Common struct {
	Port        string
	Threads     int
	CPUs        string
	Cores       int
	Interval    time.Duration
	LinkWait    time.Duration
	Duration    time.Duration
	JSON        bool
	JSONStream  bool
	Plain       bool
	Average     bool
	Framing     bool
	Verbose     bool
	MetricsAddr string
	VnetHdr     int
	Version     bool
}

// Flags makes a flag set that begins with the port; the program adds its own
// flags, and Shared adds the rest. The help text is about, then the flags, then
// more.
func (c *Common) Flags(tool, about, more string, stdout io.Writer) *pflag.FlagSet {
	fs := pflag.NewFlagSet(tool, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.SetOutput(io.Discard)
	fs.Usage = func() {
		fmt.Fprintf(stdout, "%s\nFlags:\n%s%s", about, fs.FlagUsagesWrapped(100), more)
	}
	fs.StringVarP(&c.Port, "port", "i", "", "the `port`, required: packet:IFACE, udp:…, pcap:FILE, or just an interface's name")
	return fs
}

// Shared adds the flags that all programs have.
func (c *Common) Shared(fs *pflag.FlagSet) {
	c.Interval = time.Second
	fs.Var(cli.DurationValue(&c.Duration, time.Second), "duration", "stop after this `time`: 10s, 1m30s; a bare number counts seconds")
	fs.VarP(cli.CountValue(&c.Threads), "threads", "p", "open this many queues, each with a thread of its own; by default\nall rings of a netmap port, one queue of any other")
	fs.StringVarP(&c.CPUs, "cpu", "a", "", "bind the threads to CPUs, one each in turn: a `list` such as 0,2-3, or a single number N for CPUs N, N+1, …")
	fs.VarP(cli.CountValue(&c.Cores), "cores", "c", "with -a N: thread i goes to CPU (N+i) mod this `count`; alone it binds nothing")
	fs.VarP(cli.DurationValue(&c.LinkWait, time.Second), "link-wait", "w", "after opening the port wait this `time`, for the link to settle; ports without an interface have none to wait for; a bare number counts seconds")
	fs.VarP(cli.DurationValue(&c.Interval, time.Millisecond), "interval", "T", "print a line each such `time`, on standard error; a bare number counts milliseconds; 0 for none")
	c.VnetHdr = engine.AnyVnetHdr
	fs.VarP((*vnetHdr)(&c.VnetHdr), "vnet-hdr", "H", "VALE ports: each frame begins with a virtio-net header of 0, 10 or 12 `bytes`, zeros when sent, which neither -l nor any count contains; default: as the port has it")
	fs.BoolVarP(&c.Average, "average", "A", false, "add mean and standard deviation of the last 15 intervals' rates to each line")
	fs.BoolVarP(&c.Plain, "plain-units", "N", false, "print rates whole, without K, M, G and T")
	fs.BoolVarP(&c.Framing, "framing", "B", false, "count CRC, preamble and gap (24 bytes) in the lines' bits a second")
	fs.BoolVarP(&c.Verbose, "verbose", "v", false, "say what the port is: its queues, rings, memory")
	fs.StringVar(&c.MetricsAddr, "metrics", "", "serve the counters to Prometheus at `host:port` while running, under /metrics")
	fs.BoolVar(&c.JSON, "json", false, "at the end print the result as one JSON object on standard output")
	fs.BoolVar(&c.JSONStream, "json-stream", false, "the same, and before it one JSON object per interval, each on a line")
	fs.BoolVar(&c.Version, "version", false, "print the version and exit")
}

// Main is a program from its arguments to its exit status: it parses them and
// answers for help and version, or has run do the work. An error of run is one
// before anything was done; after that, run reports and returns the status.
func (c *Common) Main(tool string, fs *pflag.FlagSet, args []string, stdout, stderr io.Writer,
	run func(stdout, stderr io.Writer) (int, error)) int {
	err := cli.ParseFlags(fs, args)
	if errors.Is(err, pflag.ErrHelp) {
		return cli.ExitOK
	}
	if err == nil && c.Version {
		fmt.Fprintln(stdout, cli.VersionLine(tool))
		return cli.ExitOK
	}
	if err == nil {
		var status int
		if status, err = run(stdout, stderr); err == nil {
			return status
		}
	}
	return cli.Fail(stderr, tool, err)
}

// Check completes the shared flags after parsing.
func (c *Common) Check() (cpus []int, err error) {
	if c.Port == "" {
		return nil, cli.Usagef("which port? Say -i packet:eth0, for instance")
	}
	if c.Threads > engine.MaxQueues {
		return nil, cli.Usagef("-p, --threads: %d queues are more than the %d a port can have", c.Threads, engine.MaxQueues)
	}
	return c.cpus()
}

// Reporter makes the reporter for the flags.
func (c *Common) Reporter(tool string, stdout, stderr io.Writer) *cli.Reporter {
	r := &cli.Reporter{
		Tool: tool, Human: stderr, Stream: c.JSONStream, Plain: c.Plain, Average: c.Average, Framing: c.Framing,
	}
	if f, ok := stderr.(*os.File); ok {
		r.Size = cli.Terminal(f)
	}
	if c.JSON || c.JSONStream {
		r.JSON = stdout
	}
	return r
}

// Result fills what every result says of the port and the run.
func (c *Common) Result(tool, mode string, info engine.Info, fs *pflag.FlagSet, start time.Time) cli.Result {
	return cli.Result{
		Tool: tool, Version: cli.Version(), Port: info.Spec, Backend: info.Backend, BackendWhy: info.Why,
		Mode: mode, Options: cli.Options(fs), Start: start,
	}
}

// A Port is an open port with what was changed on its interface.
type Port struct {
	*engine.Port
	prepared *nic.Prepared
	guard    *qdisc.Restorer
	metrics  *metrics.Server // nil: none
	common   *Common
	rep      *cli.Reporter
}

// Close ends the metrics, closes the port and puts its interface back, the
// qdisc first: netmap has let go of it when the port is closed.
func (p *Port) Close() error {
	var err error
	if p.metrics != nil {
		err = p.metrics.Close()
		p.metrics = nil
	}
	return errors.Join(err, p.Port.Close(), p.restore())
}

func (p *Port) restore() error {
	return errors.Join(RestoreQdisc(p.guard, p.rep), p.prepared.Restore())
}

// RestoreQdisc restores. That somebody else has changed the qdisc in the
// meantime is theirs to decide, and only noted.
func RestoreQdisc(r *qdisc.Restorer, rep *cli.Reporter) error {
	err := r.Restore()
	if errors.Is(err, qdisc.ErrChanged) {
		rep.Note("%v", err)
		return nil
	}
	return err
}

// Open opens the port with enough processors for its threads to run beside the
// rest of the program, and says what it opened. An interface that netmap takes
// is prepared first: set up, promiscuous, without offloads; and its qdisc is
// remembered, which emulated netmap replaces.
func (c *Common) Open(cfg *engine.Config, rep *cli.Reporter) (p *Port, err error) {
	spec, _, err := engine.Resolve(c.Port)
	if err != nil {
		return nil, Refused(err)
	}
	if c.VnetHdr > 0 && !VALE(spec) {
		return nil, cli.Usagef("-H, --vnet-hdr: only ports of VALE switches can be given a virtio-net header, and %s is none: leave it out", c.Port)
	}
	cfg.VnetHdr = c.VnetHdr
	port := &Port{common: c, rep: rep}
	if port.metrics, err = c.listen(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && port.metrics != nil {
			err = errors.Join(err, port.metrics.Close())
		}
	}()
	if ifc := netmapInterface(spec); ifc != "" {
		var notes []string
		if port.prepared, notes, err = nic.Prepare(ifc, nil); err != nil {
			return nil, err
		}
		for _, n := range notes {
			rep.Note("%s", n)
		}
		// A native port leaves the qdisc alone, whatever that is.
		native, _, _ := engine.Resolve(ifc)
		if port.guard, err = qdisc.Guard(qdisc.Link{Name: ifc}, &qdisc.Options{Force: native != "packet:"+ifc}); err != nil {
			return nil, errors.Join(err, port.restore())
		}
	}
	if port.Port, err = engine.Open(c.Port, cfg); err != nil {
		return nil, errors.Join(Refused(err), port.restore())
	}
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), len(port.RX())+len(port.TX())+1))
	if info := port.Info(); info.Why != "" {
		rep.Note("%s is opened as %s: %s", info.Spec, info.Backend, info.Why)
	}
	for _, n := range port.Info().Notes {
		rep.Note("%s", n)
	}
	if n := port.Info().VnetHdr; n > 0 && c.VnetHdr < 0 {
		rep.Note("frames of %s begin with a virtio-net header of %d bytes", c.Port, n)
	}
	if c.Verbose {
		port.describe()
	}
	return port, nil
}

// describe says what the port is made of.
func (p *Port) describe() {
	info := p.Info()
	p.rep.Note("%s: backend %s, interface %q, MTU %d, longest packet %d bytes, receive queues: %d, transmit queues: %d",
		info.Spec, info.Backend, info.Interface, info.MTU, info.MaxFrame, len(p.RX()), len(p.TX()))
	ring := func(what string, r *netmap.Ring) {
		p.rep.Note("each %s ring: %d slots, buffers of %d bytes in memory %d", what, r.NumSlots(), r.BufSize(), r.Memory().ID())
	}
	if len(p.RX()) > 0 {
		ring("receive", p.RX()[0].Ring())
	}
	if len(p.TX()) > 0 {
		ring("transmit", p.TX()[0].Ring())
	}
}

// KeepDefaultRoute refuses a port on the interface that carries the host's
// default route. It is asked before the port is opened: opening by netmap would
// already cut the host off.
func (c *Common) KeepDefaultRoute() error {
	spec, _, err := engine.Resolve(c.Port)
	if err != nil {
		return Refused(err)
	}
	name, ok := strings.CutPrefix(spec, "packet:")
	if !ok {
		name = netmapInterface(spec)
	}
	if name != "" && engine.CarriesDefaultRoute(name) {
		return cli.Usagef("interface %s carries this host's default route: sending there needs --force", name)
	}
	return nil
}

// netmapInterface returns the interface that a netmap spec takes, "" if it
// takes none: a VALE port, a pipe, or an interface that is not there, which
// netmap's own refusal describes best.
func netmapInterface(spec string) string {
	sp, err := netmap.ParseSpec(spec)
	if err != nil {
		return ""
	}
	if _, err := net.InterfaceByName(sp.Name); err != nil {
		return ""
	}
	return sp.Name
}

// WaitLink waits for the port's link if it has one and that was asked for, or
// until ctx ends.
func (c *Common) WaitLink(ctx context.Context, info engine.Info, rep *cli.Reporter) {
	if c.LinkWait <= 0 || info.Interface == "" {
		return
	}
	rep.Note("waiting %v for the link", c.LinkWait)
	select {
	case <-time.After(c.LinkWait):
	case <-ctx.Done():
	}
}

// Why says in a word or two what ended a run before its time: a signal, or
// nothing but the clock.
func Why(ctx context.Context) string {
	if ctx.Err() == nil {
		return "the time was over"
	}
	return context.Cause(ctx).Error()
}

// Refused gives an error of opening a port its exit status: a spec that nothing
// could open is wrong usage.
func Refused(err error) error {
	if _, ok := errors.AsType[*netmap.SpecError](err); ok {
		return cli.Usagef("%w", err)
	}
	return err
}

// Queues is the number of queues to open a port with.
func (c *Common) Queues() int {
	if c.Threads == 0 {
		return engine.All
	}
	return c.Threads
}
