package command_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command/pktgen"
	"github.com/ringwalk/ringwalk/internal/command/rcv"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// playEnv makes the test binary one of the programs.
const playEnv = "RINGWALK_COMMAND_PLAY"

func TestMain(m *testing.M) {
	switch os.Getenv(playEnv) {
	case "pktgen":
		os.Exit(pktgen.Main(os.Args[1:], os.Stdout, os.Stderr))
	case "rcv":
		os.Exit(rcv.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// process is a program as a process of its own, not started yet.
func process(tool string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), playEnv+"="+tool)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// in plays a program inside a namespace.
func in(ns *netlab.NS, args string) (o outcome) {
	if err := ns.Do(func() error { o = play(strings.Fields(args)...); return nil }); err != nil {
		o = outcome{-1, "", err.Error()}
	}
	return o
}

// result is the last JSON object on standard output.
func (o outcome) result(t *testing.T) (r cli.Result, fields map[string]any) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	last := []byte(lines[len(lines)-1])
	if err := json.Unmarshal(last, &r); err != nil {
		t.Fatalf("%v in %q; standard error: %s", err, o.stdout, o.stderr)
	}
	if err := json.Unmarshal(last, &fields); err != nil {
		t.Fatal(err)
	}
	if r.ExitStatus == nil || *r.ExitStatus != o.status {
		t.Errorf("exit status %d, in the result %v", o.status, fields["exit_status"])
	}
	return r, fields
}

// exchange runs rcv at B and, once it is ready, pktgen at A.
func exchange(t *testing.T, p *netlab.Pair, tx, rx string) (sent, received outcome) {
	t.Helper()
	end := other(t, p.B.NS, "rcv", "-i packet:"+p.B.Name+" "+rx)
	sent = in(p.A.NS, "pktgen -i packet:"+p.A.Name+" "+tx)
	return sent, end()
}

// other runs a program that waits for packets. It returns when the program is
// ready, and end returns when it has ended.
func other(t *testing.T, ns *netlab.NS, tool, args string) (end func() outcome) {
	t.Helper()
	main := pktgen.Main
	if tool == "rcv" {
		main = rcv.Main
	}
	ready := make(chan bool, 1)
	done := make(chan outcome)
	go func() {
		var out bytes.Buffer
		watch := &readiness{ready: ready}
		o := outcome{status: -1}
		_ = ns.Do(func() error {
			o.status = main(strings.Fields(args), &out, watch)
			return nil
		})
		o.stdout, o.stderr = out.String(), watch.String()
		select {
		case ready <- false:
		default:
		}
		done <- o
	}()
	if !<-ready {
		t.Fatalf("%s: %+v", tool, <-done)
	}
	return func() (o outcome) {
		select {
		case o = <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("%s does not end", tool)
		}
		return o
	}
}

// readiness looks for a program's word that it receives.
type readiness struct {
	bytes.Buffer
	ready chan bool
}

func (r *readiness) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(": ready: ")) {
		r.ready <- true
	}
	return r.Buffer.Write(b)
}

// The fields that every result has, and each program's own.
var (
	allFields = []string{"tool", "version", "port", "backend", "mode", "packets", "bytes", "seconds", "pps", "bps", "wire_bps",
		"syncs", "avg_batch", "queues", "errors", "exit_status", "options", "start"}
	txFields     = []string{"requested", "undrained", "end_records", "backpressure", "rate_asked_pps", "rate_met"}
	rxFields     = []string{"kernel_drops", "not_probe", "probe"}
	probeFields  = []string{"packets", "distinct", "lost", "duplicates", "reordered", "streams"}
	queueFields  = []string{"index", "packets", "bytes"}
	streamFields = []string{"stream", "packets", "distinct", "lost", "duplicates", "reordered", "total", "ended"}
)

func has(t *testing.T, what string, v any, lists ...[]string) {
	t.Helper()
	m, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s is no object: %v", what, v)
	}
	for _, k := range slices.Concat(lists...) {
		if _, ok := m[k]; !ok {
			t.Errorf("%s lacks %q: %v", what, k, m)
		}
	}
}

func TestThreeThreadsSendExactlyN(t *testing.T) {
	pair := testnet.Pair(t, nil)
	file := filepath.Join(t.TempDir(), "frames.pcap")
	sent, received := exchange(t, pair, "-n 3001 -p 3 -R 20000 --best-effort --json",
		"-p 2 --expect 3001 --max-loss 0 --idle 500ms --json --write "+file)
	tx, txMap := sent.result(t)
	rx, rxMap := received.result(t)
	if sent.status != 0 || received.status != 0 {
		t.Fatalf("%+v\n%+v", sent, received)
	}
	has(t, "pktgen's result", txMap, allFields, txFields)
	has(t, "rcv's result", rxMap, allFields, rxFields)
	has(t, "its probe", rxMap["probe"], probeFields)
	has(t, "a queue", rxMap["queues"].([]any)[1], queueFields)
	has(t, "a stream", rxMap["probe"].(map[string]any)["streams"].([]any)[2], streamFields)
	if tx.Tool != "pktgen" || tx.Packets != 3001 || tx.Requested != 3001 || tx.Undrained != 0 || tx.EndRecords == 0 ||
		tx.RateAskedPPS != 20000 || tx.Bytes != 3001*60 || len(tx.Queues) != 3 || tx.Mode != "tx" || tx.Backend != "packet" {
		t.Errorf("%+v %+v", tx, tx.TxResult)
	}
	// Three threads' batches of 1 to 4 frames are due one by one.
	if tx.AvgBatch < 1 || tx.AvgBatch > 4.5 {
		t.Errorf("%g frames a batch in %d batches", tx.AvgBatch, tx.Syncs)
	}
	p := rx.Probe
	if rx.Tool != "rcv" || rx.Packets != 3001+tx.EndRecords || p.Distinct != 3001 || p.Packets != 3001 || len(p.Streams) != 3 ||
		p.Lost+p.Duplicates+p.Reordered+p.Late+rx.NotProbe+rx.KernelDrops != 0 || len(rx.Queues) != 2 || len(rx.Errors) != 0 {
		t.Errorf("%+v %+v", rx, p)
	}

	tshark := testnet.NeedTool(t, "tshark")
	out, err := exec.Command(tshark, "-r", file, "-T", "fields", "-e", "frame.len").Output()
	if n := strings.Count(string(out), "60\n"); err != nil || n != int(rx.Packets) {
		t.Errorf("tshark finds %d frames, want %d: %v", n, rx.Packets, err)
	}
}

func TestJSONStream(t *testing.T) {
	pair := testnet.Pair(t, nil)
	sent, received := exchange(t, pair, "-n 1000 -R 2000 -T 100 --json-stream --best-effort", "--idle 400ms -T 100 --json-stream")
	for _, o := range []outcome{sent, received} {
		var packets uint64
		lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
		for i, line := range lines {
			var r cli.Result
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			last := i == len(lines)-1
			if want := map[bool]string{true: "result", false: "interval"}[last]; r.Type != want {
				t.Errorf("line %d of %d is of type %q", i, len(lines), r.Type)
			}
			if !last {
				packets += r.Packets
			} else if packets > r.Packets || r.Packets < 1000 {
				t.Errorf("%d packets in the intervals, %d in all", packets, r.Packets)
			}
		}
		if len(lines) < 4 || strings.Count(o.stderr, "pps (") < 3 {
			t.Errorf("few intervals:\n%s%s", o.stdout, o.stderr)
		}
	}
}

func TestVerdicts(t *testing.T) {
	pair := testnet.Pair(t, nil)
	for _, c := range []struct {
		tx, rx     string
		txs, rxs   int
		says, also string
	}{
		{"-n 100 -R 10000 --best-effort", "--expect 101 --idle 200ms", 0, 3, "100 different probes came, 101 were expected", ""},
		{"-n 100 -R 10000 --best-effort", "--expect 100 -n 50", 0, 3, "50 different probes came, 100 were expected", ""},
		{"-n 100 --probe off", "--probe off --expect 100 --idle 200ms", 0, 0, "", ""},
		{"-n 100 -l 59", "--expect 100 --probe off --idle 200ms", 0, 0, "", "no probes: frames of 59 bytes have no room for one"},
		{"-n 100 -l 59", "--expect 100 --idle 200ms", 0, 3, "0 different probes came", ""},
		{"-n 100", "-n 10 --max-loss 50", 0, 0, "", ""},
		{"-n 100000 -R 1000 --duration 100ms --best-effort", "--idle 200ms", 3, 0, "", "of 100000 frames were sent (the time was over)"},
		{"-R 100M --duration 100ms --probe off", "-n 1", 3, 0, "", "pps were achieved of the 100.000 Mpps asked"},
	} {
		sent, received := exchange(t, pair, c.tx+" --json", c.rx+" --json")
		if sent.status != c.txs || received.status != c.rxs {
			t.Errorf("pktgen %s, rcv %s: statuses %d and %d, want %d and %d\n%s%s", c.tx, c.rx, sent.status, received.status, c.txs, c.rxs, sent.stderr, received.stderr)
		}
		rx, _ := received.result(t)
		if !strings.Contains(strings.Join(rx.Errors, "\n"), c.says) || (len(rx.Errors) > 0) != (c.rxs != 0) {
			t.Errorf("rcv %s: errors %q, want %q", c.rx, rx.Errors, c.says)
		}
		if !strings.Contains(sent.stderr, c.also) {
			t.Errorf("pktgen %s lacks %q:\n%s", c.tx, c.also, sent.stderr)
		}
	}
	o := in(pair.B.NS, "rcv -i "+pair.B.Name+" --wait-first 100ms --json")
	if r, _ := o.result(t); o.status != 3 || r.Packets != 0 || !slices.Contains(r.Errors, "no frame came within 100ms") {
		t.Errorf("--wait-first: %+v", o)
	}

	// Loss: a stream whose numbers begin after a thousand that nobody saw.
	sent := make(chan outcome, 1)
	go func() { sent <- in(pair.A.NS, "pktgen -i "+pair.A.Name+" -n 4000 -R 4000 --best-effort") }()
	time.Sleep(400 * time.Millisecond)
	o = in(pair.B.NS, "rcv -i "+pair.B.Name+" --idle 300ms --wait-first 5s --max-loss 1 --json")
	if r, _ := o.result(t); o.status != 3 || r.Probe.Lost == 0 || r.Probe.Distinct+r.Probe.Lost != 4000 ||
		!strings.Contains(strings.Join(r.Errors, ""), "of 4000 probes are lost") {
		t.Errorf("--max-loss: %+v", o)
	}
	if o := <-sent; o.status != 0 {
		t.Errorf("%+v", o)
	}
}

func TestNoSuchInterface(t *testing.T) {
	for _, args := range []string{"pktgen -i packet:nosuch0", "rcv -i packet:nosuch0", "pktgen -i nosuch0", "rcv -i nosuch0"} {
		play(strings.Fields(args)...).complains(t, args, cli.ExitFailed, `no interface "nosuch0" here`)
	}
}

func TestPortsThatRefuse(t *testing.T) {
	pair := testnet.Pair(t, nil)
	a := pair.A.Name
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"pktgen -i " + a + " -l 1515", 2, "frames of 1515 bytes are longer than the 1514 that " + a + " takes (its MTU is 1500)"},
		{"pktgen -i " + a + " -l 100000", 2, "frames of 100000 bytes are longer than the 1514"},
		{"pktgen -i " + a + " -l 41", 2, "its headers take 42"},
		{"pktgen -i " + a + " -l 59 --probe on", 2, "it needs 60"},
		{"pktgen -i " + a + " -w 60 -l 1515", 2, "frames of 1515 bytes"}, // refused before the wait
		{"rcv -i " + a + " --write /no/such/dir/file", 1, "/no/such/dir/file"},
	} {
		in(pair.A.NS, c.args).complains(t, c.args, c.status, c.says)
	}
	if o := in(pair.A.NS, "pktgen -i "+a+" -l 1514 -n 10"); o.status != 0 {
		t.Errorf("the longest frame: %+v", o)
	}
	if err := pair.A.NS.SetUp(a, false); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"pktgen", "rcv"} {
		args := tool + " -i packet:" + a
		in(pair.A.NS, args).complains(t, args, 1, "interface "+a+" is down (ip link set dev "+a+" up): network is down")
	}
}

func TestDefaultRoute(t *testing.T) {
	pair := testnet.Pair(t, &netlab.PairOptions{AddrsA: []netip.Prefix{netip.MustParsePrefix("10.9.0.1/24")}})
	a := pair.A.Name
	err := pair.A.NS.Do(func() error {
		return netlink.RouteAdd(&netlink.Route{LinkIndex: pair.A.Index, Gw: net.IPv4(10, 9, 0, 2)})
	})
	if err != nil {
		t.Fatal(err)
	}
	before, err := pair.A.NS.Counters(a)
	if err != nil {
		t.Fatal(err)
	}
	args := "pktgen -i " + a + " -n 10"
	in(pair.A.NS, args).complains(t, args, 2, "interface "+a+" carries this host's default route: sending there needs --force")
	if after, _ := pair.A.NS.Counters(a); after.TxPackets != before.TxPackets {
		t.Errorf("%d frames were sent all the same", after.TxPackets-before.TxPackets)
	}
	if o := in(pair.A.NS, args+" --force --json"); o.status != 0 {
		t.Errorf("with --force: %+v", o)
	} else if r, _ := o.result(t); r.Packets != 10 {
		t.Errorf("with --force: %+v", r)
	}
	if o := in(pair.A.NS, "rcv -i "+a+" --wait-first 50ms"); o.status != 3 { // receiving harms nobody
		t.Errorf("rcv: %+v", o)
	}
}

func TestNoPrivilege(t *testing.T) {
	for _, tool := range []string{"pktgen", "rcv"} {
		cmd := process(tool, "-i", "packet:lo", "--force", "-n", "1")
		if tool == "rcv" {
			cmd = process(tool, "-i", "packet:lo", "--wait-first", "1")
		}
		if os.Getuid() == 0 {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		}
		var out, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &stderr
		err := cmd.Run()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			testnet.Skip(t, "cannot run as another user here: %v", err)
		}
		o := outcome{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
		o.complains(t, tool, 1, "a packet socket needs root or CAP_NET_RAW")
	}
}

// An interface that goes down or away ends the run with what was counted.
func TestInterfaceLostWhileRunning(t *testing.T) {
	for _, queues := range []int{1, 2} {
		for _, what := range []string{"went down", "is gone"} {
			pair := testnet.Pair(t, nil)
			type end struct {
				tool string
				end  netlab.End
				done chan outcome
			}
			ends := []end{{"rcv", pair.B, make(chan outcome, 1)}, {"pktgen", pair.A, make(chan outcome, 1)}}
			for _, e := range ends {
				args := fmt.Sprintf("%s -i packet:%s -p %d --json", e.tool, e.end.Name, queues)
				if e.tool == "pktgen" {
					args += " -R 2000 -n 1M"
				}
				go func() { e.done <- in(e.end.NS, args) }()
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(200 * time.Millisecond)
			if what == "is gone" {
				if err := pair.A.NS.Delete(pair.A.Name); err != nil {
					t.Fatal(err)
				}
			} else {
				for _, e := range ends {
					if err := e.end.NS.SetUp(e.end.Name, false); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, e := range ends {
				select {
				case o := <-e.done:
					r, _ := o.result(t)
					says := "interface " + e.end.Name + " " + what
					other := func(s string) bool { return !strings.Contains(s, says) }
					if o.status != 1 || r.Packets == 0 || len(r.Errors) == 0 || len(r.Errors) > queues || slices.ContainsFunc(r.Errors, other) {
						t.Errorf("%s: status %d, %d packets, errors %q, want one on %q", e.tool, o.status, r.Packets, r.Errors, says)
					}
					if !strings.Contains(o.stderr, says) {
						t.Errorf("%s says\n%s", e.tool, o.stderr)
					}
				case <-time.After(5 * time.Second):
					t.Fatalf("%s does not notice that its interface %s", e.tool, what)
				}
			}
		}
	}
}

// A transcript is what a process has written until now.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *transcript) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *transcript) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// says waits until a process has written a text on standard error.
func says(t *testing.T, cmd *exec.Cmd, text string) {
	t.Helper()
	for begin := time.Now(); !strings.Contains(cmd.Stderr.(*transcript).String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("it does not say %q but\n%s", text, cmd.Stderr)
		}
	}
}

// start starts a program in a namespace; wait collects it.
func start(t *testing.T, ns *netlab.NS, tool, args string) (cmd *exec.Cmd, wait func() outcome) {
	t.Helper()
	cmd = process(tool, strings.Fields(args)...)
	var out, stderr transcript
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := ns.Start(cmd); err != nil {
		t.Fatal(err)
	}
	return cmd, func() outcome {
		ended := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		defer ended.Stop()
		cmd.Wait()
		return outcome{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
	}
}

func TestInterrupt(t *testing.T) {
	pair := testnet.Pair(t, nil)
	a, b := "-i packet:"+pair.A.Name, "-i packet:"+pair.B.Name
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		rx, rxEnd := start(t, pair.B.NS, "rcv", b+" --json --expect 3")
		says(t, rx, "ready: ")
		tx, txEnd := start(t, pair.A.NS, "pktgen", a+" -R 2000 -T 50 --best-effort --json")
		limited, limitedEnd := start(t, pair.A.NS, "pktgen", a+" -R 0.1 -n 100 -T 50 --stream 9 --best-effort --json")
		says(t, tx, "avg_batch")
		says(t, limited, "avg_batch")
		tx.Process.Signal(sig)
		limited.Process.Signal(sig)
		txo, lo := txEnd(), limitedEnd()
		rx.Process.Signal(sig)
		rxo := rxEnd()
		txr, _ := txo.result(t)
		lr, _ := lo.result(t)
		rxr, _ := rxo.result(t)
		if txo.status != 0 || txr.Packets == 0 || txr.EndRecords == 0 || len(txr.Errors) != 0 {
			t.Errorf("%v: pktgen without -n: %+v", sig, txo)
		}
		want := "1 of 100 frames were sent (stopped by terminated)"
		if sig == syscall.SIGINT {
			want = "1 of 100 frames were sent (interrupted)"
		}
		if lo.status != 3 || !slices.Contains(lr.Errors, want) {
			t.Errorf("%v: pktgen with -n: status %d, errors %q, want %q", sig, lo.status, lr.Errors, want)
		}
		if p := rxr.Probe; rxo.status != 3 || p.Distinct != txr.Packets+1 || p.Lost != 0 {
			t.Errorf("%v: rcv is judged as usual: %+v", sig, rxo)
		}
	}
}

// The second ^C ends it at once: here while the first one's end is held up by
// a standard output that nobody reads.
func TestSecondInterrupt(t *testing.T) {
	pair := testnet.Pair(t, nil)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := process("rcv", "-i", pair.B.Name, "--json")
	cmd.Stdout = w
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	// Fill the pipe.
	if _, err := w.Write(make([]byte, 1<<16)); err != nil {
		t.Fatal(err)
	}
	if err := pair.B.NS.Start(cmd); err != nil {
		t.Fatal(err)
	}
	w.Close()
	killer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer killer.Stop()
	// The report in words comes before the JSON.
	said := make([]byte, 0, 4096)
	await := func(words string) {
		t.Helper()
		for !bytes.Contains(said, []byte(words)) {
			n, err := stderr.Read(said[len(said):cap(said)])
			said = said[:len(said)+n]
			if err != nil {
				t.Fatalf("%v, and it said\n%s", err, said)
			}
		}
	}
	await("ready: receiving")
	cmd.Process.Signal(os.Interrupt)
	await("Received nothing.")
	cmd.Process.Signal(os.Interrupt)
	io.Copy(io.Discard, stderr)
	cmd.Wait()
	if s := cmd.ProcessState.ExitCode(); s != cli.ExitInterrupted {
		t.Errorf("status %d, it said\n%s", s, said)
	}
}
