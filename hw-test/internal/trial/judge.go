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
// devices' counters.
func (r *Runner) judge(t *Trial) {
	tx, p := t.Pktgen, t.Rcv.Probe
	t.Sent, t.Achieved = tx.Packets, tx.PPS
	t.Lost = t.Sent - min(t.Sent, p.Distinct)
	sender, receiver := t.counted(testbed.Sender), t.counted(testbed.Receiver)
	t.drops()

	if t.held(sender, cmp.Or(r.Tolerance, 0.01)); len(t.Why) > 0 {
		t.Kind = search.GeneratorLimited
		return
	}
	t.paced(cmp.Or(r.Tolerance, 0.01))
	t.received(receiver, r.Env.Flows()[0].To.Noise)
	if r.Env.Flows()[0].From.Exact {
		t.agree("pktgen", tx.Packets+tx.EndRecords, sender.Device, sender.TxPackets, t.strangers(r.Env.Flows()[0].From.Noise))
	}
	if r.Env.Flows()[0].To.Exact {
		t.agree("rcv", t.Rcv.Packets+t.Rcv.KernelDrops+t.Rcv.Truncated, receiver.Device, receiver.RxPackets, t.strangers(r.Env.Flows()[0].To.Noise))
	}
	sound := len(t.Why) == 0
	t.stalled(cmp.Or(r.Stall, 5*time.Millisecond))
	if t.Kind = search.Valid; len(t.Why) > 0 {
		t.Kind = search.Invalid
		t.overstated = sound
	}
}

func (t *Trial) because(format string, args ...any) {
	t.Why = append(t.Why, fmt.Sprintf(format, args...))
}

// counted is what a device counted during the trial.
func (t *Trial) counted(role testbed.Role) (c testbed.Counters) {
	for i, b := range t.Before {
		if b.Role == role && i < len(t.After) {
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
			{c.Role, c.Device, "device", c.TxDropped + c.TxErrors + c.RxErrors + c.RxMissed},
			{c.Role, c.Device, c.Qdisc.Kind, c.Qdisc.Drops},
		} {
			if d.Frames > 0 {
				t.Drops = append(t.Drops, d)
			}
		}
	}
}

// held says in what the sender's own device held it back.
func (t *Trial) held(own testbed.Counters, tolerance float64) {
	tx := t.Pktgen
	if tx.Undrained > 0 {
		t.because("%d frames had not left the sender's own device when pktgen ended", tx.Undrained)
	}
	// Those are lost before they were on their way.
	if missing := tx.Packets + tx.EndRecords - own.TxPackets; own.TxDropped > 0 && own.TxPackets < tx.Packets+tx.EndRecords {
		t.because("the sender's own device dropped %d frames", missing)
	}
	refusals := tx.Backpressure + own.Qdisc.Drops
	if t.Load > 0 && t.short(tx.PPS, tolerance) && refusals > 0 {
		t.because("pktgen reached %spps of the %spps asked, because %s", cli.Norm(tx.PPS), cli.Norm(t.Load), holding(&own, tx.Backpressure))
		return
	}
	// What pktgen handed over in time may have left late.
	if q := own.Qdisc; t.Load > 0 && q.Overlimits > 0 && t.Rcv.Seconds > tx.Seconds*(1+tolerance)+late.Seconds() {
		t.because("the queueing discipline of the sender's own device (%s) took %.3g s for what pktgen sent in %.3g s",
			q.Kind, t.Rcv.Seconds, tx.Seconds)
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

// short tells whether a rate is less than was asked, by more than two frames or
// a burst.
func (t *Trial) short(rate, tolerance float64) bool {
	return rate < t.Load*(1-tolerance) && t.Load-rate > t.grain()
}

// grain is a rate of two frames, or one burst, in the trial.
func (t *Trial) grain() float64 { return max(2, float64(t.Burst)) / t.Seconds }

// paced judges how pktgen kept its rate.
func (t *Trial) paced(tolerance float64) {
	tx := t.Pktgen
	switch {
	case t.Sent == 0:
		t.because("pktgen sent nothing")
	case t.Load > 0 && t.short(tx.PPS, tolerance):
		t.because("pktgen reached %spps of the %spps asked; its device did not hold it back: this machine may be busy", cli.Norm(tx.PPS), cli.Norm(t.Load))
	case t.Load > 0 && tx.PPS > t.Load*(1+tolerance) && tx.PPS-t.Load > t.grain():
		t.because("pktgen sent %spps, though %spps were asked", cli.Norm(tx.PPS), cli.Norm(t.Load))
	}
}

// stalled judges whether loss may come of a burst by which pktgen made up for
// standing still: frames of a burst are above the rate, and no more of them can
// have been lost by that than there were.
func (t *Trial) stalled(most time.Duration) {
	behind := t.Pktgen.BehindSeconds
	if t.Load > 0 && t.Lost > 0 && behind > most.Seconds() && float64(t.Lost) <= behind*t.Load {
		t.because("pktgen stood still for %.3g ms and made up for it in a burst, so that %d lost frames may be no fault of the device",
			1000*behind, t.Lost)
	}
}

// received judges what rcv got from a path with so many frames of others a
// second.
func (t *Trial) received(own testbed.Counters, noise float64) {
	rx, p := t.Rcv, t.Rcv.Probe
	if rx.KernelDrops > 0 {
		t.because("rcv's own socket dropped %d frames, because rcv was late", rx.KernelDrops)
	}
	if own.RxMissed > 0 {
		t.because("rcv's own device %s had no room for %d frames, because rcv was late", own.Device, own.RxMissed)
	}
	if rx.Truncated > 0 {
		t.because("%d frames were longer than rcv's buffers", rx.Truncated)
	}
	if float64(rx.NotProbe) > noise*(t.Seconds+1) {
		t.because("%d frames came that pktgen did not send", rx.NotProbe)
	}
	if rx.Packets == 0 && t.Pktgen.Start.Sub(rx.Start) > first {
		t.because("rcv had waited %v for the first frame before pktgen began to send", first)
	}
	if p.Distinct > t.Sent {
		t.because("rcv found %d different probes, pktgen sent %d", p.Distinct, t.Sent)
	}
	for _, s := range p.Streams {
		if s.Shared {
			t.because("two senders used stream %d at once, so that what was lost of either is not known; is another pktgen sending here?", s.Stream)
		}
		if s.Ended && len(p.Streams) == 1 && s.Total != t.Sent {
			t.because("pktgen says it sent %d frames, its end records %d", t.Sent, s.Total)
		}
	}
}

// strangers is how many frames of others a device may count during the trial,
// of so many a second.
func (t *Trial) strangers(noise float64) uint64 {
	return uint64(noise * (t.Seconds + around.Seconds()))
}

// around is about how long before and after its sending a trial lasts.
const around = 3 * time.Second

// agree compares a program's count with its device's, which may have counted so
// many frames more.
func (t *Trial) agree(name string, program uint64, device string, counted, more uint64) {
	if counted < program || counted-program > more {
		t.because("counters disagree: %s has %d frames, its device %s %d", name, program, device, counted)
	}
}
