package pktgen

import (
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command"
	"github.com/ringwalk/ringwalk/qdisc"
)

// keep is --qdisc's word for changing nothing.
const keep = "keep"

func (o *options) qdiscFlag(fs *pflag.FlagSet) {
	fs.StringVar(&o.qdisc, "qdisc", keep, "packet: ports: replace the interface's queueing discipline for the time of the run: `what` is noqueue,\n"+
		"pfifo[:packets], bfifo[:bytes], pfifo_fast, default, with ,txqueuelen=N behind it or not, or keep")
}

// queue is a qdisc that is in place for the time of the run.
type queue struct {
	link     qdisc.Link
	restorer *qdisc.Restorer
	rep      *cli.Reporter
	res      cli.Qdisc
}

// swapQdisc does what --qdisc asks for, nil for nothing.
func (o *options) swapQdisc(rep *cli.Reporter) (*queue, error) {
	if o.qdisc == keep {
		return nil, nil
	}
	spec, err := qdisc.ParseSpec(o.qdisc)
	if err != nil {
		return nil, cli.Usagef("--qdisc: %w, or keep", err)
	}
	port, _, err := engine.Resolve(o.Port)
	if err != nil {
		return nil, command.Refused(err)
	}
	name, ok := strings.CutPrefix(port, "packet:")
	if !ok {
		return nil, cli.Usagef("--qdisc: only packet: ports send through a queueing discipline of an interface that is known before")
	}
	if o.bypass {
		return nil, cli.Usagef("--qdisc and --qdisc-bypass exclude each other: past it, none matters")
	}
	q := &queue{link: qdisc.Link{Name: name}, rep: rep}
	before, err := qdisc.Get(q.link)
	if err != nil {
		return nil, err
	}
	q.res.Set = spec.String()
	if len(before.Qdiscs) > 0 {
		q.res.Was = before.Qdiscs[0].Kind
	}
	q.restorer, err = qdisc.Swap(q.link, spec, nil)
	return q, err
}

// restore waits until the qdisc has given its frames to the device, at most a
// second, takes down what it counted, and puts back the one before. A second
// call does nothing.
func (q *queue) restore() error {
	if q == nil || q.restorer == nil {
		return nil
	}
	for end := time.Now().Add(time.Second); q.count() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	r := q.restorer
	q.restorer = nil
	return command.RestoreQdisc(r, q.rep)
}

// count takes down the counters and tells whether frames are left.
func (q *queue) count() bool {
	now, err := qdisc.Get(q.link)
	if err != nil {
		return false // Restore will say it
	}
	q.res.Packets, q.res.Drops, q.res.Requeues, q.res.Left = 0, 0, 0, 0
	for _, d := range now.Qdiscs {
		if d.Parent == qdisc.Root { // it counts for those below
			q.res.Packets, q.res.Drops, q.res.Requeues, q.res.Left = d.Stats.Packets, uint64(d.Stats.Drops), uint64(d.Stats.Requeues), uint64(d.Stats.Qlen)
		}
	}
	return q.res.Left > 0
}

// result is what the report says.
func (q *queue) result() *cli.Qdisc {
	if q == nil {
		return nil
	}
	res := q.res
	return &res
}
