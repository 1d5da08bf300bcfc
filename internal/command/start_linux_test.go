package command_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/internal/testnet"
)

// Two generators with one --start-at begin together, by their own word and by
// their frames' times: neither before it, and as close as threads wake up, which
// on a loaded machine is some ms. What they then send is counted from there.
func TestGeneratorsStartTogether(t *testing.T) {
	pair := testnet.Pair(t, nil)
	for _, how := range []string{"-R 2000 --duration 1s", "-n 300 -R 3000 --gaps poisson", "--bursts 20/10ms -n 200", "-n 5000 -p 2"} {
		count := func() uint64 {
			c, err := pair.B.NS.Counters(pair.B.Name)
			if err != nil {
				t.Fatal(err)
			}
			return c.RxPackets
		}
		before := count()
		rcv := other(t, pair.B.NS, "rcv", "-i packet:"+pair.B.Name+" --idle 500ms --json")
		at := time.Now().Add(700 * time.Millisecond)
		flags := fmt.Sprintf("-i packet:%s --start-at %%s --best-effort --json --stream %%d %s", pair.A.Name, how)
		// The two ways to say it.
		_, one := start(t, pair.A.NS, "pktgen", fmt.Sprintf(flags, at.Format(time.RFC3339Nano), 10))
		_, two := start(t, pair.A.NS, "pktgen", fmt.Sprintf(flags, fmt.Sprintf("@%d.%09d", at.Unix(), at.Nanosecond()), 20))
		time.Sleep(time.Until(at) - 50*time.Millisecond)
		if n := count() - before; n > 0 && time.Now().Before(at) {
			t.Errorf("%s: %d frames arrived before the time", how, n)
		}
		var starts []time.Time
		for _, wait := range []func() outcome{one, two} {
			o := wait()
			r, _ := o.result(t)
			if o.status != 0 || r.Packets == 0 || !strings.Contains(o.stderr, "pktgen: ready: sending on packet:"+pair.A.Name+" from 20") {
				t.Fatalf("%s: %+v", how, o)
			}
			// Waiting, some 0.6 s, is not counted.
			if since := time.Since(at); r.Start.Before(at) || r.Start.Sub(at) > since || r.Seconds > since.Seconds() {
				t.Errorf("%s: began %v after the time, and took %g s of the %v since", how, r.Start.Sub(at), r.Seconds, since)
			}
			starts = append(starts, r.Start)
		}
		t.Logf("%s: began %v and %v after the time, %v apart", how, starts[0].Sub(at), starts[1].Sub(at), starts[1].Sub(starts[0]).Abs())
		o := rcv()
		if r, _ := o.result(t); r.Probe == nil || r.Probe.Distinct == 0 || r.Probe.Lost != 0 {
			t.Errorf("%s: the receiver: %+v", how, o)
		}
	}
}

// ^C while it waits ends it in order, with nothing sent.
func TestInterruptedBeforeTheStart(t *testing.T) {
	pair := testnet.Pair(t, nil)
	for _, how := range []string{"", "-n 50", "-R 1000 --duration 1s -p 2"} {
		at := fmt.Sprintf("@%d", time.Now().Add(time.Hour).Unix())
		cmd, wait := start(t, pair.A.NS, "pktgen", "-i packet:"+pair.A.Name+" --json -T 10 --start-at "+at+" "+how)
		time.Sleep(300 * time.Millisecond)
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		o := wait()
		var fields map[string]any
		if err := json.Unmarshal([]byte(o.stdout), &fields); err != nil {
			t.Fatalf("%v: %+v", err, o)
		}
		if fields["packets"] != 0. || fields["seconds"] != 0. || fields["start"] != nil || fields["end_records"] != 0. ||
			!strings.Contains(o.stderr, "Sent nothing.") || strings.Contains(o.stderr, "avg_batch") {
			t.Errorf("%q: %+v", how, o)
		}
	}
}

// What means nothing is refused, before any port is opened.
func TestStartAtAndPerCallAreRefused(t *testing.T) {
	soon := time.Now().Add(time.Minute).Format(time.RFC3339)
	for args, want := range map[string]string{
		"--start-at noon": `time "noon" is neither RFC 3339`,
		"--start-at " + time.Now().Add(25*time.Hour).Format(time.RFC3339): "that is more than a day ahead; it is ",
		"-f ping --start-at " + soon:                                      "--start-at means nothing with -f ping: leave it out",
		"-f pong --start-at " + soon:                                      "--start-at means nothing with -f pong: leave it out",
		"-f rx --start-at " + soon:                                        "--start-at means nothing with -f rx: leave it out",
		"--per-call 1":                                                    "--per-call means nothing with -f tx: leave it out",
		"-f rxseq --per-call 1":                                           "--per-call means nothing with -f rxseq: leave it out",
		"-f ping --per-call 0":                                            "--per-call",
		"-f ping --per-call 1025":                                         "a system call moves at most 1024 packets",
		"-f pong -i netmap:nowhere --per-call 1":                          "all that a netmap ring holds, and netmap:nowhere has such",
	} {
		play(strings.Fields("pktgen -i packet:nowhere "+args)...).complains(t, "pktgen", 2, want)
	}
}

// One packet a call: four calls for a ping, as many more as find nothing, and
// far fewer without that.
func TestPingAndPongPerCall(t *testing.T) {
	pair := testnet.Pair(t, nil)
	calls := func(flags string) (all uint64) {
		pong := other(t, pair.B.NS, "pktgen", "-i packet:"+pair.B.Name+" -f pong -n 600 --json "+flags)
		o := in(pair.A.NS, "pktgen -i packet:"+pair.A.Name+" -f ping -n 600 -b 30 --json "+flags)
		r, _ := o.result(t)
		if o.status != 0 || r.Ping == nil || r.Ping.Received != 600 || r.CPUSeconds <= 0 {
			t.Fatalf("%+v", o)
		}
		o = pong()
		p, _ := o.result(t)
		if o.status != 0 || p.Pong == nil || p.CPUSeconds <= 0 {
			t.Fatalf("%+v", o)
		}
		return r.Ping.Calls + p.Pong.Calls
	}
	one, batch := calls("--per-call 1"), calls("")
	t.Logf("%d calls, %d in batches", one, batch)
	if one < 4*600 || batch == 0 || batch > one/2 {
		t.Errorf("%d calls with one packet each, %d in batches", one, batch)
	}
}
