package harness

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/ringwalk/ringwalk/hw-test/internal/agent"
	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
	"github.com/ringwalk/ringwalk/hw-test/internal/results"
	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
	"github.com/ringwalk/ringwalk/hw-test/internal/suite"
	"github.com/ringwalk/ringwalk/internal/cli"
	"github.com/ringwalk/ringwalk/qdisc"
)

// long is a suite that is not over before something happens to it.
var long = []string{"loss", "--json", "--results=none", "--sizes=64,128", "--max-rate=500", "--duration=30s", "--rate-tolerance=50"}

// on finds a program on a host; its process number here.
func on(t *testing.T, s *sshtest.Server, name string) (pid int) {
	t.Helper()
	eventually(t, name+" runs on the host", func() bool {
		for _, p := range s.Processes() {
			if p.Args[0] == name {
				pid = p.PID
			}
		}
		return pid != 0
	})
	return pid
}

// verdict holds that each row of a suite has one, with such a sentence.
func verdict(t *testing.T, c *hwtest, want results.Verdict, status int, says ...string) {
	t.Helper()
	var rep suite.Report
	out, got := c.end()
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, c.stderr.String())
	}
	if got != status || rep.ExitStatus != status {
		t.Errorf("status %d, in the report %d, want %d", got, rep.ExitStatus, status)
	}
	for _, row := range rep.Rows {
		if row.Verdict != want || strings.Contains(row.Sentence, "\n") {
			t.Errorf("%s: %s: %s", row.Size, row.Verdict, row.Sentence)
		}
		for _, s := range says {
			if !strings.Contains(row.Sentence, s) {
				t.Errorf("%s: lacks %q: %s", row.Size, s, row.Sentence)
			}
		}
	}
	t.Logf("%s", c.stderr.String())
}

// TestBreaks has something happen to a lab of hosts in the middle of a trial.
func TestBreaks(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(t *testing.T, h *hosts)
		says []string
	}{
		{"remote program killed", func(t *testing.T, h *hosts) {
			syscall.Kill(on(t, h.servers[0], "pktgen"), syscall.SIGKILL)
		}, []string{"pktgen was ended by something else (signal: killed)"}},
		{"host down", func(_ *testing.T, h *hosts) { h.servers[1].Kill() }, []string{"the connection was lost (root@10.9.2.2)"}},
		{"connection dropped", func(t *testing.T, h *hosts) {
			if err := h.servers[0].KillSessions(); err != nil {
				t.Error(err)
			}
		}, []string{"the connection was lost (root@10.9.1.2)"}},
		{"network cut", func(t *testing.T, h *hosts) {
			err := h.Here.Do(func() error {
				link, err := netlink.LinkByName(h.servers[1].Link)
				if err == nil {
					err = netlink.LinkSetDown(link)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}, []string{"the connection was lost (root@10.9.2.2)", "has not answered for 2s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := two(t)
			hwtest := h.start(t, append(long, "--lab="+h.write(t, ", silence: 2s", twoHosts))...)
			on(t, h.servers[0], "pktgen")
			c.do(t, h)
			if c.name == "remote program killed" { // each row has one
				time.Sleep(100 * time.Millisecond)
				c.do(t, h)
			}
			verdict(t, hwtest, results.Invalid, cli.ExitFailed, c.says...)
			h.quiet(t)
		})
	}
}

// TestNotReached has a lab that cannot be used from the beginning.
func TestNotReached(t *testing.T) {
	for _, c := range []struct {
		name, setup string // of the second host
		lab         func(h *hosts, text string) string
		known       bool // the hosts' keys
		verdict     results.Verdict
		status      int
		says        []string
	}{
		{"full disk", `mkdir -p $HOME/.cache/ringwalk $TMPDIR; mount -t tmpfs -o size=1m tmpfs $HOME/.cache/ringwalk; mount -t tmpfs -o size=1m tmpfs $TMPDIR`, nil, true,
			results.Invalid, cli.ExitFailed, []string{"copy hw-test to root@10.9.2.2", "no space left on device", "make room there"}},
		{"no permission", "", func(_ *hosts, text string) string { return strings.ReplaceAll(text, "@sink", "tester@10.9.2.2") }, true,
			results.Skipped, cli.ExitShort, []string{"tester@10.9.2.2", "operation not permitted"}},
		{"another host key", "", nil, false,
			results.Invalid, cli.ExitFailed, []string{"connect to root@10.9.2.2", "another"}},
		{"no such interface", "", func(_ *hosts, text string) string { return strings.ReplaceAll(text, "interface: p2", "interface: p3") }, true,
			results.Invalid, cli.ExitFailed, []string{"host root@10.9.2.2 has no interface p3"}},
		{"nobody there", "", func(_ *hosts, text string) string { return strings.ReplaceAll(text, "@sink", "root@10.9.2.2:9") }, true,
			results.Invalid, cli.ExitFailed, []string{"connect to root@10.9.2.2:9", "connection refused"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &hosts{Lab: sshtest.New(t)}
			h.servers = append(h.servers, h.Serve("gen", ""), h.Serve("sink", c.setup))
			join(t, h.servers[0].NS, "p1", h.servers[1].NS, "p2")
			if h.known = h.KnownHosts(h.servers...); !c.known {
				other := *h.servers[1]
				other.HostKey = h.servers[0].HostKey
				h.known = h.KnownHosts(h.servers[0], &other)
			}
			text := twoHosts
			if c.lab != nil {
				text = c.lab(h, text)
			}
			file := h.write(t, "", text)
			verdict(t, h.start(t, append(long, "--lab="+file)...), c.verdict, c.status, c.says...)
			h.quiet(t)
		})
	}
}

// TestRecoverHosts kills the controller, and on a host a program that has
// changed something, and leaves nothing behind.
func TestRecoverHosts(t *testing.T) {
	h := two(t)
	gen, sink := h.servers[0], h.servers[1]
	file := h.write(t, ", silence: 2s", twoHosts)
	recover := func() (left []agent.Left) {
		t.Helper()
		c := h.start(t, "recover", "--lab="+file, "--json")
		out, status := c.end()
		if err := json.Unmarshal([]byte(out), &left); err != nil || status != cli.ExitOK || strings.Contains(out, "null") {
			t.Fatalf("status %d, %v: %s\n%s", status, err, out, c.stderr.String())
		}
		return left
	}
	kind := func() (kind string) {
		t.Helper()
		err := gen.NS.Do(func() error {
			s, err := qdisc.Get(qdisc.Link{Name: "p1"})
			if err == nil {
				kind = s.Qdiscs[0].Kind
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return kind
	}
	controller := h.start(t, append(long, "--lab="+file)...)
	on(t, gen, "pktgen")
	on(t, sink, "rcv")

	// A program beside it that changes p1, killed with all it has on the host.
	l, err := lab.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	var reached *remote.Host
	err = h.Here.Do(func() (err error) { // an address is dialled on this thread
		reached, err = remote.Dial(t.Context(), l.Hosts()[0].Target, l.SSH.Remote())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wait, err := reached.Launcher()(t.Context(), "pktgen",
		[]string{"-i", "packet:p1", "--qdisc", "pfifo:7", "-R", "10", "--duration", "1m"}, os.Stderr, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the qdisc is another", func() bool { return kind() == "pfifo" })
	for _, p := range gen.Processes() {
		if slices.Contains(p.Args, "pfifo:7") {
			syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
	if _, err := wait(); err == nil {
		t.Error("it was killed")
	}
	if err := reached.Close(); err != nil {
		t.Error(err)
	}

	controller.Process.Kill()
	controller.Wait()
	if kind() != "pfifo" {
		t.Error("somebody has put the qdisc back already")
	}
	left := recover()
	h.quiet(t)
	if kind() != "noqueue" {
		t.Errorf("the qdisc is %s", kind())
	}
	if len(left) != 2 || len(left[0].Recovered) != 1 || left[0].Recovered[0].What != "qdisc" || left[0].Recovered[0].Dev != "p1" || len(left[0].Removed) == 0 {
		t.Errorf("%+v", left)
	}
	for _, s := range h.servers {
		if list, err := filepath.Glob(s.Home + "/.cache/*"); err != nil || len(list) > 0 {
			t.Errorf("left: %q, %v", list, err)
		}
		if list, err := filepath.Glob(s.Path("/run/ringwalk/*.json")); err != nil || len(list) > 0 {
			t.Errorf("left in the journal: %q, %v", list, err)
		}
	}
	if left = recover(); len(left[0].Recovered)+len(left[0].Ended)+len(left[0].Running)+len(left[0].Removed) != 0 {
		t.Errorf("a second time: %+v", left)
	}
}
