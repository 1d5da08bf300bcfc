package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sync"
	"time"
)

// shortest is the shortest interval worth a line; pkt-gen skips below it too.
const shortest = 10 * time.Millisecond

// Reporter prints how a run goes: an interval line for people, or a display
// that is redrawn in place where they have a terminal, and the same as JSON for
// programs. The zero value with Tool set and the writers nil prints nothing.
// Its methods may be called from any goroutine.
type Reporter struct {
	// Tool begins every line.
	Tool string
	// Human receives the lines for people, stderr as a rule; nil is none.
	// What cannot be written there is lost silently: a closed terminal is no
	// reason to stop a measurement.
	Human io.Writer
	// Size says how many columns and rows Human has. If it is set, Human is a
	// terminal and gets the display instead of interval lines; zeros mean that
	// the size is unknown.
	Size func() (columns, rows int)
	// JSON receives one object per line, stdout as a rule; nil is none.
	JSON io.Writer
	// Stream adds an object per interval to the one at the end.
	Stream bool
	// Goal is what the display measures progress against.
	Goal Goal
	// Plain prints rates whole, without K, M, G and T, as pkt-gen's -N.
	Plain bool
	// Average adds the mean and the standard deviation of the rates of the
	// last 15 intervals to each line, as pkt-gen's -A.
	Average bool
	// Framing counts CRC, preamble and gap in an interval's bits, as pkt-gen's
	// -B. At the end, both are told anyway.
	Framing bool

	mu     sync.Mutex
	prev   Result
	recent recent
	shown  display
}

// A Goal is when a run ends by itself; zeros are no limit.
type Goal struct {
	Packets  uint64
	Duration time.Duration
}

// Interval reports what happened since the last call. cur counts from the
// start of the run, with Start set and Seconds the time since then; the
// Reporter keeps it, so its Queues must not be written again. An interval below
// 10 ms is left for the next one. The error is JSON's writer's.
func (r *Reporter) Interval(cur Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := cur.Since(&r.prev)
	if d.Seconds < shortest.Seconds() {
		return nil
	}
	r.prev = cur
	r.recent.add(d.PPS)
	switch {
	case r.Human == nil:
	case r.Size == nil:
		fmt.Fprintln(r.Human, r.intervalLine(cur.at(cur.Seconds), &d))
	default:
		r.shown.lines = r.displayLines(&cur, &d)
		r.shown.draw(r.Human, r.Size)
	}
	if !r.Stream {
		return nil
	}
	d.Type = "interval"
	return r.write(&d)
}

// Note prints a sentence for people between the interval lines, above the
// display.
func (r *Reporter) Note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Human == nil {
		return
	}
	r.shown.erase(r.Human, r.Size)
	fmt.Fprintf(r.Human, "%s: %s\n", r.Tool, fmt.Sprintf(format, args...))
	r.shown.draw(r.Human, r.Size)
}

// Final prints the report at the end: in words, in place of the display, and as
// JSON. It fills the rates of res. The error is JSON's writer's.
func (r *Reporter) Final(res *Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	res.Fill()
	if r.Human != nil {
		r.shown.erase(r.Human, r.Size)
		r.shown.lines = nil
		fmt.Fprint(r.Human, finalReport(res, r.norm()))
	}
	last := *res
	if r.Stream {
		last.Type = "result"
	}
	return r.write(&last)
}

func (r *Reporter) norm() norm {
	if r.Plain {
		return plain
	}
	return Norm
}

// bits is the bits a second that an interval has.
func (r *Reporter) bits(d *Result) float64 {
	if r.Framing {
		return d.WireBPS
	}
	return d.BPS
}

// average is what Average asks for, between two spaces.
func (r *Reporter) average() string {
	if !r.Average {
		return " "
	}
	mean, deviation := r.recent.stats()
	norm := r.norm()
	return fmt.Sprintf(" [avg/std %spps/%spps] ", norm(mean), norm(deviation))
}

// intervalLine is pkt-gen's line without its function name and line number, and
// what pkt-gen does not tell at its end. The stamp is the last three digits of
// the Unix second and the microseconds.
func (r *Reporter) intervalLine(now time.Time, d *Result) string {
	norm := r.norm()
	line := fmt.Sprintf("%03d.%06d %s %spps%s(%spkts %sbps in %.0f usec) %.2f avg_batch",
		now.Unix()%1000, now.Nanosecond()/1000, r.Tool,
		norm(d.PPS), r.average(), norm(float64(d.Packets)), norm(r.bits(d)),
		math.Round(d.Seconds*1e6), d.AvgBatch)
	if s := d.remarks(); s != "" {
		line += " " + s
	}
	return line
}

// remarks is what a line for people says of what only some modes have.
func (r *Result) remarks() string {
	switch {
	case r.Ping != nil:
		s := r.Ping.counts()
		if t := r.Ping.Interval; t != nil {
			s += fmt.Sprintf(" RTT min %s mean %s p99 %s max %s us", us(t.MinNS), us(t.MeanNS), us(t.P99NS), us(t.MaxNS))
		}
		return s
	case r.Pong != nil:
		return fmt.Sprintf("%d drops", r.Pong.KernelDrops)
	case r.RxResult != nil:
		return r.RxResult.remarks()
	}
	return ""
}

func (r *Reporter) write(res *Result) error {
	if r.JSON == nil {
		return nil
	}
	enc := json.NewEncoder(r.JSON)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(res); err != nil {
		return fmt.Errorf("write the JSON result: %w", err)
	}
	return nil
}

// recent is the rates of the last intervals.
type recent struct {
	rates [15]float64
	n     int // ever
}

func (r *recent) add(pps float64) {
	r.rates[r.n%len(r.rates)] = pps
	r.n++
}

// stats returns mean and standard deviation. pkt-gen leaves out intervals
// without a packet; here a standstill is an interval as any.
func (r *recent) stats() (mean, deviation float64) {
	rates := r.rates[:min(r.n, len(r.rates))]
	if len(rates) == 0 {
		return 0, 0
	}
	for _, v := range rates {
		mean += v
	}
	mean /= float64(len(rates))
	for _, v := range rates {
		deviation += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(rates)))
}
