package command_test

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/internal/testnet"
)

// Both directions of each pair of modes over a veth.
func TestPingAndPong(t *testing.T) {
	pair := testnet.Pair(t, nil)
	a, b := "-i packet:"+pair.A.Name, "-i packet:"+pair.B.Name
	pong := other(t, pair.B.NS, "pktgen", b+" -f pong -n 450 --json")
	o := in(pair.A.NS, "pktgen "+a+" -f ping -n 400 -R 1000 -A --max-loss 0 --best-effort -T 100 --json-stream")
	r, fields := o.result(t)
	if o.status != 0 || r.Packets != 400 || r.Ping == nil || r.Ping.Received != 400 || r.Ping.Lost+r.Ping.Duplicates+r.Ping.Late != 0 ||
		r.Ping.RTT == nil || r.Ping.RTT.Count != 400 || r.Ping.RTT.MinNS <= 0 || r.Ping.RTT.MaxNS < r.Ping.RTT.P50NS {
		t.Errorf("%+v %+v\n%s", r, r.Ping, o.stderr)
	}
	has(t, "the result", fields, allFields)
	has(t, "its ping", fields["ping"], []string{"received", "lost", "duplicates", "late", "foreign", "rtt"})
	if !strings.Contains(o.stdout, `"rtt_interval":{"count":`) || !strings.Contains(o.stderr, "RTT over 400 answers: min ") ||
		!strings.Contains(o.stderr, " received 0 lost 0 duplicates") || !strings.Contains(o.stderr, "pps [avg/std ") {
		t.Errorf("intervals:\n%s%s", o.stdout, o.stderr)
	}
	// One after the other, and nobody there.
	if o := in(pair.A.NS, "pktgen "+a+" -f ping -n 50 -b 5 --json"); o.status != 0 {
		t.Errorf("lockstep: %+v", o)
	}
	p := pong()
	if r, _ := p.result(t); p.status != 0 || r.Packets != 450 || r.Bytes != 450*60 || r.Mode != "pong" || r.Pong == nil {
		t.Errorf("pong: %+v", p)
	}
	o = in(pair.A.NS, "pktgen "+a+" -f ping -n 2 --timeout 50ms --json")
	if r, _ := o.result(t); o.status != 3 || r.Ping.Lost != 2 || !strings.Contains(strings.Join(r.Errors, ""), "none of 2 pings was answered within 50ms") {
		t.Errorf("nobody there: %+v", o)
	}
}

func TestTxseqAndRxseq(t *testing.T) {
	pair := testnet.Pair(t, nil)
	a, b := "-i packet:"+pair.A.Name, "-i packet:"+pair.B.Name
	for tool, rx := range map[string]string{
		"rcv":    " -f rxseq --expect 500 --max-loss 0 --idle 500ms --json",
		"pktgen": " -f rxseq -W -p 2 --json",
	} {
		got := other(t, pair.B.NS, tool, b+rx)
		if o := in(pair.A.NS, "pktgen "+a+" -f txseq -n 500 -R 5000 -T 20 -o 2048 --best-effort"); o.status != 0 || !strings.Contains(o.stderr, "[avg/std") {
			t.Errorf("txseq: %+v", o)
		}
		o := got()
		r, _ := o.result(t)
		if o.status != 0 || r.Mode != "rxseq" || r.Probe == nil || r.Probe.Distinct != 500 || r.Probe.Lost+r.Probe.Reordered != 0 {
			t.Errorf("%s: %+v %+v", rx, o, r.Probe)
		}
	}
	// In pkt-gen's words rx is rcv.
	got := other(t, pair.B.NS, "pktgen", b+" -f rx -W -R 5 -l 60 --json")
	in(pair.A.NS, "pktgen "+a+" -n 300 -R 5000 --best-effort")
	o := got()
	if r, _ := o.result(t); o.status != 0 || r.Tool != "pktgen" || r.Mode != "rx" || r.Probe.Distinct != 300 ||
		!strings.Contains(o.stderr, "pktgen: -f rx has no use for ") {
		t.Errorf("%+v", o)
	}
}

// get is a GET of a URL's host, made here and now: net/http dials from another
// thread, which is in another namespace.
func get(url string) (string, error) {
	host, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	c, err := net.Dial("tcp", host)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /"+path+" HTTP/1.0\r\n\r\n"); err != nil {
		return "", err
	}
	b, err := io.ReadAll(c)
	return string(b), err
}

// The counters can be read while a program runs, and not after.
func TestMetricsWhileRunning(t *testing.T) {
	pair := testnet.Pair(t, nil)
	const addr = "127.0.0.1:9100" // in a namespace of its own
	read := func() (body string, err error) {
		err = pair.A.NS.Do(func() error {
			body, err = get("http://" + addr + "/metrics")
			return err
		})
		return body, err
	}
	_, wait := start(t, pair.A.NS, "pktgen", "-i packet:"+pair.A.Name+" -R 1000 -n 2000 --best-effort --metrics "+addr)
	sent := regexp.MustCompile(`ringwalk_packets_total\{mode="tx",port="packet:[^"]+",tool="pktgen"\} [1-9]`)
	body, err := read()
	for deadline := time.Now().Add(5 * time.Second); !sent.MatchString(body) && time.Now().Before(deadline); body, err = read() {
		time.Sleep(20 * time.Millisecond)
	}
	if !sent.MatchString(body) {
		t.Errorf("%v: %s", err, body)
	}
	if o := wait(); o.status != 0 || !strings.Contains(o.stderr, "pktgen: metrics at http://"+addr+"/metrics\n") {
		t.Errorf("%+v", o)
	}
	if body, err := read(); err == nil {
		t.Errorf("it still answers: %s", body)
	}
}
