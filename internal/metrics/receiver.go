package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringwalk/ringwalk/internal/cli"
)

func (e *emitter) receiver(x *cli.RxResult) {
	e.drops(x.KernelDrops, x.Truncated)
	e.counter("merged_total", "Datagrams that the kernel handed over several in one.", x.Merged)
	if x.SuperFrames != nil {
		e.counter("super_frames_total", "Frames made of several, or not taken apart yet.", *x.SuperFrames)
	}
	e.counter("partial_checksums_total", "Frames whose checksum was left to the NIC.", x.PartialChecksums)
	e.counter("undescribed_total", "Super-frames of a kind the kernel could not hand over, dropped.", x.Undescribed)
	e.counter("oversize_total", "Frames longer than the MTU allows.", x.Oversize)
	for _, s := range x.Sizes {
		name := fmt.Sprintf("%d-%d", s.Min, s.Max)
		if s.Max == 0 {
			name = fmt.Sprintf("%d-", s.Min)
		}
		e.labelled("size_packets_total", "Frames by length in bytes without CRC.", "bytes", name, s.Packets)
	}
	if x.Protocols != nil {
		for _, c := range x.Protocols.Named() {
			e.labelled("header_packets_total", "Frames by their outermost headers.", "header", c.Name, c.Value())
		}
	}
	if w := x.Write; w != nil {
		e.counter("written_packets_total", "Frames in the capture file.", w.Frames)
		e.counter("write_drops_total", "Frames not in the capture file, which could not keep up.", w.Drops)
	}
	if p := x.Probe; p != nil {
		e.counter("not_probe_total", "Frames without a probe or number.", x.NotProbe)
		e.counter("empty_total", "Frames without a byte.", x.Empty)
		e.counter("malformed_total", "Frames whose headers cannot be right.", x.Malformed)
		e.counter("foreign_total", "Sound frames without a probe or number.", x.Foreign)
		e.counter("end_records_seen_total", "End records received.", x.EndRecordsSeen)
		e.counter("streams_refused_total", "Probes of streams beyond those that are told apart.", x.StreamsRefused)
		e.probe(p)
	}
}

func (e *emitter) probe(p *cli.Probe) {
	e.counter("probe_packets_total", "Probes received, duplicates too.", p.Packets)
	e.gauge("probe_distinct", "Different probes received.", float64(p.Distinct))
	e.counter("probe_duplicates_total", "Probes that had come before.", p.Duplicates)
	e.counter("probe_reordered_total", "Probes with a number below one that had come.", p.Reordered)
	e.gauge("probe_late", "Probes that cannot be told from duplicates.", float64(p.Late))
	e.gauge("probe_absurd", "Probes with a number that no sender can have reached.", float64(p.Absurd))
	e.gauge("probe_lost", "Probes that were sent and have not come.", float64(p.Lost))
	e.gauge("probe_streams", "Streams of probes.", float64(len(p.Streams)))
	e.counter("probe_epochs_total", "How often the streams' senders have begun.", p.Epochs)
	if p.Extent != nil {
		e.gauge("probe_reordering_extent_max", "The greatest reordering extent, in frames.", float64(p.Extent.Max))
		e.gauge("probe_reordering_extent_mean", "The mean reordering extent, in frames.", p.Extent.Mean)
	}
	if d := p.Delay; d != nil {
		e.times("probe_delay", "One-way delay of the probes, where both clocks are one or their offset is known", d.OneWay)
		e.times("probe_pdv", "Delay of the probes above the shortest of their stream", d.PDV)
		e.counter("probe_negative_delays_total", "Probes that came before they were sent.", d.Negative)
		if c := d.Clock; c != nil {
			e.gauge("probe_clock_ahead_seconds", "How far the receiver's clock is ahead of the sender's, as delays are corrected for.", float64(c.AheadNS)/1e9)
			e.gauge("probe_clock_within_seconds", "To how much more or less that is known.", float64(c.WithinNS)/1e9)
		}
	}
}

func (e *emitter) labelled(name, help, label, value string, v uint64) {
	e.ch <- prometheus.MustNewConstMetric(e.desc(name, help, label), prometheus.CounterValue, float64(v), value)
}
