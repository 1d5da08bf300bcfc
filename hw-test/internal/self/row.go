package self

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Pace is how fast a row sends.
type Pace string

// Paces.
const (
	Paced Pace = "paced" // so slowly that nothing may be lost
	Full  Pace = "full"  // as fast as it goes
)

// Row is one line of the table: pktgen and rcv run once.
type Row struct {
	// Size is the length of a frame without CRC in bytes; over UDP, that of
	// the frame that the datagram would be in.
	Size int `json:"size"`
	// Queues is the number of queues of each program; 0: as the port has them.
	Queues int  `json:"queues"`
	Pace   Pace `json:"pace"`
	// Path is from where to where, "" where the environment has one flow only.
	Path string `json:"path,omitempty"`
	// Asked is the number of frames asked for, 0 at full speed.
	Asked uint64 `json:"asked_packets"`
	// Holds tells that the verdict is passed, and Why has a sentence for each
	// reason why not. Failed are rows whose frames are not all there or accounted
	// for, invalid those of which nobody knows.
	Holds   bool            `json:"holds"`
	Verdict results.Verdict `json:"verdict"`
	Why     []string        `json:"why"`
	Seconds float64         `json:"seconds"`
	// Pktgen and Rcv are what the programs' --json printed; nil where that
	// is missing.
	Pktgen *cli.Result `json:"pktgen"`
	Rcv    *cli.Result `json:"rcv"`
	// AlsoAt are other receivers at whose devices the row's frames came, too.
	AlsoAt []string `json:"also_at,omitempty"`

	index int    // among the rows of a flow
	flow  int    // of the environment's
	noise uint64 // frames of others that may come
	// Hosts that the programs run on, "" for this one.
	from, to string
	broke    bool // a program did
	// How long pktgen was to send, and how long it ran.
	sends, took time.Duration
}

// each has every row run for each flow.
func each(rows []*Row, paths []string) (list []*Row) {
	for _, row := range rows {
		for i, path := range paths {
			r := *row
			r.flow, r.Path = i, path
			list = append(list, &r)
		}
	}
	return list
}

const notBegun = "not begun"

const (
	// idle is how long rcv waits for more after the last frame: several
	// times the longest pause of pktgen's end records, 128 ms, so that a
	// busy machine may be late by that much, too.
	idle = 500 * time.Millisecond
	// ending is how long pktgen sends end records.
	ending = 255 * time.Millisecond
	// slack is what a row may take beyond its sending, to start two
	// programs, end records and idle, before something hangs.
	slack = 10 * time.Second
)

// estimate is about how long a row takes.
func estimate(d time.Duration) time.Duration { return d + idle + 300*time.Millisecond }

// run runs both programs in an environment and judges. The row sends for d, if
// paced at that rate.
func (r *Row) run(ctx context.Context, env testbed.Environment, rate float64, d time.Duration) {
	if r.Pace == Paced {
		r.Asked = uint64(max(1, math.Round(rate*d.Seconds())))
	}
	r.sends = d
	ctx, cancel := context.WithTimeout(ctx, d+slack)
	defer cancel()
	began := time.Now()
	from, to := env.Flows()[r.flow].From, env.Flows()[r.flow].To
	r.from, r.to = from.Host, to.Host
	r.noise = uint64(to.Noise * d.Seconds())
	tx := program.Outcome{Failure: "was not started, because rcv did not get ready"}
	rcv := program.Start(ctx, to.Launch, "rcv", r.rcvArgs(to))
	if rcv.IsReady() {
		start := time.Now()
		tx = program.Start(ctx, from.Launch, "pktgen", r.pktgenArgs(from, rate, d)).Wait()
		r.took = time.Since(start)
	}
	r.judge(tx, rcv.Wait())
	r.Seconds = time.Since(began).Seconds()
}

// flooded finds other flows' receivers whose devices have counted about as many
// frames during the row as were sent. Where a NIC filters by address or its
// counters are late, that is not known.
func (r *Row) flooded(flows []testbed.Flow, before, after []testbed.Counters) {
	if r.Pktgen == nil {
		return
	}
	sent, own := r.Pktgen.Packets, flows[r.flow].To
	for _, f := range flows {
		p := f.To
		name := p.String()
		if p == own || p.Late > 0 || p.Host == own.Host && p.Device == own.Device || slices.Contains(r.AlsoAt, name) {
			continue
		}
		for i, b := range before {
			if b.Role != testbed.Receiver || b.Host != p.Host || b.Device != p.Device || i >= len(after) || after[i].Restarted(b) {
				continue
			}
			if n := after[i].Since(b).RxPackets; n > 2*r.noise && n > sent/2 {
				r.AlsoAt = append(r.AlsoAt, name)
			}
		}
	}
}

// rcvArgs is rcv's command line for this row.
func (r *Row) rcvArgs(port *testbed.Port) []string {
	args := []string{"-i", port.Spec, "-T", "0", "--json",
		"--idle", idle.String(), "--wait-first", testbed.FirstFrame.String()}
	if r.Pace == Paced {
		args = append(args, "--expect", strconv.FormatUint(r.Asked, 10), "--max-loss", "0")
	}
	return slices.Concat(args, r.queueArgs(), port.Flags)
}

func (r *Row) queueArgs() []string {
	if r.Queues == 0 {
		return nil
	}
	return []string{"-p", strconv.Itoa(r.Queues)}
}

// pktgenArgs is pktgen's command line for this row.
func (r *Row) pktgenArgs(port *testbed.Port, rate float64, d time.Duration) []string {
	args := []string{"-i", port.Spec, "-f", "tx", "-l", strconv.Itoa(r.Size - port.Headers), "-T", "0", "--json"}
	if port.Headers == 0 {
		// Other flows than the other rows'. Which queue a flow goes to is the
		// kernel's choice by a hash that stays the same until reboot: flows that
		// never change might all share one queue in every row.
		args = append(args, "-s", fmt.Sprintf("10.0.0.1:%d", 1024+64*r.index))
	}
	if r.Pace == Full {
		args = append(args, "--duration", d.String())
	} else {
		// A machine that is too busy to send in time is no reason to fail: what
		// counts here is that nothing is lost, and the table shows the rate.
		args = append(args, "-n", strconv.FormatUint(r.Asked, 10), "-R", strconv.FormatFloat(rate, 'f', -1, 64), "--best-effort")
	}
	return slices.Concat(args, r.queueArgs(), port.Flags)
}

// gbps is the rate on an Ethernet wire in Gbit/s, each frame with its CRC,
// preamble and gap (24 bytes), whatever the port counted as bytes.
func (r *Row) gbps() float64 { return r.Pktgen.PPS * float64(r.Size+24) * 8 / 1e9 }
