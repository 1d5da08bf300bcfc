package command_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/frame"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// -n is of all threads, to the frame, by the kernel's own count.
func TestCountIsOfAllThreads(t *testing.T) {
	pair := testnet.Pair(t, nil)
	for _, c := range []struct {
		args string
		want uint64
	}{
		{"-n 10 -p 3", 10},
		{"-n 2 -p 4", 2},
		{"-n 10 -p 3 -R 1000 -c 1", 10},
		{"-n 100 -p 3 -R 1Mbps --gaps poisson --best-effort", 100},
		{"-n 10 -p 2 --bursts 4/2ms", 10},
		{"-n 7 -p 2 -a 0 -c 1", 7},
	} {
		before, err := pair.B.NS.Counters(pair.B.Name)
		if err != nil {
			t.Fatal(err)
		}
		o := in(pair.A.NS, "pktgen --probe off --json -i packet:"+pair.A.Name+" "+c.args)
		after, err := pair.B.NS.Counters(pair.B.Name)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := o.result(t)
		if n := after.RxPackets - before.RxPackets; o.status != 0 || n != c.want || r.Packets != c.want {
			t.Errorf("%s: %d frames arrived, %d sent by the result, want %d: %+v", c.args, n, r.Packets, c.want, o)
		}
	}
}

// A rate in bits is one of the bits that the result counts, and a share of the
// link one of those on the wire.
func TestRatesInBits(t *testing.T) {
	pair := testnet.Pair(t, nil)
	for _, c := range []struct {
		args string
		pps  float64
		note string
	}{
		{"-R 4.8Mbps -l 60", 10000, ""},
		{"-R 6.72Mbps-wire -l 60", 10000, ""},
		{"-R 0.1% -l 226", 5000, "0.1% of the 10.000 Gbit/s of veth-a are 10.000 Mbit/s on the wire"},
		{"--bursts 50/10ms", 5000, ""},
		{"-R 5000 --gaps poisson", 5000, ""},
	} {
		o := in(pair.A.NS, "pktgen --probe off --json --best-effort --duration 300ms -i packet:"+pair.A.Name+" "+c.args)
		r, fields := o.result(t)
		// Above what was asked is our fault, below may be the machine's.
		most := c.pps * r.Seconds
		most += 4*math.Sqrt(most) + 50
		if o.status != 0 || float64(r.Packets) > most || r.Packets == 0 || !strings.Contains(o.stderr, c.note) {
			t.Errorf("%s: %d frames in %g s, want %g a second: %+v", c.args, r.Packets, r.Seconds, c.pps, o)
		}
		has(t, c.args, fields["departures"], []string{"batches", "mean_ns", "min_ns", "p50_ns", "p99_ns", "p999_ns", "max_ns", "stddev_ns"})
		if !strings.Contains(o.stderr, "Between a thread's batches: mean ") {
			t.Errorf("%s: the report lacks the spread:\n%s", c.args, o.stderr)
		}
	}
	in(pair.A.NS, "pktgen -i lo -R 5% --force").complains(t, "pktgen", 2, "-R 5%: interface lo has no link speed, say a rate in pps or bps")
	in(pair.A.NS, "pktgen -i pcap:/dev/null -n 1 -R 5%").complains(t, "pktgen", 2, "has no link to take a share of")
}

// A generator that is stopped for half a second catches up with a tenth of a
// second at twice the rate, gives the rest up, and says so.
func TestStopAndContinue(t *testing.T) {
	pair := testnet.Pair(t, nil)
	const rate = 2000
	cmd, wait := start(t, pair.A.NS, "pktgen", fmt.Sprintf("-i packet:%s -p 2 --probe off -R %d --duration 2s --best-effort --json", pair.A.Name, rate))
	count := func() uint64 {
		c, err := pair.B.NS.Counters(pair.B.Name)
		if err != nil {
			t.Fatal(err)
		}
		return c.RxPackets
	}
	for begin := time.Now(); count() == 0; time.Sleep(time.Millisecond) {
		if time.Since(begin) > 5*time.Second {
			t.Fatal("nothing is sent")
		}
	}
	time.Sleep(200 * time.Millisecond)
	cmd.Process.Signal(syscall.SIGSTOP)
	stopped := time.Now()
	time.Sleep(20 * time.Millisecond)
	before := count()
	time.Sleep(480 * time.Millisecond)
	if n := count(); n != before {
		t.Errorf("%d frames were sent by a process that is stopped", n-before)
	}
	stop := time.Since(stopped)
	cmd.Process.Signal(syscall.SIGCONT)
	continued := time.Now()
	time.Sleep(50 * time.Millisecond)
	// What is due in 4 ms may go at once.
	if n, most := count()-before, 2*rate*time.Since(continued).Seconds()+10+rate*0.004; float64(n) > most {
		t.Errorf("%d frames in the %v after the stop, twice the rate are %g", n, time.Since(continued), most)
	}
	o := wait()
	r, _ := o.result(t)
	// Each of two threads gives up what is beyond 100 ms.
	least := 2 * (stop.Seconds() - 0.1 - 0.02)
	if o.status != 0 || r.RateMet || r.GivenUpSeconds < least || r.BehindSeconds < stop.Seconds()-0.02 ||
		float64(r.Packets) > rate*(2-r.GivenUpSeconds/2)+4 {
		t.Errorf("a stop of %v: %d frames, %+v", stop, r.Packets, *r.TxResult)
	}
	if !strings.Contains(o.stderr, "s over all threads were given up") {
		t.Errorf("the report does not say so:\n%s", o.stderr)
	}
}

// record writes a capture of n frames of UDP, gap ns apart, no two alike.
func record(t *testing.T, n int, gap int64) (name string, frames [][]byte) {
	t.Helper()
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b23c4d)
	b = le.AppendUint32(le.AppendUint64(append(b, 2, 0, 4, 0), 0), 65535)
	b = le.AppendUint32(b, 1)
	for i := range n {
		tm, err := frame.New(frame.Config{Len: 60 + i*61%1455})
		if err != nil {
			t.Fatal(err)
		}
		f := bytes.Clone(tm.Bytes())
		binary.BigEndian.PutUint32(f[42:], uint32(i))
		at := int64(i) * gap
		b = le.AppendUint32(le.AppendUint32(b, uint32(at/1e9)), uint32(at%1e9))
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(f))), uint32(len(f)))
		b = append(b, f...)
		frames = append(frames, f)
	}
	name = filepath.Join(t.TempDir(), "frames.pcap")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name, frames
}

// recorded are the frames in a capture.
func recorded(t *testing.T, name string) (frames [][]byte) {
	t.Helper()
	c, err := engine.OpenCapture(name, true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, 1<<16)
	for {
		n, _, err := c.Next(buf)
		if err == io.EOF {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, bytes.Clone(buf[:n]))
	}
}

// A capture of 10,000 frames crosses a veth pair with the times it was captured
// at, byte for byte.
func TestReplayAcrossVeth(t *testing.T) {
	pair := testnet.Pair(t, nil)
	const n, gap = 10000, 100e3
	file, want := record(t, n, gap)
	seen := filepath.Join(t.TempDir(), "seen.pcap")
	sent, received := exchange(t, pair, "--best-effort --json -P "+file, "--probe off --json --idle 500ms --write "+seen)
	r, fields := sent.result(t)
	rx, _ := received.result(t)
	if sent.status != 0 || received.status != 0 || r.Packets != n || rx.Packets != n || rx.KernelDrops != 0 || r.Bytes != rx.Bytes {
		t.Fatalf("%+v\n%+v", sent, received)
	}
	got := recorded(t, seen)
	if len(got) != n {
		t.Fatalf("%d frames were written", len(got))
	}
	for i := range got {
		if !bytes.Equal(got[i], want[i]) {
			t.Fatalf("frame %d:\n%x, want\n%x", i, got[i], want[i])
		}
	}
	p := r.Replay
	schedule := float64(n-1) * gap / 1e9
	if p == nil || !p.Complete || p.Loops != 1 || p.Frames != n || math.Abs(p.AskedSeconds-schedule) > 1e-6 || r.Seconds < schedule*0.9999 {
		t.Errorf("%+v", p)
	}
	t.Logf("%g s of capture took %g s sent, %g s received", schedule, r.Seconds, rx.Seconds)
	has(t, "the replay", fields["replay"], []string{"file", "loops", "complete", "asked_seconds", "frames", "truncated", "too_long", "too_short", "other_link"})
	if !strings.Contains(sent.stderr, "Replayed: 10000 frames of "+file+", 1 times to its end, a schedule of 1.000 s") {
		t.Errorf("it says\n%s", sent.stderr)
	}
}

func TestReplayFlags(t *testing.T) {
	pair := testnet.Pair(t, nil)
	a := "pktgen --json --best-effort -i packet:" + pair.A.Name + " -P "
	file, frames := record(t, 100, 1e6)
	for _, c := range []struct {
		args     string
		status   int
		packets  int
		schedule float64
		says     string
	}{
		{"--replay-speed top --loops 5", 0, 500, 0, ""},
		{"--replay-speed 10x", 0, 100, 0.0099, ""},
		{"--replay-speed top -n 250 -p 3", 0, 250, 0, ""},
		{"-R 10000 -n 250", 0, 250, 0.025, ""},
		{"--max-gap 100us", 0, 100, 0.0099, ""},
		{"--loops 2 -n 50 --replay-speed top -D 02:00:00:00:00:09 --map-ip 10.0.0.0/8=192.168.0.0/16", 0, 50, 0, ""},
		{"--loops 1000 --duration 50ms", 3, -1, -1, "the replay ended after "},
		{"--duration 50ms", 0, -1, -1, ""},
	} {
		o := in(pair.A.NS, a+file+" "+c.args)
		r, _ := o.result(t)
		if o.status != c.status || c.packets >= 0 && r.Packets != uint64(c.packets) || r.Replay == nil ||
			c.schedule >= 0 && math.Abs(r.Replay.AskedSeconds-c.schedule) > 1e-6 || !strings.Contains(o.stderr, c.says) {
			t.Errorf("%s: %+v %+v", c.args, o, r.Replay)
		}
	}
	out := filepath.Join(t.TempDir(), "out.pcap")
	o := play(strings.Fields("pktgen -i pcap:" + out + " --replay-speed top --map-ip 10.0.0.0/8=192.168.0.0/16 -P " + file)...)
	got := recorded(t, out)
	if o.status != 0 || len(got) != len(frames) || got[5][26] != 192 || !bytes.Equal(got[5][42:], frames[5][42:]) {
		t.Errorf("%+v, %d frames", o, len(got))
	}
	for _, c := range []struct{ args, says string }{
		{"--loops 2", "--loops is about a capture file: say which with -P"},
		{"-P " + file + " -l 60", "--length does not go with -P"},
		{"-P " + file + " -d 10.0.0.1", "--dst does not go with -P"},
		{"-P " + file + " --probe on", "they have no probes"},
		{"-P " + file + " -R 5 --replay-speed 2", "does not go with -R or --bursts"},
		{"-P " + file + " --replay-speed 0", `speed "0" is no factor above zero`},
		{"-P " + file + " --replay-speed NaN", `speed "NaN" is no factor`},
		{"-P " + file + " --map-ip 10.0.0.0/8", `in the address map "10.0.0.0/8"`},
		{"-P /no/such.pcap", "open capture file /no/such.pcap to read it: no such file"},
		{"-R 5 --bursts 5/1ms", "it does not go with -R"},
		{"--bursts 5", "not of the form K/T"},
		{"--bursts 5/1ms --gaps poisson", "do not go with --gaps poisson"},
		{"--gaps poisson", "needs a rate (-R)"},
		{"--gaps odd", `"odd" is neither constant nor poisson`},
		{"-a 0,1 -c 2", "not with the list"},
	} {
		args := "pktgen -i packet:" + pair.A.Name + " " + c.args
		in(pair.A.NS, args).complains(t, args, 2, c.says)
	}
}
