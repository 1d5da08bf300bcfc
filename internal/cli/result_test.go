package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"testing"
	"time"
)

var start = time.Date(2026, 5, 4, 3, 2, 1, 250_000_000, time.UTC) // Unix 1777863721.25

func sent() Result {
	status := ExitShort
	r := Result{
		Tool: "pktgen", Version: "v0.1.0", Port: "packet:veth-a", Backend: "packet", Mode: "tx",
		Options: map[string]string{"count": "1000000"}, Start: start,
		Packets: 1_000_000, Bytes: 60_000_000, Seconds: 10, Syncs: 1954, CPUSeconds: 0.25,
		Queues:   []Queue{{0, 600_000, 36_000_000}, {1, 400_000, 24_000_000}},
		TxResult: &TxResult{Requested: 1_000_000, EndRecords: 8, RateAskedPPS: 200_000},
		Errors:   []string{"achieved 100.000 Kpps -> below 200.000 Kpps"}, ExitStatus: &status,
	}
	r.Fill()
	return r
}

func received() Result {
	status := ExitOK
	r := Result{
		Tool: "rcv", Version: "v0.1.0", Port: "veth-b", Backend: "packet", BackendWhy: "no netmap here", Mode: "rx",
		Start: start, Packets: 1_000_002, Bytes: 60_000_120, Seconds: 8, Syncs: 20_000, CPUSeconds: 2.000004,
		Queues: []Queue{{0, 1_000_002, 60_000_120}},
		RxResult: &RxResult{
			KernelDrops: 5, Oversize: 1, NotProbe: 4, Empty: 1, Malformed: 1, Foreign: 2, EndRecordsSeen: 7, StreamsRefused: 2,
			Offloads:  Offloads{SuperFrames: new(uint64(8)), PartialChecksums: 9, Undescribed: 10},
			Sizes:     []Size{{0, 59, 1}, {60, 60, 1_000_000}, {1515, 0, 1}},
			Protocols: &Protocols{ARP: 1, IPv4: 1_000_000, VLAN: 1, UDP: 1_000_000, Empty: 1, BadLength: 1},
			Write:     &Write{"seen.pcapng", 999_999, 3},
			Probe: &Probe{
				Packets: 1_000_003, Distinct: 1_000_000, Duplicates: 1, Lost: 3, Reordered: 2, ReorderedRatio: 0.000002, Late: 1, Absurd: 1, Epochs: 2,
				Extent: &Extent{Mean: 2.5, P50: 1, P99: 4, Max: 4, Clipped: 1},
				Delay: &Delay{Clocks: "same", ClocksWhy: "veth-b is a veth", ReceivedBy: "kernel", ByProgram: 3, Negative: 1,
					OneWay: &Times{1_000_000, 1000, 2000, 2000, 3000, 4000, 5000, 6001}, PDV: &Times{1_000_000, 0, 1000, 1000, 2000, 3000, 4000, 5001}},
				Streams: []Stream{{
					Stream: 0, Packets: 1_000_003, Distinct: 1_000_000, Lost: 3, Duplicates: 1, Reordered: 2,
					Extent: &Extent{Mean: 2.5, P50: 1, P99: 4, Max: 4, Clipped: 1}, Late: 1, Absurd: 1, Epochs: 2,
					Total: 1_000_003, Ended: true, PDV: &Times{Count: 1_000_000, MaxNS: 5001},
				}},
			},
		},
		ExitStatus: &status,
	}
	r.Fill()
	return r
}

// TestResultJSON holds the documented object to the byte, for both programs.
func TestResultJSON(t *testing.T) {
	for file, r := range map[string]Result{"testdata/pktgen.json": sent(), "testdata/rcv.json": received()} {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var line, got bytes.Buffer
		rep := Reporter{JSON: &line}
		if err := rep.Final(&r); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(line.Bytes(), []byte("\n")) != 1 {
			t.Errorf("%s: not one line: %q", file, line.Bytes())
		}
		if err := json.Indent(&got, line.Bytes(), "", "  "); err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s: got\n%s", file, got.String())
		}
		var back Result
		if err := json.Unmarshal(line.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if r.Errors == nil {
			r.Errors = []string{}
		}
		if !reflect.DeepEqual(back, r) {
			t.Errorf("%s: read back %+v, want %+v", file, back, r)
		}
	}
}

// TestEmptyResultJSON: lists are [], meaningful zeros are there, and the other
// program's fields are not.
func TestEmptyResultJSON(t *testing.T) {
	rx := &RxResult{Probe: &Probe{}}
	for _, c := range []struct {
		r                Result
		present, missing []string
	}{
		{Result{TxResult: &TxResult{}},
			[]string{"packets", "pps", "requested", "undrained", "end_records", "rate_asked_pps", "rate_met"},
			[]string{"kernel_drops", "not_probe", "probe", "type", "start", "exit_status", "options"}},
		{Result{RxResult: rx},
			[]string{"packets", "wire_bps", "kernel_drops", "not_probe", "probe"},
			[]string{"requested", "undrained", "end_records", "rate_asked_pps", "rate_met"}},
	} {
		text, err := json.Marshal(c.r)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		for _, k := range c.present {
			if _, ok := m[k]; !ok {
				t.Errorf("%s: lacks %q", text, k)
			}
		}
		for _, k := range c.missing {
			if _, ok := m[k]; ok {
				t.Errorf("%s: has %q", text, k)
			}
		}
		lists := []any{m["queues"], m["errors"]}
		if p, ok := m["probe"].(map[string]any); ok {
			lists = append(lists, p["streams"])
		}
		for i, l := range lists {
			if v, ok := l.([]any); !ok || len(v) != 0 {
				t.Errorf("%s: list %d is %v, want []", text, i, l)
			}
		}
	}
	if rx.Probe.Streams != nil {
		t.Error("MarshalJSON changed the caller's result")
	}
}

func TestFill(t *testing.T) {
	// 64-byte frames (60 and CRC) at 10 Gbit/s are 14.88 Mpps (RFC 2544, 20).
	r := Result{Packets: 14_880_952, Bytes: 14_880_952 * 60, Seconds: 1, Syncs: 29_064, CPUSeconds: 1.5}
	r.Fill()
	if math.Abs(r.WireBPS-10e9) > 1e3 || r.PPS != 14_880_952 || r.BPS != 14_880_952*480 || math.Abs(r.AvgBatch-512) > 0.1 || math.Abs(r.CPUNSPerPacket-100.8) > 0.01 {
		t.Errorf("Fill gives %+v", r)
	}
	r = Result{Bytes: 60, CPUSeconds: 1, PPS: 7, BPS: 7, WireBPS: 7, AvgBatch: 7, CPUNSPerPacket: 7}
	r.Fill()
	if r.PPS != 0 || r.BPS != 0 || r.WireBPS != 0 || r.AvgBatch != 0 || r.CPUNSPerPacket != 0 {
		t.Errorf("without packets, time and syncs Fill gives %+v", r)
	}
}

func TestSince(t *testing.T) {
	cur, prev := sent(), sent()
	prev.Packets, prev.Bytes, prev.Seconds, prev.Syncs, prev.CPUSeconds = 400_000, 24_000_000, 4, 954, 0.125
	prev.Queues = prev.Queues[:1] // the second queue came later
	prev.Queues[0] = Queue{0, 400_000, 24_000_000}
	d := cur.Since(&prev)
	want := Result{
		Packets: 600_000, Bytes: 36_000_000, Seconds: 6, Syncs: 1000, CPUSeconds: 0.125, CPUNSPerPacket: 0.125e9 / 600_000,
		PPS: 100_000, BPS: 48e6, WireBPS: 67.2e6, AvgBatch: 600,
		Queues: []Queue{{0, 200_000, 12_000_000}, {1, 400_000, 24_000_000}},
	}
	got := Result{Packets: d.Packets, Bytes: d.Bytes, Seconds: d.Seconds, Syncs: d.Syncs, CPUSeconds: d.CPUSeconds, CPUNSPerPacket: d.CPUNSPerPacket,
		PPS: d.PPS, BPS: d.BPS, WireBPS: d.WireBPS, AvgBatch: d.AvgBatch, Queues: d.Queues}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Since = %+v, want %+v", got, want)
	}
	if !d.Start.Equal(start.Add(4 * time.Second)) {
		t.Errorf("the interval starts at %v", d.Start)
	}
	if cur.Queues[0].Packets != 600_000 {
		t.Error("Since changed the caller's queues")
	}
	if d.EndRecords != 8 {
		t.Error("Since took a sender's total away")
	}
	// Of a receiver, sizes and protocols are the interval's, all else is the total.
	now, before := received(), received()
	before.Sizes, before.Protocols = []Size{{0, 59, 1}, {60, 60, 400_000}}, &Protocols{IPv4: 400_000, UDP: 400_000, Empty: 1}
	d = now.Since(&before)
	if got, want := d.Sizes, []Size{{0, 59, 0}, {60, 60, 600_000}, {1515, 0, 1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("sizes %+v, want %+v", got, want)
	}
	if got, want := *d.Protocols, (Protocols{ARP: 1, IPv4: 600_000, VLAN: 1, UDP: 600_000, BadLength: 1}); got != want {
		t.Errorf("protocols %+v, want %+v", got, want)
	}
	if d.Probe.Lost != 3 || d.Foreign != 2 || now.Protocols.IPv4 != 1_000_000 || now.Sizes[1].Packets != 1_000_000 {
		t.Error("Since changed the caller's result, or took a receiver's total away")
	}
}
