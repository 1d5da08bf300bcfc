package cli

import (
	"fmt"
	"strings"
)

// mostStreams bounds the report for people; JSON has all of them.
const mostStreams = 16

// finalReport is pkt-gen's two closing lines, followed by what pkt-gen does
// not tell: shares by queue, what did not leave, what the probe found. "raw"
// is the rate on the wire, CRC, preamble and gap included.
func finalReport(r *Result, norm norm) string {
	var b strings.Builder
	verb := "Sent"
	switch {
	case r.Pong != nil:
		verb = "Reflected"
	case r.TxResult == nil:
		verb = "Received"
	}
	if r.Packets == 0 {
		fmt.Fprintf(&b, "%s nothing.\n", verb)
	} else {
		fmt.Fprintf(&b, "%s %d packets %d bytes %d events %d bytes each in %.2f seconds.\n",
			verb, r.Packets, r.Bytes, r.Syncs, r.Bytes/r.Packets, r.Seconds)
		fmt.Fprintf(&b, "Speed: %spps Bandwidth: %sbps (raw %sbps). Average batch: %.2f pkts\n",
			norm(r.PPS), norm(r.BPS), norm(r.WireBPS), r.AvgBatch)
	}
	if len(r.Queues) > 1 {
		for _, q := range r.Queues {
			fmt.Fprintf(&b, "Queue %d: %d packets %d bytes\n", q.Index, q.Packets, q.Bytes)
		}
	}
	if r.RxResult != nil {
		b.WriteString(balance(r.Queues))
	}
	if r.TxResult != nil {
		r.TxResult.report(&b, norm)
	}
	if r.RxResult != nil {
		r.RxResult.report(&b)
	}
	if r.Ping != nil {
		r.Ping.report(&b)
	}
	if r.Pong != nil {
		r.Pong.report(&b)
	}
	for _, e := range r.Errors {
		fmt.Fprintf(&b, "%s: %s\n", r.Tool, e)
	}
	return b.String()
}

func (t *TxResult) report(b *strings.Builder, norm norm) {
	t.reportPace(b, norm)
	if t.Replay != nil {
		t.Replay.report(b)
	}
	if t.Undrained > 0 {
		fmt.Fprintf(b, "Undrained: %d packets were handed over and did not leave\n", t.Undrained)
	}
	if t.EndRecords > 0 {
		fmt.Fprintf(b, "End records: %d, not counted above\n", t.EndRecords)
	}
}
