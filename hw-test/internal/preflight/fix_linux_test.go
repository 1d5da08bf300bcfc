package preflight

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/safchain/ethtool"

	"github.com/ringwalk/ringwalk/internal/netlab"
	"github.com/ringwalk/ringwalk/internal/testnet"
)

// playEnv makes the test binary a process that fixes a port and waits for its
// standard input to end: "run eth0", or "keep eth0", which leaves it so.
const playEnv = "RINGWALK_PREFLIGHT_PLAY"

// The tests have a journal of their own.
func TestMain(m *testing.M) {
	if what := os.Getenv(playEnv); what != "" {
		playFix(what)
		return
	}
	dir, err := os.MkdirTemp("", "ringwalk-preflight-")
	if err != nil {
		panic(err)
	}
	os.Setenv("RINGWALK_RUN", dir)
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// bad is the good host with everything wrong that Fix can change.
func bad(t *testing.T) *fixture {
	f := ixgbe(t)
	f.card.ring.RxPending, f.card.ring.TxPending = 512, 256
	f.card.pause = ethtool.Pause{Autoneg: 1, RxPause: 1, TxPause: 1}
	f.card.coalesce.UseAdaptiveRxCoalesce = 1
	on := ethtool.FeatureState{Available: true, Requested: true, Active: true}
	f.card.features["rx-gro"], f.card.features["rx-checksum"], f.card.features["rx-gro-list"] = on, on, on
	f.card.features["rx-lro"] = ethtool.FeatureState{Active: true, NeverChanged: true}
	f.write("proc/irq/90/smp_affinity_list", "0-7")
	f.write("proc/irq/91/smp_affinity_list", "0-3")
	f.write("sys/devices/system/cpu/cpufreq/policy4/scaling_governor", "powersave")
	f.write("sys/devices/system/cpu/cpufreq/policy5/scaling_governor", "schedutil")
	return f
}

// all is everything that a fixture can be asked for.
func (f *fixture) all() (state map[string]string) {
	f.t.Helper()
	state = map[string]string{"card": fmt.Sprintf("%+v %+v %+v %+v", f.card.features, f.card.ring, f.card.pause, f.card.coalesce)}
	err := fs.WalkDir(os.DirFS(f.Root), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var b []byte
			b, err = os.ReadFile(filepath.Join(f.Root, name))
			state[name] = string(b)
		}
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return state
}

func TestFixAndRestore(t *testing.T) {
	needJournal(t)
	f := bad(t)
	before := f.all()
	o := &Options{Machine: f.Machine}
	fixed, notes, err := Fix(t.Context(), f.look(netmapPort), o)
	if err != nil || len(notes) > 0 {
		t.Fatal(err, notes)
	}
	r := f.look(netmapPort)
	for _, name := range []string{"rings", "pause", "coalescing", "interrupts", "governor"} {
		if c := r.find(t, name); c.Verdict != Pass {
			t.Errorf("still %+v", *c)
		}
	}
	if c := r.find(t, "offloads"); c.Verdict != Warn || !strings.HasPrefix(c.Found, "lro (the driver keeps") {
		t.Errorf("%+v", *c)
	}
	var changed []string
	for _, s := range fixed.Settings {
		changed = append(changed, s.String())
	}
	want := []string{
		"eth2 rings: 1024,1024, was 512,256",
		"eth2 offload rx-gro-list: off, was on", "eth2 offload rx-gro: off, was on", "eth2 offload rx-checksum: off, was on",
		"eth2 pause: off,off,off, was on,on,on", "eth2 coalescing: off,off, was on,off",
		"eth2 irq 90: 4, was 0-7", "eth2 irq 91: 5, was 0-3",
		"governor policy4: performance, was powersave", "governor policy5: performance, was schedutil",
	}
	if !slices.Equal(changed, want) {
		t.Errorf("changed %q\nwant    %q", changed, want)
	}
	// On a host where all is well nothing is changed, nor remembered.
	written := f.card.written
	if again, notes, err := Fix(t.Context(), r, o); err != nil || len(notes)+len(again.Settings)+len(again.entries) > 0 || f.card.written != written {
		t.Errorf("%+v, %v, %v", again, notes, err)
	}
	for range 2 {
		if err := fixed.Restore(); err != nil {
			t.Error(err)
		}
	}
	if after := f.all(); !reflect.DeepEqual(before, after) {
		t.Errorf("was %v\nis  %v", before, after)
	}
	nothingLeft(t)
}

// Fix and Restore wait for a link that they took down.
func TestLinkComesBack(t *testing.T) {
	needJournal(t)
	f := bad(t)
	asked, downs := 0, 0
	f.card.reset = func() { asked, downs = 3, downs+1 }
	f.Link = func(string) (Link, error) {
		l := f.link
		l.Carrier = asked == 0
		asked = max(asked-1, 0)
		return l, nil
	}
	fixed, notes, err := Fix(t.Context(), f.look(netmapPort), &Options{Machine: f.Machine})
	if err != nil || len(notes) > 0 || asked != 0 || downs != 1 {
		t.Error(notes, err, asked, downs)
	}
	if err := fixed.Restore(); err != nil || asked != 0 || downs != 2 {
		t.Error(err, asked, downs)
	}
}

// A driver that refuses one thing still does the others; one that rounds is
// put back all the same; what somebody else has changed since stays.
func TestFixPartly(t *testing.T) {
	needJournal(t)
	f := bad(t)
	f.card.refuse, f.card.ringStep = "pause", 1000
	fixed, notes, err := Fix(t.Context(), f.look(netmapPort), &Options{Machine: f.Machine})
	if err != nil || len(notes) != 2 || !strings.Contains(notes[0], "rings of eth2 is 2000,2000, and was to be 1024,1024") ||
		!strings.Contains(notes[1], "pause of eth2 stays on,on,on: operation not permitted") {
		t.Errorf("%q, %v", notes, err)
	}
	f.card.coalesce.UseAdaptiveRxCoalesce, f.card.coalesce.UseAdaptiveTxCoalesce = 1, 1 // somebody else
	f.card.ringStep = 0
	if err := fixed.Restore(); err != nil {
		t.Error(err)
	}
	if r := f.card.ring; r.RxPending != 512 || r.TxPending != 256 {
		t.Errorf("rings %+v", r)
	}
	if c := f.card.coalesce; c.UseAdaptiveRxCoalesce != 1 || c.UseAdaptiveTxCoalesce != 1 {
		t.Errorf("coalescing %+v", c)
	}
	if f.card.pause.Autoneg != 1 {
		t.Errorf("pause %+v", f.card.pause)
	}
	nothingLeft(t)
}

// What cannot be put back stays in the journal, and is an error.
func TestRestoreFails(t *testing.T) {
	needJournal(t)
	f := bad(t)
	fixed, _, err := Fix(t.Context(), f.look(netmapPort), &Options{Machine: f.Machine})
	if err != nil {
		t.Fatal(err)
	}
	f.card.refuse = "rings"
	if err := fixed.Restore(); err == nil || !strings.Contains(err.Error(), "rings of eth2 is not put back to 512,256: operation not permitted") {
		t.Error(err)
	}
	if list, _ := os.ReadDir(os.Getenv("RINGWALK_RUN")); len(list) != 2 {
		t.Errorf("in the journal: %v", list)
	}
	// The invented interface is none of the kernel's, so there it is gone.
	if err := Recover("", nil); err != nil {
		t.Error(err)
	}
	nothingLeft(t)
}

// needJournal wants the namespace's name, which a journal is kept by.
func needJournal(t *testing.T) {
	t.Helper()
	if _, err := portKey(&Machine{Link: func(string) (Link, error) { return Link{}, nil }}, "", ""); err != nil {
		testnet.Skip(t, "%v", err)
	}
}

func nothingLeft(t *testing.T) {
	t.Helper()
	list, err := os.ReadDir(os.Getenv("RINGWALK_RUN"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Name() != "lock" {
			t.Errorf("left %s in the journal", e.Name())
		}
	}
}

// playFix fixes for real, in the namespace it is in.
func playFix(what string) {
	how, name, _ := strings.Cut(what, " ")
	o := &Options{Keep: how == "keep"}
	ctx := context.Background()
	r := Run(ctx, []Port{{Spec: "packet:" + name}}, nil)
	// Only the port: other tests' hosts are not ours to change.
	r.Checks = slices.DeleteFunc(r.Checks, func(c Check) bool { return c.Port == "" })
	f, notes, err := Fix(ctx, r, o)
	fmt.Println("fixed", len(f.Settings) > 0, notes, err)
	_, _ = os.Stdin.Read(make([]byte, 1))
	if o.Keep {
		fmt.Println("left", f.Leave())
		return
	}
	fmt.Println("restored", f.Restore())
}

type process struct {
	*exec.Cmd
	end func()
	out *bufio.Reader
}

func (p *process) says() string {
	line, _ := p.out.ReadString('\n')
	return strings.TrimSpace(line)
}

func play(t *testing.T, ns *netlab.NS, what string) *process {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), playEnv+"="+what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Start(cmd); err != nil {
		t.Fatal(err)
	}
	return &process{cmd, func() { in.Close() }, bufio.NewReader(out)}
}

// features are what the kernel says of an interface's offloads.
func features(t *testing.T, ns *netlab.NS, name string) (f map[string]ethtool.FeatureState) {
	t.Helper()
	err := ns.Do(func() error {
		e, err := ethtool.NewEthtool()
		if err != nil {
			return err
		}
		defer e.Close()
		f, err = e.FeaturesWithState(name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A veth's offloads, on the real kernel: off, and back exactly as they were.
func TestFixVeth(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, name := pair.A.NS, pair.A.Name
	before := features(t, ns, name)
	if !before["tx-tcp-segmentation"].Active {
		t.Fatal("a veth without TSO proves nothing")
	}
	err := ns.Do(func() error {
		r := Run(t.Context(), []Port{{Spec: "packet:" + name}}, nil)
		for _, c := range r.Checks {
			applies := slices.Contains([]string{"link", "route", "mtu", "offloads", "sockets", "qdisc"}, c.Name)
			if c.Port == name && (c.Verdict != Skipped) != applies {
				t.Errorf("on a veth: %+v", c)
			}
		}
		if c := r.find(t, "offloads"); c.Verdict != Warn || !c.says("tso, gso", "ethtool -K "+name+" tso off gso off") {
			t.Errorf("%+v", *c)
		}
		if c := r.find(t, "qdisc"); c.Found != "noqueue" {
			t.Errorf("%+v", *c)
		}
		f, notes, err := Fix(t.Context(), r, nil)
		if err != nil || len(notes) > 0 {
			t.Error(notes, err)
		}
		if c := Run(t.Context(), []Port{{Spec: "packet:" + name}}, nil).find(t, "offloads"); c.Verdict != Pass {
			t.Errorf("%+v", *c)
		}
		if now := features(t, ns, name); now["tx-tcp-segmentation"].Active {
			t.Error("the kernel says TSO is on")
		}
		return f.Restore()
	})
	if err != nil {
		t.Error(err)
	}
	if after := features(t, ns, name); !reflect.DeepEqual(before, after) {
		t.Errorf("was %v\nis  %v", before, after)
	}
	nothingLeft(t)
}

// A process that is killed leaves it to Recover, from another namespace; one
// that lives is left alone, and nobody else changes its port.
func TestKilled(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, name := pair.A.NS, pair.A.Name
	before := features(t, ns, name)
	for _, only := range []string{"", name} {
		p := play(t, ns, "run "+name)
		if says := p.says(); says != "fixed true [] <nil>" {
			t.Fatal(says)
		}
		if err := Recover("", func(name string, _ bool, err error) { t.Errorf("put back %s while in use: %v", name, err) }); err != nil {
			t.Error(err)
		}
		// What the first one has done needs no second one; whoever wants more is
		// told who has it.
		for _, want := range []string{"<nil>", "holds it"} {
			second := play(t, ns, "run "+name)
			if says := second.says(); !strings.HasPrefix(says, "fixed false []") || !strings.Contains(says, want) {
				t.Errorf("%q, want %q", says, want)
			}
			second.end()
			_ = second.Wait()
			change(t, ns, name, "tx-tcp-segmentation", true)
		}
		if err := p.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = p.Wait() // it was killed
		if reflect.DeepEqual(before, features(t, ns, name)) {
			t.Error("nothing was changed")
		}
		recovered := 0
		again := func() error {
			return Recover(only, func(n string, kept bool, err error) {
				recovered++
				if n != name || kept || err != nil {
					t.Errorf("%s, %v, %v", n, kept, err)
				}
			})
		}
		if only != "" {
			if err := ns.Do(again); err != nil {
				t.Error(err)
			}
		} else if err := again(); err != nil {
			t.Error(err)
		}
		if after := features(t, ns, name); recovered != 1 || !reflect.DeepEqual(before, after) {
			t.Errorf("%d recovered; was %v\nis  %v", recovered, before, after)
		}
		nothingLeft(t)
	}
}

// What is to stay stays over the process's end and over Recover; a second time
// adds to it; RestoreKept puts all of it back.
func TestKeep(t *testing.T) {
	pair := testnet.Pair(t, nil)
	ns, name := pair.A.NS, pair.A.Name
	before := features(t, ns, name)
	keep := func() {
		t.Helper()
		p := play(t, ns, "keep "+name)
		if says := p.says(); says != "fixed true [] <nil>" {
			t.Fatal(says)
		}
		p.end()
		if says := p.says(); says != "left <nil>" {
			t.Fatal(says)
		}
		_ = p.Wait()
	}
	keep()
	change(t, ns, name, "tx-tcp-segmentation", true) // somebody else; and Fix sees it again
	keep()
	now := features(t, ns, name)
	kept := 0
	if err := Recover("", func(n string, k bool, err error) {
		if n == name && k && err == nil {
			kept++
		}
	}); err != nil || kept != 1 {
		t.Error(kept, err)
	}
	if !reflect.DeepEqual(now, features(t, ns, name)) || now["tx-generic-segmentation"].Active {
		t.Error("it did not stay")
	}
	restored := 0
	if err := RestoreKept("", func(string, error) { restored++ }); err != nil || restored != 1 {
		t.Error(restored, err)
	}
	if after := features(t, ns, name); !reflect.DeepEqual(before, after) {
		t.Errorf("was %v\nis  %v", before, after)
	}
	nothingLeft(t)
}

func change(t *testing.T, ns *netlab.NS, name, feature string, on bool) {
	t.Helper()
	err := ns.Do(func() error {
		e, err := ethtool.NewEthtool()
		if err != nil {
			return err
		}
		defer e.Close()
		return e.Change(name, map[string]bool{feature: on})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A namespace that is gone took its interfaces along.
func TestNamespaceGone(t *testing.T) {
	pair := testnet.Pair(t, nil)
	p := play(t, pair.A.NS, "run "+pair.A.Name)
	if says := p.says(); says != "fixed true [] <nil>" {
		t.Fatal(says)
	}
	_ = p.Process.Kill()
	_ = p.Wait()
	if err := pair.A.NS.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Recover("", nil); err != nil {
		t.Error(err)
	}
	nothingLeft(t)
}
