package pktgen

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/pktgen/rtt"
)

// pong sends back what comes.
func (o *options) pong(stdout, stderr io.Writer) (int, error) {
	cpus, err := o.Check()
	if err == nil {
		err = o.notOnFiles()
	}
	if err == nil {
		err = o.callsMove()
	}
	if err == nil {
		err = o.allowed()
	}
	if err != nil {
		return 0, err
	}
	ctx, stop := cli.Signals(context.Background())
	defer stop()
	rep := o.Reporter("pktgen", stdout, stderr)
	port, err := o.Open(o.offloads.apply(engine.Config{RX: o.Queues(), TX: o.Queues(), QdiscBypass: o.bypass, Promisc: true, Vector: o.perCall}), rep)
	if err != nil {
		return 0, err
	}
	defer port.Close()
	info := port.Info()
	p, err := rtt.NewReflector(port.Port, &rtt.ReflectorConfig{Count: o.count, Duration: o.Duration, CPUs: cpus})
	if err != nil {
		return 0, cli.Usagef("%w", err)
	}
	o.WaitLink(ctx, info, rep)
	rep.Note("ready: reflecting on %s (%s, receive queues: %d, transmit queues: %d)", info.Spec, info.Backend, len(port.RX()), len(port.TX()))
	start := time.Now()
	result := func() cli.Result { return o.reflected(p.Snapshot(), info, start) }
	return port.Do(ctx, &command.Job{
		Run: p.Run, Close: port.Close, Result: result,
		Judge: func(r *cli.Result) error { return o.judgePong(ctx, r) },
		Count: o.count,
	}), nil
}

// reflected makes the result of what has gone back until now.
func (o *options) reflected(s rtt.Reflection, info engine.Info, start time.Time) cli.Result {
	r := o.Result("pktgen", o.mode, info, o.flags, start)
	r.Packets, r.Bytes, r.Seconds, r.Syncs = s.Packets, s.Bytes, s.Seconds, s.Batches
	r.CPUSeconds = s.CPU.Seconds()
	for i, q := range s.Queues {
		r.Queues = append(r.Queues, cli.Queue{Index: i, Packets: q.Packets, Bytes: q.Bytes})
	}
	r.Pong = &cli.Pong{
		Requested: o.count, Calls: s.Calls, Undrained: s.Undrained, TooLong: s.TooLong, NoPeer: s.NoPeer,
		KernelDrops: s.Engine.KernelDrops, Truncated: s.Engine.Truncated,
	}
	r.Fill()
	return r
}

// judgePong says in what the result is short of what was asked, nil if in
// nothing.
func (o *options) judgePong(ctx context.Context, r *cli.Result) error {
	var why []string
	if n := r.Pong.Undrained; n > 0 {
		why = append(why, fmt.Sprintf("%d frames had not left when the port was closed", n))
	}
	if o.count > 0 && r.Packets+r.Pong.Undrained < o.count {
		why = append(why, fmt.Sprintf("%d of %d frames were sent back (%s)", r.Packets, o.count, command.Why(ctx)))
	}
	return shortOf(why)
}
