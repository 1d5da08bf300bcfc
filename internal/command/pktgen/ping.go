package pktgen

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/pktgen/gen"
	"github.com/ringwalk/ringwalk/pktgen/rtt"
)

// ping sends pings and times their answers.
func (o *options) ping(stdout, stderr io.Writer) (int, error) {
	cpus, err := o.Check()
	if err == nil {
		err = o.notOnFiles()
	}
	if err == nil {
		err = o.onlyOne("ping has one thread, which sends on one queue and receives on all")
	}
	var g *gen.Config
	if err == nil {
		g, err = o.config(cpus)
	}
	if err == nil && g.Unit != gen.Frames {
		err = cli.Usagef("-R %v: ping's rate is in packets a second", o.pace.rate)
	}
	if t := o.modes.timeout; err == nil && (t < time.Millisecond || t > time.Hour) {
		err = cli.Usagef("timeout of %v: want 1 ms to 1 h", t)
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
	port, err := o.Open(o.offloads.apply(engine.Config{RX: engine.All, TX: 1, QdiscBypass: o.bypass, Promisc: true, Vector: o.perCall}), rep)
	if err != nil {
		return 0, err
	}
	defer port.Close()
	info := port.Info()
	c := &rtt.Config{
		Count: g.Count, Duration: g.Duration, Rate: g.Rate, Timeout: o.modes.timeout,
		Len: g.Len, Src: g.Src, Dst: g.Dst, SrcMAC: g.SrcMAC, DstMAC: g.DstMAC, Shape: g.Shape,
		CPUs: cpus[:min(1, len(cpus))], // of its only thread
	}
	if o.flags.Changed("burst") {
		c.Burst = o.burst
	}
	p, err := rtt.NewPinger(port.Port, c)
	if err != nil {
		return 0, cli.Usagef("%w", err)
	}
	o.WaitLink(ctx, info, rep)
	if o.count == 0 && o.Duration == 0 {
		rep.Note("pinging on %s until ^C", info.Spec)
	}
	start := time.Now()
	result := func() cli.Result { return o.pinged(p.Snapshot(), c, info, start) }
	return port.Do(ctx, &command.Job{
		Run: p.Run, Close: port.Close, Result: result,
		Interval: func() cli.Result {
			r := result()
			r.Ping.Interval = times(p.Interval())
			return r
		},
		Judge: func(r *cli.Result) error { return o.judgePing(ctx, r) },
		Count: o.count,
	}), nil
}

// pinged makes the result of what has become of the pings until now.
func (o *options) pinged(s rtt.Snapshot, c *rtt.Config, info engine.Info, start time.Time) cli.Result {
	r := o.Result("pktgen", o.mode, info, o.flags, start)
	r.Packets, r.Bytes, r.Seconds, r.Syncs = s.Sent, s.Bytes, s.Seconds, s.Batches
	r.CPUSeconds = s.CPU.Seconds()
	r.Queues = []cli.Queue{{Packets: s.Sent, Bytes: s.Bytes}}
	r.TxResult = &cli.TxResult{
		Requested: o.count, Undrained: s.Undrained, RateAskedPPS: c.Rate, GivenUpSeconds: s.GivenUp.Seconds(),
	}
	r.Ping = &cli.Ping{
		Received: s.Received, Lost: s.Lost, Duplicates: s.Duplicates, Late: s.Late, Foreign: s.Foreign, Calls: s.Calls,
		KernelDrops: s.Engine.KernelDrops, TimeoutSeconds: o.modes.timeout.Seconds(), RTT: times(s.RTT),
	}
	r.Fill()
	r.RateMet = r.PPS >= 0.99*c.Rate
	return r
}

// times is a result's form of round trips, nil of none.
func times(t rtt.Times) *cli.Times {
	if t.Count == 0 {
		return nil
	}
	return &cli.Times{
		Count: t.Count, MinNS: int64(t.Min), MeanNS: int64(t.Mean), P50NS: int64(t.P50), P90NS: int64(t.P90),
		P99NS: int64(t.P99), P999NS: int64(t.P999), MaxNS: int64(t.Max),
	}
}

// judgePing says in what the result is short of what was asked, nil if in
// nothing. Without --max-loss, only that nothing at all came back is.
func (o *options) judgePing(ctx context.Context, r *cli.Result) error {
	why := o.shortSent(r, ctx, "pings")
	switch p := r.Ping; {
	case r.Packets == 0:
	case p.Received == 0:
		why = append(why, fmt.Sprintf("none of %d pings was answered within %v", r.Packets, o.modes.timeout))
	case o.flags.Changed("max-loss"):
		if loss := 100 * float64(p.Lost) / float64(r.Packets); loss > o.modes.maxLoss {
			why = append(why, fmt.Sprintf("%d of %d pings are lost (%.4g %%, at most %.4g %% were allowed)", p.Lost, r.Packets, loss, o.modes.maxLoss))
		}
	}
	return shortOf(why)
}

// shortOf makes an error of reasons, nil of none.
func shortOf(why []string) error {
	if len(why) == 0 {
		return nil
	}
	return cli.Shortf("%s", strings.Join(why, "; "))
}
