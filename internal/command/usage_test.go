package command_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/command/pktgen"
	"github.com/ringwalk/ringwalk/internal/command/rcv"
)

// An outcome is what a program did.
type outcome struct {
	status         int
	stdout, stderr string
}

// play runs a program inside this process; args begin with its name.
func play(args ...string) outcome {
	var out, err bytes.Buffer
	main := pktgen.Main
	if args[0] == "rcv" {
		main = rcv.Main
	}
	status := main(args[1:], &out, &err)
	return outcome{status, out.String(), err.String()}
}

// complains checks that a program ended with a status and a sentence on
// standard error, and printed no result.
func (o outcome) complains(t *testing.T, args string, status int, says string) {
	t.Helper()
	tool, _, _ := strings.Cut(args, " ")
	first, rest, _ := strings.Cut(o.stderr, "\n")
	for strings.Contains(first, "is opened as") { // a note that comes before
		first, rest, _ = strings.Cut(rest, "\n")
	}
	if o.status != status || !strings.HasPrefix(first, tool+": ") || !strings.Contains(first, says) {
		t.Errorf("%s: status %d, want %d; says\n%swant something on %q", args, o.status, status, o.stderr, says)
	}
	if pointer := rest == tool+" -h tells the flags\n"; pointer != (status == cli.ExitUsage) {
		t.Errorf("%s: after its sentence it says %q", args, rest)
	}
	if o.stdout != "" || strings.Contains(o.stderr, "strconv") || strings.Contains(o.stderr, "%!") {
		t.Errorf("%s: on standard output %q, on standard error %q", args, o.stdout, o.stderr)
	}
}

func TestUsage(t *testing.T) {
	for _, c := range []struct{ args, says string }{
		{"pktgen", "which port?"},
		{"rcv", "which port?"},
		{"pktgen -i", "flag needs an argument"},
		{"pktgen -i lo extra", `"extra"`},
		{"pktgen -i lo --no-such-flag", "--no-such-flag"},
		{"pktgen -i lo -f pingpong", `"pingpong" is none that pktgen has: want one of tx, rx, ping, pong, txseq, rxseq`},
		{"rcv -i lo -f tx", `"tx" is none that rcv has: want rx or rxseq`},
		{"rcv -i lo -f rxseq --probe off", "--probe=off checks nothing"},
		{"pktgen -i lo -f rx --stream 3", "--stream means nothing with -f rx"},
		{"pktgen -i lo -f pong --timeout 3", "--timeout means nothing with -f pong"},
		{"pktgen -i lo --timeout 3", "--timeout means nothing with -f tx"},
		{"pktgen -i lo -f ping -p 2", "-p 2: ping has one thread"},
		{"pktgen -i lo -f ping -R 1Gbps", "ping's rate is in packets a second"},
		{"pktgen -i lo -f ping --timeout 2h", "timeout of 2h0m0s: want 1 ms to 1 h"},
		{"pktgen -i lo -f txseq -p 2", "-p 2: txseq is one stream of numbers"},
		{"pktgen -i lo -f txseq --probe on", "the numbers of txseq are where a probe would be"},
		{"pktgen -i pcap:x -f ping", "-f ping needs a port that both sends and receives, which a capture file is not"},
		{"pktgen -i pcap:x -f pong", "-f pong needs a port that both sends and receives"},
		{"pktgen -i lo -H 11", `-H, --vnet-hdr: a virtio-net header has 0, 10 or 12 bytes, not "11"`},
		{"pktgen -i vale0:a -I -H 10", "-I, --indirect, does not go with -H"},
		{"rcv -i netmap:x{1 -H 10", "only ports of VALE switches can be given a virtio-net header, and netmap:x{1 is none"},
		{"pktgen -i lo -C 1024", "write slots and rings into the port"},
		{"pktgen -i lo --metrics nowhere", `--metrics: "nowhere" is no address; write host:port or :port`},

		// Specs.
		{"pktgen -i bogus:eth0", `no kind of port is called "bogus:"`},
		{"rcv -i packet:", "the name of the interface or file is missing"},
		{"rcv -i netmap:", "netmap:"},
		{"rcv -i netmap:eth0-x", "netmap:eth0-x"},
		{"rcv -i udp:nonsense", "udp:nonsense"},

		// Figures.
		{"pktgen -i lo -b 0", `-b, --burst: count "0" is below one`},
		{"pktgen -i lo -b -5", `-b, --burst: count "-5" is below one`},
		{"pktgen -i lo -n 0", `-n, --count: count "0" is below one`},
		{"pktgen -i lo -n -1", `-n, --count: count "-1" is below one`},
		{"pktgen -i lo -n 1.5", `count "1.5" is not whole`},
		{"pktgen -i lo -n x", `count "x" is not a number`},
		{"pktgen -i lo -R fast", `-R, --rate: rate "fast" is not a number`},
		{"pktgen -i lo -R 0", `rate "0" is not above zero`},
		{"pktgen -i lo -R -3", `rate "-3" is not above zero`},
		{"pktgen -i lo -R inf", `rate "inf" is not a number`},
		{"pktgen -i lo -l 0", `-l, --length: count "0" is below one`},
		{"pktgen -i lo -l x", `-l, --length: count "x" is not a number`},
		{"pktgen -i lo -p 0", `count "0" is below one`},
		{"pktgen -i lo -p 300", "300 queues are more than the 256"},
		{"pktgen -i lo --duration -1s", `duration "-1s" is negative`},
		{"pktgen -i lo --stream 65536", `--stream: stream id "65536" is not a whole number from 0 to 65535`},
		{"pktgen -i lo --probe maybe", `--probe: "maybe" is none of on, off and auto`},
		{"pktgen -i lo -s 10.0.0", `-s, --src: cannot read "10.0.0"`},
		{"pktgen -i lo -d here:9", `-d, --dst: cannot read "here:9"`},
		{"pktgen -i lo -D 02:00", `-D, --dst-mac: MAC address "02:00"`},
		{"pktgen -i lo -a 3-1", `-a, --cpu: "3-1" is no list of CPUs`},
		{"pktgen -i lo -a 0,,2", `is no list of CPUs`},
		{"pktgen -i lo -a 5000", `is no list of CPUs`},
		{"rcv -i lo -n 0", `count "0" is below one`},
		{"rcv -i lo --expect 0", `count "0" is below one`},
		{"rcv -i lo --max-loss 101", `--max-loss: percentage "101" is out of range`},
		{"rcv -i lo --max-loss 1 --probe off", "--max-loss needs probes"},
		{"rcv -i lo --probe auto", `--probe: "auto" is neither on nor off`},
		{"rcv -i lo --clocks wrong", `--clocks: "wrong" is none of same, apart, auto and an offset such as +1.2ms~0.3ms`},
		{"rcv -i lo --clocks 1ms~1ms", `"1ms~1ms" is none of`},
		{"rcv -i lo --clocks +1ms", `"+1ms" is none of`},
		{"rcv -i lo --clocks +x~1ms", `--clocks: the offset "+x" is not a time with a sign`},
		{"rcv -i lo --clocks -9999999h~1ms", `the offset "-9999999h" is not a time`},
		{"rcv -i lo --clocks +1ms~-1ms", `--clocks: "-1ms", to which the offset is known, is not a time`},
		{"rcv -i lo --clocks +1ms~", `--clocks: "", to which`},
		{"rcv -i lo --idle soon", `--idle: duration "soon" is not a time`},
		{"rcv -i lo --recv-buf 2G", "--recv-buf: 2000000000 bytes are more than"},
	} {
		play(strings.Fields(c.args)...).complains(t, c.args, cli.ExitUsage, c.says)
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, tool := range []string{"pktgen", "rcv"} {
		o := play(tool, "-h")
		if o.status != 0 || o.stderr != "" || !strings.HasPrefix(o.stdout, tool+" ") {
			t.Errorf("%s -h: %+v", tool, o)
		}
		for _, want := range []string{"--port", "-n, --count", "--json-stream", "Exit status:", "130", "CAP_NET_RAW"} {
			if !strings.Contains(o.stdout, want) {
				t.Errorf("%s -h lacks %q", tool, want)
			}
		}
		for _, line := range strings.Split(o.stdout, "\n") {
			if len([]rune(line)) > 100 {
				t.Errorf("%s -h has a line of %d columns: %s", tool, len(line), line)
			}
		}
		if long := play(tool, "--help"); long.stdout != o.stdout || long.status != 0 {
			t.Errorf("%s --help differs from -h", tool)
		}
		if o := play(tool, "--version"); o.status != 0 || o.stderr != "" || o.stdout != cli.VersionLine(tool)+"\n" {
			t.Errorf("%s --version: %+v", tool, o)
		}
	}
}
