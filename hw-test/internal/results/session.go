package results

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/machine"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
)

// Format is the number of the layout of results.json that this build writes
// and reads.
const Format = 1

// A Session is one run of hw-test, and what results.json holds. Slices are
// never null in JSON.
type Session struct {
	Format  int       `json:"format"`
	Tool    string    `json:"tool"`    // "hw-test"
	Command []string  `json:"command"` // its arguments, without the program's name
	Start   time.Time `json:"start"`
	Seconds float64   `json:"seconds"`

	Host  machine.Host `json:"host"` // where hw-test was run
	Build Build        `json:"build"`
	// Hosts are those of a lab of other hosts, in the file's order.
	Hosts []RemoteHost `json:"hosts,omitempty"`

	// Lab is the lab file as it was understood; nil without one.
	Lab *lab.Lab `json:"lab"`
	// Preflight is what was found before the first suite; nil if it was not
	// looked. Forced tells that a failure in it was overruled (--force).
	Preflight *preflight.Report `json:"preflight"`
	Forced    bool              `json:"forced"`

	Suites []*Suite `json:"suites"`
	// Notes are sentences on the session as a whole.
	Notes       []string `json:"notes"`
	Interrupted bool     `json:"interrupted"` // by ^C: what was not reached is unfinished
	ExitStatus  int      `json:"exit_status"`
}

// A RemoteHost is another machine of a session's lab.
type RemoteHost struct {
	Name string `json:"host"` // as the lab file has it
	machine.Host
	// Clock is how far its clock was found to be ahead at the start.
	Clock testbed.Clock `json:"clock"`
}

// String is the host in a line.
func (h *RemoteHost) String() string {
	s := fmt.Sprintf("%s: %d CPUs (%s), %s %s", h.Name, h.CPUs, cmp.Or(h.CPU, h.Arch), h.OS, h.Kernel)
	if h.Netmap != "" {
		s += ", netmap " + h.Netmap
	}
	return s + "; " + h.Clock.String()
}

// Build is what was run.
type Build struct {
	Version  string            `json:"version"`
	Go       string            `json:"go"`
	Revision string            `json:"revision,omitempty"` // git's, if the build knows it
	Time     string            `json:"time,omitempty"`     // of that commit
	Modified bool              `json:"modified,omitempty"` // built from a changed tree
	Modules  map[string]string `json:"modules"`            // Go modules in it and their versions
}

// A Suite is what was found by one suite.
type Suite struct {
	Name        string              `json:"suite"`
	Environment testbed.Description `json:"environment"`
	// Settings are the options that decide about results, as the suite's own
	// report has them.
	Settings any     `json:"settings,omitempty"`
	Cases    []*Case `json:"cases"`
	Plots    []Plot  `json:"plots"` // over all cases
	// Notes are sentences on what changes no verdict and should be known.
	Notes      []string  `json:"notes"`
	Start      time.Time `json:"start,omitzero"`
	Seconds    float64   `json:"seconds"`
	ExitStatus int       `json:"exit_status"`
}

// A Verdict is how a case ended.
type Verdict string

// Verdicts. They say different things: a Failed case tells that packets or
// promises were lost, an Invalid one that the tester or its surroundings were
// at fault, so that nothing is known, a Skipped one that the system lacks what
// it takes.
const (
	Passed     Verdict = "passed"            // has its figures, and holds
	Failed     Verdict = "failed"            // does not hold
	None       Verdict = "no throughput"     // a device that loses at every rate
	Limited    Verdict = "generator-limited" // the tester's own device was the limit
	Invalid    Verdict = "invalid"           // the environment was at fault
	Skipped    Verdict = "skipped"           // the system lacks what it takes
	Unfinished Verdict = "unfinished"        // stopped, or never begun
)

// A Case is one row of a suite.
type Case struct {
	Name     string   `json:"case"` // unique in its suite
	Verdict  Verdict  `json:"verdict"`
	Sentence string   `json:"sentence"` // the verdict in words, without a full stop
	Seconds  float64  `json:"seconds"`
	Figures  []Figure `json:"figures"`
	Plots    []Plot   `json:"plots"`
	// Trials are the files of its trials, relative to the directory.
	Trials []string `json:"trials"`
}

// Better says which way a figure is better.
type Better string

// Directions.
const (
	Higher  Better = "higher"
	Lower   Better = "lower"
	Neither Better = "" // told, not judged
)

// A Figure is one number that was found.
type Figure struct {
	Name   string  `json:"figure"` // "NDR", "pktgen CPU"
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"` // "pps", "bit/s", "ns/packet", "µs", "%"
	Better Better  `json:"better"`
}

// A Plot is a picture to be drawn.
type Plot struct {
	Title string `json:"title"`
	// X and Y are the axes' labels with their units, LogX and LogY ask for
	// logarithmic scales, which leave out what is not above 0.
	X      string   `json:"x"`
	Y      string   `json:"y"`
	LogX   bool     `json:"log_x,omitempty"`
	LogY   bool     `json:"log_y,omitempty"`
	Series []Series `json:"series"`
}

// A Style is how a series is drawn.
type Style string

// Styles.
const (
	Points Style = "points"
	Line   Style = "line" // a line through marked points
	// Reference is a thin dashed line: what is to be held against. One point is
	// a level across the whole plot, points of one X stand over its whole
	// height; neither widens the axis along it.
	Reference Style = "reference"
)

// A Series is points of a plot, in the order of X for lines.
type Series struct {
	Name  string    `json:"name"`
	Style Style     `json:"style"`
	X     []float64 `json:"x"`
	Y     []float64 `json:"y"` // as many
	// Labels, if there are any, name the values of X on the axis instead of
	// numbers ("64", "imix"), as many as X.
	Labels []string `json:"labels,omitempty"`
}
