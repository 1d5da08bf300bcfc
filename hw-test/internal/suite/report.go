package suite

import (
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/search"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/hw-test/internal/trial"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Report is what a suite found, and what its --json prints.
type Report struct {
	Tool    string    `json:"tool"` // "hw-test"
	Version string    `json:"version"`
	Suite   string    `json:"suite"` // "throughput", "loss", "latency"
	Start   time.Time `json:"start"`

	Host        Host                `json:"host"`
	Environment testbed.Description `json:"environment"`
	Settings    Settings            `json:"settings"`
	// Flows are all at once, their rates added; empty until the environment is
	// there, never null in JSON.
	Flows []Flow `json:"flows"`

	// Rows are those planned, in order; those that were not reached have the
	// verdict "unfinished". Never null in JSON.
	Rows        []*Row  `json:"rows"`
	Interrupted bool    `json:"interrupted"`
	Seconds     float64 `json:"seconds"`
	ExitStatus  int     `json:"exit_status"`
}

// Host is where the suite ran.
type Host struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"` // its release, as uname -r prints it
	CPUs   int    `json:"cpus"`   // that this process may use
}

// Settings are the options that decide about results.
type Settings struct {
	InitialSeconds float64 `json:"initial_seconds"` // of the shortest trials
	FinalSeconds   float64 `json:"final_seconds"`   // of full trials
	SettleSeconds  float64 `json:"settle_seconds"`  // of waiting after a trial
	StallSeconds   float64 `json:"stall_seconds"`   // that pktgen may stand still before loss is in doubt
	BurstSeconds   float64 `json:"burst_seconds"`   // from burst to burst; 0: frames one by one
	RateTolerance  float64 `json:"rate_tolerance"`  // share of the rate that may be missing
	PDRLossRatio   float64 `json:"pdr_loss_ratio"`
	Width          float64 `json:"width"`   // of bounds, as a share of the upper one
	Confirm        int     `json:"confirm"` // full trials that may decide about a rate
	ExceedRatio    float64 `json:"exceed_ratio"`
}

// Flow is a port that a generator sends from, and the one that its frames arrive
// at.
type Flow struct {
	From End `json:"from"`
	To   End `json:"to"`
	// LinkBPS is the speed of From's link in bits on the wire a second, 0: none
	// is known.
	LinkBPS float64 `json:"link_bps"`
}

// End is a port of a Flow.
type End struct {
	Host   string `json:"host,omitempty"` // its name, "" for this one
	Port   string `json:"port"`
	Device string `json:"device,omitempty"`
}

func flowsOf(flows []testbed.Flow) []Flow {
	list := []Flow{}
	end := func(p *testbed.Port) End { return End{p.Host, p.Spec, p.Device} }
	for _, f := range flows {
		list = append(list, Flow{end(f.From), end(f.To), f.From.LinkBPS})
	}
	return list
}

// generators says from where to where several generators sent, "" of one.
func (r *Report) generators() string {
	if len(r.Flows) < 2 {
		return ""
	}
	var ways []string
	for _, f := range r.Flows {
		ways = append(ways, testbed.At(f.From.Port, f.From.Host)+" → "+testbed.At(f.To.Port, f.To.Host))
	}
	return fmt.Sprintf("%d generators sent at once, their rates added: %s", len(ways), strings.Join(ways, "; "))
}

// Row is what was found for the frames of one size.
type Row struct {
	Profile
	Verdict  results.Verdict `json:"verdict"`
	Sentence string          `json:"sentence"` // the verdict in words
	// MinPPS and MaxPPS are the lowest and the highest load to try, and
	// MaxWhy is what made the latter: "asked", "line rate", or "generator", 90
	// % of what it reaches.
	MinPPS float64 `json:"min_pps"`
	MaxPPS float64 `json:"max_pps"`
	MaxWhy string  `json:"max_why,omitempty"`
	// Generators is how many sent at once, their rates added; 0: it was not
	// begun.
	Generators int `json:"generators"`
	// LinkBPS is line rate in bits on the wire a second, of all generators'
	// links together, 0: there is none.
	LinkBPS float64 `json:"link_bps"`
	// Generator is a sentence on what it reaches, where that was tried.
	Generator string `json:"generator,omitempty"`
	// Search is the result of throughput, and of latency's first part; nil
	// before.
	Search *search.Result `json:"search,omitempty"`
	// Loss is the result of loss.
	Loss []LossPoint `json:"loss,omitempty"`
	// Latency is the result of latency, and ShareOf what its loads are shares
	// of: "NDR", "--max-rate", or in words.
	Latency []LatencyPoint `json:"latency,omitempty"`
	ShareOf string         `json:"share_of,omitempty"`
	// Trials are all trials with raw results, the invalid ones too, in the
	// order of time; never null in JSON.
	Trials  []*trial.Trial `json:"trials"`
	Seconds float64        `json:"seconds"`
}

func newReport(name string, o *Options) (*Report, error) {
	if name == latencyName {
		o.PDR = 0 // it searches for the NDR alone
	}
	profiles, err := o.profiles()
	if err != nil {
		return nil, err
	}
	r := &Report{
		Tool: "hw-test", Version: cli.Version(), Suite: name, Start: time.Now(),
		Host:        Host{OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: bench.KernelRelease(), CPUs: runtime.NumCPU()},
		Environment: o.Describe(),
		Settings: Settings{
			InitialSeconds: o.Initial.Seconds(), FinalSeconds: o.Duration.Seconds(), SettleSeconds: o.Settle.Seconds(),
			StallSeconds: o.Stall.Seconds(), BurstSeconds: o.Burst.Seconds(), RateTolerance: o.Tolerance / 100, PDRLossRatio: o.PDR / 100, Width: o.Width / 100, Confirm: int(o.Confirm),
		},
		Flows: []Flow{}, Rows: []*Row{},
	}
	if o.Confirm > 1 {
		r.Settings.ExceedRatio = 0.5
	}
	for _, p := range profiles {
		r.Rows = append(r.Rows, &Row{Profile: p, Verdict: results.Unfinished, Sentence: "not begun", Trials: []*trial.Trial{}})
	}
	return r, nil
}

// finish settles what is known only at the end.
func (r *Report) finish(interrupted, broke bool) {
	r.Interrupted = interrupted
	r.Seconds = time.Since(r.Start).Seconds()
	var verdicts []results.Verdict
	for _, row := range r.Rows {
		verdicts = append(verdicts, row.Verdict)
	}
	r.ExitStatus = results.Status(broke, verdicts...)
}

func (row *Row) end(v results.Verdict, format string, args ...any) {
	row.Verdict, row.Sentence = v, fmt.Sprintf(format, args...)
}
