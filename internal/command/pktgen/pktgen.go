// Package pktgen is pktgen's command line.
package pktgen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/pktgen/gen"
)

const about = `pktgen sends frames from a port, as fast as asked or as fast as it goes; it also pings,
answers pings, and counts, as netmap's pkt-gen does (-f).

  pktgen -i packet:eth0 -n 1000000 -R 100000
      a million frames of 60 bytes, 100,000 a second
  pktgen -i packet:eth0 --duration 10s -l 1514 -d 10.1.0.1:9 -D 02:00:00:00:00:02
      the longest frames of an MTU of 1500, as fast as it goes, to one receiver

Each frame carries its number and the time it was sent (a probe), which rcv checks at the far end;
after the last one a few end records, counted apart, tell rcv how many there were. The letters are
those of netmap's pkt-gen, but -n and -R count all threads together. Without -n and --duration it
sends until ^C.
`

const more = `
Where all frames are the same, thread i sends from the source port + i, so that a receiver's flow
hash can spread the threads. Counts and rates take K, M, G and T (decimal), rates also 1.5Mpps.

Exit status:
  0    all was sent as asked
  1    failed: the port could not be opened, or while running (the report says how far it got)
  2    the command line is wrong; nothing was sent
  3    ran, but fell short: not all of -n left, or the rate was missed by more than 1 %
  130  a second ^C; the first ends the run in order, with its report

A port that carries this host's default route is refused without --force.
Sending on packet: ports needs root or CAP_NET_RAW.
`

// options are pktgen's own flags.
type options struct {
	command.Common
	frames     frames
	mode       string
	count      uint64
	burst      int
	perCall    int
	pace       pace
	startAt    moment
	replay     replay
	probe      string
	stream     uint16
	bestEffort bool
	force      bool
	bypass     bool
	offloads   offloads
	modes      modes
	qdisc      string
	burn       burn
	queue      *queue // what --qdisc put in place, nil if nothing
	flags      *pflag.FlagSet
}

func newOptions(stdout io.Writer) *options {
	o := &options{}
	fs := o.Flags("pktgen", about, aboutFrames+more, stdout)
	fs.StringVarP(&o.mode, "function", "f", "tx", "what to do: the `mode` tx, rx, ping, pong, txseq or rxseq")
	fs.VarP(cli.CountValue(&o.count), "count", "n", "stop after this many frames of all threads together")
	o.pace.register(fs)
	fs.Var(&o.startAt, "start-at", "open the port, say \"ready\", and send from this `time` on, as several pktgens that begin together do: RFC 3339 with fractions of a second, as in 2026-05-04T12:00:00.5Z, or @SECONDS[.FRACTION] since 1970; at once if it has passed")
	o.replay.register(fs)
	fs.VarP(cli.CountValue(&o.burst), "burst", "b", "hand at most this many frames to the kernel at once, per thread; default: as many as the ring holds (pkt-gen: 512); ping: 1")
	fs.Var(cli.CountValue(&o.perCall), "per-call", "ping, pong: move at most this many packets in a system call, either way, 1 to 1024: with 1 each is sent back before the next is received; default: all there are")
	o.frames.register(fs)
	fs.StringVar(&o.probe, "probe", "auto", "number and time the frames: the `mode` on, off, or auto (on, unless -l leaves no room)")
	fs.Var((*streamValue)(&o.stream), "stream", "stream `id` of the first thread's probes, 0 to 65535; thread i has id + i; default: 0")
	fs.BoolVar(&o.bestEffort, "best-effort", false, "a missed rate is no reason for exit status 3")
	fs.BoolVar(&o.force, "force", false, "send even on the interface that carries this host's default route")
	fs.BoolVar(&o.bypass, "qdisc-bypass", false, "packet: ports: send past the queueing discipline (PACKET_QDISC_BYPASS)")
	o.offloads.register(fs)
	o.modes.register(fs)
	o.qdiscFlag(fs)
	o.burn.register(fs)
	o.modes.only(fs)
	o.Shared(fs)
	o.flags = fs
	return o
}

// streamValue is a flag of 16 bits.
type streamValue uint16

func (v *streamValue) Set(s string) error {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return fmt.Errorf("stream id %q is not a whole number from 0 to 65535", s)
	}
	*v = streamValue(n)
	return nil
}

func (v *streamValue) String() string { return strconv.Itoa(int(*v)) }
func (v *streamValue) Type() string   { return "id" }

// config makes the generator's config of the flags.
func (o *options) config(cpus []int) (*gen.Config, error) {
	c := &gen.Config{
		Count: o.count, Duration: o.Duration, StartAt: o.startAt.Time, Burst: o.burst, Stream: o.stream, CPUs: cpus,
	}
	if err := o.startAt.near(); err != nil {
		return nil, err
	}
	var ok bool
	if c.Probe, ok = map[string]gen.Probe{"auto": gen.Auto, "on": gen.On, "off": gen.Off}[o.probe]; !ok {
		return nil, cli.Usagef("--probe: %q is none of on, off and auto", o.probe)
	}
	if o.mode == "txseq" {
		if c.Probe == gen.On {
			return nil, cli.Usagef("--probe=on: the numbers of txseq are where a probe would be")
		}
		if o.replay.file != "" {
			return nil, cli.Usagef("-P: txseq numbers frames that pktgen makes, and a capture file's are sent as they are")
		}
		c.Probe = gen.Seq
		if err := o.onlyOne("txseq is one stream of numbers, from one thread"); err != nil {
			return nil, err
		}
	}
	if err := o.frames.config(c); err != nil {
		return nil, err
	}
	if err := o.pace.config(c); err != nil {
		return nil, err
	}
	if err := o.replay.config(c, o.flags); err != nil {
		return nil, err
	}
	o.burn.config(c)
	return c, nil
}

// Manual returns what -h prints: a text, the flags, and more text.
func Manual() (before string, flags *pflag.FlagSet, after string) {
	return about, newOptions(io.Discard).flags, aboutFrames + more
}

// Main runs pktgen with the arguments after the program's name and returns the
// exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	o := newOptions(stdout)
	return o.Main("pktgen", o.flags, args, stdout, stderr, o.run)
}

// transmit sends, probes or txseq's numbers.
func (o *options) transmit(stdout, stderr io.Writer) (int, error) {
	cpus, err := o.Check()
	if err != nil {
		return 0, err
	}
	cfg, err := o.config(cpus)
	if err != nil {
		return 0, err
	}
	if err := o.frames.portHas(cfg, o.Port, o.VnetHdr); err != nil {
		return 0, err
	}
	if err := o.allowed(); err != nil {
		return 0, err
	}
	if strings.HasPrefix(o.Port, "pcap:") && o.count == 0 && o.Duration == 0 && o.replay.file == "" {
		return 0, cli.Usagef("a capture file would fill the disk: say how many frames (-n) or how long (--duration)")
	}
	ctx, stop := cli.Signals(context.Background())
	defer stop()
	rep := o.Reporter("pktgen", stdout, stderr)
	if o.queue, err = o.swapQdisc(rep); err != nil {
		return 0, err
	}
	defer o.queue.restore()
	queues := o.Queues()
	if o.mode == "txseq" {
		queues = 1
	}
	port, err := o.Open(o.offloads.apply(engine.Config{TX: queues, QdiscBypass: o.bypass}), rep)
	if err != nil {
		return 0, err
	}
	defer port.Close()
	info := port.Info()
	note, err := o.pace.ofLink(cfg, info)
	if err != nil {
		return 0, err
	}
	if note != "" {
		rep.Note("%s", note)
	}
	cfg.Node = o.Node(info, rep)
	g, err := gen.New(port.Port, cfg)
	if err != nil {
		return 0, cli.Usagef("%w", err)
	}
	if n := g.Notice(); n != "" {
		rep.Note("%s", n)
	}
	o.frames.show(stderr, g)
	o.WaitLink(ctx, port.Info(), rep)
	if o.count == 0 && o.Duration == 0 && o.replay.file == "" {
		rep.Note("sending on %s until ^C", info.Spec)
	}
	if at := o.startAt; !at.IsZero() {
		rep.Note("ready: sending on %s from %v on", info.Spec, &at)
	}
	result := func() cli.Result { return o.result(g.Snapshot(), cfg, info) }
	return port.Do(ctx, &command.Job{
		Run: g.Run, Result: result,
		Close: func() error { return errors.Join(port.Close(), o.queue.restore()) },
		Judge: func(r *cli.Result) error { return o.judge(r, ctx) },
		Count: o.count,
	}), nil
}

// result makes the result of what has been sent until now.
func (o *options) result(s gen.Snapshot, cfg *gen.Config, info engine.Info) cli.Result {
	r := o.Result("pktgen", o.mode, info, o.flags, s.Start)
	r.Packets, r.Bytes, r.Seconds, r.Syncs = s.Packets, s.Bytes, s.Seconds, s.Batches
	r.CPUSeconds = s.CPU.Seconds()
	for i, q := range s.Queues {
		r.Queues = append(r.Queues, cli.Queue{Index: i, Packets: q.Packets, Bytes: q.Bytes})
	}
	r.TxResult = &cli.TxResult{
		Requested: o.count, Undrained: s.Undrained, EndRecords: s.EndRecords, Backpressure: s.Engine.Backpressure, Qdisc: o.queue.result(),
	}
	r.Fill()
	fillPace(&r, cfg, &s)
	fillReplay(&r, o.replay.file, &s)
	return r
}

// judge says in what the result is short of what was asked, nil if in nothing.
func (o *options) judge(r *cli.Result, ctx context.Context) error {
	return shortOf(o.shortSent(r, ctx, "frames"))
}

// shortSent is in what sending is short of what was asked.
func (o *options) shortSent(r *cli.Result, ctx context.Context, what string) (why []string) {
	if r.Undrained > 0 {
		why = append(why, fmt.Sprintf("%d %s had not left when the port was closed", r.Undrained, what))
	}
	if m := o.replay.short(r, command.Why(ctx), o.bestEffort); m != "" {
		why = append(why, m)
	} else if r.Replay == nil && o.count > 0 && r.Packets+r.Undrained < o.count {
		why = append(why, fmt.Sprintf("%d of %d %s were sent (%s)", r.Packets, o.count, what, command.Why(ctx)))
	}
	if m := missed(r); m != "" && !o.bestEffort {
		why = append(why, m)
	}
	return why
}
