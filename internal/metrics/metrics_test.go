package metrics

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/internal/cli"
)

func serve(t *testing.T, result func() cli.Result) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Serve(result)
	t.Cleanup(func() { s.Close() })
	return s
}

func get(t *testing.T, s *Server, path string) (status int, body string) {
	t.Helper()
	resp, err := http.Get("http://" + s.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestMetrics(t *testing.T) {
	for _, c := range []struct {
		r    cli.Result
		want []string
	}{
		{cli.Result{Tool: "pktgen", Mode: "tx", Port: `netmap:a"b`, Packets: 7, Bytes: 420, Syncs: 2, Seconds: 1.5, CPUSeconds: 0.75,
			Queues:   []cli.Queue{{Index: 0, Packets: 3, Bytes: 180}, {Index: 1, Packets: 4, Bytes: 240}},
			TxResult: &cli.TxResult{Requested: 9, EndRecords: 5, RateAskedPPS: 10}},
			[]string{
				`ringwalk_packets_total{mode="tx",port="netmap:a\"b",tool="pktgen"} 7`,
				`ringwalk_queue_packets_total{mode="tx",port="netmap:a\"b",queue="1",tool="pktgen"} 4`,
				`ringwalk_run_seconds{mode="tx",port="netmap:a\"b",tool="pktgen"} 1.5`,
				`ringwalk_cpu_seconds_total{mode="tx",port="netmap:a\"b",tool="pktgen"} 0.75`,
				`ringwalk_requested_packets{mode="tx",port="netmap:a\"b",tool="pktgen"} 9`,
				`ringwalk_end_records_total{mode="tx",port="netmap:a\"b",tool="pktgen"} 5`,
			}},
		{cli.Result{Tool: "rcv", Mode: "rx", Port: "x", RxResult: &cli.RxResult{KernelDrops: 3, NotProbe: 1,
			Malformed: 1, Sizes: []cli.Size{{Min: 60, Max: 60, Packets: 8}, {Min: 1515, Packets: 2}}, Protocols: &cli.Protocols{IPv4: 9, BadL4: 1},
			Write: &cli.Write{Frames: 7, Drops: 3},
			Probe: &cli.Probe{Packets: 9, Distinct: 8, Duplicates: 1, Lost: 2, Absurd: 1, Epochs: 4, Streams: make([]cli.Stream, 1000),
				Extent: &cli.Extent{Max: 12, Mean: 3.5},
				Delay:  &cli.Delay{OneWay: &cli.Times{Count: 8, MeanNS: 1000, P99NS: 2000, MaxNS: 3000}, PDV: &cli.Times{Count: 8, P99NS: 500}, Negative: 2, Clock: &cli.Clock{AheadNS: -2e6, WithinNS: 1e5}}}}},
			[]string{
				`ringwalk_size_packets_total{bytes="60-60",mode="rx",port="x",tool="rcv"} 8`,
				`ringwalk_size_packets_total{bytes="1515-",mode="rx",port="x",tool="rcv"} 2`,
				`ringwalk_header_packets_total{header="bad_l4",mode="rx",port="x",tool="rcv"} 1`,
				`ringwalk_malformed_total{mode="rx",port="x",tool="rcv"} 1`,
				`ringwalk_write_drops_total{mode="rx",port="x",tool="rcv"} 3`,
				`ringwalk_probe_epochs_total{mode="rx",port="x",tool="rcv"} 4`,
				`ringwalk_probe_absurd{mode="rx",port="x",tool="rcv"} 1`,
				`ringwalk_probe_reordering_extent_max{mode="rx",port="x",tool="rcv"} 12`,
				`ringwalk_probe_delay_seconds{mode="rx",port="x",tool="rcv",quantile="0.99"} 2e-06`,
				`ringwalk_probe_delay_max_seconds{mode="rx",port="x",tool="rcv"} 3e-06`,
				`ringwalk_probe_pdv_seconds{mode="rx",port="x",tool="rcv",quantile="0.99"} 5e-07`,
				`ringwalk_probe_negative_delays_total{mode="rx",port="x",tool="rcv"} 2`,
				`ringwalk_probe_clock_ahead_seconds{mode="rx",port="x",tool="rcv"} -0.002`,
				`ringwalk_probe_clock_within_seconds{mode="rx",port="x",tool="rcv"} 0.0001`,
				`ringwalk_kernel_drops_total{mode="rx",port="x",tool="rcv"} 3`,
				`ringwalk_probe_lost{mode="rx",port="x",tool="rcv"} 2`,
				`ringwalk_probe_streams{mode="rx",port="x",tool="rcv"} 1000`,
			}},
		{cli.Result{Tool: "pktgen", Mode: "ping", Port: "x", TxResult: &cli.TxResult{}, Ping: &cli.Ping{Received: 4, Lost: 1,
			RTT: &cli.Times{Count: 4, MinNS: 1000, MeanNS: 2000, P50NS: 2000, P99NS: 3000, MaxNS: 4000}}},
			[]string{
				`ringwalk_ping_received_total{mode="ping",port="x",tool="pktgen"} 4`,
				`ringwalk_ping_rtt_seconds{mode="ping",port="x",tool="pktgen",quantile="0.99"} 3e-06`,
				`ringwalk_ping_rtt_seconds_count{mode="ping",port="x",tool="pktgen"} 4`,
				`ringwalk_ping_rtt_seconds_sum{mode="ping",port="x",tool="pktgen"} 8e-06`,
			}},
		{cli.Result{Tool: "pktgen", Mode: "pong", Port: "x", Pong: &cli.Pong{KernelDrops: 2}},
			[]string{`ringwalk_kernel_drops_total{mode="pong",port="x",tool="pktgen"} 2`}},
	} {
		s := serve(t, func() cli.Result { return c.r })
		status, body := get(t, s, "/metrics")
		if status != http.StatusOK {
			t.Errorf("status %d: %s", status, body)
		}
		for _, w := range c.want {
			if !strings.Contains(body, w+"\n") {
				t.Errorf("%s is not in\n%s", w, body)
			}
		}
		if n := strings.Count(body, "\n"); n > 160 {
			t.Errorf("%d lines", n)
		}
		if status, _ := get(t, s, "/debug/pprof"); status != http.StatusNotFound {
			t.Errorf("another path has status %d", status)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, addr := range []string{"", "nowhere", "1.2.3.4", "127.0.0.1:99999", "127.0.0.1:http:x"} {
		if s, err := Listen(addr); err == nil {
			s.Close()
			t.Errorf("%q is an address", addr)
		} else if cli.Status(err) != cli.ExitUsage || strings.Contains(err.Error(), "ss -tlnp") {
			t.Errorf("%q: %v", addr, err)
		}
	}
	s, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(s.Addr().String()); err == nil || !strings.Contains(err.Error(), "ss -tlnp shows who does): listen tcp") {
		t.Errorf("an address in use: %v", err)
	}
	if err := s.Close(); err != nil { // never served
		t.Error(err)
	}
}

// A client that says nothing does not hold up the end; several at a time are
// served, and after Close none.
func TestClients(t *testing.T) {
	s := serve(t, func() cli.Result { return cli.Result{} })
	mute, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			resp, err := http.Get("http://" + s.Addr().String() + "/metrics")
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	wg.Wait()
	begin := time.Now()
	s.Close()
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("Close took %v", d)
	}
	if _, err := http.Get("http://" + s.Addr().String() + "/metrics"); err == nil {
		t.Error("it is served after Close")
	}
}
