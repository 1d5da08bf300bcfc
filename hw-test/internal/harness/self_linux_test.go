package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/self"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// TestSelf runs the self-test on each rung as somebody who starts it would.
func TestSelf(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		nobody  bool
		rung    self.Rung
		rows    int
		backend string
	}{
		{"root", []string{"--sizes=60,1514", "--queues=1,2"}, false, self.Root, 8, "packet"},
		{"ladder to a user namespace", []string{"self", "--sizes=60,1514", "--queues=2"}, true, self.UserNS, 4, "packet"},
		{"user namespace", []string{"--rung=userns", "--sizes=128", "--queues=1"}, false, self.UserNS, 2, "packet"},
		{"udp", []string{"--rung=udp", "--sizes=60,1514", "--queues=2"}, true, self.UDP, 4, "udp"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.rung == self.Root {
				testnet.NS(t) // skips where there are no rights
			}
			if c.rung == self.UserNS {
				needUserNS(t)
			}
			h := command(t, append(c.args, "--seconds=0.2", "--json")...)
			if c.nobody {
				h.asNobody()
			}
			h.start()
			out, status := h.end()
			var rep self.Report
			if err := json.Unmarshal([]byte(out), &rep); err != nil {
				t.Fatalf("%v: %s\n%s", err, out, h.stderr.String())
			}
			if status != cli.ExitOK || rep.ExitStatus != status {
				t.Errorf("status %d, in the report %d\n%s", status, rep.ExitStatus, h.stderr.String())
			}
			e := &rep.Environment
			if e.Rung != c.rung || e.OS != "linux" || e.Kernel == "" || e.CPUs < 1 || (len(e.Limits) == 0) != (c.rung == self.Root) {
				t.Errorf("environment %+v", e)
			}
			if len(rep.Rows) != c.rows || rep.Planned != c.rows || rep.Held() != c.rows {
				t.Errorf("%d rows of %d, %d hold, want %d", len(rep.Rows), rep.Planned, rep.Held(), c.rows)
			}
			for _, row := range rep.Rows {
				checkRow(t, &rep, row, c.backend)
			}
			if n := strings.Count(h.stderr.String(), " passed\n"); n != c.rows {
				t.Errorf("%d rows of the table passed, want %d:\n%s", n, c.rows, h.stderr.String())
			}
		})
	}
}

// TestLadderToUDP has neither rights nor a user namespace, and still a result.
func TestLadderToUDP(t *testing.T) {
	needUserNS(t)
	for _, c := range []struct {
		rung   string
		status int
		says   []string // in this order
	}{
		{"auto", cli.ExitOK, []string{"in one process: pktgen and rcv over UDP on 127.0.0.1",
			"No network namespaces: netlab: make a network namespace: operation not permitted",
			"Nor in a user namespace: netlab: make a user namespace with a network namespace: no space left on device",
			"Not tested: AF_PACKET", "2 of 2 rows hold"}},
		{"root", cli.ExitFailed, []string{"hw-test: --rung root: netlab: make a network namespace: operation not permitted"}},
		{"userns", cli.ExitFailed, []string{"hw-test: --rung userns: netlab: make a user namespace"}},
	} {
		h := command(t, "--rung="+c.rung, "--sizes=60", "--queues=1", "--seconds=0.1")
		h.Env = append(h.Env, faultEnv+"=rights:hw-test")
		// Only the user namespace is wanted: the network one would come
		// without its lo up.
		if err := netlab.InUserNS(h.Cmd); err != nil {
			t.Fatal(err)
		}
		h.SysProcAttr.Unshareflags = 0
		h.start()
		out, status := h.end()
		if status != c.status {
			t.Errorf("--rung %s: status %d, want %d", c.rung, status, c.status)
		}
		rest := out + h.stderr.String()
		for _, s := range c.says {
			_, after, found := strings.Cut(rest, s)
			if !found {
				t.Errorf("--rung %s lacks %q:\n%s%s", c.rung, s, out, h.stderr.String())
			}
			rest = after
		}
	}
}

// checkRow looks whether a row that holds did what it says.
func checkRow(t *testing.T, rep *self.Report, row *self.Row, backend string) {
	t.Helper()
	tx, rx := row.Pktgen, row.Rcv
	frame := uint64(row.Size)
	if backend == "udp" {
		frame -= 42
	}
	switch {
	case tx.Tool != "pktgen" || rx.Tool != "rcv" || tx.Backend != backend || rx.Backend != backend:
		t.Errorf("%+v and %+v", tx, rx)
	case len(tx.Queues) != row.Queues || len(rx.Queues) != row.Queues:
		t.Errorf("%d and %d queues, want %d", len(tx.Queues), len(rx.Queues), row.Queues)
	case tx.Bytes != tx.Packets*frame || rx.Bytes != rx.Packets*frame:
		t.Errorf("%d bytes in %d frames sent, %d in %d received, of %d each", tx.Bytes, tx.Packets, rx.Bytes, rx.Packets, frame)
	case row.Pace == self.Paced && (tx.Packets != uint64(rep.Environment.RatePPS/5) || tx.RateAskedPPS != rep.Environment.RatePPS):
		t.Errorf("sent %d frames at %v a second, want a fifth of %v", tx.Packets, tx.RateAskedPPS, rep.Environment.RatePPS)
	case row.Pace == self.Full && (tx.RateAskedPPS != 0 || tx.Requested != 0 || tx.Seconds < 0.2):
		t.Errorf("full speed is %+v for %v s", tx.TxResult, tx.Seconds)
	}
}

// TestNotices has pktgen send less than it was told to.
func TestNotices(t *testing.T) {
	testnet.NS(t)
	h := command(t, "--sizes=60", "--queues=1", "--seconds=0.2")
	h.Env = append(h.Env, faultEnv+"=few:pktgen")
	h.start()
	out, status := h.end()
	if status != cli.ExitFailed {
		t.Errorf("status %d", status)
	}
	for _, s := range []string{" packet  failed\n", "pktgen sent 10 of the 10000 frames asked", "10 different probes came, 10000 were expected", "1 of 2 rows hold"} {
		if !strings.Contains(out, s) {
			t.Errorf("lacks %q:\n%s", s, out)
		}
	}
}

// TestHang has a program that neither ends nor listens to SIGTERM.
func TestHang(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a row's deadline")
	}
	testnet.NS(t)
	h := command(t, "--sizes=60", "--queues=1", "--seconds=0.1")
	h.Env = append(h.Env, faultEnv+"=hang:pktgen")
	h.start()
	line := ""
	for !strings.Contains(line, "invalid") {
		var err error
		if line, err = h.stdout.ReadString('\n'); err != nil {
			t.Fatalf("no row fails: %v", err)
		}
	}
	h.Process.Signal(syscall.SIGTERM) // one such row will do
	out, status := h.end()
	if status != cli.ExitFailed || !strings.Contains(out, "pktgen did not end in time and was stopped") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// rungs are those that leave processes and namespaces about.
var rungs = []string{"root", "userns"}

// TestEnds ends hw-test in the middle of a row, in every way there is. The
// namespace of rcv has a veth whose other end is here, to see when it is gone.
func TestEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		end    func(h *hwtest)
		fault  string
		status int
		says   string
	}{
		// What a terminal does at ^C: everybody in the foreground group.
		{"ctrl-C", func(h *hwtest) { syscall.Kill(-h.Process.Pid, syscall.SIGINT) }, "", cli.ExitFailed,
			"Interrupted after 0 of 2 rows.\n0 of 2 rows hold"},
		{"SIGTERM", func(h *hwtest) { h.Process.Signal(syscall.SIGTERM) }, "", cli.ExitFailed,
			"Interrupted after 0 of 2 rows.\n0 of 2 rows hold"},
		{"ctrl-C twice", func(h *hwtest) {
			syscall.Kill(-h.Process.Pid, syscall.SIGINT)
			time.Sleep(200 * time.Millisecond)
			syscall.Kill(-h.Process.Pid, syscall.SIGINT)
		}, "hang:pktgen", cli.ExitInterrupted, ""},
		{"kill -9", func(h *hwtest) { h.Process.Kill() }, "", -1, ""},
	} {
		for _, rung := range rungs {
			t.Run(c.name+" "+rung, func(t *testing.T) {
				watch := testnet.NS(t)
				if rung == "userns" {
					needUserNS(t)
				}
				h := command(t, "--rung="+rung, "--sizes=60", "--queues=1", "--seconds=30")
				h.Env = append(h.Env, faultEnv+"="+c.fault)
				h.start()
				rcv := h.pid("rcv")
				pktgen := h.pid("pktgen")
				if c.fault != "" {
					eventually(t, "pktgen is deaf", func() bool { return ignoresTerm(pktgen) })
				}
				err := watch.Do(func() error {
					attrs := netlink.NewLinkAttrs()
					attrs.Name = "watch"
					veth := netlink.NewVeth(attrs)
					veth.PeerName, veth.PeerNamespace = "watched", netlink.NsPid(rcv)
					return netlink.LinkAdd(veth)
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := watch.Counters("watch"); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				c.end(h)
				out, status := h.end()
				if d := time.Since(began); d > 8*time.Second {
					t.Errorf("it took %v to end", d)
				}
				if status != c.status || !strings.Contains(out, c.says) {
					t.Errorf("status %d, want %d:\n%s%s", status, c.status, out, h.stderr.String())
				}
				eventually(t, "the namespace is gone", func() bool {
					_, err := watch.Counters("watch")
					return errors.Is(err, unix.ENODEV)
				})
			})
		}
	}
}

// TestTableStays interrupts after the first row, which stays and is counted.
func TestTableStays(t *testing.T) {
	testnet.NS(t)
	h := command(t, "--sizes=60", "--queues=1,2", "--seconds=0.5")
	h.start()
	for line := ""; !strings.Contains(line, " passed\n"); {
		var err error
		if line, err = h.stdout.ReadString('\n'); err != nil {
			t.Fatalf("no row: %v\n%s", err, h.stderr.String())
		}
	}
	h.pid("pktgen")
	h.Process.Signal(syscall.SIGINT)
	out, status := h.end()
	if status != cli.ExitFailed || !strings.Contains(out, "Interrupted after 1 of 4 rows.\n1 of 4 rows hold") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// TestKept: on each rung a self-test leaves one directory behind, of which the
// last line tells.
func TestKept(t *testing.T) {
	for _, c := range []struct {
		rung   string
		nobody bool
		kind   string
	}{{"root", false, "veth"}, {"userns", false, "veth"}, {"auto", true, "veth"}, {"udp", true, "udp"}} {
		t.Run(fmt.Sprintf("%s, nobody %v", c.rung, c.nobody), func(t *testing.T) {
			switch {
			case c.rung == "root":
				testnet.NS(t)
			case c.rung != "udp":
				needUserNS(t)
			}
			base := t.TempDir()
			for d := base; d != filepath.Dir(d) && strings.HasPrefix(d, os.TempDir()+"/"); d = filepath.Dir(d) {
				os.Chmod(d, 0o777) // where nobody may write
			}
			h := command(t, "--rung="+c.rung, "--sizes=60", "--queues=1", "--seconds=0.1", "--results="+base)
			if c.nobody {
				h.asNobody()
			}
			h.start()
			out, status := h.end()
			dirs, err := os.ReadDir(base)
			if err != nil || len(dirs) != 1 || status != cli.ExitOK {
				t.Fatalf("%v, %v, status %d:\n%s%s", dirs, err, status, out, h.stderr.String())
			}
			dir := filepath.Join(base, dirs[0].Name())
			if !strings.HasSuffix(out, "\nReport: "+dir+"/report.html\n") {
				t.Errorf("the last line has not %s:\n%s", dir, out)
			}
			s, err := results.Load(dir)
			if err != nil {
				t.Fatal(err)
			}
			u := s.Suites[0]
			if len(s.Suites) != 1 || u.Name != "self" || len(u.Cases) != 2 || u.Environment.Kind != c.kind || s.Command[0] != "self" ||
				slices.Contains(s.Command, "--inside") || s.Host.UserNS != (c.rung == "userns" || c.rung == "auto") {
				t.Errorf("%+v %+v", s, u)
			}
			for i, of := range u.Cases {
				var row self.Row
				text, err := os.ReadFile(filepath.Join(dir, of.Trials[0]))
				if err == nil {
					err = json.Unmarshal(text, &row)
				}
				if err != nil || of.Verdict != results.Passed || len(of.Trials) != 1 || len(of.Figures) != []int{2, 5}[i] || row.Pace != []self.Pace{self.Paced, self.Full}[i] {
					t.Errorf("%+v, %+v, %v", of, row, err)
				}
			}
		})
	}
}
