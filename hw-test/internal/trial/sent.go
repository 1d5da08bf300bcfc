package trial

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// held says in what a sender's own device held it back.
func (t *Trial) held(l *layout, s *side, tolerance float64) {
	tx, own := s.tx, &s.own
	if tx.Undrained > 0 {
		t.because(s, "%d frames had not left the sender's own device when pktgen ended", tx.Undrained)
	}
	// Those are lost before they were on their way.
	if missing := tx.Packets + tx.EndRecords - own.TxPackets; own.TxDropped > 0 && own.TxPackets < tx.Packets+tx.EndRecords {
		t.because(s, "the sender's own device dropped %d frames", missing)
	}
	refusals := tx.Backpressure + own.Qdisc.Drops
	if t.Load > 0 && t.short(s, tolerance) && refusals > 0 {
		t.because(s, "pktgen reached %spps of the %spps asked, because %s", cli.Norm(tx.PPS), cli.Norm(s.load), holding(own, tx.Backpressure))
		return
	}
	// What pktgen handed over in time may have left late.
	took := t.sending(l, s.to)
	if q := own.Qdisc; t.Load > 0 && q.Overlimits > 0 && s.rx.Seconds > took*(1+tolerance)+late.Seconds() {
		t.because(s, "the queueing discipline of the sender's own device (%s) took %.3g s for what pktgen sent in %.3g s",
			q.Kind, s.rx.Seconds, took)
	}
}

// holding says what a device did to its sender.
func holding(own *testbed.Counters, refused uint64) string {
	name := own.Device
	if name == "" {
		name = "the sender's own port"
	}
	if own.Qdisc.Drops > 0 {
		return fmt.Sprintf("its own device took no more: %s was full %d times, its %s dropped %d frames, which were sent again",
			name, refused, own.Qdisc.Kind, own.Qdisc.Drops)
	}
	return fmt.Sprintf("its own device took no more: %s was full %d times", name, refused)
}

// late is by how much the last frame may come late.
const late = 20 * time.Millisecond

// sending is for how many seconds the senders to a receiver sent, from when the
// first began until the last ended.
func (t *Trial) sending(l *layout, to int) float64 {
	from := l.receivers[to].from
	if len(from) == 1 {
		return t.Pktgen[from[0]].Seconds
	}
	var last time.Time
	for _, i := range from {
		ended := here(l.senders[i].port, t.Pktgen[i].Start).Add(time.Duration(t.Pktgen[i].Seconds * float64(time.Second)))
		if ended.After(last) {
			last = ended
		}
	}
	return last.Sub(t.began(l, from)).Seconds()
}

// short tells whether a sender's rate is less than was asked, by more than two
// frames or a burst.
func (t *Trial) short(s *side, tolerance float64) bool {
	return s.tx.PPS < s.load*(1-tolerance) && s.load-s.tx.PPS > t.grain(s)
}

// grain is a rate of two frames, or one burst, in the trial.
func (t *Trial) grain(s *side) float64 { return max(2, float64(s.burst)) / t.Seconds }

// paced judges how a pktgen kept its rate.
func (t *Trial) paced(s *side, tolerance float64) {
	tx := s.tx
	switch {
	case tx.Packets == 0:
		t.because(s, "pktgen sent nothing")
	case t.Load > 0 && t.short(s, tolerance):
		t.because(s, "pktgen reached %spps of the %spps asked; its device did not hold it back: %s may be busy",
			cli.Norm(tx.PPS), cli.Norm(s.load), cmp.Or(s.port.Host, "this machine"))
	case t.Load > 0 && tx.PPS > s.load*(1+tolerance) && tx.PPS-s.load > t.grain(s):
		t.because(s, "pktgen sent %spps, though %spps were asked", cli.Norm(tx.PPS), cli.Norm(s.load))
	}
}

// stalled judges whether loss may come of bursts by which pktgens made up for
// standing still: frames of a burst are above the rate, and no more of them can
// have been lost by that than there were, be they of this sender or of those
// that share its way.
func (t *Trial) stalled(senders []*side, most time.Duration) {
	bursts := 0.0
	var late []*side
	for _, s := range senders {
		if s.tx.BehindSeconds > most.Seconds() {
			bursts += s.tx.BehindSeconds * s.load
			late = append(late, s)
		}
	}
	if t.Lost == 0 || float64(t.Lost) > bursts {
		return
	}
	for _, s := range late {
		t.because(s, "pktgen stood still for %.3g ms and made up for it in a burst, so that %d lost frames may be no fault of the device",
			1000*s.tx.BehindSeconds, t.Lost)
	}
}

// Senders begin together if their first frames go at most so far apart: a share
// of the trial, in which loss is that of a smaller load, but as long as clocks
// and schedulers may well be wrong.
const (
	togetherShare = 0.02
	togetherLeast = 20 * time.Millisecond
)

// together judges whether all senders began at one time. What is not known of
// their clocks counts as time apart.
func (t *Trial) together(l *layout) {
	most := max(togetherLeast, time.Duration(t.Seconds*togetherShare*float64(time.Second)))
	var worst time.Duration
	sentence := ""
	for i := range l.senders {
		for j := range i {
			a, b := &l.senders[j], &l.senders[i]
			if t.Pktgen[i].Packets == 0 || t.Pktgen[j].Packets == 0 {
				continue
			}
			by := here(b.port, t.Pktgen[i].Start).Sub(here(a.port, t.Pktgen[j].Start))
			if by < 0 {
				a, b, by = b, a, -by
			}
			within := a.port.Clock.Within + b.port.Clock.Within
			known := ""
			if a.port.Host == b.port.Host {
				within = 0
			} else if within > 0 {
				known = fmt.Sprintf(", known to ± %v", within)
			}
			if by+within > max(worst, most) {
				worst = by + within
				sentence = fmt.Sprintf("the generators did not send together: %s began %v after %s%s, of %v that are no matter",
					b.port, by.Round(time.Microsecond), a.port, known, most)
			}
		}
	}
	if sentence != "" {
		t.Why = append(t.Why, sentence)
	}
}
