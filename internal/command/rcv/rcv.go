// Package rcv is rcv's command line.
package rcv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/rcv/meter"
)

const about = `rcv counts what arrives at a port and proves it: pktgen's numbered frames (probes) are checked off
one by one, so that what was lost, came twice or came out of order is known to the frame.

  rcv -i packet:eth0 --expect 1000000 --idle 2s
      ends 2 s after the last frame; exit status 0 only if all the million came
  rcv -i packet:eth0 -p 2 --duration 10s --max-loss 0.1 --json
      two queues, ten seconds, at most a thousandth lost, the result as JSON
  rcv -i packet:eth0 -n 1000 --write frames.pcapng
      a thousand frames, whatever they are, into a file
  rcv -i packet:veth0 --duration 10s --max-delay-p99 200us
      both ends on this host: 99 of 100 probes at most 200 µs on their way

Start it before the sender. Without -n, --duration and --idle it counts until ^C.
`

const more = `
Counts take K, M, G and T (decimal). Probes are checked per stream, of which each thread of pktgen
sends one. Lost is what the sender says it sent, by the end records it sends last, less the
different probes received; without an end record, it is the gaps below the highest number.
Reordering is judged within a stream and queue. Kernel drops are frames that arrived when the
socket's buffer was full.

A probe has the time it was sent, by one reading of its sender's clock for each batch. Where both
ends read one clock, or --clocks says how far two are apart, the result has the one-way delay and
the delay variation (PDV, RFC 5481); where not, the variation only. Received is when the port says,
else when the batch was there. With an offset, one-way delays are known no better than that is, and
--max-delay-p99 is held against the p99 plus what the offset may be wrong by. If a probe came before
it was sent by more than that, the offset is refuted, and the promise not kept.

Exit status:
  0    done, and the result is what was asked
  1    failed: the port could not be opened, or while running (the report says how far it got)
  2    the command line is wrong
  3    ran, but --expect was not met, loss was above --max-loss, delay above --max-delay-p99, or
       nothing came though --wait-first was given
  130  a second ^C; the first ends the run in order, with its report and verdict

Receiving on packet: ports needs root or CAP_NET_RAW; a receive buffer above net.core.rmem_max
needs CAP_NET_ADMIN, too.
`

type options struct {
	command.Common
	mode      string
	count     uint64
	expect    uint64
	idle      time.Duration
	waitFirst time.Duration
	maxLoss   float64
	maxDelay  time.Duration
	delay     string
	clocks    string
	offset    *cli.Clock // of clocks, nil: none
	write     string
	dump      bool
	probe     string
	promisc   bool
	recvBuf   int
	packet    packetFlags
	sockets   sockets
	tool      string
	flags     *pflag.FlagSet
}

// A Task is what another program has rcv's code do in its name.
type Task struct {
	Tool, Mode string // Mode: rx or rxseq
	Count      uint64
	Idle       time.Duration
	Probe      bool
	MaxLoss    float64
	Flags      *pflag.FlagSet // the program's, which has a max-loss too
}

// Receive does a task with the program's shared flags, after they are parsed.
// It returns as a run of [command.Common.Main] does.
func Receive(c *command.Common, t *Task, stdout, stderr io.Writer) (int, error) {
	o := &options{
		Common: *c, tool: t.Tool, mode: t.Mode, count: t.Count, idle: t.Idle, maxLoss: t.MaxLoss,
		probe: "off", delay: "on", clocks: "auto", promisc: true, flags: t.Flags,
	}
	o.sockets.defaults()
	if t.Probe {
		o.probe = "on"
	}
	return o.run(stdout, stderr)
}

func newOptions(stdout io.Writer) *options {
	o := &options{tool: "rcv"}
	fs := o.Flags("rcv", about, more, stdout)
	fs.StringVarP(&o.mode, "function", "f", "rx", "what to do: the `mode` rx, or rxseq to check the numbers of txseq in place of probes")
	fs.VarP(cli.CountValue(&o.count), "count", "n", "stop after this many frames of all queues together")
	fs.Var(cli.DurationValue(&o.idle, time.Second), "idle", "stop this `time` after the last frame, once one has come")
	fs.Var(cli.DurationValue(&o.waitFirst, time.Second), "wait-first", "stop, with exit status 3, if no frame has come for this `time` from the start")
	fs.Var(cli.CountValue(&o.expect), "expect", "exit with status 3 unless exactly this many different probes came (frames with --probe=off)")
	fs.Var(cli.PercentValue(&o.maxLoss), "max-loss", "exit with status 3 if more than this `percent` of the probes are lost")
	fs.Var(cli.DurationValue(&o.maxDelay, time.Second), "max-delay-p99", "exit with status 3 if 1 % of the probes took more than this `time` one way, or may have; needs one clock or its offset")
	fs.StringVar(&o.delay, "delay", "on", "measure delays: the `mode` on, or off to read no clock for each batch")
	fs.StringVar(&o.clocks, "clocks", "auto", "whether the sender's clock is the receiver's: the `mode` same (this host, or PTP), apart, or auto, which is same on loopback, veth pairs, VALE switches and netmap pipes; or +1.2ms~0.3ms or -40us~100us: the receiver's is ahead of all senders' by the first, known to more or less the second, and delays are corrected by it")
	fs.StringVar(&o.write, "write", "", "write every frame to a capture `file`, which is overwritten: pcapng, or pcap if it ends in .pcap; frames that the file is too slow for are left out and counted")
	fs.BoolVarP(&o.dump, "dump", "X", false, "print frames decoded, on standard error: the first ten, and then at most ten a second")
	fs.StringVar(&o.probe, "probe", "on", "check probes: the `mode` on, or off to count frames only")
	fs.BoolVar(&o.promisc, "promisc", true, "packet: ports: receive frames for other addresses, too; --promisc=false for not")
	fs.Var(cli.CountValue(&o.recvBuf), "recv-buf", "packet: ports: `bytes` of each socket's receive buffer; default: 64 MiB, as far as the kernel grants it")
	o.packet.register(fs)
	o.sockets.register(fs)
	o.Shared(fs)
	o.flags = fs
	return o
}

// Manual returns what -h prints: a text, the flags, and more text.
func Manual() (before string, flags *pflag.FlagSet, after string) {
	return about, newOptions(io.Discard).flags, more
}

// Main runs rcv with the arguments after the program's name and returns the
// exit status.
func Main(args []string, stdout, stderr io.Writer) int {
	o := newOptions(stdout)
	return o.Main("rcv", o.flags, args, stdout, stderr, o.run)
}

// maxRecvBuf is engine.Config's limit.
const maxRecvBuf = 1 << 30

// run returns an error if it received nothing, else the exit status after its
// report.
func (o *options) run(stdout, stderr io.Writer) (int, error) {
	cpus, err := o.Check()
	switch {
	case err != nil:
		return 0, err
	case o.mode != "rx" && o.mode != "rxseq":
		return 0, cli.Usagef("-f, --function: %q is none that rcv has: want rx or rxseq", o.mode)
	case o.mode == "rxseq" && o.probe == "off":
		return 0, cli.Usagef("--probe=off checks nothing, which rxseq is for")
	case o.probe != "on" && o.probe != "off":
		return 0, cli.Usagef("--probe: %q is neither on nor off", o.probe)
	case o.probe == "off" && o.flags.Changed("max-loss"):
		return 0, cli.Usagef("--max-loss needs probes: it does not go with --probe=off")
	case o.delay != "on" && o.delay != "off":
		return 0, cli.Usagef("--delay: %q is neither on nor off", o.delay)
	case o.flags.Changed("max-delay-p99") && !o.delays():
		return 0, cli.Usagef("--max-delay-p99 needs delays: it goes with neither --delay=off, --probe=off nor rxseq")
	case o.recvBuf > maxRecvBuf:
		return 0, cli.Usagef("--recv-buf: %d bytes are more than the %d that can be asked for", o.recvBuf, maxRecvBuf)
	}
	if o.clocks != "auto" && o.clocks != "same" && o.clocks != "apart" {
		if o.offset, err = parseOffset(o.clocks); err != nil {
			return 0, err
		}
	}
	if err := o.writesItself(); err != nil {
		return 0, err
	}
	ec := &engine.Config{RX: o.Queues(), Promisc: o.promisc, RecvBuf: o.recvBuf}
	if err := o.packet.apply(ec); err != nil {
		return 0, err
	}
	if err := o.sockets.apply(ec, cpus); err != nil {
		return 0, err
	}
	ctx, stop := cli.Signals(context.Background())
	defer stop()
	rep := o.Reporter(o.tool, stdout, stderr)
	port, err := o.Open(ec, rep)
	if err != nil {
		return 0, err
	}
	defer port.Close()
	cfg := &meter.Config{
		Count: o.count, Duration: o.Duration, Idle: o.idle, WaitFirst: o.waitFirst,
		CPUs: cpus, NoProbe: o.probe == "off", Sequence: o.mode == "rxseq",
		Delay:      o.delays(),
		WantProbes: o.probe == "on" && (o.expect > 0 || o.flags.Changed("max-loss")),
	}
	info := port.Info()
	clocks := o.sameClocks(info)
	if o.flags.Changed("max-delay-p99") && !clocks.known() {
		return 0, cli.Usagef("--max-delay-p99: %s; if the sender's clock is the receiver's all the same (PTP), say --clocks same, and if it is known how far they are apart, say that", clocks.why)
	}
	if clocks.offset != nil {
		cfg.ClockAhead = time.Duration(clocks.offset.AheadNS)
	}
	if o.dump {
		cfg.Dump = show(info, rep)
	}
	var file *capture
	if o.write != "" {
		if file, err = create(o.write, info); err != nil {
			return 0, err
		}
		defer file.close(nil)
		cfg.Write = file.CaptureFile
	}
	m, err := meter.New(port.Port, cfg)
	if err != nil {
		return 0, err
	}
	o.WaitLink(ctx, info, rep)
	rep.Note("ready: receiving on %s (%s, queues: %d%s)", info.Spec, info.Backend, len(port.RX()), buffer(info))
	start := time.Now()
	began := engine.Monotonic()
	result := func() cli.Result { return o.result(m.Snapshot(), info, clocks, start) }
	return port.Do(ctx, &command.Job{
		Run: m.Run,
		Close: func() error {
			err := port.Close() // its counters are final then
			if file != nil {
				s := m.Snapshot()
				err = errors.Join(file.close(&s), err)
			}
			return err
		},
		Result: result,
		Interval: func() cli.Result {
			r := result()
			// An interval ends now, not with the last frame.
			r.Seconds = float64(engine.Monotonic()-began) / 1e9
			return r
		},
		Judge: func(r *cli.Result) error { return o.judge(r, ctx) },
		Count: o.count,
	}), nil
}

func buffer(info engine.Info) string {
	if info.RecvBuf == 0 {
		return ""
	}
	return fmt.Sprintf(", receive buffer %d KiB", info.RecvBuf>>10)
}
