package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// collector makes metrics of a result each time it is asked. It describes none
// beforehand, as which there are depends on the mode.
type collector struct{ result func() cli.Result }

// Describe makes the collector an unchecked one.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect reads the result once.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	r := c.result()
	e := &emitter{ch: ch, labels: prometheus.Labels{"tool": r.Tool, "mode": r.Mode, "port": r.Port}}
	e.counter("packets_total", "Packets sent, received or reflected.", r.Packets)
	e.counter("bytes_total", "Bytes of those, without CRC.", r.Bytes)
	e.counter("syncs_total", "Syncs that moved at least one packet.", r.Syncs)
	e.gauge("run_seconds", "Seconds since the run began, or that its packets took.", r.Seconds)
	e.ch <- prometheus.MustNewConstMetric(e.desc("cpu_seconds_total", "CPU time, user and system, of the threads that move the packets."), prometheus.CounterValue, r.CPUSeconds)
	for _, q := range r.Queues {
		i := strconv.Itoa(q.Index)
		e.queue("queue_packets_total", "Packets by queue.", i, q.Packets)
		e.queue("queue_bytes_total", "Bytes by queue, without CRC.", i, q.Bytes)
	}
	if t := r.TxResult; t != nil {
		e.sender(t)
	}
	if x := r.RxResult; x != nil {
		e.receiver(x)
	}
	if p := r.Ping; p != nil {
		e.ping(p)
	}
	if p := r.Pong; p != nil {
		e.gauge("requested_packets", "Packets asked for, 0 for no limit.", float64(p.Requested))
		e.gauge("undrained_packets", "Packets handed over that did not leave.", float64(p.Undrained))
		e.drops(p.KernelDrops, p.Truncated)
	}
}

// emitter sends constant metrics.
type emitter struct {
	ch     chan<- prometheus.Metric
	labels prometheus.Labels
}

func (e *emitter) desc(name, help string, variable ...string) *prometheus.Desc {
	return prometheus.NewDesc("ringwalk_"+name, help, variable, e.labels)
}

func (e *emitter) counter(name, help string, v uint64) {
	e.ch <- prometheus.MustNewConstMetric(e.desc(name, help), prometheus.CounterValue, float64(v))
}

func (e *emitter) gauge(name, help string, v float64) {
	e.ch <- prometheus.MustNewConstMetric(e.desc(name, help), prometheus.GaugeValue, v)
}

func (e *emitter) queue(name, help, index string, v uint64) {
	e.labelled(name, help, "queue", index, v)
}

func (e *emitter) sender(t *cli.TxResult) {
	e.gauge("requested_packets", "Packets asked for, 0 for no limit.", float64(t.Requested))
	e.gauge("undrained_packets", "Packets handed over that did not leave.", float64(t.Undrained))
	e.counter("end_records_total", "Frames sent to mark the streams' ends.", t.EndRecords)
	e.gauge("rate_asked_pps", "Packets a second asked for, 0 for no limit or one in bits.", t.RateAskedPPS)
	e.gauge("rate_given_up_seconds", "Part of the schedule that was too far behind to be caught up with.", t.GivenUpSeconds)
}

func (e *emitter) drops(kernel, truncated uint64) {
	e.counter("kernel_drops_total", "Frames the kernel dropped because the program was late.", kernel)
	e.counter("truncated_total", "Frames longer than their buffer, dropped.", truncated)
}

func (e *emitter) ping(p *cli.Ping) {
	e.counter("ping_received_total", "Pings answered in time.", p.Received)
	e.counter("ping_lost_total", "Pings not answered in time.", p.Lost)
	e.counter("ping_duplicates_total", "Answers to pings that had been answered.", p.Duplicates)
	e.counter("ping_late_total", "First answers to pings that count as lost.", p.Late)
	e.counter("ping_foreign_total", "Packets that answer no ping.", p.Foreign)
	e.counter("kernel_drops_total", "Frames the kernel dropped because the program was late.", p.KernelDrops)
	e.times("ping_rtt", "Round trips of the answered pings", p.RTT)
}

// times is a summary with its ends; nil is none.
func (e *emitter) times(name, help string, t *cli.Times) {
	if t == nil {
		return
	}
	s := func(ns int64) float64 { return float64(ns) / 1e9 }
	e.ch <- prometheus.MustNewConstSummary(e.desc(name+"_seconds", help+"."),
		t.Count, s(t.MeanNS)*float64(t.Count),
		map[float64]float64{0.5: s(t.P50NS), 0.9: s(t.P90NS), 0.99: s(t.P99NS), 0.999: s(t.P999NS)})
	e.gauge(name+"_min_seconds", help+": the shortest.", s(t.MinNS))
	e.gauge(name+"_max_seconds", help+": the longest.", s(t.MaxNS))
}
