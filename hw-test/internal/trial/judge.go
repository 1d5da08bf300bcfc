package trial

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// judge fills in what a trial found, from the programs' results and the
// devices' counters. Each sender and each receiver is judged by itself; of what
// is wrong with them the worst counts.
func (r *Runner) judge(t *Trial) {
	l := layoutOf(r.Env.Flows())
	t.count(l)
	t.links()
	if len(t.Why) == 0 {
		t.restarted()
	}
	if len(t.Why) > 0 {
		t.Kind = search.Invalid
		return
	}
	t.drops()
	tolerance := cmp.Or(r.Tolerance, 0.01)
	var senders []*side
	for i := range l.senders {
		senders = append(senders, t.sender(l, i, r.burst(t.Load*l.senders[i].share)))
	}

	// What a sender's own device held back says nothing of its receiver.
	held, free := make([]bool, len(senders)), make([]bool, len(l.receivers))
	for i := range free {
		free[i] = true
	}
	for i, s := range senders {
		before := len(t.Why)
		t.held(l, s, tolerance)
		if held[i] = len(t.Why) > before; held[i] {
			free[s.to] = false
		}
	}
	limited := len(t.Why)

	for i, s := range senders {
		if !held[i] {
			t.paced(s, tolerance)
		}
	}
	for i := range l.receivers {
		if free[i] {
			t.received(l, i)
		}
	}
	for i, s := range senders {
		if !held[i] && s.port.Exact {
			t.agree(s, "pktgen", s.tx.Packets+s.tx.EndRecords, s.own.TxPackets)
		}
	}
	for i := range l.receivers {
		if s := t.receiver(l, i); free[i] && s.port.Exact && !t.early(l, i) {
			t.agree(s, "rcv", s.rx.Packets+s.rx.KernelDrops+s.rx.Truncated, s.own.RxPackets)
		}
	}
	t.together(l)
	sound := len(t.Why) == 0
	if limited == 0 {
		t.stalled(senders, cmp.Or(r.Stall, 5*time.Millisecond))
	}
	switch {
	case len(t.Why) > limited:
		t.Kind = search.Invalid
		t.overstated = sound
	case limited > 0:
		t.Kind = search.GeneratorLimited
	default:
		t.Kind = search.Valid
	}
}

// links says whose link was not there all the time: what is missing then is
// nobody's measure.
func (t *Trial) links() {
	for i, b := range t.Before {
		if i >= len(t.After) {
			break
		}
		a := t.After[i]
		how := "lost its link during the trial"
		switch {
		case b.NoLink && a.NoLink:
			how = "has no link: look at the cable and the other end"
		case b.NoLink:
			how = "had no link when the trial began"
		case !a.NoLink && a.LinkChanges <= b.LinkChanges:
			continue
		}
		t.Why = append(t.Why, testbed.At(b.Device, b.Host)+" "+how)
	}
}

// restarted says whose counters are no measure.
func (t *Trial) restarted() {
	for i, b := range t.Before {
		if i < len(t.After) && t.After[i].Restarted(b) {
			t.Why = append(t.Why, fmt.Sprintf("the counters of %s began anew in the middle: was its driver loaded again, or its qdisc changed?", testbed.At(b.Device, b.Host)))
		}
	}
}

// A side is a sender or a receiver as judged.
type side struct {
	name string // begins sentences about it
	port *testbed.Port
	own  testbed.Counters // of its device, during the trial
	// Of a sender its result, its share of the load, how many frames go at
	// once, and its receiver; of a receiver its result.
	tx    *cli.Result
	load  float64
	burst int
	to    int
	rx    *cli.Result
}

func (t *Trial) sender(l *layout, i, burst int) *side {
	s := &l.senders[i]
	return &side{
		name: l.of(s.port), port: s.port, own: t.counted(testbed.Sender, s.port),
		tx: t.Pktgen[i], load: t.Load * s.share, burst: burst, to: s.to, rx: t.Rcv[s.to],
	}
}

func (t *Trial) receiver(l *layout, i int) *side {
	p := l.receivers[i].port
	return &side{name: l.of(p), port: p, own: t.counted(testbed.Receiver, p), rx: t.Rcv[i]}
}

func (t *Trial) because(s *side, format string, args ...any) {
	t.Why = append(t.Why, s.name+fmt.Sprintf(format, args...))
}

// counted is what a port's device counted during the trial.
func (t *Trial) counted(role testbed.Role, p *testbed.Port) (c testbed.Counters) {
	for i, b := range t.Before {
		if b.Role == role && b.Host == p.Host && b.Device == p.Device && i < len(t.After) {
			return t.After[i].Since(b)
		}
	}
	return c
}

// drops notes who on the way dropped frames. What a veth's receiving end calls
// dropped are frames that no protocol wanted, and says nothing.
func (t *Trial) drops() {
	for i, b := range t.Before {
		if i >= len(t.After) {
			break
		}
		c := t.After[i].Since(b)
		for _, d := range []Drop{
			{c.Role, c.Host, c.Device, "device", c.TxDropped + c.TxErrors + c.RxErrors + c.RxMissed},
			{c.Role, c.Host, c.Device, c.Qdisc.Kind, c.Qdisc.Drops},
		} {
			if d.Frames > 0 {
				t.Drops = append(t.Drops, d)
			}
		}
	}
}

// agree compares a program's count with its device's, which may have counted a
// few frames of others.
func (t *Trial) agree(s *side, program string, n, counted uint64) {
	if more := t.strangers(s.port.Noise); counted < n || counted-n > more {
		t.because(s, "counters disagree: %s has %d frames, its device %s %d", program, n, s.own.Device, counted)
	}
}

// strangers is how many frames of others a device may count during the trial,
// of so many a second.
func (t *Trial) strangers(noise float64) uint64 {
	return uint64(noise * (t.Seconds + (t.lead() + around).Seconds()))
}

// lead is how long its pktgens waited to begin together.
func (t *Trial) lead() time.Duration { return max(0, t.wait-testbed.FirstFrame) }

// around is about how long before and after its sending a trial lasts, without
// lead.
const around = 3 * time.Second
