package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// shortest is the shortest interval worth a line; pkt-gen skips below it too.
const shortest = 10 * time.Millisecond

// Reporter prints how a run goes: an interval line for people, and the same
// as JSON for programs. The zero value with Tool set and the writers nil
// prints nothing. Its methods may be called from any goroutine.
type Reporter struct {
	// Tool begins every line.
	Tool string
	// Human receives the lines for people, stderr as a rule; nil is none.
	// What cannot be written there is lost silently: a closed terminal is no
	// reason to stop a measurement.
	Human io.Writer
	// Width says how many columns Human has. If it is set, Human is a
	// terminal and the interval line is rewritten in place; a result of 0
	// means the width is unknown.
	Width func() int
	// JSON receives one object per line, stdout as a rule; nil is none.
	JSON io.Writer
	// Stream adds an object per interval to the one at the end.
	Stream bool

	mu   sync.Mutex
	prev Result
	live bool // the cursor is at the end of an interval line
}

// Width is the function for Reporter.Width if f is a terminal, else nil.
func Width(f *os.File) func() int {
	fd := int(f.Fd())
	if !term.IsTerminal(fd) {
		return nil
	}
	return func() int {
		w, _, err := term.GetSize(fd)
		if err != nil {
			return 0
		}
		return w
	}
}

// Interval reports what happened since the last call. cur counts from the
// start of the run, with Start set and Seconds the time since then; the
// Reporter keeps it, so its Queues must not be written again. suffix is put
// at the end of the line ("3 lost 0 drops"). An interval below 10 ms is left
// for the next one. The error is JSON's writer's.
func (r *Reporter) Interval(cur Result, suffix string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := cur.Since(&r.prev)
	if d.Seconds < shortest.Seconds() {
		return nil
	}
	r.prev = cur
	line := intervalLine(r.Tool, cur.at(cur.Seconds), &d)
	if suffix != "" {
		line += " " + suffix
	}
	r.progress(line)
	if !r.Stream {
		return nil
	}
	d.Type = "interval"
	return r.write(&d)
}

// Note prints a sentence for people between the interval lines.
func (r *Reporter) Note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.human("%s: %s\n", r.Tool, fmt.Sprintf(format, args...))
}

// Final prints the report at the end: in words, and as JSON. It fills the
// rates of res. The error is JSON's writer's.
func (r *Reporter) Final(res *Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	res.Fill()
	r.human("%s", finalReport(res))
	last := *res
	if r.Stream {
		last.Type = "result"
	}
	return r.write(&last)
}

// intervalLine is pkt-gen's line without its function name and line number.
// The stamp is the last three digits of the Unix second and the microseconds.
func intervalLine(tool string, now time.Time, d *Result) string {
	return fmt.Sprintf("%03d.%06d %s %spps (%spkts %sbps in %.0f usec) %.2f avg_batch",
		now.Unix()%1000, now.Nanosecond()/1000, tool,
		Norm(d.PPS), Norm(float64(d.Packets)), Norm(d.BPS),
		math.Round(d.Seconds*1e6), d.AvgBatch)
}

// progress prints the interval line; on a terminal over the one before, cut
// to the width, because a wrapped line cannot be rewritten.
func (r *Reporter) progress(line string) {
	if r.Human == nil {
		return
	}
	if r.Width == nil {
		fmt.Fprintln(r.Human, line)
		return
	}
	if w := r.Width(); w > 0 && len(line) >= w {
		line = line[:w-1]
	}
	fmt.Fprintf(r.Human, "\r%s\x1b[K", line)
	r.live = true
}

// human prints whole lines, below the live line if there is one.
func (r *Reporter) human(format string, args ...any) {
	if r.Human == nil {
		return
	}
	if r.live {
		fmt.Fprintln(r.Human)
		r.live = false
	}
	fmt.Fprintf(r.Human, format, args...)
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
