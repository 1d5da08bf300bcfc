package self

import (
	"fmt"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
)

// judge fills in the row's results and its verdict.
func (r *Row) judge(tx, rx program.Outcome) {
	r.Pktgen, r.Rcv = tx.Result, rx.Result
	r.Why = []string{} // not null in JSON
	ended := r.ended("pktgen", tx)
	ended = r.ended("rcv", rx) && ended
	switch {
	case !ended:
	case r.Pktgen.TxResult == nil:
		r.fails("pktgen's result is not a sender's")
	case r.Rcv.RxResult == nil || r.Rcv.Probe == nil:
		r.fails("rcv's result has no probes")
	default:
		r.accounted()
		if r.Pace == Paced {
			r.lossless()
		}
	}
	r.Holds = len(r.Why) == 0
}

func (r *Row) fails(format string, args ...any) { r.Why = append(r.Why, fmt.Sprintf(format, args...)) }

// ended judges how a program ended, and reports whether there is a result.
func (r *Row) ended(name string, o program.Outcome) bool {
	if o.Failure != "" {
		r.fails("%s %s", name, o.Failure)
	}
	return o.Result != nil
}

// accounted judges what holds at any speed: no frame goes missing between two
// counters, nothing is counted twice, and nothing else is on the wire.
func (r *Row) accounted() {
	tx, rx, p := r.Pktgen, r.Rcv, r.Rcv.Probe
	if tx.Packets == 0 {
		r.fails("pktgen sent nothing")
	}
	if tx.Undrained > 0 {
		r.fails("frames that had not left when pktgen ended: %d", tx.Undrained)
	}
	if got, want := rx.Packets+rx.KernelDrops, tx.Packets+tx.EndRecords; got != want {
		r.fails("rcv accounts for %d frames (%d and %d kernel drops), pktgen for %d (%d and %d end records)",
			got, rx.Packets, rx.KernelDrops, want, tx.Packets, tx.EndRecords)
	}
	if p.Distinct+p.Lost != tx.Packets {
		r.fails("rcv found %d different probes and %d lost, pktgen sent %d", p.Distinct, p.Lost, tx.Packets)
	}
	if p.Duplicates > 0 {
		r.fails("probes that came twice: %d", p.Duplicates)
	}
	if rx.NotProbe > 0 {
		r.fails("frames that are no probes: %d", rx.NotProbe)
	}
}

// lossless judges what holds at a rate that the receiver can keep up with.
func (r *Row) lossless() {
	tx, rx, p := r.Pktgen, r.Rcv, r.Rcv.Probe
	if tx.Packets != r.Asked {
		r.fails("pktgen sent %d of the %d frames asked", tx.Packets, r.Asked)
	}
	if p.Distinct != r.Asked {
		r.fails("rcv found %d different probes of the %d asked", p.Distinct, r.Asked)
	}
	if p.Lost > 0 {
		r.fails("probes lost: %d", p.Lost)
	}
	if p.Reordered > 0 {
		r.fails("probes out of order: %d", p.Reordered)
	}
	if rx.KernelDrops > 0 {
		r.fails("frames the kernel dropped because rcv was late: %d", rx.KernelDrops)
	}
}
