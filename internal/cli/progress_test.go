package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// ticks are cumulative results as a program reads them, about once a second.
func ticks() (first, second Result) {
	first = Result{Tool: "pktgen", Start: start, Seconds: 1.001, Packets: 14_894_880, Bytes: 893_692_800, Syncs: 29_091,
		TxResult: &TxResult{}}
	second = first
	second.Seconds, second.Packets, second.Bytes, second.Syncs = 2.0015, first.Packets+1000, first.Bytes+60_000, first.Syncs+10
	return first, second
}

const (
	line1 = "722.251000 pktgen 14.880 Mpps (14.895 Mpkts 7.142 Gbps in 1001000 usec) 512.01 avg_batch"
	line2 = "723.251500 pktgen 999.500 pps (1.000 Kpkts 479.760 Kbps in 1000500 usec) 100.00 avg_batch"
)

func TestIntervalPlain(t *testing.T) {
	var out strings.Builder
	rep := Reporter{Tool: "pktgen", Human: &out}
	first, second := ticks()
	short := first
	short.Seconds += 0.009 // below 10 ms: left for the next interval
	for _, r := range []Result{first, short, second} {
		if err := rep.Interval(r); err != nil {
			t.Fatal(err)
		}
	}
	rep.Note("link %s is up", "veth-a")
	if want := line1 + "\n" + line2 + "\npktgen: link veth-a is up\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestStream(t *testing.T) {
	var out strings.Builder
	rep := Reporter{Tool: "pktgen", JSON: &out, Stream: true}
	first, second := ticks()
	rep.Interval(first)
	rep.Interval(second)
	rep.Final(&second)
	var got []string
	for line := range strings.Lines(out.String()) {
		var r Result
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %d %.4f", r.Type, r.Packets, r.Seconds))
	}
	want := "[interval 14894880 1.0010 interval 1000 1.0005 result 14895880 2.0015]"
	if fmt.Sprint(got) != want {
		t.Errorf("stream is %v, want %v", got, want)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestBrokenWriters(t *testing.T) {
	first, _ := ticks()
	rep := Reporter{Human: brokenWriter{}, JSON: brokenWriter{}, Stream: true}
	if err := rep.Interval(first); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Interval: %v", err)
	}
	if err := rep.Final(&first); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Final: %v", err)
	}
	rep = Reporter{Human: brokenWriter{}}
	if err := rep.Final(&first); err != nil {
		t.Errorf("a lost terminal is reported: %v", err)
	}
}

// TestReporterParallel is for the race detector, and holds lines together.
func TestReporterParallel(t *testing.T) {
	var out strings.Builder
	rep := Reporter{Tool: "rcv", Human: &out}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				rep.Note("queue is late")
			}
		})
	}
	wg.Wait()
	if want := strings.Repeat("rcv: queue is late\n", 400); out.String() != want {
		t.Error("lines are mixed up")
	}
}

func TestFinalReport(t *testing.T) {
	for want, r := range map[string]Result{
		`Sent 1000000 packets 60000000 bytes 1954 events 60 bytes each in 10.00 seconds.
Speed: 100.000 Kpps Bandwidth: 48.000 Mbps (raw 67.200 Mbps). Average batch: 511.77 pkts
Queue 0: 600000 packets 36000000 bytes
Queue 1: 400000 packets 24000000 bytes
Rate asked: 200.000 Kpps, not met
End records: 8, not counted above
pktgen: achieved 100.000 Kpps -> below 200.000 Kpps
`: sent(),
		`Received 1000002 packets 60000120 bytes 20000 events 60 bytes each in 8.00 seconds.
Speed: 125.000 Kpps Bandwidth: 60.000 Mbps (raw 84.000 Mbps). Average batch: 50.00 pkts
Kernel drops: 5. Truncated: 0. Oversize: 1
Checksums left to the NIC: 9 frames of this host, or super-frames
Super-frames: 8. Undescribed: 10. None were on a wire: ethtool -K IFACE gro off lro off, or tso off gso off where they are sent; --buf-size 65535 holds them
Sizes in bytes without CRC: 0-59: 1, 60: 1000000, 1515 and more: 1
Headers: arp 1, ipv4 1000000, vlan 1, udp 1000000, empty 1, bad_length 1
Written to seen.pcapng: 999999 frames; 3 are not in it, because it could not keep up or failed
Probe: 1000003 packets 1000000 distinct 3 lost 1 duplicates 2 reordered 1 late 1 absurd, 4 without a probe (1 empty 1 malformed 2 foreign)
Not checked: 2 probes of streams beyond those that are told apart
Epochs: 2 in 1 streams, for a sender that begins again begins one
Reordered: 0.0002 %, extent mean 2.5 p50 1 p99 4 max 4 frames; 1 came from farther back than is remembered, and count as the least that can be
Negative delays: 1 probes came before they were sent: the clocks are not one, or one was set
Delay one way: min 1.000 mean 2.000 p50 2.000 p90 3.000 p99 4.000 p99.9 5.000 max 6.001 us
PDV: min 0.000 mean 1.000 p50 1.000 p90 2.000 p99 3.000 p99.9 4.000 max 5.001 us
Clocks: one (veth-b is a veth). Received stamped by the kernel, 3 by the program's clock
Stream 0: 1000003 packets 1000000 distinct 3 lost 1 duplicates 2 reordered 1 late 1 absurd, of 1000003 in 2 epochs
`: received(),
		`Received nothing.
Kernel drops: 0. Truncated: 0
Probe: 1 packets 1 distinct 0 lost 0 duplicates 0 reordered 0 late, 0 without a probe
PDV: min 0.000 mean 0.000 p50 0.000 p90 0.000 p99 0.000 p99.9 0.000 max 0.000 us
Clocks: two (by --clocks apart): no one-way delay, and what they drifted is in PDV. Received by the program's clock, once per batch
`: {RxResult: &RxResult{Probe: &Probe{Packets: 1, Distinct: 1, Delay: &Delay{Clocks: "apart", ClocksWhy: "by --clocks apart", ReceivedBy: "program", PDV: &Times{Count: 1}}}}},
		// What delays are worth is said before them.
		`Received nothing.
Kernel drops: 0. Truncated: 0
Probe: 9 packets 9 distinct 0 lost 0 duplicates 0 reordered 0 late, 0 without a probe
Clocks: two (by --clocks, the receiver's is 40µs behind the sender's, ± 1µs), so one-way delays are known to ± 1µs. Received by the program's clock, once per batch
Negative delays: 3 probes came before they were sent, by no more than the offset may be wrong
Delay one way: min -1.000 mean 0.000 p50 0.000 p90 0.000 p99 0.000 p99.9 0.000 max 0.000 us
PDV: min 0.000 mean 0.000 p50 0.000 p90 0.000 p99 0.000 p99.9 0.000 max 0.000 us
`: corrected(-1000),
		`Received nothing.
Kernel drops: 0. Truncated: 0
Probe: 9 packets 9 distinct 0 lost 0 duplicates 0 reordered 0 late, 0 without a probe
Clocks: two (by --clocks, the receiver's is 40µs behind the sender's, ± 1µs), so one-way delays are known to ± 1µs. Received by the program's clock, once per batch
Negative delays: 3 probes came before they were sent, by more than ± 1µs: the clocks are not that far apart, or one was set or drifted
Delay one way: min -1.001 mean 0.000 p50 0.000 p90 0.000 p99 0.000 p99.9 0.000 max 0.000 us
PDV: min 0.000 mean 0.000 p50 0.000 p90 0.000 p99 0.000 p99.9 0.000 max 0.000 us
`: corrected(-1001),
		"Received nothing.\nKernel drops: 0. Truncated: 0\n": {RxResult: &RxResult{}},
		"Received nothing.\nKernel drops: 0. Truncated: 0\nChecksums left to the NIC: 2 frames of this host, or super-frames (--super-frames counts these)\n": {
			RxResult: &RxResult{Offloads: Offloads{PartialChecksums: 2}}},
		"Sent nothing.\nRate asked: 5.000 pps, met\nUndrained: 7 packets were handed over and did not leave\n": {
			TxResult: &TxResult{Undrained: 7, RateAskedPPS: 5, RateMet: true}},
	} {
		if got := finalReport(&r, Norm); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// corrected is a result with an offset between the clocks.
func corrected(least int64) Result {
	c := &Clock{AheadNS: -40_000, WithinNS: 1000}
	return Result{RxResult: &RxResult{Probe: &Probe{Packets: 9, Distinct: 9, Delay: &Delay{Clocks: "offset", Clock: c, Negative: 3,
		ClocksWhy: "by --clocks, the receiver's is " + c.String(), ReceivedBy: "program", OneWay: &Times{Count: 9, MinNS: least}, PDV: &Times{Count: 9}}}}}
}

func TestFinalReportManyStreams(t *testing.T) {
	r := Result{RxResult: &RxResult{Probe: &Probe{Streams: make([]Stream, 20)}}}
	got := finalReport(&r, Norm)
	if n := strings.Count(got, "Stream 0: 0 packets"); n != 16 || !strings.Contains(got, "… and 4 streams more\n") ||
		!strings.Contains(got, "end not seen") {
		t.Errorf("%d streams in\n%s", n, got)
	}
}

func ExampleReporter() {
	rep := Reporter{Tool: "rcv", Human: os.Stdout}
	run := Result{Tool: "rcv", Start: start, RxResult: &RxResult{}}
	run.Seconds, run.Packets, run.Bytes, run.Syncs = 1, 1000, 60_000, 10
	rep.Interval(run)
	run.Seconds, run.Packets, run.Bytes, run.Syncs = 2, 3000, 180_000, 20
	rep.Interval(run)
	rep.Final(&run)
	// Output:
	// 722.250000 rcv 1.000 Kpps (1.000 Kpkts 480.000 Kbps in 1000000 usec) 100.00 avg_batch 0 drops
	// 723.250000 rcv 2.000 Kpps (2.000 Kpkts 960.000 Kbps in 1000000 usec) 200.00 avg_batch 0 drops
	// Received 3000 packets 180000 bytes 20 events 60 bytes each in 2.00 seconds.
	// Speed: 1.500 Kpps Bandwidth: 720.000 Kbps (raw 1.008 Mbps). Average batch: 150.00 pkts
	// Kernel drops: 0. Truncated: 0
}
