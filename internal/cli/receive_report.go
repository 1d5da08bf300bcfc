package cli

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// text is the sizes that there are: "60: 1000, 1020-1514: 7".
func sizesText(sizes []Size) string {
	var list []string
	for _, s := range sizes {
		if s.Packets == 0 {
			continue
		}
		name := fmt.Sprintf("%d-%d", s.Min, s.Max)
		switch s.Max {
		case 0:
			name = fmt.Sprintf("%d and more", s.Min)
		case s.Min:
			name = fmt.Sprint(s.Min)
		}
		list = append(list, fmt.Sprintf("%s: %d", name, s.Packets))
	}
	return strings.Join(list, ", ")
}

// text is the protocols that there are: "ipv4 1000, udp 1000".
func (p *Protocols) text() string {
	var list []string
	for _, c := range p.named() {
		if n := c.Value(); n > 0 {
			list = append(list, fmt.Sprintf("%s %d", c.Name, n))
		}
	}
	return strings.Join(list, ", ")
}

// losses are the counts of what did not come as it should.
func losses(lost, duplicates, reordered, late, absurd uint64) string {
	s := fmt.Sprintf("%d lost %d duplicates %d reordered %d late", lost, duplicates, reordered, late)
	if absurd > 0 {
		s += fmt.Sprintf(" %d absurd", absurd)
	}
	return s
}

// brief is the delay in a word: the one-way p99 if there is one.
func (d *Delay) brief() string {
	switch {
	case d == nil:
		return ""
	case d.OneWay != nil:
		return "delay p99 " + us(d.OneWay.P99NS) + " us"
	case d.PDV != nil:
		return "PDV p99 " + us(d.PDV.P99NS) + " us"
	}
	return ""
}

// remarks is what an interval's line says of a receiver, totals so far.
func (x *RxResult) remarks() string {
	s := fmt.Sprintf("%d drops", x.KernelDrops)
	if p := x.Probe; p != nil && len(p.Streams) > 0 {
		s = fmt.Sprintf("%d lost %d dup %d reord ", p.Lost, p.Duplicates, p.Reordered) + s
		if b := p.Delay.brief(); b != "" {
			s += " " + b
		}
	}
	if x.Write != nil && x.Write.Drops > 0 {
		s += fmt.Sprintf(" %d write drops", x.Write.Drops)
	}
	return s
}

// displayLines are the receiver's lines of the display; d is the interval.
func (x *RxResult) displayLines(d *RxResult) (lines []string) {
	drops := fmt.Sprintf("%d kernel drops  %d truncated", x.KernelDrops, x.Truncated)
	if x.Write != nil {
		drops += fmt.Sprintf("  %d written  %d write drops", x.Write.Frames, x.Write.Drops)
	}
	lines = append(lines, drops)
	if p := x.Probe; p != nil && len(p.Streams) > 0 {
		share := 100 * float64(p.Lost) / math.Max(1, float64(p.Lost+p.Distinct))
		lines = append(lines, fmt.Sprintf("%d lost (%.4g %%)  %d duplicates  %d reordered  %d late  in %d streams, %d epochs",
			p.Lost, share, p.Duplicates, p.Reordered, p.Late, len(p.Streams), p.Epochs))
		if p.Delay != nil {
			if p.Delay.OneWay != nil {
				lines = append(lines, "delay  "+p.Delay.OneWay.String())
			}
			lines = append(lines, "PDV    "+p.Delay.PDV.String())
		}
	}
	if d == nil {
		return lines
	}
	if s := sizesText(d.Sizes); s != "" {
		lines = append(lines, "sizes now  "+s)
	}
	if d.Protocols != nil {
		if s := d.Protocols.text(); s != "" {
			lines = append(lines, "frames now  "+s)
		}
	}
	return lines
}

func (x *RxResult) report(b *strings.Builder) {
	fmt.Fprintf(b, "Kernel drops: %d. Truncated: %d", x.KernelDrops, x.Truncated)
	if x.Oversize > 0 {
		fmt.Fprintf(b, ". Oversize: %d", x.Oversize)
	}
	b.WriteString("\n")
	if x.Merged > 0 && x.KernelDrops > 0 {
		b.WriteString("A drop may be of several datagrams that the kernel had merged (UDP_GRO): --gro=false counts each\n")
	}
	x.Offloads.report(b)
	if s := sizesText(x.Sizes); s != "" {
		fmt.Fprintf(b, "Sizes in bytes without CRC: %s\n", s)
	}
	if x.Protocols != nil {
		if s := x.Protocols.text(); s != "" {
			fmt.Fprintf(b, "Headers: %s\n", s)
		}
	}
	if w := x.Write; w != nil {
		fmt.Fprintf(b, "Written to %s: %d frames", w.File, w.Frames)
		if w.Drops > 0 {
			fmt.Fprintf(b, "; %d are not in it, because it could not keep up or failed", w.Drops)
		}
		b.WriteString("\n")
	}
	p := x.Probe
	if p == nil {
		return
	}
	fmt.Fprintf(b, "Probe: %d packets %d distinct %s, %d without a probe", p.Packets, p.Distinct,
		losses(p.Lost, p.Duplicates, p.Reordered, p.Late, p.Absurd), x.NotProbe)
	if x.NotProbe > 0 {
		fmt.Fprintf(b, " (%d empty %d malformed %d foreign)", x.Empty, x.Malformed, x.Foreign)
	}
	b.WriteString("\n")
	if x.StreamsRefused > 0 {
		fmt.Fprintf(b, "Not checked: %d probes of streams beyond those that are told apart\n", x.StreamsRefused)
	}
	if p.Epochs > uint64(len(p.Streams)) {
		fmt.Fprintf(b, "Epochs: %d in %d streams, for a sender that begins again begins one\n", p.Epochs, len(p.Streams))
	}
	if e := p.Extent; e != nil {
		fmt.Fprintf(b, "Reordered: %.4g %%, extent mean %.1f p50 %d p99 %d max %d frames", 100*p.ReorderedRatio, e.Mean, e.P50, e.P99, e.Max)
		if e.Clipped > 0 {
			fmt.Fprintf(b, "; %d came from farther back than is remembered, and count as the least that can be", e.Clipped)
		}
		b.WriteString("\n")
	}
	p.Delay.report(b)
	for i := range p.Streams {
		if i == mostStreams {
			fmt.Fprintf(b, "… and %d streams more\n", len(p.Streams)-i)
			break
		}
		p.Streams[i].report(b)
	}
}

func (d *Delay) report(b *strings.Builder) {
	if d == nil {
		return
	}
	if d.Negative > 0 && d.Clock == nil {
		fmt.Fprintf(b, "Negative delays: %d probes came before they were sent: the clocks are not one, or one was set\n", d.Negative)
	}
	by := map[string]string{
		"kernel": "stamped by the kernel", "hardware": "stamped by the NIC", "capture": "by the capture file's times", "program": "by the program's clock, once per batch",
	}[d.ReceivedBy]
	if d.ByProgram > 0 && d.ReceivedBy != "program" {
		by += fmt.Sprintf(", %d by the program's clock", d.ByProgram)
	}
	if d.OneWay != nil && d.Clock != nil {
		// What the figures are worth comes before them.
		within := time.Duration(d.Clock.WithinNS)
		fmt.Fprintf(b, "Clocks: two (%s), so one-way delays are known to ± %v. Received %s\n", d.ClocksWhy, within, by)
		switch {
		case d.OffsetRefuted():
			fmt.Fprintf(b, "Negative delays: %d probes came before they were sent, by more than ± %v: the clocks are not that far apart, or one was set or drifted\n", d.Negative, within)
		case d.Negative > 0:
			fmt.Fprintf(b, "Negative delays: %d probes came before they were sent, by no more than the offset may be wrong\n", d.Negative)
		}
		fmt.Fprintf(b, "Delay one way: %s\n", d.OneWay)
		fmt.Fprintf(b, "PDV: %s\n", d.PDV)
		return
	}
	if d.OneWay != nil {
		fmt.Fprintf(b, "Delay one way: %s\n", d.OneWay)
		fmt.Fprintf(b, "PDV: %s\n", d.PDV)
		fmt.Fprintf(b, "Clocks: one (%s). Received %s\n", d.ClocksWhy, by)
		return
	}
	fmt.Fprintf(b, "PDV: %s\n", d.PDV)
	fmt.Fprintf(b, "Clocks: two (%s): no one-way delay, and what they drifted is in PDV. Received %s\n", d.ClocksWhy, by)
}

func (s *Stream) report(b *strings.Builder) {
	total := "end not seen"
	if s.Ended {
		total = fmt.Sprintf("of %d", s.Total)
	}
	fmt.Fprintf(b, "Stream %d: %d packets %d distinct %s, %s",
		s.Stream, s.Packets, s.Distinct, losses(s.Lost, s.Duplicates, s.Reordered, s.Late, s.Absurd), total)
	if s.Epochs > 1 {
		fmt.Fprintf(b, " in %d epochs", s.Epochs)
	}
	if s.Shared {
		b.WriteString(", by two senders at once: what either lost is not known")
	}
	b.WriteString("\n")
}
