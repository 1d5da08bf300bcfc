package manysockets

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/internal/cli"
)

// execute runs the subcommand.
func execute(t *testing.T, args string) (stdout, stderr string, status int, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := Command(&status)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetArgs(strings.Fields(args))
	err = cmd.Execute()
	return out.String(), errs.String(), status, err
}

// Whatever the method, all that is sent arrives where it was sent to.
func TestPoll(t *testing.T) {
	stdout, stderr, status, err := execute(t, "--sockets 200 --rate 20 --seconds 500ms --json")
	// The machine may be too busy for the rate.
	if err != nil || status != cli.ExitOK && status != cli.ExitShort {
		t.Fatalf("status %d, %v: %s", status, err, stderr)
	}
	var r Report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Sockets != 200 || r.RecvBufBytes < recvBuf || r.MemoryBytes <= 0 || len(r.Rows) != len(methods) {
		t.Errorf("%+v", r)
	}
	for i, row := range r.Rows {
		if row.Method != methods[i] || !row.Holds || row.Sent != 2000 || row.Received != 2000 || row.Lost != 0 || row.Uneven != 0 {
			t.Errorf("%+v", row)
		}
		if row.Waits == 0 || row.Events == 0 || row.Events > 2*row.Syncs || row.ReceiveCPU <= 0 || row.SendCPU <= 0 || row.ProcessCPU < row.ReceiveCPU {
			t.Errorf("%+v", row)
		}
		if !strings.Contains(stderr, "\n"+row.Method+" ") {
			t.Errorf("the table lacks %s: %s", row.Method, stderr)
		}
	}
	if !strings.HasSuffix(stderr, fmt.Sprintf("4 of 4 methods hold (%.0f s, exit status %d)\n", r.Seconds, status)) {
		t.Errorf("%s", stderr)
	}
}

// What a socket has no room for is lost, and named as the kernel's drop.
func TestPollTellsOfLoss(t *testing.T) {
	r := Report{Planned: 1, Rate: 10, Sockets: 2}
	row := Row{Method: "edge", Sent: 100, Received: 90, KernelDrops: 10, Uneven: 1}
	row.judge()
	slow := Report{Planned: 1, Rate: 10, Sockets: 2, Rows: []Row{{Holds: true, SentPPS: 19}}}
	if slow.end(0); slow.ExitStatus != cli.ExitShort {
		t.Errorf("19 a second of 20: status %d", slow.ExitStatus)
	}
	r.Rows = append(r.Rows, row)
	r.end(0)
	var b bytes.Buffer
	r.printEnd(&b)
	if row.Holds || row.Lost != 10 || r.ExitStatus != cli.ExitFailed || !strings.Contains(b.String(), "10 dropped by the kernel") {
		t.Errorf("%+v, %s", row, b.String())
	}
	even := Row{Sent: 100, Received: 100, Uneven: 2}
	if even.judge(); even.Holds {
		t.Error("holds, though one socket had another's message")
	}
}

// A receiver that does not receive: the test of the test, on real sockets.
func TestPollLossIsCounted(t *testing.T) {
	o := options{sockets: 3, rate: 2000, seconds: 100e6, size: 1000}
	l, err := open(&o, &Report{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	var row Row
	if err := l.sender.run(t.Context(), o.rate, o.seconds, &row); err != nil {
		t.Fatal(err)
	}
	var drops uint64
	for _, q := range l.queues {
		drops += q.Stats().KernelDrops
	}
	if row.Sent != 600 || drops == 0 || drops > 600 {
		t.Errorf("%d sent to sockets with room for some 20 each, %d dropped", row.Sent, drops)
	}
	// The next run counts from here, and takes what the last one left.
	if row, err = l.measure(t.Context(), "level", &options{rate: 10, seconds: 200e6}); err != nil || row.KernelDrops != 0 {
		t.Errorf("%+v, %v", row, err)
	}
}

// Where there are not enough descriptors there are fewer sockets.
func TestAllowed(t *testing.T) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Error(err)
		}
	}()
	if n, note := allowed(10); n != 10 || note != "" {
		t.Errorf("%d, %s", n, note)
	}
	// More than fs.nr_open allows even root.
	n, note := allowed(1 << 31)
	if n != int(old.Max)-spare || !strings.Contains(note, "RLIMIT_NOFILE") {
		t.Errorf("%d of a limit of %d: %s", n, old.Max, note)
	}
}

func TestUsage(t *testing.T) {
	for args, says := range map[string]string{
		"x":               `"x" is not a flag`,
		"--sockets 1e6":   "--sockets: ",
		"--rate 2000000":  "--rate: ",
		"--seconds 1ms":   "--seconds: ",
		"--size 1500":     "--size: ",
		"--methods x":     `--methods: "x" is none of poll, level, edge, oneshot`,
		"--sockets 0":     "",
		"--methods poll,": `--methods: "" is none`,
	} {
		_, _, _, err := execute(t, args)
		if err == nil || !strings.Contains(err.Error(), says) || says != "" && cli.Status(err) != cli.ExitUsage {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestHelp(t *testing.T) {
	stdout, _, _, err := execute(t, "-h")
	if err != nil || !strings.Contains(stdout, "Exit status:") {
		t.Errorf("%v: %s", err, stdout)
	}
	for line := range strings.Lines(stdout) {
		if n := len([]rune(line)); n > 106 {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}
