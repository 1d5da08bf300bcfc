package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safchain/ethtool"

	"github.com/ringwalk/ringwalk/hw-test/internal/lab"
	"github.com/ringwalk/ringwalk/hw-test/internal/preflight"
	"github.com/ringwalk/ringwalk/hw-test/internal/recovery"
	"github.com/ringwalk/ringwalk/hw-test/internal/remote"
	"github.com/ringwalk/ringwalk/hw-test/internal/sshtest"
	"github.com/ringwalk/ringwalk/hw-test/internal/testbed"
	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// A fixture is a host with a port p1, whose other end is tg.
type fixture struct {
	*sshtest.Lab
	*sshtest.Server
	config *remote.Config
	pair   *netlab.Pair
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	b := &fixture{Lab: sshtest.New(t)}
	b.Server = b.Serve("gen", "")
	// A grace that is short, for those who do not take SIGTERM.
	b.config = &remote.Config{
		SSHConfig: "none", Agent: "none", KnownHosts: []string{b.KnownHosts(b.Server)}, Identities: []string{b.Identity},
		Timeout: 20 * time.Second, Grace: time.Second,
	}
	var err error
	if b.pair, err = netlab.NewPair(b.NS, testnet.NS(t), &netlab.PairOptions{NameA: "p1", NameB: "tg"}); err != nil {
		t.Fatal(err)
	}
	return b
}

// connect connects from the controller's namespace.
func (b *fixture) connect(t *testing.T) (h *Host, err error) {
	t.Helper()
	return b.connectAs(t, "root")
}

func (b *fixture) connectAs(t *testing.T, user string) (h *Host, err error) {
	t.Helper()
	of := lab.Host{Name: "gen", Target: remote.Target{User: user, Host: b.Address}}
	doErr := b.Here.Do(func() error { h, err = connect(t.Context(), &of, b.config); return nil })
	if doErr != nil {
		t.Fatal(doErr)
	}
	t.Cleanup(func() {
		if err == nil {
			_ = h.close()
		}
	})
	return h, err
}

func (b *fixture) mustConnect(t *testing.T) *Host {
	t.Helper()
	h, err := b.connect(t)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// signal sends a signal to the host's agent.
func (b *fixture) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	for _, p := range b.Processes() {
		if slices.Contains(p.Args, "agent") {
			if err := syscall.Kill(p.PID, s); err != nil {
				t.Fatal(err)
			}
			if s == syscall.SIGSTOP {
				waitStopped(t, p.PID)
			}
			return
		}
	}
	t.Fatal("no agent runs")
}

// waitStopped waits for all threads: each stops by itself.
func waitStopped(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		runs := 0
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		for _, task := range tasks {
			text, _ := os.ReadFile(task)
			if _, state, _ := strings.Cut(string(text), ") "); !strings.HasPrefix(state, "T") {
				runs++
			}
		}
		if runs == 0 && len(tasks) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d threads do not stop", runs)
		}
	}
}

// quiet holds that nothing runs on a host any more.
func quiet(t *testing.T, s *sshtest.Server) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		list := s.Processes()
		if len(list) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there still run %v", list)
		}
	}
}

// says holds that an error has these words, and no bytes that are for us only.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v, want %q", err, w)
		}
	}
	if err != nil && strings.Contains(err.Error(), lacking) {
		t.Errorf("%q", err.Error())
	}
}

func TestHost(t *testing.T) {
	b := newFixture(t)
	h := b.mustConnect(t)
	if h.Name() != "gen" || h.machine.OS != "linux" || h.machine.Kernel == "" || h.machine.CPUs == 0 {
		t.Errorf("%s: %+v", h.Name(), h.machine)
	}
	if !slices.ContainsFunc(h.devices, func(d lab.Device) bool { return d.Name == "p1" && d.MAC != "" }) {
		t.Errorf("%+v", h.devices)
	}
	// The host's clock is this one's.
	if c, err := h.Clock(); err != nil || c.Within <= 0 || c.Ahead.Abs() > c.Within {
		t.Errorf("%+v, %v", c, err)
	}

	var of *net.Interface
	err := b.NS.Do(func() (err error) { of, err = net.InterfaceByName("p1"); return err })
	if err != nil {
		t.Fatal(err)
	}
	taken, err := h.Take("p1", testbed.Sender)
	if err != nil || taken.Spec != "packet:p1" || taken.Device != "p1" || !taken.Packet || !taken.Exact || taken.Physical || taken.MAC.String() != of.HardwareAddr.String() {
		t.Fatalf("%+v, %v", taken, err)
	}
	if up, err := h.HasLink("p1"); !up || err != nil {
		t.Error(up, err)
	}
	if err := b.pair.B.NS.SetUp("tg", false); err != nil {
		t.Fatal(err)
	}
	if up, err := h.HasLink("p1"); up || err != nil {
		t.Error(up, err)
	}
	if err := b.pair.B.NS.SetUp("tg", true); err != nil {
		t.Fatal(err)
	}
	if bps, err := h.LinkBPS("packet:p1"); bps != 0 || err != nil {
		t.Error(bps, err)
	}
	if c, err := h.Counters("lo"); err != nil || c.Qdisc.Kind != "noqueue" {
		t.Errorf("%+v, %v", c, err)
	}
	if err := h.Release(); err != nil {
		t.Error(err)
	}

	// Errors are the host's, with their reason.
	for _, err := range []error{
		second(h.Take("packet:nosuch", testbed.Sender)), second(h.HasLink("nosuch")), second(h.Take("netmap:p1", testbed.Receiver)),
	} {
		if !errors.Is(err, testbed.ErrMissing) || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v is not that something is missing", err)
		}
		says(t, err, "gen: ")
	}
	for _, err := range []error{second(h.Take("x:y:z", testbed.Sender)), second(h.Counters("nosuch")), h.Flush("x:y:z")} {
		if errors.Is(err, testbed.ErrMissing) {
			t.Errorf("%v is no reason to skip", err)
		}
		says(t, err, "gen: ")
	}

	if err := h.close(); err != nil {
		t.Error(err)
	}
	quiet(t, b.Server)
}

func second[T any](_ T, err error) error { return err }

// tso tells whether the kernel has a device's TSO on.
func (b *fixture) tso(t *testing.T) (on bool) {
	t.Helper()
	err := b.NS.Do(func() error {
		e, err := ethtool.NewEthtool()
		if err != nil {
			return err
		}
		defer e.Close()
		f, err := e.Features("p1")
		on = f["tx-tcp-segmentation"]
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return on
}

// TestPutBack: what a preflight changes is put back when that is asked for, and
// what the dead have left.
func TestPutBack(t *testing.T) {
	b := newFixture(t)
	hosts := &Hosts{lab: &lab.Lab{File: "my lab.yaml"}, list: []*Host{b.mustConnect(t)}}
	if !b.tso(t) {
		t.Fatal("a veth without TSO proves nothing")
	}
	ports := []preflight.Port{{Host: "gen", Spec: "packet:p1"}, {Host: "other", Spec: "packet:p2"}}
	r, err := hosts.LookAt(t.Context(), ports, true)
	if err != nil || b.tso(t) {
		t.Fatalf("TSO is %v, %v", b.tso(t), err)
	}
	if len(r.Fixed) == 0 || r.Fixed[0].Host != "gen" || r.Fixed[0].Port != "p1" || len(r.Ports) != 1 || r.Ports[0].Host != "gen" {
		t.Errorf("%+v", r)
	}
	// It is to stay.
	list, err := hosts.list[0].recover()
	if err != nil || b.tso(t) || !slices.ContainsFunc(list, func(r recovery.Recovered) bool { return r.Host == "gen" && r.Dev == "p1" && r.Kept }) {
		t.Errorf("%+v, %v", list, err)
	}
	var said []string
	err = hosts.RestoreKept(func(host, name string, err error) { said = append(said, fmt.Sprint(host, " ", name, " ", err)) })
	if err != nil || !slices.Contains(said, "gen p1 <nil>") || !b.tso(t) {
		t.Errorf("%q, TSO is %v, %v", said, b.tso(t), err)
	}

	var out bytes.Buffer
	wait, err := hosts.Host("gen").Launcher()(t.Context(), "play-leave", []string{"p1"}, &out, &out)
	if err != nil {
		t.Fatal(err)
	}
	_, err = wait()
	says(t, err, "signal: killed")
	if strings.HasPrefix(out.String(), "0") || !strings.HasSuffix(out.String(), "[] <nil>\n") || b.tso(t) {
		t.Fatalf("%q, TSO is %v", &out, b.tso(t))
	}
	list, err = hosts.list[0].recover()
	if err != nil || len(list) != 1 || list[0].Host != "gen" || list[0].Dev != "p1" || list[0].Kept || list[0].Error != "" || !b.tso(t) {
		t.Errorf("%+v, TSO is %v, %v", list, b.tso(t), err)
	}
	if list, err := hosts.list[0].recover(); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}

	// Where one host fails the others are looked at and changed all the same.
	other := b.mustConnect(t)
	if other.name = "other"; other.close() != nil {
		t.Fatal("an agent that is idle does not end")
	}
	hosts.list = append([]*Host{other}, hosts.list...)
	r, err = hosts.LookAt(t.Context(), ports, true)
	says(t, err, "other: hw-test's agent there", "changed there until then stays until hw-test preflight --restore --lab 'my lab.yaml'")
	if r == nil || len(r.Ports) != 1 || r.Ports[0].Host != "gen" || len(r.Fixed) == 0 {
		t.Errorf("%+v", r)
	}
	if b.tso(t) {
		t.Error("nothing has been changed")
	}
	says(t, hosts.RestoreKept(func(string, string, error) {}), "other: hw-test's agent there")
	if !b.tso(t) {
		t.Error("one host that fails keeps the others from being put back")
	}
}

// TestNoRight: a user who may change nothing has nothing to put back.
func TestNoRight(t *testing.T) {
	b := newFixture(t)
	h, err := b.connectAs(t, "tester")
	if err != nil {
		t.Fatal(err)
	}
	hosts := &Hosts{lab: new(lab.Lab), list: []*Host{h}}
	if list, err := hosts.list[0].recover(); len(list) != 0 || err != nil {
		t.Errorf("%+v, %v", list, err)
	}
	if err := hosts.RestoreKept(func(string, string, error) { t.Error("something was put back") }); err != nil {
		t.Error(err)
	}
	_, err = hosts.LookAt(t.Context(), []preflight.Port{{Host: "gen", Spec: "packet:p1"}}, true)
	says(t, err, "gen: to change settings needs root: ")
}

// TestLost: when the connection ends all calls say so, and what would be undone
// is no error.
func TestLost(t *testing.T) {
	b := newFixture(t)
	h := b.mustConnect(t)
	if err := b.KillSessions(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := h.Counters("p1")
		if !errors.Is(err, remote.ErrLost) {
			t.Errorf("%v is not that of a lost connection", err)
		}
		says(t, err, "gen: hw-test's agent there")
	}
	if err := errors.Join(h.Release(), h.close()); err != nil {
		t.Error(err)
	}
	quiet(t, b.Server)
}

// TestEnded: an agent that has gone is not taken for a lost connection.
func TestEnded(t *testing.T) {
	b := newFixture(t)
	h := b.mustConnect(t)
	b.signal(t, syscall.SIGKILL)
	_, err := h.HasLink("p1")
	says(t, err, "gen: hw-test's agent there was ended by something else (signal: killed)")
	says(t, h.Release(), "signal: killed")
	if errors.Is(err, remote.ErrLost) {
		t.Error(err)
	}
	if err := h.close(); err != nil {
		t.Errorf("it is said once more: %v", err)
	}
	h = b.mustConnect(t)
	b.signal(t, syscall.SIGTERM)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err = h.HasLink("p1"); err != nil || time.Now().After(deadline) {
			break
		}
	}
	says(t, err, "gen: hw-test's agent there has ended: was that somebody's hw-test recover --force?")
	if err := errors.Join(h.Release(), h.close()); err != nil {
		t.Errorf("it has ended in order: %v", err)
	}
	for word, want := range map[string]string{"dies": "ended with status 2 and said: panic: says a test", "babbles": "gen: hw-test's agent there"} {
		if err := os.WriteFile(filepath.Join(b.Tmp, fault), []byte(word), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := b.connect(t)
		says(t, err, want)
	}
	quiet(t, b.Server)
}

// TestHangs: an agent that does not answer is waited for until ctx ends, and for
// so long at most; then it is ended.
func TestHangs(t *testing.T) {
	b := newFixture(t)
	h := b.mustConnect(t)
	b.signal(t, syscall.SIGSTOP)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("stopped by a test")
	time.AfterFunc(200*time.Millisecond, func() { cancel(why) })
	if _, err := (&Hosts{list: []*Host{h}}).LookAt(ctx, nil, false); err != why {
		t.Error(err)
	}
	h.patience = 300 * time.Millisecond
	_, err := h.Counters("p1")
	says(t, err, "gen: hw-test's agent there did not answer for 300ms and was ended")
	quiet(t, b.Server)
	// Less long for those who have said that they want an end.
	h = b.mustConnect(t)
	b.signal(t, syscall.SIGSTOP)
	done := make(chan struct{})
	h.interrupted, h.haste = done, 200*time.Millisecond
	time.AfterFunc(200*time.Millisecond, func() { close(done) })
	began := time.Now()
	_, err = h.Counters("p1")
	says(t, err, "gen: hw-test's agent there did not answer for ", "s and was ended")
	if took := time.Since(began); took > h.patience/2 {
		t.Errorf("it took %v", took)
	}
	quiet(t, b.Server)
	h.patience = time.Hour
	if err := h.Release(); err == nil {
		t.Error("something that has been killed has released what it held")
	}
}

// TestServe: the agent ends with its input, and with ctx though that stays.
func TestServe(t *testing.T) {
	for _, ends := range []func(net.Conn, func()){
		func(c net.Conn, _ func()) { c.Close() },
		func(_ net.Conn, cancel func()) { cancel() },
	} {
		here, there := net.Pipe()
		defer here.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- serve(ctx, there) }()
		ends(here, cancel)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
		}
	}
}

// TestConnect is by a process, since Connect dials on threads of its own.
func TestConnect(t *testing.T) {
	l := sshtest.New(t)
	a, b := l.Serve("a", ""), l.Serve("b", "")
	pair, err := netlab.NewPair(a.NS, b.NS, &netlab.PairOptions{NameA: "p1", NameB: "p2"})
	if err != nil {
		t.Fatal(err)
	}
	var mac string
	err = pair.B.NS.Do(func() error {
		of, err := net.InterfaceByName("p2")
		if err == nil {
			mac = of.HardwareAddr.String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(l.Dir, "lab.yaml")
	text := fmt.Sprintf(`environment: ssh
ssh: {config: none, agent: none, known_hosts: %q, identities: %q}
nodes:
  gen: {role: tg, host: root@%s, ports: {x: {interface: p1}}}
  sink: {role: tg, host: root@%s, ports: {x: {mac: "%s"}}}
  off: {role: tg, host: root@127.0.0.9:9, ports: {x: {interface: e1}, y: {interface: e2}}}
links: [[gen.x, sink.x], [off.x, off.y]]
`, l.KnownHosts(a, b), l.Identity, a.Address, b.Address, mac)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	play := func(args ...string) string {
		cmd := exec.Command("/proc/self/exe", args[1:]...)
		cmd.Args[0] = args[0]
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := l.Here.Start(cmd); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Fatal(err, out.String())
		}
		return out.String()
	}
	// A host that is not on the path is not connected to.
	want := fmt.Sprintf("root@%s linux\nroot@%s linux\ngen p1\nsink p2\noff e1\n<nil>\n", a.Address, b.Address)
	if got := play("play-connect", file); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// One host that is not there ends it, and leaves nothing on the other.
	b.Kill()
	if got := play("play-connect", file); !strings.Contains(got, b.Address) || strings.Count(got, "\n") != 1 {
		t.Errorf("%q", got)
	}
	quiet(t, a)

	// A preflight does what can be reached, and names the others, a line each.
	unreached := fmt.Sprintf("connect to root@%s: dial", b.Address)
	got := play("play-preflight", "--lab", file)
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if !strings.Contains(got, "offloads") || strings.Contains(got, "<nil>") || !strings.HasPrefix(lines[len(lines)-2], unreached) || !strings.Contains(lines[len(lines)-1], "connect to root@127.0.0.9:9") {
		t.Errorf("%s", got)
	}
	tso := func() bool { return (&fixture{Lab: l, Server: a}).tso(t) }
	if play("play-preflight", "--lab", file, "--fix"); tso() {
		t.Error("nothing has been changed")
	}
	if got = play("play-preflight", "--lab", file, "--restore"); !strings.Contains(got, "root@"+a.Address+" p1: settings put back\n") || !strings.Contains(got, unreached) || !tso() {
		t.Errorf("%s", got)
	}
	quiet(t, a)
}
