package cli

import (
	"fmt"
	"strings"
	"time"
)

// Times are the figures of round trips or delays, in nanoseconds. Min, mean and
// max are exact, the percentiles of round trips are to three digits, those of
// delays to two.
type Times struct {
	Count  uint64 `json:"count"`
	MinNS  int64  `json:"min_ns"`
	MeanNS int64  `json:"mean_ns"`
	P50NS  int64  `json:"p50_ns"`
	P90NS  int64  `json:"p90_ns"`
	P99NS  int64  `json:"p99_ns"`
	P999NS int64  `json:"p999_ns"`
	MaxNS  int64  `json:"max_ns"`
}

// Ping is what became of the pings. Those sent are the Result's Packets; each
// is received or lost in the end.
type Ping struct {
	// Received is pings answered within the timeout, each counted once.
	Received uint64 `json:"received"`
	// Lost is pings not answered within it; answers still on their way are
	// not lost yet.
	Lost uint64 `json:"lost"`
	// Duplicates is answers to pings that had been answered.
	Duplicates uint64 `json:"duplicates"`
	// Late is first answers to pings that count as lost.
	Late uint64 `json:"late"`
	// Foreign is packets received that answer no ping of this run.
	Foreign uint64 `json:"foreign"`
	// Calls is system calls of both directions that moved or tried to move
	// packets; those that wait are not counted.
	Calls uint64 `json:"calls"`
	// KernelDrops is frames the kernel dropped because the program was late.
	KernelDrops uint64 `json:"kernel_drops"`
	// TimeoutSeconds is how long an answer may take.
	TimeoutSeconds float64 `json:"timeout_seconds"`
	// RTT is over all that were received until now, null if none was.
	RTT *Times `json:"rtt"`
	// Interval is over those received in this interval; absent from the
	// object at the end, and where none was.
	Interval *Times `json:"rtt_interval,omitempty"`
}

// Pong is what a reflector has to say beyond what it sent back, which are the
// Result's Packets.
type Pong struct {
	// Requested is the packets asked for by -n; 0 is no limit.
	Requested uint64 `json:"requested"`
	// Calls is system calls of both directions that moved or tried to move
	// packets; those that wait are not counted.
	Calls uint64 `json:"calls"`
	// Undrained is packets that were to go back and had not left when the
	// port closed. They are not in Packets.
	Undrained uint64 `json:"undrained"`
	// TooLong is packets of more fragments than a ring has slots, dropped.
	TooLong uint64 `json:"too_long"`
	// NoPeer is packets that had no address to go back to, or one that the
	// kernel refused, dropped (udp:@LOCAL).
	NoPeer uint64 `json:"no_peer"`
	// KernelDrops is frames the kernel dropped because the program was late.
	KernelDrops uint64 `json:"kernel_drops"`
	// Truncated is frames longer than their buffer, dropped by the queue.
	Truncated uint64 `json:"truncated"`
}

func us(ns int64) string { return fmt.Sprintf("%.3f", float64(ns)/float64(time.Microsecond)) }

func (t *Times) String() string {
	if t == nil {
		return "none"
	}
	return fmt.Sprintf("min %s mean %s p50 %s p90 %s p99 %s p99.9 %s max %s us",
		us(t.MinNS), us(t.MeanNS), us(t.P50NS), us(t.P90NS), us(t.P99NS), us(t.P999NS), us(t.MaxNS))
}

func (p *Ping) counts() string {
	return fmt.Sprintf("%d received %d lost %d duplicates %d late %d foreign", p.Received, p.Lost, p.Duplicates, p.Late, p.Foreign)
}

func (p *Ping) report(b *strings.Builder) {
	fmt.Fprintf(b, "Answers: %s. Kernel drops: %d\n", p.counts(), p.KernelDrops)
	if p.RTT != nil {
		fmt.Fprintf(b, "RTT over %d answers: %s\n", p.RTT.Count, p.RTT)
	}
}

func (p *Pong) report(b *strings.Builder) {
	fmt.Fprintf(b, "Kernel drops: %d. Truncated: %d. Too long: %d\n", p.KernelDrops, p.Truncated, p.TooLong)
	if p.NoPeer > 0 {
		fmt.Fprintf(b, "No peer: %d packets had no address to go back to, or one that the kernel refused\n", p.NoPeer)
	}
	if p.Undrained > 0 {
		fmt.Fprintf(b, "Undrained: %d packets were handed over and did not leave\n", p.Undrained)
	}
}
