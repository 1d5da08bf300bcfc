package sockets

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/ringwalk/ringwalk/hw-test/internal/bench"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
)

// Report is what --json prints.
type Report struct {
	Tool        string            `json:"tool"`  // "hw-test"
	Suite       string            `json:"suite"` // "sockets"
	Environment bench.Environment `json:"environment"`
	Size        int               `json:"size"`    // of a payload, or of an AF_PACKET frame without headers, in bytes
	Packets     int               `json:"packets"` // of a trial, about
	Rounds      int               `json:"rounds"`
	// NullCall is the CPU time of a system call that does nothing, in µs: what
	// calls of many packets save.
	NullCall float64 `json:"null_call_us"`
	// Rows never is null in JSON, nor are Notes: sentences on missed aims and
	// whatever else should be known.
	Rows        []Result `json:"rows"`
	Notes       []string `json:"notes"`
	Interrupted bool     `json:"interrupted"`
	Seconds     float64  `json:"seconds"`
	ExitStatus  int      `json:"exit_status"`

	broke bool // the environment did
}

// Result is one line: of all rounds' trials the best, and the median one where
// both ends run at once.
type Result struct {
	Group string `json:"group"`
	Name  string `json:"name"`
	// Verdict is on all rounds, and Sentence says it in words. Failed is a row
	// that does not hold; those without a trial have no figures.
	Verdict  results.Verdict `json:"verdict"`
	Sentence string          `json:"sentence"`

	PPS   float64 `json:"pps"`              // packets a second
	CPU   float64 `json:"cpu_s_per_mpkt"`   // CPU seconds of the side's threads for a million packets
	Calls float64 `json:"calls_per_packet"` // system calls that moved or tried to move packets

	// Sent is Received and the drops, or Holds is false. NotTaken are packets
	// that the kernel refused and the sender gave up; the engine offers such
	// packets again, and its ports count none.
	Sent        uint64   `json:"sent"`
	Received    uint64   `json:"received"`
	NotTaken    uint64   `json:"not_taken"`
	SocketDrops uint64   `json:"socket_drops"` // the receiving socket had no room
	DeviceDrops uint64   `json:"device_drops"` // the sending interface dropped it
	Queues      []uint64 `json:"queues"`       // Received, by queue
	Fill        int      `json:"fill"`         // packets sent before they are received; 0: at the same time
	Holds       bool     `json:"holds"`

	// Beside is the row that this one is held against, "": none. Ratio is how
	// many times as many packets it moves in a CPU second; in a second where the
	// numbers of queues differ or both ends run at once.
	Beside string  `json:"beside"`
	Ratio  float64 `json:"ratio"`
	Aim    float64 `json:"aim"` // 0: none
	Met    bool    `json:"met"` // there is an aim, and the ratio reaches it
}

// measured is the side that a row is about, and how many packets it moved.
func (r *row) measured(t *trial) (u usage, packets uint64) {
	switch {
	case r.kind == together:
		return usage{t.recv.wall, t.send.cpu + t.recv.cpu, t.send.calls + t.recv.calls}, t.received
	case r.receives:
		return t.recv, t.received
	}
	return t.send, t.sent
}

// rate is the packets a second of a trial.
func (r *row) rate(t *trial) float64 {
	u, n := r.measured(t)
	if u.wall <= 0 {
		return 0
	}
	return float64(n) / u.wall.Seconds()
}

// decile is the first: a tenth of the list is below it.
func decile[T cmp.Ordered](list []T) T {
	list = slices.Sorted(slices.Values(list))
	return list[len(list)/10]
}

// effort is the CPU seconds for a packet.
func (r *row) effort(t *trial) float64 {
	u, n := r.measured(t)
	return u.cpu.Seconds() / float64(max(n, 1))
}

// shown is the trial that stands for all rounds. Where the sides take turns it
// is the best: what else the machine does only costs. Where they run at once it
// is the median, for there luck is in it. nil without trials.
func (r *row) shown() *trial {
	if len(r.trials) == 0 {
		return nil
	}
	list := slices.Clone(r.trials)
	better := func(a, b trial) int { return cmp.Compare(r.rate(&b), r.rate(&a)) }
	if r.kind == turns {
		better = func(a, b trial) int { return cmp.Compare(r.effort(&a), r.effort(&b)) }
	}
	slices.SortFunc(list, better)
	if r.kind == together {
		return &list[len(list)/2]
	}
	return &list[0]
}

// result makes a row's line, without its verdict.
func (r *row) result() Result {
	s := Result{Group: r.group, Name: r.name, Aim: r.aim, Queues: []uint64{}}
	t := r.shown()
	if t == nil {
		return s
	}
	u, n := r.measured(t)
	s.PPS = r.rate(t)
	s.Sent, s.Received, s.NotTaken, s.SocketDrops, s.DeviceDrops = t.sent, t.received, t.notTaken, t.socketDrops, t.deviceDrops
	s.Queues, s.Fill, s.Holds = t.queues, t.fill, t.missing() == 0
	if r.kind == together {
		s.Fill = 0
	}
	if n > 0 {
		s.CPU, s.Calls = u.cpu.Seconds()/float64(n)*1e6, float64(u.calls)/float64(n)
	}
	if r.beside != nil && r.beside.shown() != nil {
		s.Beside = r.beside.name
		s.Ratio = ratio(r, r.beside, t, r.beside.shown())
		s.Met = s.Aim > 0 && s.Ratio >= s.Aim
	}
	return s
}

// ratio holds a row against another. Threads that wait for each other have no
// use for CPU time.
func ratio(r, beside *row, t, other *trial) float64 {
	own, others := r.rate(t), beside.rate(other)
	if r.kind != together && r.rx.queues == beside.rx.queues {
		own, others = beside.effort(other), r.effort(t)
	}
	if own <= 0 || others <= 0 {
		return 0
	}
	return own / others
}

func (r *Report) print(w io.Writer) {
	const line = "%-37s %7s %8s %10s  %-24s %8s %8s %9s %7s %6s  %s\n"
	group := ""
	for _, s := range r.Rows {
		if s.Group != group {
			group = s.Group
			fmt.Fprintf(w, "\n%s\n", group)
			fmt.Fprintf(w, line, "", "Mpps", "CPU s/M", "calls/pkt", "beside", "sent", "received", "not taken", "socket", "iface", "verdict")
		}
		if len(s.Queues) == 0 {
			fmt.Fprintf(w, line, "  "+s.Name, "-", "-", "-", "", "-", "-", "-", "-", "-", s.Verdict)
			continue
		}
		beside := ""
		if s.Beside != "" {
			beside = fmt.Sprintf("%.3g", s.Ratio)
			if s.Aim > 0 {
				beside += fmt.Sprintf(" (aim %.3g: %s)", s.Aim, map[bool]string{true: "met", false: "missed"}[s.Met])
			}
		}
		fmt.Fprintf(w, line, "  "+s.Name, fmt.Sprintf("%.3f", s.PPS/1e6), fmt.Sprintf("%.3f", s.CPU), fmt.Sprintf("%.4f", s.Calls), beside,
			fmt.Sprint(s.Sent), fmt.Sprint(s.Received), fmt.Sprint(s.NotTaken), fmt.Sprint(s.SocketDrops), fmt.Sprint(s.DeviceDrops), s.Verdict)
	}
	fmt.Fprintln(w)
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	if r.Interrupted {
		fmt.Fprintln(w, "Interrupted: the table has what was measured until then.")
	}
}
