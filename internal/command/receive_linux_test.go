package command_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/engine"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// Both ends of a veth pair read one clock, in two namespaces, too. The delay is
// above nothing and below the run's length, and agrees with itself.
func TestDelayOverVeth(t *testing.T) {
	pair := testnet.Pair(t, nil)
	begin := time.Now()
	_, received := exchange(t, pair, "-n 2000 -R 4000 --best-effort", "--idle 400ms --json --max-delay-p99 1m")
	most := time.Since(begin).Nanoseconds()
	r, _ := received.result(t)
	d := r.Probe.Delay
	if received.status != 0 || d == nil || d.Clocks != "same" || d.OneWay == nil || !strings.Contains(d.ClocksWhy, "veth") {
		t.Fatalf("%+v", received)
	}
	w, v := d.OneWay, d.PDV
	if w.Count != r.Probe.Distinct || w.MinNS <= 0 || w.MaxNS > most || w.MinNS > w.P50NS || w.P50NS > w.P90NS || w.P90NS > w.P99NS || w.P99NS > w.P999NS || w.P999NS > w.MaxNS ||
		w.MeanNS < w.MinNS || w.MeanNS > w.MaxNS || v.MinNS != 0 || v.MaxNS != w.MaxNS-w.MinNS || v.Count != w.Count || d.Negative != 0 {
		t.Errorf("one way %+v, PDV %+v", w, v)
	}
	s := r.Probe.Streams[0]
	if s.OneWay == nil || s.OneWay.MaxNS != w.MaxNS || s.PDV == nil {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(received.stderr, "Delay one way: min ") || !strings.Contains(received.stderr, "PDV: min 0.000 ") {
		t.Error(received.stderr)
	}
}

// The kernel's own times are taken where they are asked for.
func TestDelayByTheKernel(t *testing.T) {
	pair := testnet.Pair(t, nil)
	_, received := exchange(t, pair, "-n 500 -R 1000 --best-effort", "--idle 400ms --json --timestamps software")
	r, _ := received.result(t)
	// Stamping begins some ms after the port was opened.
	if d := r.Probe.Delay; d == nil || d.Clocks != "same" || d.ReceivedBy != "kernel" || d.ByProgram >= d.OneWay.Count || d.OneWay.Count != r.Probe.Distinct ||
		d.OneWay.MinNS <= 0 || !strings.Contains(received.stderr, "Received stamped by the kernel") {
		t.Errorf("%+v", received)
	}
}

func TestMaxDelay(t *testing.T) {
	pair := testnet.Pair(t, nil)
	// Nothing gets there within a nanosecond.
	_, received := exchange(t, pair, "-n 100 -R 1000 --best-effort", "--idle 300ms --json --max-delay-p99 1ns")
	if r, _ := received.result(t); received.status != cli.ExitShort || len(r.Errors) != 1 || !strings.Contains(r.Errors[0], "the delay's p99 is ") || !strings.Contains(r.Errors[0], "at most 1ns was allowed") {
		t.Errorf("%+v", received)
	}
	none := in(pair.B.NS, "rcv -i packet:"+pair.B.Name+" --duration 100ms --max-delay-p99 1s")
	if none.status != cli.ExitShort || !strings.Contains(none.stderr, "no delay was measured, for no probe came") {
		t.Errorf("%+v", none)
	}
	for _, args := range []string{"--clocks apart", "--delay off", "--probe off", "-f rxseq"} {
		o := in(pair.B.NS, "rcv -i packet:"+pair.B.Name+" --duration 1s --max-delay-p99 1s "+args)
		if o.status != cli.ExitUsage || !strings.Contains(o.stderr, "--max-delay-p99") {
			t.Errorf("%s: %+v", args, o)
		}
	}
}

func TestClocksApart(t *testing.T) {
	pair := testnet.Pair(t, nil)
	_, received := exchange(t, pair, "-n 100 -R 1000 --best-effort", "--idle 300ms --json --clocks apart")
	r, _ := received.result(t)
	if d := r.Probe.Delay; d == nil || d.Clocks != "apart" || d.OneWay != nil || d.PDV == nil || d.PDV.Count != 100 || r.Probe.Streams[0].OneWay != nil {
		t.Errorf("%+v", received)
	}
	if !strings.Contains(received.stderr, "Clocks: two (by --clocks apart): no one-way delay") {
		t.Error(received.stderr)
	}
	_, received = exchange(t, pair, "-n 100 -R 1000 --best-effort", "--idle 300ms --json --delay off")
	if r, _ := received.result(t); r.Probe.Delay != nil || r.Probe.Distinct != 100 {
		t.Errorf("%+v", received)
	}
}

// An offset between the clocks is taken off all one-way delays, and nothing else
// changes: the same frames, read with several, show it to the nanosecond.
func TestClocksOffset(t *testing.T) {
	pair := testnet.Pair(t, nil)
	file := filepath.Join(t.TempDir(), "seen.pcapng")
	begin := time.Now()
	_, received := exchange(t, pair, "-n 1000 -R 4000 --best-effort", "--idle 300ms --json --clocks -10s~1ms --write "+file+" --max-delay-p99 11s")
	most := time.Since(begin).Nanoseconds()
	r, _ := received.result(t)
	d := r.Probe.Delay
	if received.status != 0 || d == nil || d.Clocks != "offset" || d.Clock == nil || *d.Clock != (cli.Clock{AheadNS: -1e10, WithinNS: 1e6}) || d.OneWay == nil || d.Negative != 0 ||
		d.OneWay.MinNS <= 1e10 || d.OneWay.MaxNS > 1e10+most || d.OneWay.Count != 1000 || r.Probe.Streams[0].OneWay.MinNS != d.OneWay.MinNS {
		t.Fatalf("%+v", received)
	}
	clocks, delay := strings.Index(received.stderr, "Clocks: two (by --clocks, the receiver's is 10s behind the sender's, ± 1ms), so one-way delays are known to ± 1ms."), strings.Index(received.stderr, "Delay one way: ")
	if clocks < 0 || delay < clocks {
		t.Error(received.stderr)
	}
	read := func(clocks string, status int) *cli.Delay {
		t.Helper()
		o := play(strings.Fields("rcv -i pcap:" + file + " --json --clocks " + clocks)...)
		r, _ := o.result(t)
		if o.status != status || r.Probe.Distinct != 1000 || r.Probe.Delay == nil || r.Probe.Delay.OneWay.Count != 1000 {
			t.Fatalf("%s: %+v", clocks, o)
		}
		return r.Probe.Delay
	}
	same := read("same", 0)
	limit := time.Duration(same.OneWay.P99NS)
	for _, c := range []struct {
		clocks string
		ahead  int64
	}{{"+0s~50us", 0}, {"-40us~100us", -40_000}, {"+1.2ms~0.3ms", 1_200_000}, {"+1000h~1h", 3600e12}} {
		got := read(c.clocks, 0)
		a, b := same.OneWay, got.OneWay
		want := cli.Times{Count: a.Count, MinNS: a.MinNS - c.ahead, MeanNS: b.MeanNS, P50NS: a.P50NS - c.ahead, P90NS: a.P90NS - c.ahead,
			P99NS: a.P99NS - c.ahead, P999NS: a.P999NS - c.ahead, MaxNS: a.MaxNS - c.ahead}
		if off := b.MeanNS - (a.MeanNS - c.ahead); *b != want || off < -1 || off > 1 || *got.PDV != *same.PDV {
			t.Errorf("%s: one way\n%+v, want\n%+v; PDV %+v, want %+v", c.clocks, *b, want, *got.PDV, *same.PDV)
		}
	}
	if d := read("+1000h~1h", 0); d.Negative != 1000 || !d.OffsetRefuted() {
		t.Errorf("an offset that is too large: %+v", d)
	}
	// A promise holds in the worst case only.
	for _, c := range []struct{ flags, says string }{
		{fmt.Sprintf("+0s~50us --max-delay-p99 %v", limit+50*time.Microsecond), ""},
		{fmt.Sprintf("+0s~50us --max-delay-p99 %v", limit+50*time.Microsecond-1), "± 50µs, at most"},
		{"+1h~1ms --max-delay-p99 1s", "before it was sent, and the clocks' offset was to be known to ± 1ms"},
	} {
		o := play(strings.Fields("rcv -i pcap:" + file + " --clocks " + c.flags)...)
		if c.says == "" && o.status != 0 || c.says != "" && (o.status != cli.ExitShort || !strings.Contains(o.stderr, c.says)) {
			t.Errorf("%s: %+v", c.flags, o)
		}
	}
}

func TestDelayOverLoopback(t *testing.T) {
	ns := testnet.NS(t)
	end := other(t, ns, "rcv", "-i udp:@127.0.0.1:4321 --idle 300ms --json")
	sent := in(ns, "pktgen -i udp:127.0.0.1:4321 -n 500 -R 5000 --best-effort")
	received := end()
	r, _ := received.result(t)
	if d := r.Probe.Delay; sent.status != 0 || d == nil || d.Clocks != "same" || d.OneWay.Count != 500 || d.OneWay.MinNS <= 0 {
		t.Errorf("%+v\n%+v", sent, received)
	}
	if r.Protocols != nil || len(r.Sizes) == 0 {
		t.Errorf("of payloads: %+v", r.RxResult)
	}
}

// A sender that begins again begins an epoch, and loses nothing by it.
func TestSenderBeginsAgain(t *testing.T) {
	pair := testnet.Pair(t, nil)
	end := other(t, pair.B.NS, "rcv", "-i packet:"+pair.B.Name+" --idle 700ms --json --expect 3300 --max-loss 0")
	for _, n := range []string{"2000", "300", "1000"} {
		if o := in(pair.A.NS, "pktgen -i packet:"+pair.A.Name+" -R 20000 --best-effort -n "+n); o.status != 0 {
			t.Fatalf("%+v", o)
		}
	}
	received := end()
	r, _ := received.result(t)
	p := r.Probe
	if received.status != 0 || p.Epochs != 3 || p.Lost+p.Duplicates+p.Late+p.Absurd != 0 || p.Distinct != 3300 || p.Streams[0].Total != 3300 || !p.Streams[0].Ended {
		t.Errorf("%+v", received)
	}
	if !strings.Contains(received.stderr, "of 3300 in 3 epochs") {
		t.Error(received.stderr)
	}
}

// What the file has is what came, byte by byte, in ns, with the interface's
// name and what was counted; tshark says so.
func TestWriteIsReadByTshark(t *testing.T) {
	tshark := testnet.NeedTool(t, "tshark")
	for _, ext := range []string{"pcapng", "pcap"} {
		pair := testnet.Pair(t, nil)
		dir := t.TempDir()
		file, all := filepath.Join(dir, "seen."+ext), filepath.Join(dir, "sent.pcap")
		frames := `-n 400 --seed 5 -l 60-1514 -s 10.0.0.1:1000-10.0.0.9:1009 --payload random`
		if o := play(strings.Fields("pktgen -i pcap:" + all + " --probe off " + frames)...); o.status != 0 {
			t.Fatalf("%+v", o)
		}
		begin := time.Now().UnixNano()
		_, received := exchange(t, pair, "--probe off -R 4000 --best-effort "+frames, "--idle 400ms --json --delay off --write "+file)
		end := time.Now().UnixNano()
		r, _ := received.result(t)
		if received.status != 0 || r.Write == nil || r.Write.Frames != r.Packets || r.Write.Drops != 0 || r.Packets < 400 {
			t.Fatalf("%+v", received)
		}
		out, err := exec.Command(tshark, "-r", file, "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.interface_name", "-e", "frame.len").Output()
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if uint64(len(lines)) != r.Packets {
			t.Fatalf("tshark finds %d frames, want %d", len(lines), r.Packets)
		}
		last := int64(0)
		for _, line := range lines {
			f := strings.Split(line, "\t")
			var sec, ns int64
			if _, err := fmt.Sscanf(f[0], "%d.%9d", &sec, &ns); err != nil || len(f[0]) != len("1764255000.123456789") {
				t.Fatalf("%q: %v", line, err)
			}
			at := sec*1e9 + ns
			if at < last || at < begin || at > end || ext == "pcapng" && f[1] != pair.B.Name {
				t.Fatalf("%q: after %d, from %d to %d on %s", line, last, begin, end, pair.B.Name)
			}
			last = at
		}
		dump := func(file string) string {
			out, err := exec.Command(tshark, "-r", file, "-Y", "udp && ip.dst == 10.1.0.1", "-T", "fields", "-e", "frame.len", "-e", "ip", "-e", "udp.payload", "-e", "udp.srcport", "-e", "ip.src").Output()
			if err != nil {
				t.Fatal(err)
			}
			return string(out)
		}
		if got, want := dump(file), dump(all); got != want || strings.Count(got, "\n") != 400 {
			t.Errorf("%d lines by tshark, want %d", strings.Count(got, "\n"), strings.Count(want, "\n"))
		}
		sameBytes(t, file, all)
	}
}

// sameBytes compares the UDP frames of two captures but for the source MAC,
// which is the port's.
func sameBytes(t *testing.T, got, want string) {
	t.Helper()
	read := func(name string) (list []string) {
		c, err := engine.OpenCapture(name, true)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for b := make([]byte, 1<<16); ; {
			n, _, err := c.Next(b)
			if err == io.EOF {
				return list
			}
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(b[12:14], []byte{8, 0}) {
				list = append(list, hex.EncodeToString(b[:6])+hex.EncodeToString(b[12:n]))
			}
		}
	}
	g, w := read(got), read(want)
	if len(g) != len(w) {
		t.Fatalf("%d frames, want %d", len(g), len(w))
	}
	for i := range g {
		if g[i] != w[i] {
			t.Fatalf("frame %d: got\n%s\nwant\n%s", i, g[i], w[i])
		}
	}
}

// What other people send is counted by its headers and sizes.
func TestForeignFramesByName(t *testing.T) {
	pair := testnet.Pair(t, nil)
	end := other(t, pair.B.NS, "rcv", "-i packet:"+pair.B.Name+" --idle 900ms --json -X")
	for _, args := range []string{
		"-n 10 -l 60",
		"-n 20 -l 200 --probe off --frame eth_vlan_ip6_tcp",
		"-n 30 -l 1514 --probe off --frame eth_ip_icmp",
		"-n 40 -l 60 --probe off --frame eth_arp",
	} {
		line := append([]string{"pktgen", "-i", "packet:" + pair.A.Name}, strings.Fields(args)...)
		for i := range line {
			if i > 3 {
				line[i] = strings.ReplaceAll(line[i], "_", " ")
			}
		}
		var o outcome
		if err := pair.A.NS.Do(func() error { o = play(line...); return nil }); err != nil || o.status != 0 {
			t.Fatalf("%v: %+v", err, o)
		}
	}
	received := end()
	r, _ := received.result(t)
	p := r.Protocols
	// The kernel's own frames, IPv6 as a rule, may be among them.
	if p == nil || p.ARP != 40 || p.TCP != 20 || p.ICMP < 30 || p.UDP < 10 || p.IPv4 < 40 || p.IPv6 < 20 || r.Malformed+r.Empty != 0 ||
		r.NotProbe != r.Foreign || r.Foreign < 90 || p.ARP+p.IPv4+p.IPv6+p.Other != r.Packets {
		t.Errorf("%+v in %+v", p, r.RxResult)
	}
	var sum uint64
	for _, s := range r.Sizes {
		sum += s.Packets
		if s.Min == 1020 && s.Packets < 30 || s.Min == 60 && s.Packets < 50 || s.Min == 124 && s.Packets < 20 {
			t.Errorf("%+v", r.Sizes)
		}
	}
	if sum != r.Packets {
		t.Errorf("%d frames by size, %d in all", sum, r.Packets)
	}
	if n := strings.Count(received.stderr, "rcv: received "); n < 10 || !strings.Contains(received.stderr, "Ethernet\t{Contents=") {
		t.Errorf("-X showed %d frames:\n%s", n, received.stderr)
	}
}
