package rcv

import (
	"fmt"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/rcv/meter"
)

// delays reports whether delays are measured: only probes have times.
func (o *options) delays() bool { return o.delay == "on" && o.probe == "on" && o.mode == "rx" }

// result makes the result of what has been received until now.
func (o *options) result(s meter.Snapshot, info engine.Info, c clocks, start time.Time) cli.Result {
	r := o.Result(o.tool, o.mode, info, o.flags, start)
	r.Packets, r.Bytes, r.Seconds, r.Syncs = s.Packets, s.Bytes, s.Seconds, s.Engine.Batches
	r.CPUSeconds = s.CPU.Seconds()
	for i, q := range s.Queues {
		r.Queues = append(r.Queues, cli.Queue{Index: i, Packets: q.Packets, Bytes: q.Bytes})
	}
	malformed := s.Protocols.Malformed()
	r.RxResult = &cli.RxResult{
		KernelDrops: s.Engine.KernelDrops, Merged: s.Engine.Merged, Truncated: s.Engine.Truncated, Oversize: s.Oversize,
		NotProbe: s.NotProbe, EndRecordsSeen: s.EndRecords, StreamsRefused: s.Refused,
		Offloads: cli.Offloads{PartialChecksums: s.Engine.PartialChecksums, Undescribed: s.Engine.Undescribed},
		Empty:    s.Protocols.Empty, Malformed: malformed, Sizes: sizes(&s.Sizes),
	}
	if o.packet.super && info.Backend == "packet" {
		r.SuperFrames = new(s.Engine.SuperFrames)
	}
	// Snapshots during the run are of several moments.
	r.Foreign = s.NotProbe - min(s.NotProbe, s.Protocols.Empty+malformed)
	if o.probe == "on" && o.mode == "rx" && info.Link != engine.Payload {
		r.Protocols = protocols(&s.Protocols)
	}
	if o.write != "" {
		r.Write = &cli.Write{File: o.write, Frames: s.Written, Drops: s.WriteDrops}
	}
	if o.probe == "on" {
		r.Probe = o.verdict(&s, info, c)
	}
	return r
}

// verdict is what the probes say.
func (o *options) verdict(s *meter.Snapshot, info engine.Info, c clocks) *cli.Probe {
	p := &cli.Probe{Extent: extent(s.Extent)}
	var negative uint64
	for i := range s.Streams {
		negative += s.Streams[i].Negative
	}
	if negative > 0 && c.same && o.clocks == "auto" {
		c = clocks{why: fmt.Sprintf("%s, but %d probes came before they were sent", c.why, negative)}
	} else if !c.known() {
		negative = 0 // of no meaning
	}
	for i := range s.Streams {
		st := &s.Streams[i]
		p.Packets += st.Packets
		p.Distinct += st.Distinct
		p.Lost += st.Lost
		p.Duplicates += st.Duplicates
		p.Reordered += st.Reordered
		p.Late += st.Late
		p.Absurd += st.Absurd
		p.Epochs += st.Epochs
		cs := cli.Stream{
			Stream: st.ID, Packets: st.Packets, Distinct: st.Distinct, Lost: st.Lost, Duplicates: st.Duplicates,
			Reordered: st.Reordered, Extent: extent(st.Extent), Late: st.Late, Absurd: st.Absurd, Epochs: st.Epochs,
			Shared: st.Shared, Ended: st.Ended, PDV: times(st.PDV),
		}
		if st.Ended {
			cs.Total = st.Total
		}
		if c.known() {
			cs.OneWay = times(st.Delay)
		}
		p.Streams = append(p.Streams, cs)
	}
	if p.Distinct > 0 {
		p.ReorderedRatio = float64(p.Reordered) / float64(p.Distinct)
	}
	if s.Delay.Count == 0 {
		return p
	}
	p.Delay = &cli.Delay{
		Clocks: "apart", ClocksWhy: c.why, ReceivedBy: "program", ByProgram: s.Unstamped, PDV: times(s.PDV), Negative: negative,
	}
	if c.known() {
		p.Delay.Clocks, p.Delay.OneWay = "same", times(s.Delay)
	}
	if c.offset != nil {
		p.Delay.Clocks, p.Delay.Clock = "offset", c.offset
	}
	if s.Stamped > 0 {
		p.Delay.ReceivedBy = "kernel"
		switch {
		case info.Backend == "pcap":
			p.Delay.ReceivedBy = "capture"
		case info.Timestamps == engine.HardwareTimestamps:
			p.Delay.ReceivedBy = "hardware"
		}
	}
	return p
}

func times(t meter.Times) *cli.Times {
	if t.Count == 0 {
		return nil
	}
	return &cli.Times{
		Count: t.Count, MinNS: int64(t.Min), MeanNS: int64(t.Mean), P50NS: int64(t.P50), P90NS: int64(t.P90),
		P99NS: int64(t.P99), P999NS: int64(t.P999), MaxNS: int64(t.Max),
	}
}

func extent(e meter.Extent) *cli.Extent {
	if e.Max == 0 {
		return nil
	}
	return &cli.Extent{Mean: e.Mean, P50: e.P50, P99: e.P99, Max: e.Max, Clipped: e.Clipped}
}

func sizes(s *meter.Sizes) []cli.Size {
	list := make([]cli.Size, len(s))
	for i := range s {
		list[i].Packets = s[i]
		if i > 0 {
			list[i].Min = meter.SizeBins[i-1] + 1
		}
		if i < len(meter.SizeBins) {
			list[i].Max = meter.SizeBins[i]
		}
	}
	return list
}

func protocols(p *meter.Protocols) *cli.Protocols {
	return &cli.Protocols{
		ARP: p.ARP, IPv4: p.IPv4, IPv6: p.IPv6, Other: p.Other, VLAN: p.VLAN,
		UDP: p.UDP, TCP: p.TCP, ICMP: p.ICMP, OtherIP: p.OtherIP, Fragments: p.Fragments,
		Empty: p.Empty, Short: p.Short, BadIP: p.BadIP, BadLength: p.BadLen, BadL4: p.BadL4,
	}
}
