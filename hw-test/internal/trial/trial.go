package trial

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// A Trial is one run of all pktgens and rcvs, and what --json shows of it.
type Trial struct {
	// Number counts from 1 in the order of time, Attempt from 1 on the same
	// question.
	Number  int       `json:"number"`
	Attempt int       `json:"attempt"`
	Start   time.Time `json:"start"`
	// Load is the rate asked of all senders together in frames a second, 0 for as
	// fast as it goes, and Seconds for how long.
	Load    float64 `json:"load_pps"`
	Seconds float64 `json:"seconds"`
	// Burst is how many frames were sent at once by all senders together; 0: as
	// evenly as possible.
	Burst int `json:"burst"`
	// Kind is the verdict, and Why has a sentence for each reason that it is
	// not valid; never null in JSON.
	Kind search.Kind `json:"kind"`
	Why  []string    `json:"why"`
	// Sent and Lost are frames, Achieved frames a second that pktgen sent, all
	// three summed over the flows.
	Sent     uint64  `json:"sent"`
	Lost     uint64  `json:"lost"`
	Achieved float64 `json:"achieved_pps"`
	// Drops says who on the way dropped how many frames, as far as counters
	// tell; never null in JSON.
	Drops []Drop `json:"drops"`
	// Pktgen is what --json printed of the pktgen of each flow, in their order, and
	// Rcv that of the rcv of each different receiver, in the order in which flows
	// name them first. Before and After are the devices' counters.
	Pktgen []*cli.Result      `json:"pktgen"`
	Rcv    []*cli.Result      `json:"rcv"`
	Before []testbed.Counters `json:"before"`
	After  []testbed.Counters `json:"after"`

	wait       time.Duration // of rcv for the first frame
	left       []time.Time   // when each rcv had ended, by this host's clock
	overstated bool          // nothing is wrong with it but that less may have been lost
}

// Drop is what one counter on the way says of a trial.
type Drop struct {
	Role   testbed.Role `json:"role"`
	Host   string       `json:"host,omitempty"` // its name, "" for this one
	Device string       `json:"device"`
	By     string       `json:"by"` // "device", or a queueing discipline's kind
	Frames uint64       `json:"frames"`
}

// LossRatio is the share of the sent frames that was lost.
func (t *Trial) LossRatio() float64 {
	if t.Sent == 0 {
		return 0
	}
	return float64(t.Lost) / float64(t.Sent)
}

// A Runner runs trials with one profile of frames through a testbed. It is
// used by one goroutine.
type Runner struct {
	Env testbed.Environment
	// Lengths is pktgen's -l: without CRC.
	Lengths string
	// Tolerance is the share of the asked rate that may be missing; 0: 0.01.
	Tolerance float64
	// Stall is how long pktgen may stand still, and make up for it in a burst,
	// before loss is no fault of the device; 0: 5 ms.
	Stall time.Duration
	// Settle is how long rcv waits for more after the last frame; 0: 500 ms.
	// RFC 2544, section 23, has 2 s there; it is to be longer than the longest
	// delay on the way, and than 128 ms between pktgen's end records.
	Settle time.Duration
	// Burst has pktgen send as many frames as are due in this time at once; 0:
	// as evenly as it can. It is for testers that wake too seldom for that.
	Burst time.Duration
	// Attempts bounds the trials for one question, while they are invalid; 0:
	// 3.
	Attempts int
	// Done, if not nil, is called with each trial, the invalid ones too.
	Done func(*Trial)
	// Spent, if not nil, learns what trials take besides their sending.
	Spent *Spent

	number    int
	tookReady time.Duration // that several pktgens took to be, 0: not known
}

// Overhead is about what a trial takes besides its sending.
func (r *Runner) Overhead() time.Duration { return r.Spent.Overhead(r.settle()) }

func (r *Runner) settle() time.Duration { return cmp.Or(r.Settle, defaultSettle) }

const defaultSettle = 500 * time.Millisecond

// Run runs trials at a load in frames a second, 0 for as fast as it goes, until
// one is not invalid, and returns the last. The error is that of ctx, of a
// program that failed, of a link that is not there, or of counters that cannot
// be read.
func (r *Runner) Run(ctx context.Context, load float64, d time.Duration) (*Trial, error) {
	for attempt := 1; ; attempt++ {
		t, err := r.once(ctx, load, d, attempt)
		if err != nil {
			return nil, err
		}
		if r.Done != nil {
			r.Done(t)
		}
		if t.Kind != search.Invalid || attempt >= cmp.Or(r.Attempts, 3) {
			return t, nil
		}
	}
}

// Measure is search.Measure.
func (r *Runner) Measure(ctx context.Context, load float64, d time.Duration) (search.Outcome, error) {
	t, err := r.Run(ctx, load, d)
	if err != nil {
		return search.Outcome{}, err
	}
	o := search.Outcome{Kind: t.Kind, Sent: t.Sent, Lost: t.Lost, Achieved: r.Reach(t), Overstated: t.overstated}
	for i, w := range t.Why {
		if i > 0 {
			o.Why += "; "
		}
		o.Why += w
	}
	return o, nil
}

// Reach is the load up to which each sender of a trial can do its share, by what
// it achieved: with one sender, just that.
func (r *Runner) Reach(t *Trial) float64 {
	reach := math.Inf(1)
	for i, share := range Shares(r.Env.Flows()) {
		reach = min(reach, t.Pktgen[i].PPS/share)
	}
	return reach
}

func (r *Runner) once(ctx context.Context, load float64, d time.Duration, attempt int) (t *Trial, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.number++
	l := layoutOf(r.Env.Flows())
	t = &Trial{
		Number: r.number, Attempt: attempt, Start: time.Now(), Load: load, Seconds: d.Seconds(),
		Burst: r.burst(load), Why: []string{}, Drops: []Drop{}, Pktgen: []*cli.Result{}, Rcv: []*cli.Result{},
	}
	if l.twoClocks() {
		if err := r.Env.Clocks(); err != nil {
			return nil, err
		}
	}
	if t.Before, err = r.before(ctx); err != nil {
		return nil, err
	}
	e := r.run(ctx, l, load, d)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := failures(l, e); err != nil {
		return nil, err
	}
	for _, o := range e.tx {
		t.Pktgen = append(t.Pktgen, o.Result)
	}
	for _, o := range e.rx {
		t.Rcv = append(t.Rcv, o.Result)
	}
	t.wait, t.left = e.wait, e.left
	if l.twoClocks() {
		if err := r.Env.Clocks(); err != nil {
			return nil, err
		}
		t.drift(l)
	}
	r.settleCounters(ctx, l, t)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t.After, err = r.Env.Counters(); err != nil {
		return nil, fmt.Errorf("read the counters after a trial: %w", err)
	}
	r.judge(t)
	if r.Spent != nil {
		r.Spent.add(time.Since(t.Start) - d)
	}
	return t, nil
}

// before reads the counters. A trial without links would tell nothing; with
// several durations and sizes, for hours.
func (r *Runner) before(ctx context.Context) ([]testbed.Counters, error) {
	list, err := r.Env.Counters()
	if err == nil && slices.ContainsFunc(list, func(c testbed.Counters) bool { return c.NoLink }) {
		if err := r.Env.WaitLinks(ctx); err != nil {
			return nil, err
		}
		list, err = r.Env.Counters()
	}
	if err != nil {
		return nil, fmt.Errorf("read the counters before a trial: %w", err)
	}
	return list, nil
}

// settleCounters waits for counters that are late, where it matters who on the
// way lost something.
func (r *Runner) settleCounters(ctx context.Context, l *layout, t *Trial) {
	var late time.Duration
	for i := range l.senders {
		late = max(late, l.senders[i].port.Late, l.receivers[l.senders[i].to].port.Late)
	}
	t.count(l)
	if late == 0 || t.Lost == 0 {
		return
	}
	select {
	case <-time.After(late):
	case <-ctx.Done():
	}
}
