package cli

import (
	"fmt"
	"time"
)

// RxResult is what only a receiver has to say.
//
// A frame that arrived is dropped by the kernel (KernelDrops) or by the queue
// (Truncated), or it is in Packets and in one place below:
//
//	Packets ─┬─ probes ──── Probe.Distinct, .Duplicates, .Late, .Absurd
//	         ├─ EndRecordsSeen, StreamsRefused
//	         └─ NotProbe ── Empty, Malformed, Foreign
type RxResult struct {
	// KernelDrops is frames the kernel dropped because the program was late.
	// Where Merged is not 0, it may count as one what was several datagrams.
	KernelDrops uint64 `json:"kernel_drops"`
	// Merged is datagrams of a UDP port that the kernel handed over several in
	// one (UDP_GRO). They are in Packets.
	Merged uint64 `json:"merged"`
	// Truncated is frames longer than their buffer, dropped by the queue.
	// They are not in Packets.
	Truncated uint64 `json:"truncated"`
	Offloads
	// Oversize is frames longer than the interface's MTU with an Ethernet
	// header and one VLAN tag. They are in Packets.
	Oversize uint64 `json:"oversize"`
	// NotProbe is frames without a probe. They are in Packets. It is the sum of
	// the next three.
	NotProbe uint64 `json:"not_probe"`
	// Empty is frames without a single byte, such as an empty UDP datagram.
	Empty uint64 `json:"empty"`
	// Malformed is frames whose headers cannot be right; Protocols has them by
	// what is wrong.
	Malformed uint64 `json:"malformed"`
	// Foreign is sound frames without a probe: other people's.
	Foreign uint64 `json:"foreign"`
	// EndRecordsSeen is the end records received, of all streams. They are in
	// Packets.
	EndRecordsSeen uint64 `json:"end_records_seen"`
	// StreamsRefused is probes of streams beyond the number that is told
	// apart. They are in Packets.
	StreamsRefused uint64 `json:"streams_refused"`
	// Sizes are the frames by length.
	Sizes []Size `json:"sizes,omitempty"`
	// Protocols are the frames by their headers; absent with --probe=off and
	// rxseq, which look into no headers, and of a UDP port, which has none.
	Protocols *Protocols `json:"protocols,omitempty"`
	// Write is what became of --write; absent without it.
	Write *Write `json:"write,omitempty"`
	// Probe is the verdict over all streams, null with --probe=off.
	Probe *Probe `json:"probe"`
}

// Size is the frames of some lengths. With the 4 bytes of a CRC, which is not
// counted, they are RMON's (RFC 2819: 64, 65 to 127, … octets).
type Size struct {
	// Min and Max are lengths in bytes; Max is 0 for the last, which has no
	// limit.
	Min     int    `json:"min"`
	Max     int    `json:"max"`
	Packets uint64 `json:"packets"`
}

// Protocols is frames by their outermost headers, those of a tunnel's inside not
// counted. Each frame is one of ARP, IPv4, IPv6, Other, Empty and the malformed;
// each of IPv4 and IPv6 is also one of UDP, TCP, ICMP, OtherIP and Fragments.
type Protocols struct {
	ARP  uint64 `json:"arp"`
	IPv4 uint64 `json:"ipv4"`
	IPv6 uint64 `json:"ipv6"`
	// Other is frames of other Ethernet types.
	Other uint64 `json:"other"`
	// VLAN is those that have a tag, beside what they are else.
	VLAN uint64 `json:"vlan"`
	UDP  uint64 `json:"udp"`
	TCP  uint64 `json:"tcp"`
	// ICMP is of IPv4 and of IPv6.
	ICMP uint64 `json:"icmp"`
	// OtherIP is IP packets with something else in them.
	OtherIP uint64 `json:"other_ip"`
	// Fragments is parts of IP packets, the first ones too.
	Fragments uint64 `json:"fragments"`
	Empty     uint64 `json:"empty"`
	// Short is malformed: the frame ends within its Ethernet or IP header.
	Short uint64 `json:"short"`
	// BadIP is malformed: an IP header of another version than the Ethernet
	// type says, or of an impossible length.
	BadIP uint64 `json:"bad_ip"`
	// BadLength is malformed: an IP packet that is longer than the frame by its
	// own word, or shorter than its headers.
	BadLength uint64 `json:"bad_length"`
	// BadL4 is malformed: UDP, TCP or ICMP that does not fit its own length or
	// its IP packet's.
	BadL4 uint64 `json:"bad_l4"`
}

// Write is a capture file of what was received.
type Write struct {
	File string `json:"file"`
	// Frames is those that are in the file.
	Frames uint64 `json:"frames"`
	// Drops is those that are not, because the file could not keep up or
	// failed. They were counted as any other.
	Drops uint64 `json:"drops"`
}

// Probe is the verification of probe frames over all streams. With rxseq it is
// of txseq's numbers, one stream that begins with the lowest number seen.
type Probe struct {
	// Packets is probe frames received, duplicates too, end records not.
	Packets uint64 `json:"packets"`
	// Distinct is different sequence numbers received.
	Distinct uint64 `json:"distinct"`
	// Lost is what was sent and never came: total − distinct where the
	// stream's end was seen, else the gaps below the highest number.
	Lost       uint64 `json:"lost"`
	Duplicates uint64 `json:"duplicates"`
	// Reordered is frames with a new sequence number below one already seen
	// on the same stream and queue (RFC 4737, 3.3).
	Reordered uint64 `json:"reordered"`
	// ReorderedRatio is Reordered to Distinct (RFC 4737, 4.1).
	ReorderedRatio float64 `json:"reordered_ratio"`
	// Extent is how far the reordered came from; absent if none was.
	Extent *Extent `json:"extent,omitempty"`
	// Late is frames too far behind to be told from duplicates, frames of an
	// epoch that is over, and those of a new one that no other has confirmed.
	Late uint64 `json:"late"`
	// Absurd is frames with a number that no sender can have reached: more than
	// two million ahead, and no other one near it.
	Absurd uint64 `json:"absurd"`
	// Epochs is how often the streams' senders have begun, one for each stream
	// that was seen. What one of them lost is lost; that a sender begins again
	// is no loss.
	Epochs uint64 `json:"epochs"`
	// Delay is how long probes were on their way; absent with --delay=off,
	// with rxseq, whose numbers have no times, and until a probe has come.
	Delay *Delay `json:"delay,omitempty"`
	// Streams has one entry per stream; never null in JSON.
	Streams []Stream `json:"streams"`
}

// Extent is the reordering extent (RFC 4737, 4.2.1) in frames: for a reordered
// one, how many new ones ago the first with a higher number had come by the same
// queue. Mean and Max are exact, the percentiles are to two digits.
type Extent struct {
	Mean float64 `json:"mean"`
	P50  uint64  `json:"p50"`
	P99  uint64  `json:"p99"`
	Max  uint64  `json:"max"`
	// Clipped is how many came from farther back than the counter remembers
	// (256 gaps in the numbers); their extents are at least what is counted.
	Clipped uint64 `json:"clipped"`
}

// Delay is from the sender's clock, which is read once for each batch it sends,
// to the receiver's.
type Delay struct {
	// Clocks is "same" if both ends read one clock, "offset" if they read two
	// and Clock tells how far these are apart, else "apart". ClocksWhy is how
	// that is known.
	Clocks    string `json:"clocks"`
	ClocksWhy string `json:"clocks_why"`
	// Clock is the offset that all one-way delays are corrected by.
	Clock *Clock `json:"clock,omitempty"`
	// ReceivedBy is who told the time a frame was received: "kernel",
	// "hardware" (the NIC), "capture" (the file's times), or "program": its
	// clock, once per batch, when the batch had come. ByProgram counts probes
	// whose time the program told.
	ReceivedBy string `json:"received_by"`
	ByProgram  uint64 `json:"by_program"`
	// OneWay is the delay, null where the clocks are apart: it would be their
	// offset.
	OneWay *Times `json:"one_way"`
	// PDV is each probe's delay above the shortest of its stream (RFC 5481,
	// 4.2). The clocks' offset is not in it; where they are apart, what they
	// drifted against each other since is.
	PDV *Times `json:"pdv"`
	// Negative is probes that came before they were sent: the clocks are not
	// one, whatever was said of them, or one was set meanwhile. With Clock it is
	// by the corrected delays, which may be below zero by WithinNS and no more,
	// see OffsetRefuted. 0 where the clocks are apart by what is known
	// beforehand.
	Negative uint64 `json:"negative"`
}

// Clock is how far the receiver's clock is ahead of the sender's (below zero:
// behind), and how well that is known: to more or less WithinNS.
type Clock struct {
	AheadNS  int64 `json:"ahead_ns"`
	WithinNS int64 `json:"within_ns"`
}

// String is the offset in words, after "the receiver's clock is".
func (c *Clock) String() string {
	way := "ahead of"
	if c.AheadNS < 0 {
		way = "behind"
	}
	return fmt.Sprintf("%v %s the sender's, ± %v", time.Duration(c.AheadNS).Abs(), way, time.Duration(c.WithinNS))
}

// OffsetRefuted tells that a probe came before it was sent by more than the
// clocks' offset may be wrong: it is not what was said.
func (d *Delay) OffsetRefuted() bool {
	return d.Clock != nil && d.OneWay != nil && d.OneWay.MinNS < -d.Clock.WithinNS
}

// Stream is one stream's share of a Probe, with the same meanings.
type Stream struct {
	Stream     uint16  `json:"stream"`
	Packets    uint64  `json:"packets"`
	Distinct   uint64  `json:"distinct"`
	Lost       uint64  `json:"lost"`
	Duplicates uint64  `json:"duplicates"`
	Reordered  uint64  `json:"reordered"`
	Extent     *Extent `json:"extent,omitempty"`
	Late       uint64  `json:"late"`
	Absurd     uint64  `json:"absurd"`
	Epochs     uint64  `json:"epochs"`
	// Shared tells that two senders used the id at once: what either of them
	// lost is not known.
	Shared bool `json:"shared,omitempty"`
	// Total is what the sender said it sent, in all epochs; 0 until Ended, which
	// is never with rxseq. Of an epoch that ended unseen it is the highest
	// number.
	Total uint64 `json:"total"`
	// Ended tells that an end record of the last epoch was received.
	Ended  bool   `json:"ended"`
	OneWay *Times `json:"one_way,omitempty"`
	PDV    *Times `json:"pdv,omitempty"`
}

// since is x with sizes and protocols of the time after prev, which may be nil.
func (x *RxResult) since(prev *RxResult) *RxResult {
	d := *x
	if prev == nil {
		return &d
	}
	d.Sizes = append([]Size(nil), x.Sizes...)
	for i := range min(len(d.Sizes), len(prev.Sizes)) {
		d.Sizes[i].Packets -= prev.Sizes[i].Packets
	}
	if x.Protocols != nil && prev.Protocols != nil {
		p := *x.Protocols
		before := prev.Protocols.named()
		for i, c := range p.named() {
			*c.n -= *before[i].n
		}
		d.Protocols = &p
	}
	return &d
}

// whole is x with lists that are not nil, for JSON.
func (x *RxResult) whole() *RxResult {
	if x == nil || x.Probe == nil || x.Probe.Streams != nil {
		return x
	}
	rx, probe := *x, *x.Probe
	probe.Streams = []Stream{}
	rx.Probe = &probe
	return &rx
}

// A Named is a counter by its name.
type Named struct {
	Name string
	n    *uint64
}

// Value is the count.
func (n Named) Value() uint64 { return *n.n }

func (p *Protocols) named() []Named {
	return []Named{
		{"arp", &p.ARP}, {"ipv4", &p.IPv4}, {"ipv6", &p.IPv6}, {"other", &p.Other}, {"vlan", &p.VLAN},
		{"udp", &p.UDP}, {"tcp", &p.TCP}, {"icmp", &p.ICMP}, {"other_ip", &p.OtherIP}, {"fragments", &p.Fragments},
		{"empty", &p.Empty}, {"short", &p.Short}, {"bad_ip", &p.BadIP}, {"bad_length", &p.BadLength}, {"bad_l4", &p.BadL4},
	}
}

// Named are all counters, in the order and by the names of JSON.
func (p *Protocols) Named() []Named { return p.named() }
