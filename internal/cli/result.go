package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"time"

	"github.com/spf13/pflag"
)

// wireOverhead is what a frame occupies on an Ethernet wire beyond its own
// bytes: CRC 4, preamble and start delimiter 8, inter-frame gap 12 (IEEE
// 802.3, clause 4.4.2).
const wireOverhead = 4 + 8 + 12

// Result is what a program did: the object that --json prints at the end and
// --json-stream also prints once per interval, and what the lines for people
// are made from. All counters start at zero with the run. A Result is a plain
// value without locks; the program that fills it owns it.
//
// One of TxResult, RxResult and Pong is set, and Ping beside TxResult. The
// fields of the first two appear in the same JSON object; all are absent where
// the pointer is nil.
type Result struct {
	// Type is "interval" or "result" with --json-stream, else absent.
	Type string `json:"type,omitempty"`
	// Tool is the program's name: "pktgen", "rcv".
	Tool    string `json:"tool"`
	Version string `json:"version"`
	// Port is the port spec as the user wrote it.
	Port string `json:"port"`
	// Backend is what carries the port: "netmap", "packet", "udp", "pcap".
	Backend string `json:"backend"`
	// BackendWhy says in words why a bare interface name got its backend.
	BackendWhy string `json:"backend_why,omitempty"`
	// Mode is pkt-gen's function name: "tx", "rx", "ping", "pong", "txseq" or
	// "rxseq".
	Mode string `json:"mode"`
	// Options are the flags that were given, by long name.
	Options map[string]string `json:"options,omitempty"`
	// Start is when counting began, wall clock, RFC 3339 with nanoseconds: of
	// tx the first frame, after --start-at. Absent if that never came.
	Start time.Time `json:"start,omitzero"`
	// Packets counts frames sent or received, a frame of several slots once.
	Packets uint64 `json:"packets"`
	// Bytes is the sum of the frames' lengths without CRC.
	Bytes uint64 `json:"bytes"`
	// Seconds is the time the packets took, from which the rates are made.
	Seconds float64 `json:"seconds"`
	// PPS is packets a second. Fill computes it and the next two.
	PPS float64 `json:"pps"`
	// BPS is bits of frames a second, without CRC and gap.
	BPS float64 `json:"bps"`
	// WireBPS is bits a second on an Ethernet wire: each frame with CRC,
	// preamble and inter-frame gap (24 bytes).
	WireBPS float64 `json:"wire_bps"`
	// Syncs counts the syncs that moved at least one packet; pkt-gen calls
	// them events.
	Syncs uint64 `json:"syncs"`
	// AvgBatch is packets per sync, computed by Fill.
	AvgBatch float64 `json:"avg_batch"`
	// CPUSeconds is the CPU time, user and system, of the threads that moved
	// the packets: until all had left, but for end records, or all were
	// counted. What the kernel does in their system calls is in it, which on a
	// veth pair is most of receiving, for the sender; and so is what their
	// waiting costs. Other threads are not: the file of --write, the display.
	// On other systems than Linux it is known at the end, and 0 before; 0 also
	// where the kernel does not tell.
	CPUSeconds float64 `json:"cpu_seconds"`
	// CPUNSPerPacket is CPUSeconds by Packets, in ns. Fill computes it. At a
	// low rate it is mostly of waiting: hold only runs of one rate against each
	// other.
	CPUNSPerPacket float64 `json:"cpu_ns_per_packet"`
	// Queues has one entry per queue, in order of index; never null in JSON.
	Queues []Queue `json:"queues"`

	*TxResult
	*RxResult
	Ping *Ping `json:"ping,omitempty"`
	Pong *Pong `json:"pong,omitempty"`

	// ExitStatus is the status the program is about to exit with; absent
	// from interval objects, which do not know it yet.
	ExitStatus *int `json:"exit_status,omitempty"`
	// Errors are sentences on what failed or fell short; never null in JSON.
	Errors []string `json:"errors"`
}

// Queue is one queue's share of a Result.
type Queue struct {
	Index   int    `json:"index"`
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// TxResult is what only a sender has to say.
type TxResult struct {
	// Requested is the packets asked for by -n; 0 is no limit.
	Requested uint64 `json:"requested"`
	// Undrained is packets handed to the port that had not left when it
	// closed. They are not in Packets.
	Undrained uint64 `json:"undrained"`
	// EndRecords is the frames sent to mark the streams' ends. They are not
	// in Packets.
	EndRecords uint64 `json:"end_records"`
	// Backpressure is how often the port took no more for the moment (EAGAIN,
	// ENOBUFS, a netmap ring that is full): what is on the way out holds the sender back.
	Backpressure uint64 `json:"backpressure"`
	// RateAskedPPS is the rate asked over all threads in packets a second; 0
	// is no limit, or one in bits.
	RateAskedPPS float64 `json:"rate_asked_pps"`
	// RateAskedBPS is the rate asked as BPS counts it, 0 if it was not.
	RateAskedBPS float64 `json:"rate_asked_bps,omitempty"`
	// RateAskedWireBPS is the rate asked as WireBPS counts it, 0 if it was
	// not; a percentage of the link's speed is one.
	RateAskedWireBPS float64 `json:"rate_asked_wire_bps,omitempty"`
	// RateMet is false if the achieved rate fell short of the asked one.
	RateMet bool `json:"rate_met"`
	// GivenUpSeconds is the part of a paced schedule, over all threads, that
	// was too far behind to be caught up with.
	GivenUpSeconds float64 `json:"given_up_seconds"`
	// BehindSeconds is the furthest that a paced thread was behind its
	// schedule.
	BehindSeconds float64 `json:"behind_seconds,omitempty"`
	// Departures is how evenly a paced run sent, at its end.
	Departures *Departures `json:"departures,omitempty"`
	// Replay is what a replay did with its capture file.
	Replay *Replay `json:"replay,omitempty"`
	// Qdisc is the queueing discipline that --qdisc put in place for the run;
	// absent without it.
	Qdisc *Qdisc `json:"qdisc,omitempty"`
}

// Qdisc is a queueing discipline that a sender used for the time of its run.
// The counts are complete in the last result, and absent from earlier ones.
type Qdisc struct {
	// Set is what --qdisc asked for, Was the root's kind before and after.
	Set string `json:"set"`
	Was string `json:"was"`
	// Packets is frames that went through it, Drops those that it dropped, and
	// Requeues those that the device did not take at first. A noqueue counts
	// nothing.
	Packets  uint64 `json:"packets"`
	Drops    uint64 `json:"drops"`
	Requeues uint64 `json:"requeues"`
	// Left is frames that it still held a second after the end; they were
	// lost with it.
	Left uint64 `json:"left"`
}

// Fill computes the rates, AvgBatch and CPUNSPerPacket from Packets, Bytes,
// Seconds, Syncs and CPUSeconds. Without time, syncs or packets they are zero,
// never infinite.
func (r *Result) Fill() {
	r.PPS, r.BPS, r.WireBPS, r.AvgBatch, r.CPUNSPerPacket = 0, 0, 0, 0, 0
	if r.Seconds > 0 {
		bits := float64(r.Bytes) * 8
		r.PPS = float64(r.Packets) / r.Seconds
		r.BPS = bits / r.Seconds
		r.WireBPS = (bits + float64(r.Packets)*wireOverhead*8) / r.Seconds
	}
	if r.Syncs > 0 {
		r.AvgBatch = float64(r.Packets) / float64(r.Syncs)
	}
	if r.Packets > 0 {
		r.CPUNSPerPacket = r.CPUSeconds * 1e9 / float64(r.Packets)
	}
}

// Since is the interval between prev and r, two Results of one run, prev the
// earlier. Start, Packets, Bytes, Seconds, Syncs, CPUSeconds, Queues and what Fill
// computes are those of the interval, and so are a receiver's Sizes and Protocols. What else
// only one mode has (TxResult, RxResult, Ping, Pong) stays the total so far,
// because loss cannot be judged by the interval: a frame that comes late takes
// its loss back.
func (r *Result) Since(prev *Result) Result {
	d := *r
	if !r.Start.IsZero() {
		d.Start = r.at(prev.Seconds)
	}
	d.Packets -= prev.Packets
	d.Bytes -= prev.Bytes
	d.Seconds -= prev.Seconds
	d.Syncs -= prev.Syncs
	d.CPUSeconds -= prev.CPUSeconds
	d.Queues = make([]Queue, len(r.Queues))
	copy(d.Queues, r.Queues)
	for i := range min(len(d.Queues), len(prev.Queues)) {
		d.Queues[i].Packets -= prev.Queues[i].Packets
		d.Queues[i].Bytes -= prev.Queues[i].Bytes
	}
	if r.RxResult != nil {
		d.RxResult = r.RxResult.since(prev.RxResult)
	}
	d.Fill()
	return d
}

// at is the wall clock after so many seconds of the run.
func (r *Result) at(seconds float64) time.Time {
	return r.Start.Add(time.Duration(math.Round(seconds * 1e9)))
}

// MarshalJSON writes lists that are nil as [], so that a reader need not know
// that Go has two kinds of empty.
func (r Result) MarshalJSON() ([]byte, error) {
	if r.Queues == nil {
		r.Queues = []Queue{}
	}
	if r.Errors == nil {
		r.Errors = []string{}
	}
	r.RxResult = r.RxResult.whole()
	type fields Result // drops this method, which would call itself
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false) // "->" in a sentence should stay readable
	err := enc.Encode(fields(r))
	return buf.Bytes(), err
}

// Options lists the flags that were given, for Result.Options.
func Options(fs *pflag.FlagSet) map[string]string {
	m := make(map[string]string)
	fs.Visit(func(f *pflag.Flag) { m[f.Name] = f.Value.String() })
	return m
}
