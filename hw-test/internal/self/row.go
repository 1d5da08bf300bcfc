package self

import (
	"strconv"
	"time"

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
	// Queues is the number of queues of each program.
	Queues int  `json:"queues"`
	Pace   Pace `json:"pace"`
	// Asked is the number of frames asked for, 0 at full speed.
	Asked uint64 `json:"asked_packets"`
	// Holds is the verdict, and Why has a sentence for each reason why not.
	Holds bool     `json:"holds"`
	Why   []string `json:"why"`
	// Pktgen and Rcv are what the programs' --json printed; nil where that
	// is missing.
	Pktgen *cli.Result `json:"pktgen"`
	Rcv    *cli.Result `json:"rcv"`

	index int // in the table
}

const (
	// idle is how long rcv waits for more after the last frame: several
	// times the longest pause of pktgen's end records, 128 ms, so that a
	// busy machine may be late by that much, too.
	idle = 500 * time.Millisecond
	// first bounds rcv's wait for the first frame, for when pktgen fails.
	first = 3 * time.Second
	// slack is what a row may take beyond its sending, to start two
	// programs, end records (255 ms) and idle, before something hangs.
	slack = 10 * time.Second
)

// rcvArgs is rcv's command line for this row.
func (r *Row) rcvArgs(port string) []string {
	args := []string{"-i", port, "-p", strconv.Itoa(r.Queues), "-T", "0", "--json",
		"--idle", idle.String(), "--wait-first", first.String()}
	if r.Pace == Paced {
		args = append(args, "--expect", strconv.FormatUint(r.Asked, 10), "--max-loss", "0")
	}
	return args
}

// pktgenArgs is pktgen's command line for this row; length is that of what the
// port sends, frames or payloads.
func (r *Row) pktgenArgs(port string, length int, rate float64, d time.Duration) []string {
	args := []string{"-i", port, "-f", "tx", "-p", strconv.Itoa(r.Queues), "-l", strconv.Itoa(length), "-T", "0", "--json"}
	if r.Pace == Full {
		return append(args, "--duration", d.String())
	}
	// A machine that is too busy to send in time is no reason to fail: what
	// counts here is that nothing is lost, and the table shows the rate.
	return append(args, "-n", strconv.FormatUint(r.Asked, 10), "-R", strconv.FormatFloat(rate, 'f', -1, 64), "--best-effort")
}

// gbps is the rate on an Ethernet wire in Gbit/s, each frame with its CRC,
// preamble and gap (24 bytes), whatever the port counted as bytes.
func (r *Row) gbps() float64 { return r.Pktgen.PPS * float64(r.Size+24) * 8 / 1e9 }
