package cli

import (
	"fmt"
	"strings"
)

// mostShares bounds the shares in the line for people; the fullest and the mean
// are over all queues.
const mostShares = 16

// balance says how even packets were spread over the queues: each one's share,
// and how many times the mean the fullest has.
func balance(queues []Queue) string {
	var total, most uint64
	for _, q := range queues {
		total, most = total+q.Packets, max(most, q.Packets)
	}
	if total == 0 || len(queues) < 2 {
		return ""
	}
	var b strings.Builder
	b.WriteString("Balance:")
	for i, q := range queues {
		if i == mostShares {
			b.WriteString(" …")
			break
		}
		fmt.Fprintf(&b, " %.1f%%", 100*float64(q.Packets)/float64(total))
	}
	fmt.Fprintf(&b, "; the fullest queue has %.2f times the mean\n", float64(most)*float64(len(queues))/float64(total))
	return b.String()
}
