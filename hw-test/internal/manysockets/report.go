package manysockets

import (
	"fmt"
	"io"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// Report is what --json prints.
type Report struct {
	Version string `json:"version"`
	// Asked is how many sockets were asked for, Sockets how many there were.
	Asked   int `json:"asked"`
	Sockets int `json:"sockets"`
	Rate    int `json:"rate"` // messages a second to each
	Size    int `json:"size"` // bytes of each
	// Where says in which surroundings it ran.
	Where string `json:"where"`
	// MemoryBytes is by how much this process grew with the sockets' rings, and
	// RecvBufBytes each socket's buffer, as the kernel reports it.
	MemoryBytes  int64 `json:"memory_bytes"`
	RecvBufBytes int   `json:"recv_buf_bytes"`
	// Notes are sentences on what was not to be had.
	Notes       []string `json:"notes,omitempty"`
	Rows        []Row    `json:"rows"`
	Planned     int      `json:"planned"`
	Interrupted bool     `json:"interrupted"`
	Seconds     float64  `json:"seconds"`
	ExitStatus  int      `json:"exit_status"`
}

// Row is what one method did. CPU times are in seconds.
type Row struct {
	Method   string `json:"method"`
	Sockets  int    `json:"sockets"`
	Sent     uint64 `json:"sent"`
	Received uint64 `json:"received"`
	// Lost is what was sent and not received; KernelDrops is the part of it for
	// which a socket's buffer had no room.
	Lost        uint64 `json:"lost"`
	KernelDrops uint64 `json:"kernel_drops"`
	// Uneven is how many sockets received another number than was sent to them.
	Uneven int `json:"uneven"`

	Waits         uint64  `json:"waits"`  // calls of poll(2) or Poller.Wait
	Events        uint64  `json:"events"` // sockets they said were ready
	EventsPerWait float64 `json:"events_per_wait"`
	Syncs         uint64  `json:"syncs"` // calls of recvmmsg

	ReceiveCPU           float64 `json:"receive_cpu_seconds"` // of the receiver's thread
	SendCPU              float64 `json:"send_cpu_seconds"`    // of the sender's thread
	ProcessCPU           float64 `json:"process_cpu_seconds"` // of all threads
	ReceiveCPUPerMillion float64 `json:"receive_cpu_per_million"`
	SendCPUPerMillion    float64 `json:"send_cpu_per_million"`

	Seconds float64 `json:"seconds"`  // how long it was sent
	SentPPS float64 `json:"sent_pps"` // messages a second to all
	Holds   bool    `json:"holds"`
}

// judge works out what follows from the counts.
func (r *Row) judge() {
	r.Lost = r.Sent - min(r.Sent, r.Received)
	r.Holds = r.Sent > 0 && r.Received == r.Sent && r.Uneven == 0
	if r.Waits > 0 {
		r.EventsPerWait = float64(r.Events) / float64(r.Waits)
	}
	if r.Received > 0 {
		r.ReceiveCPUPerMillion = r.ReceiveCPU / float64(r.Received) * 1e6
	}
	if r.Sent > 0 {
		r.SendCPUPerMillion = r.SendCPU / float64(r.Sent) * 1e6
	}
	if r.Seconds > 0 {
		r.SentPPS = float64(r.Sent) / r.Seconds
	}
}

// The table is printed as rows finish, hence the fixed widths.
const columns = "%-8s %8s %10s %10s %8s %12s %10s %11s %10s %10s %s\n"

func (r *Report) printStart(w io.Writer) {
	fmt.Fprintf(w, "%d sockets, %d messages of %d bytes a second to each, %s.\n", r.Sockets, r.Rate, r.Size, r.Where)
	fmt.Fprintf(w, "Their rings take %.1f MiB of memory; each socket's buffer is of %d KiB at most.\n",
		float64(r.MemoryBytes)/(1<<20), r.RecvBufBytes>>10)
	fmt.Fprintf(w, columns, "", "", "", "", "", "", "", "events", "CPU s per", "million", "")
	fmt.Fprintf(w, columns, "method", "sockets", "sent", "received", "lost", "kernel drops", "waits", "per wait", "receiver", "sender", "verdict")
}

func (r *Row) print(w io.Writer) {
	verdict := "holds"
	if !r.Holds {
		verdict = "FAILS"
	}
	fmt.Fprintf(w, columns, r.Method, fmt.Sprint(r.Sockets), fmt.Sprint(r.Sent), fmt.Sprint(r.Received), fmt.Sprint(r.Lost),
		fmt.Sprint(r.KernelDrops), fmt.Sprint(r.Waits), fmt.Sprintf("%.1f", r.EventsPerWait),
		fmt.Sprintf("%.2f", r.ReceiveCPUPerMillion), fmt.Sprintf("%.2f", r.SendCPUPerMillion), verdict)
}

// end judges the whole.
func (r *Report) end(took time.Duration) {
	r.Seconds = took.Seconds()
	r.ExitStatus = cli.ExitOK
	for _, row := range r.Rows {
		if r.slow(row) {
			r.ExitStatus = cli.ExitShort
		}
	}
	if r.held() < r.Planned {
		r.ExitStatus = cli.ExitFailed
	}
}

// slow says whether a row was sent at more than 1 % below what was asked, which
// proves less.
func (r *Report) slow(row Row) bool {
	return row.SentPPS < 0.99*float64(r.Rate)*float64(r.Sockets)
}

func (r *Report) held() (n int) {
	for _, row := range r.Rows {
		if row.Holds {
			n++
		}
	}
	return n
}

// printEnd prints what stands under the table.
func (r *Report) printEnd(w io.Writer) {
	for _, row := range r.Rows {
		if !row.Holds {
			fmt.Fprintf(w, "%s fails: of %d messages %d were received and %d dropped by the kernel; %d sockets have another number than was sent to them.\n",
				row.Method, row.Sent, row.Received, row.KernelDrops, row.Uneven)
		}
		if r.slow(row) {
			fmt.Fprintf(w, "%s was sent %.0f messages a second of %d: this machine has no time for more.\n", row.Method, row.SentPPS, r.Rate*r.Sockets)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, n)
	}
	if r.Interrupted {
		fmt.Fprintf(w, "Interrupted after %d of %d methods.\n", len(r.Rows), r.Planned)
	}
	fmt.Fprintf(w, "%d of %d methods hold (%.0f s, exit status %d)\n", r.held(), r.Planned, r.Seconds, r.ExitStatus)
}
