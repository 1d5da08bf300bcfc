package trial

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// slack is what a trial may take beyond its sending and settling before
// something hangs.
const slack = 15 * time.Second

// An ending is how the programs of a trial ended.
type ending struct {
	tx, rx []program.Outcome
	left   []time.Time   // when each rcv had, by this host's clock
	ready  bool          // the rcvs got, so that the pktgens were started
	wait   time.Duration // of the rcvs for the first frame
}

// run runs all programs: first the rcvs, and when they are ready the pktgens.
func (r *Runner) run(ctx context.Context, l *layout, load float64, d time.Duration) *ending {
	lead := r.lead(l)
	e := &ending{wait: testbed.FirstFrame + lead, left: make([]time.Time, len(l.receivers))}
	ctx, cancel := context.WithTimeout(ctx, d+r.settle()+lead+slack)
	defer cancel()
	var rcvs, pktgens []*program.Program
	for i := range l.receivers {
		to := l.receivers[i].port
		rcvs = append(rcvs, program.Start(ctx, to.Launch, "rcv", r.rcvArgs(l, &l.receivers[i], e.wait)))
	}
	if e.ready = allReady(rcvs); e.ready {
		began := time.Now()
		for i := range l.senders {
			s := &l.senders[i]
			pktgens = append(pktgens, program.Start(ctx, s.port.Launch, "pktgen", r.pktgenArgs(l, s, load, d, began.Add(lead))))
		}
		if l.several() && allReady(pktgens) {
			r.tookReady = time.Since(began)
		}
	}
	all := slices.Concat(rcvs, pktgens)
	var watchers sync.WaitGroup
	for i, p := range all {
		watchers.Go(func() {
			o := p.Wait()
			if i < len(rcvs) {
				e.left[i] = time.Now()
			}
			if o.Failure != "" && !short(o.Result) {
				stopAll(all) // what they would find means nothing
			}
		})
	}
	if !e.ready {
		stopAll(all)
	}
	for _, p := range pktgens {
		e.tx = append(e.tx, p.Wait())
	}
	for _, p := range rcvs {
		e.rx = append(e.rx, p.Wait())
	}
	watchers.Wait()
	return e
}

func stopAll(list []*program.Program) {
	for _, p := range list {
		p.Stop()
	}
}

func allReady(list []*program.Program) bool {
	ready := true
	for _, p := range list {
		ready = p.IsReady() && ready
	}
	return ready
}

// lead is how long before their first frame several pktgens are started, so that
// all are ready by then: ample before it is known how long that takes, as over a
// connection to another host. One that is late sends at once, and the trial is
// invalid.
func (r *Runner) lead(l *layout) time.Duration {
	switch {
	case !l.several():
		return 0
	case r.tookReady == 0:
		return 2 * time.Second
	}
	return 2*r.tookReady + 250*time.Millisecond
}

func (r *Runner) rcvArgs(l *layout, to *receiver, wait time.Duration) []string {
	args := []string{"-i", to.port.Spec, "-T", "0", "--json", "--idle", r.settle().String(), "--wait-first", wait.String()}
	// With this rcv knows that probes are to come, and goes on waiting for them
	// when a switch has said something before.
	args = append(args, "--max-loss", "100")
	return append(append(args, to.port.Flags...), l.clocks(to)...)
}

func (r *Runner) pktgenArgs(l *layout, s *sender, load float64, d time.Duration, start time.Time) []string {
	args := []string{
		"-i", s.port.Spec, "-f", "tx", "-l", r.Lengths, "-T", "0", "--json", "--best-effort", "--duration", d.String(),
	}
	load *= s.share
	switch n := r.burst(load); {
	case n > 0:
		every := time.Duration(math.Round(float64(n) / load * 1e9))
		args = append(args, "--bursts", fmt.Sprintf("%d/%v", n, every))
	case load > 0:
		args = append(args, "-R", strconv.FormatFloat(load, 'f', -1, 64))
	}
	if l.several() {
		at := start.Add(s.port.Clock.Ahead)
		args = append(args, "--stream", strconv.Itoa(s.stream), "--start-at", fmt.Sprintf("@%d.%09d", at.Unix(), at.Nanosecond()))
		if src := s.source(); src != "" {
			args = append(args, "--src", src)
		}
	}
	return append(args, s.port.Flags...)
}

// burst is how many frames go at once at a load, 0 for one by one.
func (r *Runner) burst(load float64) int {
	if r.Burst == 0 || load == 0 {
		return 0
	}
	return max(1, int(math.Round(load*r.Burst.Seconds())))
}

// failures are what is wrong with how the programs ended.
func failures(l *layout, e *ending) error {
	var list []error
	if !e.ready {
		list = append(list, errors.New("pktgen was not started, because rcv did not get ready"))
	}
	var stopped []error // of those that were, maybe for the others' sake
	add := func(port *testbed.Port, name string, o program.Outcome) {
		err := failed(name, o)
		switch {
		case err == nil:
		case o.Failure == program.ErrHangs.Error():
			stopped = append(stopped, fmt.Errorf("%s%w", l.of(port), err))
		default:
			list = append(list, fmt.Errorf("%s%w", l.of(port), err))
		}
	}
	for i, o := range e.tx {
		add(l.senders[i].port, "pktgen", o)
	}
	for i, o := range e.rx {
		add(l.receivers[i].port, "rcv", o)
	}
	if len(list) == 0 {
		list = stopped
	}
	return cli.Join(list...)
}

// short tells that a program says that its result falls short.
func short(r *cli.Result) bool {
	return r != nil && r.ExitStatus != nil && *r.ExitStatus == cli.ExitShort
}

// failed is what is wrong with how a program ended. A result that falls short
// is for judge.
func failed(name string, o program.Outcome) error {
	r := o.Result
	switch {
	case short(r):
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
