package mirror

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/program"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/cli"
)

// Modes, with pktgen's flags for how many messages a system call takes at most.
var modes = []struct {
	name  string
	flags []string
}{{"one", []string{"--per-call", "1"}}, {"batch", nil}}

// batches is the mode that every kind has.
const batches = 1

// Row is one line: a load over one kind of socket in one mode.
type Row struct {
	Port string  `json:"port"` // "udp", "packet" or "netmap"
	Load float64 `json:"load"` // messages a second as asked; 0: batch after batch
	Mode string  `json:"mode"` // "one" or "batch"

	// Verdict is on all rounds, and Sentence says it in words. Failed is a row
	// whose messages did not all come back, though the load was sent.
	Verdict  results.Verdict `json:"verdict"`
	Sentence string          `json:"sentence"`

	// Sent is Received and Lost. Received messages came back within a second.
	Sent       uint64 `json:"sent"`
	Received   uint64 `json:"received"`
	Lost       uint64 `json:"lost"`
	Duplicates uint64 `json:"duplicates"`
	Foreign    uint64 `json:"foreign"` // what came and was no message of this run

	Achieved float64 `json:"achieved"` // Sent a second
	// Calls are the system calls of both sides that moved or tried to move
	// messages, and CPU the time of both sides in µs, for each of Sent.
	Calls float64 `json:"calls_per_message"`
	CPU   float64 `json:"cpu_us_per_message"`

	// Round trips in µs.
	Min  float64 `json:"min_us"`
	Mean float64 `json:"mean_us"`
	P50  float64 `json:"p50_us"`
	P90  float64 `json:"p90_us"`
	P99  float64 `json:"p99_us"`
	P999 float64 `json:"p99_9_us"`
	Max  float64 `json:"max_us"`
}

// A key says which row it is.
type key struct {
	port string
	load float64
	mode int
}

// Headers of a message: Ethernet 14, IPv4 20, UDP 8.
const headers = 14 + 20 + 8

// slack is what a trial may take beyond its sending, to start two programs and
// to wait for the last answers, before something hangs.
const slack = 10 * time.Second

// trial runs both programs once.
func (r *runner) trial(ctx context.Context, f testbed.Flow, k key) (Row, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Send+slack)
	defer cancel()
	near, far := r.commands(f, k)
	pong := program.Start(ctx, f.To.Launch, "pktgen", far)
	if !pong.IsReady() {
		return Row{}, failed("pong", pong.Wait())
	}
	ping := program.Start(ctx, f.From.Launch, "pktgen", near).Wait()
	back := pong.Stop()
	if err := cli.Join(failed("ping", ping), failed("pong", back)); err != nil {
		return Row{}, err
	}
	return newRow(k, ping.Result, back.Result), nil
}

// commands are the command lines of ping and pong.
func (r *runner) commands(f testbed.Flow, k key) (near, far []string) {
	from, to := specs(k.port, f)
	near = []string{
		"-i", from, "-f", "ping", "-T", "0", "--json", "--best-effort", "--duration", r.Send.String(), "-b", strconv.Itoa(r.Burst),
	}
	if k.load > 0 {
		near = append(near, "-R", strconv.FormatFloat(k.load, 'f', -1, 64))
	}
	far = []string{"-i", to, "-f", "pong", "-T", "0", "--json"}
	length := r.Size
	if k.port != udp {
		length += headers
		near = append(near, addressed(f)...)
	}
	near = append(near, "-l", strconv.Itoa(length))
	if m := modes[k.mode]; len(m.flags) > 0 {
		near, far = append(near, m.flags...), append(far, m.flags...)
	}
	a, b := r.bound(f)
	return append(near, a...), append(far, b...)
}

// addressed are the flags for the addresses in the frames: those of the port's
// own flags, else to the other port.
func addressed(f testbed.Flow) []string {
	args := taken(f.From.Flags, "--src-mac", "--dst-mac", "--src", "--dst")
	if mac := f.From.MAC; len(mac) > 0 && !slices.Contains(args, "--src-mac") {
		args = append(args, "--src-mac", mac.String())
	}
	if mac := f.To.MAC; len(mac) > 0 && !slices.Contains(args, "--dst-mac") {
		args = append(args, "--dst-mac", mac.String())
	}
	return args
}

// bound are the flags for the CPUs: those of the ports' own flags, else where
// both programs are here a CPU for each.
func (r *runner) bound(f testbed.Flow) (near, far []string) {
	near, far = taken(f.From.Flags, "-a"), taken(f.To.Flags, "-a")
	cpus := r.rep.Environment.CPUs
	if len(near) == 0 && len(far) == 0 && f.From.Host == "" && f.To.Host == "" && len(cpus) > 1 {
		// A single number would be the first of many.
		only := func(cpu int) []string { return []string{"-a", fmt.Sprintf("%d,%d", cpu, cpu)} }
		return only(cpus[0]), only(cpus[1])
	}
	return near, far
}

// taken are those of a port's flags that have these names, each with its value.
// Its others are for sending and for rcv.
func taken(flags []string, names ...string) (list []string) {
	for i := 0; i+1 < len(flags); i++ {
		if slices.Contains(names, flags[i]) {
			list = append(list, flags[i], flags[i+1])
			i++
		}
	}
	return list
}

// failed is what is wrong with how a program ended. A result that falls short
// is for judge.
func failed(mode string, o program.Outcome) error {
	r := o.Result
	switch {
	case r != nil && r.ExitStatus != nil && *r.ExitStatus == cli.ExitShort:
	case o.Failure != "":
		return fmt.Errorf("pktgen -f %s %s", mode, o.Failure)
	}
	if mode == "ping" && r.Ping == nil || mode == "pong" && r.Pong == nil {
		return fmt.Errorf("pktgen -f %s has another program's result", mode)
	}
	return nil
}

// newRow makes the row of a trial.
func newRow(k key, ping, pong *cli.Result) Row {
	p := ping.Ping
	row := Row{
		Port: k.port, Load: k.load, Mode: modes[k.mode].name,
		Sent: ping.Packets, Received: p.Received, Lost: p.Lost, Duplicates: p.Duplicates, Foreign: p.Foreign,
		Achieved: ping.PPS,
	}
	if t := p.RTT; t != nil {
		row.Min, row.Mean, row.Max = us(t.MinNS), us(t.MeanNS), us(t.MaxNS)
		row.P50, row.P90, row.P99, row.P999 = us(t.P50NS), us(t.P90NS), us(t.P99NS), us(t.P999NS)
	}
	if n := float64(row.Sent); n > 0 {
		row.Calls = float64(p.Calls+pong.Pong.Calls) / n
		row.CPU = 1e6 * (ping.CPUSeconds + pong.CPUSeconds) / n
	}
	return row
}

func us(ns int64) float64 { return float64(ns) / 1e3 }
