package cli

import (
	"fmt"
	"strings"
)

// Departures is the distribution of the times between consecutive batches of
// one thread, over all threads, in nanoseconds. A batch's time is taken when it
// is put into the ring, right before the sync that hands it to the kernel: what
// the kernel and the interface do to it after that is not in these figures.
// At low rates, and with -b 1 at any, a batch is one frame.
type Departures struct {
	// Batches is those let go; fewer than two have no times between them.
	Batches uint64 `json:"batches"`
	// MeanNS is exact; the others are to three digits.
	MeanNS   int64 `json:"mean_ns"`
	MinNS    int64 `json:"min_ns"`
	P50NS    int64 `json:"p50_ns"`
	P90NS    int64 `json:"p90_ns"`
	P99NS    int64 `json:"p99_ns"`
	P999NS   int64 `json:"p999_ns"`
	MaxNS    int64 `json:"max_ns"`
	StdDevNS int64 `json:"stddev_ns"`
}

// Replay is what became of a capture file's frames. Each count is over all
// loops.
type Replay struct {
	File string `json:"file"`
	// Loops is how often the file was sent to its end.
	Loops uint64 `json:"loops"`
	// Complete says that all was handed over that -n and the loops asked for.
	Complete bool `json:"complete"`
	// AskedSeconds is how long the frames that were sent take by their
	// schedule; 0 at top speed.
	AskedSeconds float64 `json:"asked_seconds"`
	// Frames is how many were sent or handed over.
	Frames uint64 `json:"frames"`
	// Truncated is frames of which the capture holds only the beginning.
	Truncated uint64 `json:"truncated"`
	// TooLong is frames longer than the port takes.
	TooLong uint64 `json:"too_long"`
	// TooShort is frames shorter than an Ethernet header.
	TooShort uint64 `json:"too_short"`
	// OtherLink is packets that are not Ethernet frames.
	OtherLink uint64 `json:"other_link"`
}

// asked is the rate that was asked, in words, "" if none was.
func (t *TxResult) asked(norm norm) string {
	switch {
	case t.RateAskedPPS > 0:
		return norm(t.RateAskedPPS) + "pps"
	case t.RateAskedBPS > 0:
		return norm(t.RateAskedBPS) + "bps"
	case t.RateAskedWireBPS > 0:
		return norm(t.RateAskedWireBPS) + "bps on the wire"
	}
	return ""
}

func (t *TxResult) reportPace(b *strings.Builder, norm norm) {
	if asked := t.asked(norm); asked != "" {
		verdict := "met"
		if !t.RateMet {
			verdict = "not met"
		}
		fmt.Fprintf(b, "Rate asked: %s, %s\n", asked, verdict)
	}
	if d := t.Departures; d != nil && d.Batches > 1 {
		us := func(ns int64) string { return fmt.Sprintf("%.1f", float64(ns)/1e3) }
		fmt.Fprintf(b, "Between a thread's batches: mean %s min %s p50 %s p90 %s p99 %s p99.9 %s max %s deviation %s us\n",
			us(d.MeanNS), us(d.MinNS), us(d.P50NS), us(d.P90NS), us(d.P99NS), us(d.P999NS), us(d.MaxNS), us(d.StdDevNS))
	}
	if t.GivenUpSeconds > 0 {
		fmt.Fprintf(b, "Behind schedule: %.3f s at most; %.3f s over all threads were given up\n", t.BehindSeconds, t.GivenUpSeconds)
	}
}

func (r *Replay) report(b *strings.Builder) {
	fmt.Fprintf(b, "Replayed: %d frames of %s, %d times to its end", r.Frames, r.File, r.Loops)
	if r.AskedSeconds > 0 {
		fmt.Fprintf(b, ", a schedule of %.3f s", r.AskedSeconds)
	}
	b.WriteString("\n")
	if r.Truncated+r.TooLong+r.TooShort+r.OtherLink > 0 {
		fmt.Fprintf(b, "Not sent: %d truncated in the capture, %d too long for the port, %d too short for an Ethernet header, %d of another link type\n",
			r.Truncated, r.TooLong, r.TooShort, r.OtherLink)
	}
}
