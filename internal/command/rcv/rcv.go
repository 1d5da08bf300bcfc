// Package rcv is rcv's command line.
package rcv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/netmap"
	"github.com/ringwalk/ringwalk/rcv/meter"
)

const about = `rcv counts what arrives at a port and proves it: pktgen's numbered frames (probes) are checked off
one by one, so that what was lost, came twice or came out of order is known to the frame.

  rcv -i packet:eth0 --expect 1000000 --idle 2s
      ends 2 s after the last frame; exit status 0 only if all the million came
  rcv -i packet:eth0 -p 2 --duration 10s --max-loss 0.1 --json
      two queues, ten seconds, at most a thousandth lost, the result as JSON
  rcv -i packet:eth0 -n 1000 --write frames.pcap
      a thousand frames, whatever they are, into a file

Start it before the sender. Without -n, --duration and --idle it counts until ^C.
`

const more = `
Counts take K, M, G and T (decimal). Probes are checked per stream, of which each thread of pktgen
sends one. Lost is what the sender says it sent, by the end records it sends last, less the
different probes received; without an end record, it is the gaps below the highest number.
Reordering is judged within a stream and queue. Kernel drops are frames that arrived when the
socket's buffer was full.

Exit status:
  0    done, and the result is what was asked
  1    failed: the port could not be opened, or while running (the report says how far it got)
  2    the command line is wrong
  3    ran, but --expect was not met, loss was above --max-loss, or nothing came though
       --wait-first was given
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
	write     string
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
		probe: "off", promisc: true, flags: t.Flags,
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
	fs.StringVar(&o.write, "write", "", "write every frame to a capture `file` (pcap), which is overwritten")
	fs.StringVar(&o.probe, "probe", "on", "check probes: the `mode` on, or off to count frames only")
	fs.BoolVar(&o.promisc, "promisc", true, "packet: ports: receive frames for other addresses, too; --promisc=false for not")
	fs.Var(cli.CountValue(&o.recvBuf), "recv-buf", "packet: ports: `bytes` of each socket's receive buffer; default: 64 MiB, as far as the kernel grants it")
	o.packet.register(fs)
	o.sockets.register(fs)
	o.Shared(fs)
	o.flags = fs
	return o
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
	case o.recvBuf > maxRecvBuf:
		return 0, cli.Usagef("--recv-buf: %d bytes are more than the %d that can be asked for", o.recvBuf, maxRecvBuf)
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
		WantProbes: o.probe == "on" && (o.expect > 0 || o.flags.Changed("max-loss")),
	}
	var file *engine.Port
	if o.write != "" {
		size := min(port.RX()[0].Ring().BufSize(), netmap.MaxBufSize)
		file, err = engine.Open("pcap:"+o.write, &engine.Config{TX: 1, BufSize: size})
		if err != nil {
			return 0, err
		}
		defer file.Close()
		cfg.Write = file.TX()[0]
	}
	m, err := meter.New(port.Port, cfg)
	if err != nil {
		return 0, err
	}
	info := port.Info()
	o.WaitLink(ctx, port.Info(), rep)
	rep.Note("ready: receiving on %s (%s, queues: %d%s)", info.Spec, info.Backend, len(port.RX()), buffer(info))
	start := time.Now()
	began := engine.Monotonic()
	result := func() cli.Result { return o.result(m.Snapshot(), info, start) }
	return port.Do(ctx, &command.Job{
		Run: m.Run,
		Close: func() error {
			if file != nil {
				return errors.Join(file.Close(), port.Close())
			}
			return port.Close()
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

// writesItself refuses to write the file that is read.
func (o *options) writesItself() error {
	in, ok := strings.CutPrefix(o.Port, "pcap:")
	if !ok || o.write == "" {
		return nil
	}
	a, err1 := os.Stat(in)
	b, err2 := os.Stat(o.write)
	if err1 == nil && err2 == nil && os.SameFile(a, b) {
		return cli.Usagef("--write: %s is the file that is read", o.write)
	}
	return nil
}

func buffer(info engine.Info) string {
	if info.RecvBuf == 0 {
		return ""
	}
	return fmt.Sprintf(", receive buffer %d KiB", info.RecvBuf>>10)
}

// result makes the result of what has been received until now.
func (o *options) result(s meter.Snapshot, info engine.Info, start time.Time) cli.Result {
	r := o.Result(o.tool, o.mode, info, o.flags, start)
	r.Packets, r.Bytes, r.Seconds, r.Syncs = s.Packets, s.Bytes, s.Seconds, s.Engine.Batches
	for i, q := range s.Queues {
		r.Queues = append(r.Queues, cli.Queue{Index: i, Packets: q.Packets, Bytes: q.Bytes})
	}
	r.RxResult = &cli.RxResult{
		KernelDrops: s.Engine.KernelDrops, Truncated: s.Engine.Truncated,
		NotProbe: s.NotProbe, EndRecordsSeen: s.EndRecords, StreamsRefused: s.Refused,
		Offloads: cli.Offloads{
			SuperFrames: s.Engine.SuperFrames, PartialChecksums: s.Engine.PartialChecksums, Undescribed: s.Engine.Undescribed,
		},
	}
	if o.probe == "off" {
		return r
	}
	p := &cli.Probe{}
	for _, st := range s.Streams {
		p.Packets += st.Packets
		p.Distinct += st.Distinct
		p.Lost += st.Lost
		p.Duplicates += st.Duplicates
		p.Reordered += st.Reordered
		p.Late += st.Late
		cs := cli.Stream{
			Stream: st.ID, Packets: st.Packets, Distinct: st.Distinct, Lost: st.Lost, Duplicates: st.Duplicates,
			Reordered: st.Reordered, Late: st.Late, Ended: st.Ended,
		}
		if st.Ended {
			cs.Total = st.Total
		}
		p.Streams = append(p.Streams, cs)
	}
	r.Probe = p
	return r
}

// judge says in what the result is short of what was asked, nil if in nothing.
func (o *options) judge(r *cli.Result, ctx context.Context) error {
	var why []string
	got, what := r.Packets, "frames"
	if r.Probe != nil {
		got, what = r.Probe.Distinct, "different probes"
	}
	if o.expect > 0 && got != o.expect {
		why = append(why, fmt.Sprintf("%d %s came, %d were expected", got, what, o.expect))
	}
	if p := r.Probe; p != nil && o.flags.Changed("max-loss") {
		if loss := 100 * float64(p.Lost) / max(1, float64(p.Distinct+p.Lost)); loss > o.maxLoss {
			why = append(why, fmt.Sprintf("%d of %d probes are lost (%.4g %%, at most %.4g %% were allowed)",
				p.Lost, p.Distinct+p.Lost, loss, o.maxLoss))
		}
	}
	if o.waitFirst > 0 && r.Packets == 0 {
		reason := fmt.Sprintf("within %v", o.waitFirst)
		if ctx.Err() != nil {
			reason = "before the run was " + command.Why(ctx)
		}
		what := "no frame"
		if r.Truncated > 0 {
			what = fmt.Sprintf("nothing but frames longer than a buffer (%d)", r.Truncated)
		}
		why = append(why, what+" came "+reason)
	}
	if len(why) == 0 {
		return nil
	}
	return cli.Shortf("%s", strings.Join(why, "; "))
}
