package self

import (
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// judge fills in the row's results and its verdict. A row is invalid where a
// program had an accident or somebody else sends, whatever else is wrong then,
// or where pktgen stood still for longer than rcv waits for more;
// and failed where frames are missing, came twice or are in no count.
func (r *Row) judge(tx, rx program.Outcome) {
	r.Pktgen, r.Rcv = tx.Result, rx.Result
	r.Why = []string{} // not null in JSON
	r.Verdict = results.Passed
	ended := r.ended("pktgen"+on(r.from), tx)
	ended = r.ended("rcv"+on(r.to), rx) && ended
	switch {
	case !ended:
	case r.Pktgen.TxResult == nil:
		r.breaks("pktgen's result is not a sender's")
	case r.Rcv.RxResult == nil || r.Rcv.Probe == nil:
		r.breaks("rcv's result has no probes")
	case r.stood() > idle && r.missing() > 0:
		// What came after it was not lost, nobody was there to count it.
		r.Why = r.Why[:0]
		r.because(results.Invalid, "pktgen stood still for %d ms, longer than rcv waits (%d ms)", r.stood().Milliseconds(), idle.Milliseconds())
	default:
		r.accounted()
		if r.Pace == Paced {
			r.lossless()
		}
		r.alone()
	}
	r.Holds = r.Verdict == results.Passed
}

// fails says that a promise about the frames is broken.
func (r *Row) fails(format string, args ...any) {
	r.because(results.Failed, format, args...)
}

// breaks says that a program did not do what it is for.
func (r *Row) breaks(format string, args ...any) {
	r.broke = true
	r.because(results.Invalid, format, args...)
}

func (r *Row) because(v results.Verdict, format string, args ...any) {
	if r.Verdict != results.Invalid {
		r.Verdict = v
	}
	r.Why = append(r.Why, fmt.Sprintf(format, args...))
}

// on says on which host, if on another.
func on(host string) string {
	if host == "" {
		return ""
	}
	return " on " + host
}

// ended judges how a program ended, and reports whether there is a result. A
// program that says that its result is short has had no accident.
func (r *Row) ended(name string, o program.Outcome) bool {
	short := o.Result != nil && o.Result.ExitStatus != nil && *o.Result.ExitStatus == cli.ExitShort
	switch {
	case o.Failure != "" && short:
		r.fails("%s %s", name, o.Failure)
	case o.Failure != "":
		r.breaks("%s %s", name, o.Failure)
	}
	return o.Result != nil
}

// stood is how long pktgen stood still, as far as one knows: how late it was if
// paced, else how much longer it took than it was to send, or how long it used
// no CPU and rcv saw nothing; and where none but end records are missing, how
// much longer it took to end.
func (r *Row) stood() time.Duration {
	tx := r.Pktgen
	sent := seconds(tx.Seconds)
	late := sent - r.sends
	switch {
	case r.Pace == Paced:
		late = seconds(tx.BehindSeconds)
	case tx.CPUSeconds > 0: // 0: the kernel does not tell
		threads := float64(max(r.Queues, 1))
		late = max(late, seconds(min(tx.Seconds-tx.CPUSeconds/threads, tx.Seconds-r.Rcv.Seconds)))
	}
	if r.missing() <= r.Pktgen.EndRecords && r.Rcv.Probe.Distinct+r.Rcv.Probe.Lost == r.Pktgen.Packets {
		late = max(late, r.took-sent-ending)
	}
	return late
}

func seconds(s float64) time.Duration { return time.Duration(s * 1e9) }

// missing are frames that pktgen accounts for and rcv does not.
func (r *Row) missing() uint64 {
	got, want := r.Rcv.Packets-r.foreign()+r.Rcv.KernelDrops, r.Pktgen.Packets+r.Pktgen.EndRecords
	return want - min(got, want)
}

// alone judges frames that are no probes: more frames than were sent came from
// somebody else, else they are pktgen's own and damaged.
func (r *Row) alone() {
	tx, rx := r.Pktgen, r.Rcv
	switch n := rx.NotProbe - r.foreign(); {
	case n > 0 && rx.Packets+rx.KernelDrops > tx.Packets+tx.EndRecords:
		r.because(results.Invalid, "frames that pktgen did not send: %d", n)
	case n > 0:
		r.fails("frames that are no probes any more: %d", n)
	}
}

// foreign are the frames of others that may come and did.
func (r *Row) foreign() uint64 { return min(r.Rcv.NotProbe, r.noise) }

// accounted judges what holds at any speed: no frame goes missing between two
// counters, and nothing is counted twice.
func (r *Row) accounted() {
	tx, rx, p := r.Pktgen, r.Rcv, r.Rcv.Probe
	if tx.Packets == 0 {
		r.breaks("pktgen sent nothing")
	}
	if tx.Undrained > 0 {
		r.fails("frames that had not left when pktgen ended: %d", tx.Undrained)
	}
	if got, want := rx.Packets-r.foreign()+rx.KernelDrops, tx.Packets+tx.EndRecords; got != want {
		r.fails("rcv accounts for %d frames (%d and %d kernel drops), pktgen for %d (%d and %d end records)",
			got, rx.Packets, rx.KernelDrops, want, tx.Packets, tx.EndRecords)
	}
	if p.Distinct+p.Lost != tx.Packets {
		r.fails("rcv found %d different probes and %d lost, pktgen sent %d", p.Distinct, p.Lost, tx.Packets)
	}
	if p.Duplicates > 0 {
		r.fails("probes that came twice: %d", p.Duplicates)
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
		r.fails("frames the kernel dropped because rcv%s was late: %d", on(r.to), rx.KernelDrops)
	}
}
