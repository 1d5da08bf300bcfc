package harness

import (
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringwalk/ringwalk/hw-test/internal/mirror"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/sockets"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// measure runs a measurement as somebody who starts it would, with --json, and
// returns its table and its exit status.
func measure(t *testing.T, nobody bool, rep any, args ...string) (table string, status int) {
	t.Helper()
	h := command(t, append(args, "--json")...)
	if nobody {
		needUserNS(t)
		h.asNobody()
	} else {
		testnet.NS(t) // skips where there are no rights
	}
	h.start()
	out, status := h.end()
	if err := json.Unmarshal([]byte(out), rep); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, h.stderr.String())
	}
	return h.stderr.String(), status
}

func TestMirror(t *testing.T) {
	for _, nobody := range []bool{false, true} {
		t.Run(map[bool]string{false: "root", true: "user namespace"}[nobody], func(t *testing.T) {
			var rep mirror.Report
			var table string
			var status int
			unlessBusy(t, func() bool {
				rep = mirror.Report{}
				table, status = measure(t, nobody, &rep, "mirror", "--loads", "3k,0", "--seconds", "0.2", "--rounds", "1")
				// A program that does not get to run for so long.
				return slices.ContainsFunc(rep.Rows, func(r mirror.Row) bool { return r.Sent == 0 && r.Verdict == results.Invalid })
			})
			if rep.Environment.UserNS != nobody || len(rep.Rows) != 8 || len(rep.Aims) != 4 || rep.Interrupted {
				t.Fatalf("%+v\n%s", rep, table)
			}
			if status != rep.ExitStatus {
				t.Errorf("status %d, in the report %d", status, rep.ExitStatus)
			}
			good := true
			for i, row := range rep.Rows {
				good = good && row.Verdict == results.Passed
				port := []string{"udp", "packet"}[i/4]
				mode := []string{"one", "batch"}[i%2]
				switch {
				case row.Port != port || row.Mode != mode || row.Load != []float64{3000, 0}[i/2%2]:
					t.Errorf("row %d is %+v", i, row)
				case row.Lost > 0 != (row.Verdict == results.Failed) && row.Verdict != results.Limited || row.Sentence == "":
					t.Errorf("of %d messages %d lost, and the verdict is %s: %s", row.Sent, row.Lost, row.Verdict, row.Sentence)
				case row.Received == 0 || row.Sent != row.Received+row.Lost || row.Duplicates != 0 || row.Foreign != 0:
					t.Errorf("messages do not add up: %+v", row)
				case row.Min <= 0 || row.Mean < row.Min || row.P50 < row.Min || row.P90 < row.P50 || row.P99 < row.P90 ||
					row.P999 < row.P99 || row.Max < row.P999 || row.Max < row.Mean || row.CPU <= 0:
					t.Errorf("times are not in order: %+v", row)
				case row.Lost == 0 && mode == "one" && row.Calls < 4:
					t.Errorf("%v calls a message there and back, one at a time: %+v", row.Calls, row)
				case mode == "batch" && row.Calls > rep.Rows[i-1].Calls:
					t.Errorf("batches take more calls: %+v after %+v", row, rep.Rows[i-1])
				}
				if !strings.Contains(table, "\n"+port) || row.Lost == 0 && !strings.Contains(table, mode) {
					t.Errorf("the table lacks %s, %s:\n%s", port, mode, table)
				}
			}
			if good != (status == cli.ExitOK) {
				t.Errorf("all passed is %v, status %d", good, status)
			}
			if n := strings.Count(table, "aim below 1"); n != 4 {
				t.Errorf("%d verdicts:\n%s", n, table)
			}
		})
	}
}

func TestSockets(t *testing.T) {
	for _, nobody := range []bool{false, true} {
		t.Run(map[bool]string{false: "root", true: "user namespace"}[nobody], func(t *testing.T) {
			var rep sockets.Report
			table, status := measure(t, nobody, &rep, "sockets", "--rounds", "1", "--packets", "4k", "--size", "100")
			if rep.Environment.UserNS != nobody || len(rep.Rows) < 30 || rep.Interrupted {
				t.Fatalf("%+v\n%s", rep, table)
			}
			if status != cli.ExitOK || rep.ExitStatus != status {
				t.Errorf("status %d, in the report %d\n%s", status, rep.ExitStatus, table)
			}
			two := 0
			for _, r := range rep.Rows {
				var queues uint64
				for _, n := range r.Queues {
					queues += n
				}
				switch live := r.Fill == 0; {
				case !r.Holds || r.Sent != r.Received+r.SocketDrops+r.DeviceDrops || queues != r.Received:
					t.Errorf("packets do not add up: %+v", r)
				case r.Sent+r.NotTaken < 4000 || !live && r.Received != r.Sent:
					t.Errorf("too few: %+v", r)
				case r.Received > 0 && (r.PPS <= 0 || r.CPU <= 0 || r.Calls <= 0):
					t.Errorf("no figures: %+v", r)
				case r.Beside != "" && r.Ratio <= 0 || r.Met && r.Ratio < r.Aim:
					t.Errorf("no judgement: %+v", r)
				}
				if strings.HasPrefix(r.Name, "2 queues") && len(r.Queues) == 2 {
					two++
				}
				if !strings.Contains(table, "\n  "+r.Name+" ") {
					t.Errorf("the table lacks %q:\n%s", r.Name, table)
				}
				// One packet a call is exactly that.
				if one := r.Calls; (r.Name == "sendto" || r.Name == "recvfrom" || r.Name == "recvmsg") && one != 1 {
					t.Errorf("%v calls a packet: %+v", one, r)
				}
			}
			if two != 4 {
				t.Errorf("%d rows have two queues", two)
			}
		})
	}
}

// TestInterrupted ends measurements by ^C: the table so far, and no process and
// hence no namespace left.
func TestInterrupted(t *testing.T) {
	for _, args := range [][]string{
		{"mirror", "--loads", "1k", "--seconds", "30"},
		{"sockets", "--packets", "10M"},
	} {
		for _, nobody := range []bool{false, true} {
			t.Run(args[0]+map[bool]string{false: " root", true: " user namespace"}[nobody], func(t *testing.T) {
				testnet.NS(t)
				h := command(t, args...)
				if nobody {
					needUserNS(t)
					h.asNobody()
				}
				h.start()
				for line := ""; !strings.Contains(line, "Batches of") && !strings.Contains(line, "A system call"); {
					var err error
					if line, err = h.stdout.ReadString('\n'); err != nil {
						t.Fatalf("%q, %v", line, err)
					}
				}
				time.Sleep(200 * time.Millisecond)
				begun := time.Now()
				syscall.Kill(-h.Process.Pid, syscall.SIGINT)
				out, status := h.end()
				if status != cli.ExitFailed || !strings.Contains(out, "Interrupted:") {
					t.Errorf("status %d: %s%s", status, out, h.stderr.String())
				}
				if d := time.Since(begun); d > 8*time.Second {
					t.Errorf("it took %v to end", d)
				}
			})
		}
	}
}

func TestBenchUsage(t *testing.T) {
	for args, says := range map[string]string{
		"mirror x":               `"x" is not a flag of hw-test mirror`,
		"mirror --ports tcp":     `--ports: "tcp" is none of udp, packet and netmap`,
		"mirror --ports udp,udp": "--ports: udp is there twice",
		"mirror --ports netmap":  "a veth pair is not netmap's",
		"mirror --loads 3k,-1":   `--loads: "-1"`,
		"mirror --loads 1G":      "more than 100M",
		"mirror --size 20":       "--size: 20 is not from 32",
		"mirror --burst 1001":    "--burst: 1001",
		"mirror --seconds 0.01":  "--seconds: 10ms is not from",
		"mirror --rounds 101":    "--rounds: 101",
		"sockets x":              `"x" is not a flag of hw-test sockets`,
		"sockets --size 1473":    "--size: 1473",
		"sockets --packets 11M":  "--packets: 11000000",
		"sockets --rounds 0":     "--rounds:",
		"sockets --rows nothing": `--rows: no row has "nothing"`,
	} {
		stdout, stderr, status := run(strings.Fields(args)...)
		if status != cli.ExitUsage || stdout != "" || !strings.Contains(stderr, says) {
			t.Errorf("%s: status %d, prints %q, says %q, want %q", args, status, stdout, stderr, says)
		}
	}
	for _, name := range []string{"mirror", "sockets"} {
		stdout, _, status := run(name, "-h")
		if status != cli.ExitOK || !strings.Contains(stdout, "Exit status:") || strings.Contains(stdout, "inside") {
			t.Errorf("%s -h: status %d\n%s", name, status, stdout)
		}
		for line := range strings.Lines(stdout) {
			if n := len([]rune(line)); n > 100+1 {
				t.Errorf("%s -h has a line of %d columns: %s", name, n, line)
			}
		}
	}
}
