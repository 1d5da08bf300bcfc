// Package pktgen is pktgen's command line.
package pktgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/pktgen/gen"
)

const about = `pktgen sends frames from a port, as fast as asked or as fast as it goes.

  pktgen -i packet:eth0 -f tx -n 1000000 -R 100000
  pktgen -i packet:eth0 --duration 10s -l 1514 -d 10.1.0.1:9 -D 02:00:00:00:00:02

The frames are UDP. With --probe=on each carries its number and the time it was sent, which rcv
checks at the far end. Thread i sends from the source port + i. The letters are those of netmap's
pkt-gen, but -n and -R count all threads together.
`

const more = `
Counts take K, M and G (decimal); rates are frames a second. Frame lengths are without CRC.

Exit status:
  0  all was sent as asked
  1  failed while running (the report says how far it got)
  2  the command line is wrong; nothing was sent
  3  ran, but fell short: not all of -n left, or the rate was missed by more than 1 %
     (see --best-effort)
  130  a second ^C; the first ends the run in order

A port that carries this host's default route is refused without --force.
Sending on packet: ports needs root or CAP_NET_RAW.
`

// options are pktgen's own flags.
type options struct {
	command.Common
	mode           string
	count          uint64
	length         int
	burst          int
	rate           float64
	src, dst       string
	srcMAC, dstMAC net.HardwareAddr
	probe          string
	stream         uint16
	bestEffort     bool
	force          bool
	bypass         bool
	flags          *pflag.FlagSet
}

func newOptions(stdout io.Writer) *options {
	o := &options{length: 0, burst: 512}
	fs := o.Flags("pktgen", about, more, stdout)
	fs.StringVarP(&o.mode, "function", "f", "tx", "what to do: tx")
	fs.VarP(cli.CountValue(&o.count), "count", "n", "stop after this many frames, of all threads together")
	fs.IntVarP(&o.length, "length", "l", 0, "frame length in `bytes` without CRC (payload length on udp: ports);\nthe larger of 60 and what a probe needs")
	fs.VarP(cli.CountValue(&o.burst), "burst", "b", "most frames handed to the kernel at once by a thread")
	fs.VarP(cli.RateValue(&o.rate), "rate", "R", "frames a second, of all threads together; none: as fast as it goes")
	fs.StringVarP(&o.src, "src", "s", "", "source `ip[:port]` ([ip6]:port); 10.0.0.1:1234")
	fs.StringVarP(&o.dst, "dst", "d", "", "destination `ip[:port]`; 10.1.0.1:1234")
	fs.VarP(cli.MACValue(&o.srcMAC), "src-mac", "S", "source MAC address; the interface's")
	fs.VarP(cli.MACValue(&o.dstMAC), "dst-mac", "D", "destination MAC address; broadcast")
	fs.StringVar(&o.probe, "probe", "auto", "number and time the frames: `on`, off, or auto (on, unless -l leaves no room)")
	fs.Uint16Var(&o.stream, "stream", 0, "stream `id` of the first thread's probes; thread i has id + i")
	fs.BoolVar(&o.bestEffort, "best-effort", false, "a missed rate is no reason for exit status 3")
	fs.BoolVar(&o.force, "force", false, "send even on the interface that carries the default route")
	fs.BoolVar(&o.bypass, "qdisc-bypass", false, "packet: ports: send past the queueing discipline (PACKET_QDISC_BYPASS)")
	o.flags = fs
	return o
}

// config makes the generator's config of the flags.
func (o *options) config(cpus []int) (*gen.Config, error) {
	c := &gen.Config{
		Count: o.count, Duration: o.Duration, Rate: o.rate, Burst: o.burst, Len: o.length,
		SrcMAC: o.srcMAC, DstMAC: o.dstMAC, Stream: o.stream, CPUs: cpus,
	}
	if o.mode != "tx" {
		return nil, cli.Usagef("-f, --function: %q is none that pktgen has: want tx", o.mode)
	}
	if o.length < 0 || o.flags.Changed("length") && o.length == 0 {
		return nil, cli.Usagef("-l, --length: frames of %d bytes: want at least 1", o.length)
	}
	var ok bool
	if c.Probe, ok = map[string]gen.Probe{"auto": gen.Auto, "on": gen.On, "off": gen.Off}[o.probe]; !ok {
		return nil, cli.Usagef("--probe: %q is none of on, off and auto", o.probe)
	}
	var err error
	if o.src != "" {
		if c.Src, err = frame.ParseEndpoint(o.src); err != nil {
			return nil, cli.Usagef("-s, --src: %w", err)
		}
	}
	if o.dst != "" {
		if c.Dst, err = frame.ParseEndpoint(o.dst); err != nil {
			return nil, cli.Usagef("-d, --dst: %w", err)
		}
	}
	return c, nil
}

// Main runs pktgen with the arguments after the program's name and returns the
// exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	o := newOptions(stdout)
	err := cli.ParseFlags(o.flags, args)
	if errors.Is(err, pflag.ErrHelp) {
		return cli.ExitOK
	}
	if err == nil && o.Version {
		fmt.Fprintln(stdout, "pktgen", cli.Version())
		return cli.ExitOK
	}
	if err == nil {
		var status int
		if status, err = o.run(stdout, stderr); err == nil {
			return status
		}
	}
	return cli.Fail(stderr, "pktgen", err)
}

// run returns an error if nothing was sent, else the exit status after its
// report.
func (o *options) run(stdout, stderr io.Writer) (int, error) {
	cpus, err := o.Check()
	if err != nil {
		return 0, err
	}
	cfg, err := o.config(cpus)
	if err != nil {
		return 0, err
	}
	ctx, stop := cli.Signals(context.Background())
	defer stop()
	rep := o.Reporter("pktgen", stdout, stderr)
	port, err := o.Open(ctx, &engine.Config{TX: o.Threads, QdiscBypass: o.bypass}, rep)
	if err != nil {
		return 0, err
	}
	defer port.Close()
	info := port.Info()
	if info.DefaultRoute && !o.force {
		return 0, cli.Usagef("interface %s carries this host's default route: sending there needs --force", info.Interface)
	}
	g, err := gen.New(port, cfg)
	if err != nil {
		return 0, cli.Usagef("%w", err)
	}
	if n := g.Notice(); n != "" {
		rep.Note("%s", n)
	}
	if o.count == 0 && o.Duration == 0 {
		rep.Note("sending on %s until ^C", info.Spec)
	}
	start := time.Now()
	result := func() cli.Result { return o.result(g.Snapshot(), info, start) }
	var jsonErr error
	quiet := command.Every(o.Interval, func() {
		if err := rep.Interval(result(), ""); err != nil {
			jsonErr = err
		}
	})
	runErr := g.Run(ctx)
	quiet()
	if err := port.Close(); err != nil && runErr == nil {
		runErr = err
	}
	res := result()
	short := o.judge(&res, ctx)
	return command.Finish(rep, &res, runErr, short, jsonErr), nil
}

// result makes the result of what has been sent until now.
func (o *options) result(s gen.Snapshot, info engine.Info, start time.Time) cli.Result {
	r := o.Result("pktgen", o.mode, info, o.flags, start)
	r.Packets, r.Bytes, r.Seconds, r.Syncs = s.Packets, s.Bytes, s.Seconds, s.Engine.Batches
	for i, q := range s.Queues {
		r.Queues = append(r.Queues, cli.Queue{Index: i, Packets: q.Packets, Bytes: q.Bytes})
	}
	r.TxResult = &cli.TxResult{
		Requested: o.count, Undrained: s.Undrained, EndRecords: s.EndRecords,
		RateAskedPPS: o.rate, GivenUpSeconds: s.GivenUp.Seconds(),
	}
	r.Fill()
	r.RateMet = o.rate == 0 || r.PPS >= 0.99*o.rate
	return r
}

// judge says in what the result is short of what was asked, nil if in nothing.
func (o *options) judge(r *cli.Result, ctx context.Context) error {
	var why []string
	if r.Undrained > 0 {
		why = append(why, fmt.Sprintf("%d frames had not left when the port was closed", r.Undrained))
	}
	if o.count > 0 && r.Packets+r.Undrained < o.count {
		reason := "the time was over"
		if ctx.Err() != nil {
			reason = context.Cause(ctx).Error()
		}
		why = append(why, fmt.Sprintf("%d of %d frames were sent (%s)", r.Packets, o.count, reason))
	}
	if !r.RateMet && !o.bestEffort {
		why = append(why, fmt.Sprintf("%spps were achieved of the %spps asked", cli.Norm(r.PPS), cli.Norm(o.rate)))
	}
	if len(why) == 0 {
		return nil
	}
	return cli.Shortf("%s", strings.Join(why, "; "))
}
