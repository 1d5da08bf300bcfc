package trial

import (
	"slices"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// count adds up what was sent and lost.
func (t *Trial) count(l *layout) {
	t.Sent, t.Lost, t.Achieved = 0, 0, 0
	for i, tx := range t.Pktgen {
		t.Sent += tx.Packets
		t.Achieved += tx.PPS
		t.Lost += tx.Packets - min(tx.Packets, t.arrived(l, i))
	}
}

// arrived is how many different probes of a sender its receiver found.
func (t *Trial) arrived(l *layout, i int) (n uint64) {
	p := t.Rcv[l.senders[i].to].Probe
	if !l.several() {
		return p.Distinct
	}
	for _, s := range p.Streams {
		if t.owns(l, i, &s) {
			n += s.Distinct
		}
	}
	return n
}

// owns tells whether a stream is of one of a sender's threads. Without others it
// is.
func (t *Trial) owns(l *layout, i int, s *cli.Stream) bool {
	thread := int(s.Stream) - l.senders[i].stream
	return !l.several() || thread >= 0 && thread < max(1, len(t.Pktgen[i].Queues))
}

// received judges what a rcv got.
func (t *Trial) received(l *layout, to int) {
	s := t.receiver(l, to)
	from, rx := l.receivers[to].from, s.rx
	others := s.port.Noise * (t.Seconds + t.lead().Seconds() + 1) // frames that may come
	if t.early(l, to) {
		t.because(s, "rcv ended before pktgen began to send, after %d frames of others", rx.Packets)
		return
	}
	if rx.KernelDrops > 0 {
		t.because(s, "rcv's own socket dropped %d frames, because rcv was late", rx.KernelDrops)
	}
	if s.own.RxMissed > 0 {
		t.because(s, "rcv's own device %s had no room for %d frames, because rcv was late", s.own.Device, s.own.RxMissed)
	}
	if rx.Truncated > 0 {
		t.because(s, "%d frames were longer than rcv's buffers", rx.Truncated)
	}
	if float64(rx.NotProbe) > others {
		t.because(s, "%d frames came that pktgen did not send", rx.NotProbe)
	}
	if rx.StreamsRefused > 0 {
		t.because(s, "%d frames were of more streams than rcv tells apart", rx.StreamsRefused)
	}
	if rx.Packets == 0 && t.began(l, from).Sub(here(s.port, rx.Start)) > t.wait {
		t.because(s, "rcv had waited %v for the first frame before pktgen began to send", t.wait)
	}
	astray := uint64(0)
	for _, st := range rx.Probe.Streams {
		if st.Shared {
			t.because(s, "two senders used stream %d at once, so that what was lost of either is not known; is another pktgen sending here?", st.Stream)
		}
		if !slices.ContainsFunc(from, func(i int) bool { return t.owns(l, i, &st) }) {
			astray += st.Packets
		}
	}
	if float64(astray) > others {
		t.because(s, "%d frames came that were sent to another receiver: does the device know where that one is?", astray)
	}
	for _, i := range from {
		t.ended(l, i)
	}
}

// early tells that a rcv to which frames of others had come ended before the
// first sender began, as it does after too many of them.
func (t *Trial) early(l *layout, to int) bool {
	return to < len(t.left) && t.Rcv[to].Packets > 0 && t.left[to].Before(t.began(l, l.receivers[to].from))
}

// ended holds a sender's count against what its receiver knows of it.
func (t *Trial) ended(l *layout, i int) {
	s, tx := t.sender(l, i, 0), t.Pktgen[i]
	if n := t.arrived(l, i); n > tx.Packets {
		t.because(s, "rcv found %d different probes, pktgen sent %d", n, tx.Packets)
	}
	var own []cli.Stream
	for _, st := range s.rx.Probe.Streams {
		if t.owns(l, i, &st) {
			own = append(own, st)
		}
	}
	if len(own) == 1 && len(tx.Queues) <= 1 && own[0].Ended && own[0].Total != tx.Packets {
		t.because(s, "pktgen says it sent %d frames, its end records %d", tx.Packets, own[0].Total)
	}
}

// began is when the first of some senders sent its first frame, by this host's
// clock; zero if none did.
func (t *Trial) began(l *layout, from []int) (first time.Time) {
	for _, i := range from {
		if at := here(l.senders[i].port, t.Pktgen[i].Start); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
