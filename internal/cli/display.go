package cli

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// mostQueues bounds the display; the report at the end has all of them.
const mostQueues = 16

// displayLines is the display: cur is the run until now, d the last interval.
//
//	pktgen tx on packet:eth0, 12.0 s
//	14.880 Mpps  7.142 Gbps  raw 10.000 Gbps  512.01 a batch
//	178560000 packets  10713600000 bytes
//	queue 0  7.440 Mpps  3.571 Gbps
//	queue 1  7.440 Mpps  3.571 Gbps
//	[###########---------]  60 %, 8.0 s left, until 07:12:45
func (r *Reporter) displayLines(cur, d *Result) []string {
	norm := r.norm()
	lines := []string{
		fmt.Sprintf("%s %s on %s, %.1f s", cur.Tool, cur.Mode, cur.Port, cur.Seconds),
		fmt.Sprintf("%spps%s %sbps  raw %sbps  %.2f a batch", norm(d.PPS), r.average(), norm(d.BPS), norm(d.WireBPS), d.AvgBatch),
		fmt.Sprintf("%d packets  %d bytes", cur.Packets, cur.Bytes),
	}
	if len(d.Queues) > 1 {
		for i, q := range d.Queues {
			if i == mostQueues {
				lines = append(lines, fmt.Sprintf("and %d queues more", len(d.Queues)-i))
				break
			}
			s := max(d.Seconds, shortest.Seconds())
			lines = append(lines, fmt.Sprintf("queue %-3d %spps  %sbps", q.Index, norm(float64(q.Packets)/s), norm(float64(q.Bytes)*8/s)))
		}
	}
	lines = append(lines, cur.losses(d)...)
	if s := r.Goal.progress(cur, d); s != "" {
		lines = append(lines, s)
	}
	return lines
}

// losses is what a receiver says of what came and did not, and a pinger too; d is
// the last interval.
func (r *Result) losses(d *Result) (lines []string) {
	switch {
	case r.Ping != nil:
		p := r.Ping
		lines = append(lines, p.counts())
		if p.Interval != nil {
			lines = append(lines, "RTT now  "+p.Interval.String())
		}
		if p.RTT != nil {
			lines = append(lines, "RTT all  "+p.RTT.String())
		}
	case r.Pong != nil:
		lines = append(lines, fmt.Sprintf("%d kernel drops", r.Pong.KernelDrops))
	case r.RxResult != nil:
		lines = append(lines, r.RxResult.displayLines(d.RxResult)...)
	}
	return lines
}

// progress is a bar with the time that is left, "" without a goal. Of two goals
// it is the one that is reached first.
func (g *Goal) progress(cur, d *Result) string {
	left, done := math.Inf(1), 0.0
	if g.Duration > 0 {
		total := g.Duration.Seconds()
		left, done = max(0, total-cur.Seconds), cur.Seconds/total
	}
	if g.Packets > 0 {
		n := float64(g.Packets)
		share, pps := float64(cur.Packets)/n, d.PPS
		t := math.Inf(1)
		if pps > 0 {
			t = max(0, n-float64(cur.Packets)) / pps
		}
		if g.Duration == 0 || t < left {
			left, done = t, share
		}
	}
	if g.Duration == 0 && g.Packets == 0 {
		return ""
	}
	const width = 30
	n := int(width * min(1, done))
	bar := fmt.Sprintf("[%s%s] %5.1f %%", strings.Repeat("#", n), strings.Repeat("-", width-n), 100*min(1, done))
	const far = 100 * 365 * 24 * 3600
	if left > far {
		return bar + ", standing still"
	}
	end := cur.at(cur.Seconds + left)
	stamp := end.Format(time.TimeOnly)
	if left > 24*3600 {
		stamp = end.Format(time.DateTime)
	}
	return fmt.Sprintf("%s, %.1f s left, until %s", bar, left, stamp)
}
