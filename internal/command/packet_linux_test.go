package command_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command/rcv"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// udpTo10 is what tcpdump -ddd -y EN10MB 'ip and udp dst port 10' prints.
const udpTo10 = `11
40 0 0 12
21 0 8 2048
48 0 0 23
21 0 6 17
40 0 0 20
69 4 0 8191
177 0 0 14
72 0 0 16
21 0 1 10
6 0 0 262144
6 0 0 0
`

// What a filter leaves out is neither received nor dropped.
func TestReceiveFilter(t *testing.T) {
	pair := testnet.Pair(t, nil)
	name := filepath.Join(t.TempDir(), "filter")
	if err := os.WriteFile(name, []byte(udpTo10), 0o600); err != nil {
		t.Fatal(err)
	}
	sent, received := exchange(t, pair, "-n 300 -d 10.0.0.2:9-10.0.0.2:11 --probe off --json",
		"--probe off --expect 100 --idle 1s --wait-first 10s --timestamps software --json --filter "+name)
	r, _ := received.result(t)
	if sent.status != cli.ExitOK || received.status != cli.ExitOK || r.Packets != 100 || r.KernelDrops != 0 || r.Truncated != 0 {
		t.Errorf("sent with status %d; received %+v\n%s", sent.status, r, received.stderr)
	}
}

// A tagged frame is as long as it was sent, and its probe is where it was.
func TestReceiveVLAN(t *testing.T) {
	pair := testnet.Pair(t, nil)
	for _, frame := range []string{"eth vlan id=7 ip udp", "eth vlan id=7 vlan id=9 ip udp"} {
		end := other(t, pair.B.NS, "rcv", "-i packet:"+pair.B.Name+" --expect 500 --idle 1s --wait-first 10s --json")
		var sent outcome
		err := pair.A.NS.Do(func() error {
			sent = play("pktgen", "-i", "packet:"+pair.A.Name, "-n", "500", "-l", "90", "--frame", frame, "--json")
			return nil
		})
		received := end()
		if err != nil || sent.status != cli.ExitOK {
			t.Fatalf("%v, status %d: %s", err, sent.status, sent.stderr)
		}
		r, _ := received.result(t)
		if received.status != cli.ExitOK || r.Probe.Distinct != 500 || r.NotProbe != 0 || r.Bytes != r.Packets*90 {
			t.Errorf("%s: received %d bytes in %d frames, %+v\n%s", frame, r.Bytes, r.Packets, r.Probe, received.stderr)
		}
	}
}

func TestReceiveFlags(t *testing.T) {
	pair := testnet.Pair(t, nil)
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("udp port 9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	port := "packet:" + pair.B.Name
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"--filter", text}, cli.ExitUsage, `--filter: filter, line 1: "udp port 9" is not a number of instructions, with which the output of tcpdump -ddd begins`},
		{[]string{"--filter", filepath.Join(dir, "nosuch")}, cli.ExitUsage, "no such file or directory"},
		{[]string{"--filter", "udp port 9"}, cli.ExitUsage, "no such file or directory"},
		{[]string{"--filter", "2,6 0 0 1,6 0 0"}, cli.ExitUsage, "--filter: filter, line 3: 3 numbers"},
		{[]string{"--filter", "1,40 0 0 12"}, cli.ExitUsage, "the last one must be ret"},
		{[]string{"--multicast", "02:00:00:00:00:01"}, cli.ExitUsage, "02:00:00:00:00:01 is no multicast address"},
		{[]string{"--multicast", "224.0.0.1"}, cli.ExitUsage, "--multicast"},
		{[]string{"--timestamps", "ptp"}, cli.ExitUsage, `--timestamps: "ptp" is none of off, software and hardware`},
		{[]string{"--buf-size", "63"}, cli.ExitUsage, "--buf-size: 63 bytes: want 64 to 65535"},
		{[]string{"--buf-size", "65536"}, cli.ExitUsage, "--buf-size: 65536 bytes: want 64 to 65535"},
	} {
		var o outcome
		if err := pair.B.NS.Do(func() error { o = play(append([]string{"rcv", "-i", port}, c.args...)...); return nil }); err != nil {
			t.Fatal(err)
		}
		o.complains(t, "rcv "+strings.Join(c.args, " "), c.status, c.says)
	}
	o := play("rcv", "-i", "udp:@127.0.0.1:0", "--filter", "1,6 0 0 1")
	o.complains(t, "rcv udp with a filter", cli.ExitFailed, "a filter is for packet: ports only")

	// All that a port takes, and the note about the clock.
	err := pair.B.NS.Do(func() error {
		var out, errs bytes.Buffer
		status := rcv.Main([]string{
			"-i", port, "--duration", "100ms", "--filter", "1,6 0 0 1", "--multicast", "01:00:5e:00:00:01",
			"--multicast", "33:33:00:00:00:01", "--allmulti", "--timestamps", "hardware", "--buf-size", "65535", "--probe", "off",
		}, &out, &errs)
		if status != cli.ExitOK || !strings.Contains(errs.String(), "receive times are software, not hardware") {
			t.Errorf("status %d, says %s", status, errs.String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
