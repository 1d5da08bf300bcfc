package trial

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// slack is what a trial may take beyond its sending and settling before
// something hangs.
const slack = 15 * time.Second

// first bounds rcv's wait for the first frame.
const first = 5 * time.Second

// run runs all programs: first the rcvs, and when they are ready the pktgens.
// Ready tells that they were. Wait is how long rcv waits for the first frame.
func (r *Runner) run(ctx context.Context, l *layout, load float64, d time.Duration) (tx, rx []program.Outcome, ready bool, wait time.Duration) {
	lead := r.lead(l)
	wait = first + lead
	ctx, cancel := context.WithTimeout(ctx, d+r.settle()+lead+slack)
	defer cancel()
	var rcvs, pktgens []*program.Program
	for i := range l.receivers {
		to := l.receivers[i].port
		rcvs = append(rcvs, program.Start(ctx, to.Launch, "rcv", r.rcvArgs(l, &l.receivers[i], wait)))
	}
	ready = allReady(rcvs)
	if ready {
		began := time.Now()
		for i := range l.senders {
			s := &l.senders[i]
			pktgens = append(pktgens, program.Start(ctx, s.port.Launch, "pktgen", r.pktgenArgs(l, s, load, d, began.Add(lead))))
		}
		if l.several() && allReady(pktgens) {
			r.tookReady = time.Since(began)
		}
	}
	for _, p := range pktgens {
		tx = append(tx, p.Wait())
	}
	for _, p := range rcvs {
		rx = append(rx, p.Wait())
	}
	return tx, rx, ready, wait
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
func failures(l *layout, tx, rx []program.Outcome, ready bool) error {
	var list []error
	if !ready {
		list = append(list, errors.New("pktgen was not started, because rcv did not get ready"))
	}
	for i, o := range tx {
		if err := failed("pktgen", o); err != nil {
			list = append(list, fmt.Errorf("%s%w", l.of(l.senders[i].port), err))
		}
	}
	for i, o := range rx {
		if err := failed("rcv", o); err != nil {
			list = append(list, fmt.Errorf("%s%w", l.of(l.receivers[i].port), err))
		}
	}
	return errors.Join(list...)
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
