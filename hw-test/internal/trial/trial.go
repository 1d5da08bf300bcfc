package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// A Trial is one run of pktgen and rcv, and what --json shows of it.
type Trial struct {
	// Number counts from 1 in the order of time, Attempt from 1 on the same
	// question.
	Number  int       `json:"number"`
	Attempt int       `json:"attempt"`
	Start   time.Time `json:"start"`
	// Load is the rate asked in frames a second, 0 for as fast as it goes, and
	// Seconds for how long.
	Load    float64 `json:"load_pps"`
	Seconds float64 `json:"seconds"`
	// Burst is how many frames were sent at once; 0: as evenly as possible.
	Burst int `json:"burst"`
	// Kind is the verdict, and Why has a sentence for each reason that it is
	// not valid; never null in JSON.
	Kind search.Kind `json:"kind"`
	Why  []string    `json:"why"`
	// Sent and Lost are frames, Achieved frames a second that pktgen sent.
	Sent     uint64  `json:"sent"`
	Lost     uint64  `json:"lost"`
	Achieved float64 `json:"achieved_pps"`
	// Drops says who on the way dropped how many frames, as far as counters
	// tell; never null in JSON.
	Drops []Drop `json:"drops"`
	// Pktgen and Rcv are what the programs' --json printed; Before and After
	// are the devices' counters.
	Pktgen *cli.Result        `json:"pktgen"`
	Rcv    *cli.Result        `json:"rcv"`
	Before []testbed.Counters `json:"before"`
	After  []testbed.Counters `json:"after"`

	overstated bool // nothing is wrong with it but that less may have been lost
}

// Drop is what one counter on the way says of a trial.
type Drop struct {
	Role   testbed.Role `json:"role"`
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

	number int
}

// Overhead is about what a trial takes besides its sending.
func (r *Runner) Overhead() time.Duration { return r.Spent.Overhead(r.settle()) }

func (r *Runner) settle() time.Duration { return cmp.Or(r.Settle, defaultSettle) }

const defaultSettle = 500 * time.Millisecond

// slack is what a trial may take beyond its sending and settling before
// something hangs.
const slack = 15 * time.Second

// first bounds rcv's wait for the first frame.
const first = 5 * time.Second

// Run runs trials at a load in frames a second, 0 for as fast as it goes, until
// one is not invalid, and returns the last. The error is that of ctx, of a
// program that failed, or of counters that cannot be read.
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
	o := search.Outcome{Kind: t.Kind, Sent: t.Sent, Lost: t.Lost, Achieved: t.Achieved, Overstated: t.overstated}
	for i, w := range t.Why {
		if i > 0 {
			o.Why += "; "
		}
		o.Why += w
	}
	return o, nil
}

func (r *Runner) once(ctx context.Context, load float64, d time.Duration, attempt int) (t *Trial, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r.number++
	t = &Trial{
		Number: r.number, Attempt: attempt, Start: time.Now(), Load: load, Seconds: d.Seconds(),
		Burst: r.burst(load), Why: []string{}, Drops: []Drop{},
	}
	if t.Before, err = r.Env.Counters(); err != nil {
		return nil, fmt.Errorf("read the counters before a trial: %w", err)
	}
	tx, rx := r.run(ctx, load, d)
	r.settleCounters(ctx, tx.Result, rx.Result)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t.After, err = r.Env.Counters(); err != nil {
		return nil, fmt.Errorf("read the counters after a trial: %w", err)
	}
	t.Pktgen, t.Rcv = tx.Result, rx.Result
	if err := errors.Join(failed("pktgen", tx), failed("rcv", rx)); err != nil {
		return nil, err
	}
	r.judge(t)
	if r.Spent != nil {
		r.Spent.add(time.Since(t.Start) - d)
	}
	return t, nil
}

// settleCounters waits for counters that are late, where it matters who on the
// way lost something.
func (r *Runner) settleCounters(ctx context.Context, tx, rx *cli.Result) {
	late := max(r.Env.Flows()[0].From.Late, r.Env.Flows()[0].To.Late)
	if late == 0 || tx == nil || rx == nil || rx.RxResult == nil || rx.Probe == nil || rx.Probe.Distinct >= tx.Packets {
		return
	}
	select {
	case <-time.After(late):
	case <-ctx.Done():
	}
}

// run runs both programs.
func (r *Runner) run(ctx context.Context, load float64, d time.Duration) (tx, rx program.Outcome) {
	ctx, cancel := context.WithTimeout(ctx, d+r.settle()+slack)
	defer cancel()
	from, to := r.Env.Flows()[0].From, r.Env.Flows()[0].To
	tx.Failure = "was not started, because rcv did not get ready"
	rcv := program.Start(ctx, to.Launch, "rcv", append([]string{
		"-i", to.Spec, "-T", "0", "--json", "--idle", r.settle().String(), "--wait-first", first.String(),
	}, to.Flags...))
	if rcv.IsReady() {
		args := []string{
			"-i", from.Spec, "-f", "tx", "-l", r.Lengths, "-T", "0", "--json", "--best-effort", "--duration", d.String(),
		}
		switch n := r.burst(load); {
		case n > 0:
			every := time.Duration(math.Round(float64(n) / load * 1e9))
			args = append(args, "--bursts", fmt.Sprintf("%d/%v", n, every))
		case load > 0:
			args = append(args, "-R", strconv.FormatFloat(load, 'f', -1, 64))
		}
		tx = program.Start(ctx, from.Launch, "pktgen", append(args, from.Flags...)).Wait()
	}
	return tx, rcv.Wait()
}

// burst is how many frames go at once at a load, 0 for one by one.
func (r *Runner) burst(load float64) int {
	if r.Burst == 0 || load == 0 {
		return 0
	}
	return max(1, int(math.Round(load*r.Burst.Seconds())))
}

// failed is what is wrong with how a program ended. A result that falls short
// is for judge.
func failed(name string, o program.Outcome) error {
	r := o.Result
	switch {
	case r != nil && r.ExitStatus != nil && *r.ExitStatus == cli.ExitShort:
	case o.Failure != "":
		return fmt.Errorf("%s %s", name, o.Failure)
	}
	switch {
	case name == "pktgen" && r.TxResult == nil:
		return errors.New("pktgen's result is not a sender's")
	case name == "rcv" && (r.RxResult == nil || r.Probe == nil):
		return errors.New("rcv's result has no probes")
	case math.IsNaN(r.PPS):
		return fmt.Errorf("%s's rate is not a number", name)
	}
	return nil
}
